"""The target file as a file of tests, and each scenario as one test item."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from harness.pytest_plugin.judge import CannotJudge, Judge, NotAsked, Outcome
from harness.requirement import Level
from harness.verdict import Verdict
from reports.telling import printable, result_text

if TYPE_CHECKING:
    from harness.scenario import Scenario

JUDGE = pytest.StashKey[Judge]()
SCENARIO, VERDICT, WARNING = "assay_scenario", "assay_verdict", "assay_warning"
"""Properties of an item's report."""
UNEVENTFUL = (Verdict.PASSED, Verdict.NOT_APPLICABLE)


class Red(Exception):
    """An item fails; the message is the whole text."""


class TargetFileOfTests(pytest.File):
    """A target file; its tests are the scenarios that may apply to the target."""

    scenarios: tuple[Scenario, ...]

    def collect(self) -> Iterator[ScenarioItem]:
        """Yield an item for each scenario, in order of id."""
        for scenario in self.scenarios:
            yield ScenarioItem.from_parent(self, name=scenario.id, scenario=scenario)


class ScenarioItem(pytest.Item):
    """One scenario. Its failure is told as on the terminal, and no frame of ours is shown with it."""

    def __init__(self, *, scenario: Scenario, **others: Any) -> None:
        super().__init__(**others)
        self.scenario = scenario
        level = Level.MUST if scenario.must else Level.SHOULD
        words = {"role": scenario.role.value, "area": scenario.area, "level": level.value}
        self.add_marker(pytest.mark.assay(**words))
        requirements = " ".join(requirement.id for requirement in scenario.requirements)
        self._properties = {SCENARIO: scenario.id, **{f"assay_{name}": word for name, word in words.items()}}
        self._properties["assay_requirements"] = requirements

    def runtest(self) -> None:
        """Judge the scenario, and end as its verdict says."""
        self._tell()
        try:
            outcome = self.config.stash[JUDGE].judge(self.scenario)
        except NotAsked as reason:
            pytest.skip(str(reason))
        except CannotJudge as fault:
            raise Red(f"{self.name}: the target cannot be judged: {printable(str(fault))}") from None
        self._conclude(outcome)

    def _conclude(self, outcome: Outcome) -> None:
        document, verdict = outcome.document, Verdict(outcome.document["verdict"])
        self._tell(verdict, document)
        if outcome.problem:
            entry = f"BASELINE {self.name} is in the baseline, and {printable(outcome.problem)}"
            told = [] if verdict in UNEVENTFUL else [result_text(document), ""]
            raise Red("\n".join([*told, entry]))
        if document["accepted"]:
            pytest.xfail(printable(document["accepted"]))  # which does nothing under --runxfail
        if document["red"] or (document["accepted"] and verdict is Verdict.FAILED):
            raise Red(result_text(document))
        if verdict is Verdict.NOT_APPLICABLE:
            pytest.skip(printable(document["actual"]))
        if verdict is Verdict.BLOCKED:
            hint = f" ({document['unlock']})" if document["unlock"] else ""
            pytest.skip(printable(f"blocked: {document['actual']}{hint}"))

    def _tell(self, verdict: Verdict | None = None, document: dict[str, Any] | None = None) -> None:
        """Put what is known into the properties of the report, in the place of what an earlier attempt put there."""
        told = dict(self._properties)
        if verdict and document:
            told[VERDICT] = verdict.value
            if verdict is Verdict.WARNING and not document["accepted"]:
                told[WARNING] = printable(f"expected {document['expected']}; {document['actual']}")
        self.user_properties[:] = told.items()

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """Return the text of a failure; never with the variables of a frame, which hold secrets."""
        if isinstance(excinfo.value, (Red, pytest.xfail.Exception)):
            return str(excinfo.value)
        lines = traceback.format_exception(excinfo.value)
        return self.config.stash[JUDGE].redacted("".join(lines))

    def reportinfo(self) -> tuple[Any, int, str]:
        """Return the target file, its first line, and the scenario."""
        return self.path, 0, self.name
