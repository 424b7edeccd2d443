"""The end of a session: what no single item can say, from the reports of all items, whichever process ran them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.baseline import Judged, problems
from harness.events import Result, Summary
from harness.pytest_plugin.items import SCENARIO, VERDICT, WARNING
from harness.verdict import Verdict
from reports.telling import printable

if TYPE_CHECKING:
    from harness.pytest_plugin.plan import AssayPlan

GREEN = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)


class Ending:
    """Collects verdicts, and says at the end what is wrong with all of them together."""

    def __init__(self, plan: AssayPlan) -> None:
        self._plan = plan
        self._turns: dict[str, Verdict | None] = {}
        self._warnings: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the verdict of an item; None where the target does not play its role."""
        told = dict(report.user_properties)
        name = str(told.get(SCENARIO))
        if report.when == "call" and name in self._plan.known:
            self._turns[name] = Verdict(str(told[VERDICT])) if VERDICT in told else None
            if WARNING in told and report.passed:
                self._warnings[name] = str(told[WARNING])

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Turn a green session red where the baseline is out of date, or nothing at all was judged."""
        if session.exitstatus in GREEN and self._faults():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write what is to be known of the scenarios beside their failures."""
        if not self._turns:
            return
        terminalreporter.section("mcp-assay")
        for name, text in sorted(self._warnings.items()):
            terminalreporter.line(f"WARNING {name}: {text}", yellow=True)
        for text in self._faults():
            terminalreporter.line(text, red=True)
        summary, target = self._summary, self._plan.target
        terminalreporter.line(
            f"judged {len(summary.judged)} of {len(summary.applicable)} applicable requirements "
            f"of {printable(target.name)} by MCP {target.spec}"
        )

    def _faults(self) -> list[str]:
        """Return what turns the session red though no item says so, one line for each."""
        if not self._turns:
            return []
        lines = [f"BASELINE {name} is in the baseline, and {why}" for name, why in self._problems().items()]
        return lines if self._summary.judged else [*lines, "NOTHING was judged"]

    def _problems(self) -> dict[str, str]:
        plan = self._plan
        verdicts = {name: verdict for name, verdict in self._turns.items() if verdict}
        whole = self._turns.keys() >= {scenario.id for scenario in plan.scenarios}
        judged = Judged(verdicts, plan.known, whole, plan.settings.today)
        found = problems(plan.target.expected, judged, allow_blocked=plan.settings.allow_blocked)
        return {printable(entry): printable(why) for entry, why in found.items() if entry not in verdicts}

    @property
    def _summary(self) -> Summary:
        results = (Result(self._plan.known[name], verdict) for name, verdict in self._turns.items() if verdict)
        return Summary(tuple(results), {}, 0)
