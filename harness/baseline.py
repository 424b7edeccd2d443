"""The baseline: failures that the user has accepted, each with a reason."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum, auto

from harness.names import nearest
from harness.verdict import Verdict

VIOLATED = (Verdict.FAILED, Verdict.WARNING)


@dataclass(frozen=True)
class Accepted:
    """One entry of the baseline.

    Attributes:
        entry: a scenario id, or its beginning up to a `/`.
        reason: why the failure is accepted.
        verdict: `failed` or `warning`; None accepts either.
        expires: the last day on which it counts.
        link: where the mending is tracked.
    """

    entry: str
    reason: str
    verdict: Verdict | None = None
    expires: date | None = None
    link: str = ""

    def fits(self, identifier: str) -> bool:
        """Tell whether a scenario id is this entry, or begins with it."""
        return f"{identifier}/".startswith(f"{self.entry.rstrip('/')}/")

    def accepts(self, verdict: Verdict) -> bool:
        """Tell whether a verdict is what was accepted, whatever the date."""
        return verdict in VIOLATED and self.verdict in (None, verdict)

    def expired(self, today: date) -> bool:
        """Tell whether its last day is over."""
        return self.expires is not None and today > self.expires


Expected = Mapping[str, Accepted]


class Standing(Enum):
    """What a run says of an entry: it still holds, nothing is known of it (open), or why it is out of date."""

    HOLDS = auto()
    OPEN = auto()
    EXPIRED = auto()
    BLOCKED = auto()
    WORSE = auto()
    BETTER = auto()
    PASSED = auto()
    NOT_APPLICABLE = auto()
    NOT_ASKED = auto()
    GONE = auto()


OUT_OF_DATE = {
    Standing.EXPIRED: "expired on {expires}",
    Standing.BLOCKED: "is blocked now, so that nobody knows whether it still fails",
    Standing.WORSE: "fails now, where only a warning is accepted",
    Standing.BETTER: "is only a warning now",
    Standing.PASSED: "passed now",
    Standing.NOT_APPLICABLE: "is not applicable now",
    Standing.NOT_ASKED: "was not asked, since nothing in its role was judged",
    Standing.GONE: "fits no scenario",
}
_ADVICE = {
    Standing.EXPIRED: "mend what fails, or renew it",
    Standing.BETTER: "say so, or remove it",
    Standing.PASSED: "remove it",
    Standing.NOT_APPLICABLE: "remove it",
    Standing.NOT_ASKED: "remove it, or name what plays the role",
    Standing.GONE: "remove it",
}
_LESS = {
    Verdict.ERROR: Standing.OPEN,
    Verdict.BLOCKED: Standing.BLOCKED,
    Verdict.FAILED: Standing.WORSE,
    Verdict.WARNING: Standing.BETTER,
    Verdict.PASSED: Standing.PASSED,
    Verdict.NOT_APPLICABLE: Standing.NOT_APPLICABLE,
}
"""What an entry comes to when nothing that it accepts came. Of several verdicts the first one here counts."""


@dataclass(frozen=True)
class Judged:
    """What a run found, as far as a baseline is concerned.

    Attributes:
        verdicts: of the scenarios that had their turn, by id.
        known: the ids of all scenarios that there are, judged or not.
        whole: whether all scenarios that could be asked of the target had their turn.
        today: entries whose last day is before it have expired.
    """

    verdicts: Mapping[str, Verdict]
    known: Collection[str]
    whole: bool
    today: date


def entry_of(expected: Expected, identifier: str) -> Accepted | None:
    """Return the entry that counts for a scenario: the longest of those that fit."""
    return max((item for item in expected.values() if item.fits(identifier)), key=_length, default=None)


def accepted_reason(expected: Expected, identifier: str, verdict: Verdict, today: date) -> str:
    """Return why a scenario's violation is accepted; empty when it is not, or when there is nothing to accept."""
    found = entry_of(expected, identifier)
    return found.reason if found and found.accepts(verdict) and not found.expired(today) else ""


def problems(expected: Expected, judged: Judged, *, allow_blocked: bool = False) -> dict[str, str]:
    """Return the entries that turn the run red, each with the reason.

    Args:
        expected: the baseline.
        judged: what the run found.
        allow_blocked: an entry is no problem when what it accepts could not be judged.
    """
    return {
        name: _problem(expected[name], standing, judged.known)
        for name, standing in standings(expected, judged).items()
        if standing in OUT_OF_DATE and not (allow_blocked and standing is Standing.BLOCKED)
    }


def standings(expected: Expected, judged: Judged) -> dict[str, Standing]:
    """Return what a run says of each entry.

    An entry is out of date only when everything that it counts for had its turn: where a part was asked, what was left
    out could still fail. One of which the revision of MCP asks nothing stays open: a file may serve several revisions.
    """
    counted: dict[str, set[str]] = {name: set() for name in expected}
    for identifier in judged.known:
        if found := entry_of(expected, identifier):
            counted[found.entry].add(identifier)
    return {name: _standing(entry, counted[name], judged) for name, entry in expected.items()}


def _standing(entry: Accepted, counted: set[str], judged: Judged) -> Standing:
    if not any(map(entry.fits, judged.known)):
        return Standing.GONE
    verdicts = {judged.verdicts[identifier] for identifier in counted & judged.verdicts.keys()}
    if any(map(entry.accepts, verdicts)):
        return Standing.EXPIRED if entry.expired(judged.today) else Standing.HOLDS
    if not verdicts:
        roles = set(map(_role, judged.verdicts))
        return Standing.NOT_ASKED if judged.whole and _role(entry.entry) not in roles else Standing.OPEN
    if not judged.whole and not counted <= judged.verdicts.keys():
        return Standing.OPEN
    return next(standing for verdict, standing in _LESS.items() if verdict in verdicts)


def _problem(entry: Accepted, standing: Standing, known: Collection[str]) -> str:
    sentence = OUT_OF_DATE[standing].format(expires=entry.expires)
    sentence += f": {_ADVICE[standing]}" if standing in _ADVICE else ""
    return sentence + (nearest(entry.entry, _beginnings(known)) if standing is Standing.GONE else "")


def _role(identifier: str) -> str:
    return identifier.split("/")[0]


def _beginnings(known: Iterable[str]) -> list[str]:
    """Return all that an entry may be: each id, and each beginning of it but the role's alone."""
    found: dict[str, None] = {}
    for identifier in known:
        parts = identifier.split("/")
        found.update(dict.fromkeys("/".join(parts[: end + 1]) for end in range(1, len(parts))))
    return list(found)


def _length(entry: Accepted) -> int:
    return len(entry.entry)
