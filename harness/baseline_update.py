"""What a run makes of a baseline: entries to add, to change, to keep and to remove."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from harness.baseline import OUT_OF_DATE, Accepted, Expected, Judged, Standing, entry_of, problems, standings
from harness.verdict import Verdict

_OVER = (Standing.PASSED, Standing.NOT_APPLICABLE)


class NoReasonError(ValueError):
    """An entry would be added without a reason. `violations` holds the verdicts by scenario id."""

    def __init__(self, violations: Mapping[str, Verdict]) -> None:
        super().__init__(f"{len(violations)} violations want a reason")
        self.violations = violations


@dataclass(frozen=True)
class Terms:
    """On what terms violations are accepted.

    Attributes:
        reason: of every entry that is added; empty refuses to add any.
        expires: their last day.
        link: where the mending is tracked.
        strict: warnings are accepted too.
    """

    reason: str = ""
    expires: date | None = None
    link: str = ""
    strict: bool = False

    def accept(self, scenario: str, verdict: Verdict) -> Accepted:
        """Return an entry for a violation."""
        return Accepted(scenario, self.reason, verdict, self.expires, self.link)


@dataclass(frozen=True)
class Update:
    """A baseline after a run.

    Attributes:
        before: the baseline as it was.
        entries: as it is to be.
        removed: what is no longer in it, each with what came of it.
        left: what is kept although it turns the next run red, each with why and what to do.
    """

    before: Expected
    entries: Expected
    removed: Mapping[str, str]
    left: Mapping[str, str]

    @property
    def added(self) -> list[Accepted]:
        """The entries that are new."""
        return [entry for name, entry in self.entries.items() if name not in self.before]

    @property
    def changed(self) -> list[tuple[Accepted, Accepted]]:
        """The entries that are not as they were, each as it was and as it is."""
        both = ((self.before[name], entry) for name, entry in self.entries.items() if name in self.before)
        return [(before, after) for before, after in both if before != after]

    @property
    def kept(self) -> list[Accepted]:
        """The entries that are as they were."""
        return [entry for name, entry in self.entries.items() if self.before.get(name) == entry]


def updated(expected: Expected, judged: Judged, terms: Terms, *, allow_blocked: bool = False) -> Update:
    """Return what becomes of a baseline.

    What still fails keeps its reason, date and link; an accepted failure that is only a warning now says so. What
    passed or does not apply is removed; so is what fits no scenario, after a whole run. What could not be judged, or
    has expired, is kept: that is not for a command to decide. A failure in the place of an accepted warning is new.

    Args:
        expected: the baseline.
        judged: what the run found.
        terms: on what terms violations are accepted.
        allow_blocked: what could not be judged turns no run red, so that nothing is said of it.

    Raises:
        NoReasonError: something is to be added, and there is no reason for it.
    """
    before = standings(expected, judged)
    eased = {
        name: replace(entry, verdict=Verdict.WARNING)
        for name, entry in expected.items()
        if before[name] is Standing.BETTER
    }
    entries = {**expected, **eased}
    new = _unaccepted(entries, judged, strict=terms.strict)
    if new and not terms.reason.strip():
        raise NoReasonError(new)
    entries |= {name: terms.accept(name, verdict) for name, verdict in new.items()}
    removed = _take_out(entries, judged)
    return Update(expected, entries, removed, problems(entries, judged, allow_blocked=allow_blocked))


def _unaccepted(expected: Expected, judged: Judged, *, strict: bool) -> dict[str, Verdict]:
    """Return the violations that no entry accepts, whatever its date."""
    wanted = (Verdict.FAILED, Verdict.WARNING) if strict else (Verdict.FAILED,)
    found = {}
    for scenario, verdict in sorted(judged.verdicts.items()):
        entry = entry_of(expected, scenario)
        if verdict in wanted and not (entry and entry.accepts(verdict)):
            found[scenario] = verdict
    return found


def _take_out(entries: dict[str, Accepted], judged: Judged) -> dict[str, str]:
    """Remove what is over. What such an entry counted for falls to a shorter one, which may be over then, too."""
    over = (*_OVER, Standing.GONE) if judged.whole else _OVER
    removed: dict[str, str] = {}
    while found := {name: standing for name, standing in standings(entries, judged).items() if standing in over}:
        removed |= {name: OUT_OF_DATE[standing] for name, standing in found.items()}
        for name in found:
            del entries[name]
    return removed
