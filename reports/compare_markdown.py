"""A comparison of two runs as Markdown, for the summary page of a CI job."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reports.commonmark import code, link, prose
from reports.compare import LISTED, Change, Comparison, Kind, by_area, by_reason, details, grouped, violations
from reports.document import Document
from reports.overview import plural
from reports.runs import asked, started

TOLD = 300
"""How many characters of a text are shown; the reports have it all."""


def render(comparison: Comparison) -> str:
    """Return a comparison as Markdown: what came of it, the two runs, then what is worse and everything else."""
    return "\n".join(_lines(comparison)) + "\n"


def _lines(comparison: Comparison) -> Iterator[str]:
    yield f"## mcp-assay compare: {prose(comparison.summary)}"
    yield ""
    yield "| | old | new |"
    yield "|---|---|---|"
    for (name, was), (_, now) in zip(*(_facts(document) for _, document in comparison.runs), strict=True):
        yield f"| {name} | {was} | {now} |"
    yield from _differences(comparison)
    for kind in Kind:
        if changes := comparison.of(kind):
            yield from ("", f"### {kind} ({len(changes)})", "")
            yield from _changes(kind, changes)


def _facts(document: Document) -> Iterator[tuple[str, str]]:
    counted = document["requirements"]
    yield "target", prose(document["target"])
    yield "MCP revision", prose(document["spec"])
    yield "tool", prose(document["tool"])
    yield "started", prose(started(document))
    yield "scenarios", prose(asked(document) or "all")
    yield "judged", f"{counted['judged']} of {counted['applicable']} applicable requirements"
    yield "exit code", str(document["exit_code"])


def _differences(comparison: Comparison) -> Iterator[str]:
    if comparison.backwards:
        yield from ("", "**The new run is older than the old one**: are the files in the right order?")
    if comparison.differences:
        yield from ("", "**The runs themselves differ**, and what changed may come from that:", "")
    for item in comparison.differences:
        yield f"- {prose(item.name)}: {prose(item.was)} → {prose(item.now)}"


def _changes(kind: Kind, changes: Iterable[Change]) -> Iterator[str]:
    if kind.counted:
        for reason, alike in by_reason(changes).items():
            yield f"- {plural(len(alike), 'scenario')}: {prose(reason)}"
        changes = violations(changes)
    for alike in grouped(changes):
        if len(alike) <= LISTED:
            yield f"- {alike[0].verdicts}: {', '.join(code(change.scenario) for change in alike)}"
        else:
            yield f"- {alike[0].verdicts}: {len(alike)} scenarios"
            yield from (f"  - {prose(area)}: {', '.join(map(code, names))}" for area, names in by_area(alike))
        yield from (f"  - {item}" for item in _details(alike[0]))


def _details(change: Change) -> Iterator[str]:
    if change.kind is Kind.WORSE:
        for item in change.shown["requirements"]:
            yield f"demanded: {prose(item['level'])} {link(item['id'], item['url'])} {prose(item['text'])}"
    for name, text in details(change):
        yield f"{name}: {code(text, TOLD) if name in ('actual', 'before') else prose(text)}"
