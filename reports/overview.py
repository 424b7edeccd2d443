"""What a run comes to in words: the outcome, what it means, how it was asked for, and each area's counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from harness.verdict import Verdict
from reports.document import Document, area_of

ROLES = {
    "authorization-server": "Authorization server",
    "mcp-server": "MCP server",
    "mcp-client": "MCP client",
    "identity-provider": "Identity provider",
}
NAMES = {Verdict.NOT_APPLICABLE.value: "not applicable"}
"""How verdicts are written where they are not written as they are."""
WORST_FIRST = (
    *(Verdict.ERROR, Verdict.FAILED, Verdict.BLOCKED),
    *(Verdict.WARNING, Verdict.PASSED, Verdict.NOT_APPLICABLE),
)
_VIOLATIONS = (Verdict.FAILED, Verdict.WARNING)


@dataclass(frozen=True)
class Outcome:
    """What the exit code says.

    Attributes:
        kind: the verdict whose colour and sign fit.
        headline: what to remember.
        sentences: all that is to be said, the weightiest first.
    """

    kind: str
    headline: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Count:
    """How many results have a verdict; the first of them, and how many of them the baseline accepts."""

    verdict: str
    name: str
    number: int
    first: str
    accepted: int


@dataclass(frozen=True)
class Area:
    """An area of a role, and its counts, the worst verdict first; those of nothing are left out."""

    id: str
    name: str
    counts: tuple[Count, ...]

    @property
    def total(self) -> int:
        """How many scenarios it has."""
        return sum(count.number for count in self.counts)


def outcome(document: Document) -> Outcome:
    """Say what the run's exit code means, and what else the reader has to know."""
    results, code = document["results"], document["exit_code"]
    violations = sum(result["red"] and result["verdict"] in _VIOLATIONS for result in results)
    if code == 4:
        ours = _faults(results, own=False)
        kind, headline = Verdict.ERROR, f"A fault of {'mcp-assay itself' if ours else 'a scenario of your own'}"
    elif code == 1:
        headline = plural(violations, "violation") if violations else "The baseline no longer holds"
        kind = Verdict.FAILED
    elif code == 3:
        kind, headline = Verdict.BLOCKED, _incomplete(document)
    else:
        but = ", but for what the baseline accepts" if any(result["accepted"] for result in results) else ""
        kind, headline = Verdict.PASSED, f"All judged requirements hold{but}"
    return Outcome(kind.value, headline, _sentences(document, violations))


def plural(number: int, noun: str) -> str:
    """Return a number with its noun, such as `1 violation` or `2 violations`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def counts(results: Iterable[Document]) -> tuple[Count, ...]:
    """Count results by verdict, the worst first; verdicts that none has are left out."""
    kept = list(results)
    groups = ((verdict, [item for item in kept if item["verdict"] == verdict]) for verdict in WORST_FIRST)
    return tuple(
        Count(
            verdict=verdict.value,
            name=NAMES.get(verdict.value, verdict.value),
            number=len(group),
            first=group[0]["scenario"],
            accepted=sum(bool(item["accepted"]) for item in group),
        )
        for verdict, group in groups
        if group
    )


def areas(results: Sequence[Document]) -> dict[str, tuple[Area, ...]]:
    """Return the areas of each role that was judged, roles and areas in alphabetical order."""
    found: dict[str, tuple[Area, ...]] = {}
    for role, of_role in groupby(sorted(results, key=_place), key=lambda result: str(result["role"])):
        grouped = ((area, list(group)) for area, group in groupby(of_role, key=area_of))
        found[ROLES.get(role, role)] = tuple(
            Area(area, area.partition("/")[2], counts(group)) for area, group in grouped
        )
    return found


def facts(document: Document) -> dict[str, str]:
    """Return how the run was made, each with its name."""
    settings = document["settings"]
    selected = " ".join([*settings["selectors"], *([f"--role {settings['role']}"] if settings["role"] else [])])
    chosen = [
        *(["strict: warnings count"] if settings["strict"] else []),
        *(["blocked is allowed"] if settings["allow_blocked"] else []),
        *([f"seed {settings['seed']}"] if settings["seed"] else ["fixed order"]),
        *([f"{more} times the usual examples"] if (more := settings.get("examples", 1)) > 1 else []),
        *([f"waits of up to {wait:g} s"] if (wait := settings.get("max_wait", 0)) else []),
        plural(settings["jobs"], "job"),
    ]
    return {
        "Target": document["target"],
        "MCP revision": document["spec"],
        "Started": datetime.fromisoformat(document["started"]).strftime("%Y-%m-%d %H:%M:%S %Z"),
        "Took": f"{document['duration_ms'] / 1000:.1f} s",
        "Judged by": document["tool"],
        "Selected": selected or "all scenarios",
        "Settings": ", ".join(chosen),
    }


def _place(result: Document) -> tuple[str, str]:
    return result["role"], result["scenario"]


def _incomplete(document: Document) -> str:
    if document["interrupted"]:
        return "Interrupted"
    return "Incomplete" if document["requirements"]["judged"] else "Nothing was judged"


def _sentences(document: Document, violations: int) -> tuple[str, ...]:
    results, summary, counted = document["results"], document["summary"], document["requirements"]
    problems = sum(bool(entry["problem"]) for entry in document["baseline"])
    entries = "entry" if problems == 1 else "entries"
    accepted = [result for result in results if result["accepted"]]
    warnings = [result for result in results if result["verdict"] == Verdict.WARNING and not result["accepted"]]
    lenient = sum(not result["red"] for result in warnings)
    allowed = ", which this run allows" if document["settings"]["allow_blocked"] else ""
    faults, own = _faults(results, own=False), _faults(results, own=True)
    said = (
        (faults, f"{plural(faults, 'scenario')} ended in a fault of mcp-assay. Please report it."),
        (own, f"{plural(own, 'scenario')} of your own ended in an exception, for you to mend."),
        (violations, f"{plural(violations, 'scenario')} {_does('show', violations)} that a requirement does not hold."),
        (problems, f"{problems} {entries} of the baseline no longer {_does('hold', problems)}."),
        (summary["blocked"], f"{plural(summary['blocked'], 'scenario')} could not be judged{allowed}."),
        (
            document["interrupted"] or document["unfinished"],
            f"The run was interrupted: {plural(document['unfinished'], 'scenario')} had no turn.",
        ),
        (accepted, f"The baseline accepts {plural(len(accepted), 'failure')}."),
        (lenient, f"{plural(lenient, 'warning')} {_does('count', lenient)} only with --strict."),
        (
            counted["judged"] < counted["applicable"],
            "Of requirements that were not judged nothing is known: they may hold or not.",
        ),
    )
    return (*document.get("incidents", ()), *(sentence for holds, sentence in said if holds))


def _faults(results: Iterable[Document], *, own: bool) -> int:
    """Count what went wrong in our scenarios, or in those of the user's own: these say what to mend."""
    return sum(result["verdict"] == Verdict.ERROR and bool(result["unlock"]) is own for result in results)


def _does(verb: str, number: int) -> str:
    return f"{verb}s" if number == 1 else verb
