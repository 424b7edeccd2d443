"""A comparison of two runs for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console

from harness.verdict import Verdict
from reports.compare import LISTED, Change, Comparison, Kind, by_area, by_reason, details, grouped, violations
from reports.overview import plural
from reports.runs import judged, shortened, started
from reports.telling import COLOURS, plain

TOLD = 300
"""How many characters of a text are shown; the reports have it all."""


def show(console: Console, comparison: Comparison) -> None:
    """Show a comparison: the two runs and in what they differ, then what is worse, then everything else."""
    for name, document in comparison.runs:
        told = (document["target"], f"MCP {document['spec']}", document["tool"], started(document))
        console.print(f"[bold]{name}[/]  {', '.join(map(plain, told))}; exit code {document['exit_code']}")
        console.print(f"     {judged(document)}")
    _show_differences(console, comparison)
    for kind in Kind:
        if changes := comparison.of(kind):
            console.print(f"\n[bold]{kind} ({len(changes)})[/]")
            _show_changes(console, kind, changes)
    console.print(f"\n{comparison.summary}")


def _show_differences(console: Console, comparison: Comparison) -> None:
    if comparison.backwards:
        console.print("\n[yellow]the new run is older than the old one: are the files in the right order?[/]")
    if comparison.differences:
        console.print("\n[yellow]the runs themselves differ[/], and what changed may come from that:")
    for item in comparison.differences:
        console.print(f"  {plain(item.name):<12} {plain(item.was)} → {plain(item.now)}")


def _show_changes(console: Console, kind: Kind, changes: Iterable[Change]) -> None:
    if kind.counted:
        for reason, alike in by_reason(changes).items():
            console.print(f"  {plural(len(alike), 'scenario')}: {plain(reason)}")
        changes = violations(changes)
    for alike in grouped(changes):
        _show_alike(console, alike)


def _show_alike(console: Console, alike: Sequence[Change]) -> None:
    first = alike[0]
    verdicts = (Verdict(result["verdict"]) for result in (first.was, first.now) if result)
    told = " → ".join(f"[{COLOURS[verdict]}]{verdict}[/]" for verdict in verdicts)
    if len(alike) <= LISTED:
        for change in alike:
            console.print(f"  {told}  {plain(change.scenario)}")
    else:
        console.print(f"  {told}  {len(alike)} scenarios")
        for area, names in by_area(alike):
            console.print(f"    [bold]{plain(area)}[/] {plain(', '.join(names))}")
    if first.kind is Kind.WORSE:
        for item in first.shown["requirements"]:
            console.print(f"      demanded  {plain(item['level'])} ({plain(item['id'])}) {plain(item['url'])}")
    for name, text in details(first):
        console.print(f"      {name:<9} {plain(shortened(text, TOLD))}")
