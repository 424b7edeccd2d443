"""The events of a run, which every report consumes, and the results that they carry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from harness.exchange import Exchange
from harness.scenario import Scenario
from harness.target import Target
from harness.verdict import Verdict


@dataclass(frozen=True)
class Result:
    """What one scenario said.

    Attributes:
        expected: what the requirement asks for; empty unless it does not hold.
        actual: what came back, or why it could not be judged.
        unlock: what would let it be judged.
        accepted: the baseline's reason, where the baseline lists this failure.
        control: the capabilities whose unmodified flow worked.
        exchanges: what the scenario sent and received; the culprit is among them, whoever sent it.
        culprit: the exchange that shows the violation, or what stood in the way of a verdict.
        trace: for a fault of ours, where it happened.
        secrets: what the user keeps in the environment, to be left out of every report.
    """

    scenario: Scenario
    verdict: Verdict
    expected: str = ""
    actual: str = ""
    unlock: str = ""
    accepted: str = ""
    control: tuple[str, ...] = ()
    exchanges: tuple[Exchange, ...] = field(default=(), repr=False)
    culprit: Exchange | None = field(default=None, repr=False)
    duration_ms: float = 0.0
    trace: str = field(default="", repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class RunStarted:
    """The run begins; `scenarios` are all that were selected. `started` is UTC in ISO 8601."""

    target: Target
    scenarios: tuple[Scenario, ...]
    started: str


@dataclass(frozen=True)
class ScenarioFinished:
    """A scenario has its verdict."""

    result: Result


@dataclass(frozen=True)
class RunFinished:
    """The run is over. `interrupted` says that the user ended it before all scenarios had their turn."""

    summary: Summary
    interrupted: bool


Event = RunStarted | ScenarioFinished | RunFinished


@dataclass(frozen=True)
class Summary:
    """All results of a run, in order of scenario id.

    Attributes:
        stale: baseline entries that no longer fail, with what became of them.
        unfinished: how many selected scenarios had no turn.
    """

    results: tuple[Result, ...]
    stale: Mapping[str, str]
    duration_ms: float
    unfinished: int = 0

    @property
    def counts(self) -> Counter[Verdict]:
        """How many results have each verdict."""
        return Counter(result.verdict for result in self.results)

    @property
    def applicable(self) -> frozenset[str]:
        """Ids of the requirements that apply to the target."""
        return _requirements(r for r in self.results if r.verdict is not Verdict.NOT_APPLICABLE)

    @property
    def judged(self) -> frozenset[str]:
        """Ids of the requirements that were exercised by at least one scenario."""
        return _requirements(result for result in self.results if result.verdict.judged)

    def exit_code(self, *, strict: bool = False, allow_blocked: bool = False) -> int:
        """Return 4, 1, 3 or 0: our fault, a violation, incomplete, or all judged requirements hold."""
        red = {Verdict.FAILED, Verdict.WARNING} if strict else {Verdict.FAILED}
        if self.counts[Verdict.ERROR]:
            return 4
        if self.stale or any(result.verdict in red and not result.accepted for result in self.results):
            return 1
        if self.unfinished or not self.judged or (self.counts[Verdict.BLOCKED] and not allow_blocked):
            return 3
        return 0


def _requirements(results: Iterable[Result]) -> frozenset[str]:
    return frozenset(item.id for result in results for item in result.scenario.requirements)
