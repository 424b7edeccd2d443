"""The events of a run, which every report consumes, and the results that they carry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

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
        unlock: what would let it be judged; of an error only where the scenario is the user's own.
        accepted: the baseline's reason, where the baseline lists this failure.
        control: the capabilities whose unmodified flow worked.
        exchanges: what the scenario sent and received; the culprit is among them, whoever sent it.
        culprit: the exchange that shows the violation, or what stood in the way of a verdict.
        shrunk: whether the exchanges are the shortest sequence with the violation that was found.
        trace: for an error, where it happened.
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
    shrunk: bool = False
    duration_ms: float = 0.0
    trace: str = field(default="", repr=False)

    def red(self, settings: Settings) -> bool:
        """Whether this result alone keeps the run from being green."""
        if self.verdict in (Verdict.FAILED, Verdict.WARNING):
            return not self.accepted and (settings.strict or self.verdict is Verdict.FAILED)
        return self.verdict is Verdict.ERROR or (self.verdict is Verdict.BLOCKED and not settings.allow_blocked)


def _today() -> date:
    return datetime.now(UTC).date()


@dataclass(frozen=True)
class Settings:
    """How a run was asked for.

    Attributes:
        selectors: what picked the scenarios; none picks all.
        role: the only role that is judged, where one was named.
        strict: warnings turn the run red.
        allow_blocked: what could not be judged does not turn it red.
        jobs: how many scenarios run at the same time.
        seed: of the order of scenarios and of generated examples; 0 for the fixed ones.
        examples: how many times as many examples are generated as usual.
        max_wait: how many seconds a scenario may wait for something to end, where no clock can be moved.
        today: the date by which entries of the baseline expire, in UTC.
    """

    selectors: tuple[str, ...] = ()
    role: str | None = None
    strict: bool = False
    allow_blocked: bool = False
    jobs: int = 8
    seed: int = 0
    examples: int = 1
    max_wait: float = 0.0
    today: date = field(default_factory=_today)

    @property
    def whole(self) -> bool:
        """Whether all scenarios are asked that apply to the target."""
        return not self.selectors and self.role is None


@dataclass(frozen=True)
class RunStarted:
    """The run begins.

    Attributes:
        scenarios: all that were selected.
        started: UTC in ISO 8601.
        traffic: every exchange of the run; it grows while the run goes on.
    """

    target: Target
    scenarios: tuple[Scenario, ...]
    started: str
    settings: Settings = Settings()
    traffic: Sequence[Exchange] = field(default=(), repr=False)


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
        problems: entries of the baseline that turn the run red, each with the reason.
        unfinished: how many selected scenarios had no turn.
        incidents: what befell the run besides, such as the end of a service that it needs; a sentence each.
    """

    results: tuple[Result, ...]
    problems: Mapping[str, str]
    duration_ms: float
    unfinished: int = 0
    incidents: tuple[str, ...] = ()

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

    def exit_code(self, settings: Settings) -> int:
        """Return 4, 1, 3 or 0: our fault, a violation, incomplete, or all judged requirements hold."""
        red = {result.verdict for result in self.results if result.red(settings)}
        if Verdict.ERROR in red:
            return 4
        if self.problems or red & {Verdict.FAILED, Verdict.WARNING}:
            return 1
        return 3 if self.unfinished or self.incidents or not self.judged or red else 0


def _requirements(results: Iterable[Result]) -> frozenset[str]:
    return frozenset(item.id for result in results for item in result.scenario.requirements)
