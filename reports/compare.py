"""Two runs compared: what is worse, what is better, and what only one of them asked.

A verdict that is missing is never good news: what cannot be judged any more counts as worse, and what is not applicable
or gone is listed apart from the fixes. What could not be judged before is no regression, whatever is found now: nobody
knows how it was; it is listed with its verdict.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from harness.verdict import Verdict
from reports.document import Document, area_of
from reports.overview import plural
from reports.runs import Difference, differences, ended_early, moment, not_asked

_RANK = {Verdict.PASSED: 0, Verdict.NOT_APPLICABLE: 0, Verdict.WARNING: 1, Verdict.FAILED: 2}
_UNJUDGED = (Verdict.BLOCKED, Verdict.ERROR)
LISTED = 5
"""How many scenarios that say the same have a line each; of more, each area has one."""
_VOLATILE = re.compile(
    r"(?<=:)[0-9a-f]{8}(?=>)"  # the digits of a redacted secret
    r"|(?<=127\.0\.0\.1:)\d+|(?<=localhost:)\d+|(?<=\[::1\]:)\d+"
    r"|\b(?=[\w-]*\d)[\w-]{20,}\b"  # identifiers made by chance
)


class Kind(StrEnum):
    """What became of a scenario; in the order in which it is told."""

    WORSE = "Regressions"
    UNJUDGED = "Cannot be judged now"
    ACCEPTED = "Regressions that the baseline accepts"
    BETTER = "Fixes"
    JUDGED = "Judged for the first time"
    NOT_APPLICABLE = "Do not apply any more"
    CHANGED = "Changed, and still not right"
    NEW = "New scenarios"
    GONE = "Gone scenarios"
    NOT_ASKED_NOW = "Not asked by the new run"
    NOT_ASKED_BEFORE = "Not asked by the old run"

    @property
    def counted(self) -> bool:
        """Whether these are counted by their reason, and not listed."""
        return self in (Kind.NOT_ASKED_NOW, Kind.NOT_ASKED_BEFORE)


_IN_BRIEF = {
    Kind.UNJUDGED: "not judged now",
    Kind.ACCEPTED: "worse but accepted",
    Kind.JUDGED: "judged for the first time",
    Kind.NOT_APPLICABLE: "not applicable now",
    Kind.CHANGED: "changed",
    Kind.NEW: "new",
    Kind.GONE: "gone",
    Kind.NOT_ASKED_NOW: "asked by the old run only",
    Kind.NOT_ASKED_BEFORE: "asked by the new run only",
}
_ALWAYS = (Kind.NEW, Kind.GONE)
_UNKNOWN_BEFORE = (Kind.JUDGED, Kind.NEW, Kind.NOT_ASKED_BEFORE)


@dataclass(frozen=True)
class Change:
    """What became of one scenario.

    Attributes:
        was: its result in the old run, if it has one.
        now: its result in the new run, if it has one.
        reason: for a scenario that one run was not asked for, why.
    """

    kind: Kind
    scenario: str
    was: Document | None
    now: Document | None
    reason: str = ""

    @property
    def verdicts(self) -> str:
        """The verdict before and now, as `passed → failed`; just one where there is just one."""
        return " → ".join(result["verdict"] for result in (self.was, self.now) if result)

    @property
    def shown(self) -> Document:
        """The result that is told: the new one, unless that says nothing."""
        shown = self.now if self.now and (self.now["actual"] or not self.was) else self.was
        assert shown
        return shown

    @property
    def note(self) -> str:
        """What the baselines say of it, where one of them lists it."""
        was, now = (result["accepted"] if result else "" for result in (self.was, self.now))
        if now:
            return f"accepted: {now}"
        return "not accepted any more" if was and self.kind is Kind.CHANGED else ""


@dataclass(frozen=True)
class Comparison:
    """Two runs, and what is between them.

    Attributes:
        differences: in what the runs themselves differ.
        backwards: whether the new run is older than the old one.
        same: how many scenarios say what they said before.
        changes: all others, in order of their kind and id.
    """

    old: Document
    new: Document
    differences: tuple[Difference, ...]
    backwards: bool
    same: int
    changes: tuple[Change, ...]

    def of(self, kind: Kind) -> tuple[Change, ...]:
        """Return the changes of one kind."""
        return tuple(change for change in self.changes if change.kind is kind)

    @property
    def worse(self) -> int:
        """How many scenarios became worse and are not accepted."""
        return len(self.of(Kind.WORSE)) + len(self.of(Kind.UNJUDGED))

    @property
    def runs(self) -> tuple[tuple[str, Document], ...]:
        """Both runs with what they are called."""
        return ("old", self.old), ("new", self.new)

    @property
    def compared(self) -> int:
        """How many scenarios both runs asked."""
        return self.same + sum(1 for change in self.changes if change.was and change.now)

    @property
    def summary(self) -> str:
        """What came of it in a line."""
        if not self.compared:
            return "the two runs have no scenario in common: nothing was compared"
        verdict = f"{plural(self.worse, 'scenario')} worse" if self.worse else "nothing is worse"
        first = f"{verdict}: {plural(len(self.of(Kind.WORSE)), 'regression')}, {len(self.of(Kind.BETTER))} fixed"
        told = [self._brief(kind, words) for kind, words in _IN_BRIEF.items() if self.of(kind) or kind in _ALWAYS]
        early = "; the new run was ended early, and the rest is not known" if ended_early(self.new) else ""
        return f"{', '.join([first, *told, f'{self.same} as before'])}{early}"

    def _brief(self, kind: Kind, words: str) -> str:
        """Return how many there are of a kind; a violation that counts as no regression is not passed over."""
        changes = self.of(kind)
        bad = len(violations(changes)) if kind in _UNKNOWN_BEFORE else 0
        return f"{len(changes)} {words}" + (f" ({plural(bad, 'violation')})" if bad else "")

    @property
    def exit_code(self) -> int:
        """1 where something is worse, 3 where the new run was ended early or nothing could be compared, or 0."""
        if self.worse:
            return 1
        return 3 if ended_early(self.new) or not self.compared else 0


def compare(old: Document, new: Document) -> Comparison:
    """Return what changed from one run to another."""
    before, after = ({result["scenario"]: result for result in document["results"]} for document in (old, new))
    found = []
    for scenario in sorted({*before, *after}):
        was, now = before.get(scenario), after.get(scenario)
        if change := _change(scenario, was, now, old, new):
            found.append(change)
    order = list(Kind)
    found.sort(key=lambda change: order.index(change.kind))
    times = moment(old), moment(new)
    backwards = bool(times[0] and times[1] and times[1] < times[0])
    same = len({*before, *after}) - len(found)
    return Comparison(old, new, tuple(differences(old, new)), backwards, same, tuple(found))


def grouped(changes: Iterable[Change]) -> Iterable[list[Change]]:
    """Put changes together that say the same, such as all that one cause blocks; a regression stands alone."""
    groups: dict[tuple[object, ...], list[Change]] = {}
    for change in changes:
        alone = change.scenario if change.kind is Kind.WORSE else ""
        groups.setdefault((alone, change.verdicts, *details(change)), []).append(change)
    return groups.values()


def by_area(changes: Iterable[Change]) -> Iterator[tuple[str, list[str]]]:
    """Yield each area with the names that its scenarios have there."""
    for area, group in groupby(changes, key=lambda change: area_of(change.shown)):
        yield area, [change.scenario.removeprefix(f"{area}/") for change in group]


def by_reason(changes: Iterable[Change]) -> Mapping[str, list[Change]]:
    """Put together what was not asked for one reason."""
    groups: dict[str, list[Change]] = {}
    for change in changes:
        groups.setdefault(change.reason, []).append(change)
    return groups


def violations(changes: Iterable[Change]) -> list[Change]:
    """Return the violations that only the new run could see; these are listed even where the rest is counted."""
    return [change for change in changes if change.now and change.now["verdict"] in (Verdict.FAILED, Verdict.WARNING)]


def details(change: Change) -> Iterator[tuple[str, str]]:
    """Yield what there is to say of a change, each with its name: what was expected, what came, and what mends it."""
    shown, worse = change.shown, change.kind is Kind.WORSE
    current = shown is change.now
    yield from (
        (name, text)
        for name, text in (
            ("expected", shown["expected"] if change.now else ""),
            ("before", change.was["actual"] if change.was and change.kind is Kind.CHANGED else ""),
            ("actual" if current else "before", shown["actual"]),
            ("remedy", shown["remedy"] if worse else ""),
            ("unlock", shown["unlock"] if current else ""),
            ("baseline", change.note),
        )
        if text
    )


def _change(scenario: str, was: Document | None, now: Document | None, old: Document, new: Document) -> Change | None:
    if was and now:
        kind = _kind(was, now)
        return Change(kind, scenario, was, now) if kind else None
    if was:
        reason = not_asked(was, old, new)
        return Change(Kind.NOT_ASKED_NOW if reason else Kind.GONE, scenario, was, None, reason)
    assert now
    reason = not_asked(now, new, old)
    return Change(Kind.NOT_ASKED_BEFORE if reason else Kind.NEW, scenario, None, now, reason)


def _kind(was: Document, now: Document) -> Kind | None:
    before, after = Verdict(was["verdict"]), Verdict(now["verdict"])
    if before is after:
        return Kind.CHANGED if _RANK.get(after) != 0 and _told(was) != _told(now) else None
    if after in _UNJUDGED:
        return Kind.CHANGED if before in _UNJUDGED else Kind.UNJUDGED
    if after is Verdict.NOT_APPLICABLE:
        return Kind.NOT_APPLICABLE
    if before in _UNJUDGED or _RANK[before] == _RANK[after]:
        return Kind.JUDGED
    if _RANK[after] < _RANK[before]:
        return Kind.BETTER
    return Kind.ACCEPTED if now["accepted"] else Kind.WORSE


def _told(result: Document) -> tuple[str, bool]:
    """Return what was seen, without what differs from run to run, and whether it was accepted."""
    return _VOLATILE.sub("…", result["actual"]), bool(result["accepted"])
