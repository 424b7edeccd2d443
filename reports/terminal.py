"""The terminal report: progress while it runs, then failures first, areas, and how much was judged."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import TextIO

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from harness.events import Event, RunFinished, RunStarted, ScenarioFinished
from harness.verdict import Verdict
from reports.document import Document, area_of
from reports.overview import outcome
from reports.telling import COLOURS, console, plain, show_alike, show_result

HEADINGS = {Verdict.NOT_APPLICABLE: "n/a"}
SHOWN_FIRST = (Verdict.ERROR, Verdict.FAILED, Verdict.BLOCKED, Verdict.WARNING)


class TerminalReport:
    """Writes for a person. On a terminal with colours and a progress bar, piped as plain lines.

    It consumes the events for what happens while the run goes on, and `show` the document in the end.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._console = console(stream)
        self._progress: Progress | None = None

    def __call__(self, event: Event) -> None:
        """Consume one event."""
        if isinstance(event, RunStarted):
            self._start(event)
        elif isinstance(event, ScenarioFinished) and self._progress:
            self._progress.advance(self._progress.task_ids[0])
        elif isinstance(event, RunFinished) and self._progress:
            self._progress.stop()

    def _start(self, event: RunStarted) -> None:
        target = event.target
        self._console.print(f"[bold]mcp-assay[/] judges [bold]{plain(target.name)}[/] by MCP {target.spec}")
        if self._console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            self._progress = Progress(*columns, console=self._console, transient=True)
            self._progress.add_task("scenarios", total=len(event.scenarios))
            self._progress.start()

    def show(self, document: Document) -> None:
        """Write what came of the run."""
        for verdict in SHOWN_FIRST:
            shown = (item for item in document["results"] if item["verdict"] == verdict and not item["accepted"])
            for alike in _by_reason(shown):
                if len(alike) > 1:
                    show_alike(self._console, alike)
                else:
                    show_result(self._console, alike[0])
        self._show_baseline(document)
        self._show_areas(document)
        self._show_totals(document)

    def _show_baseline(self, document: Document) -> None:
        accepted = [result for result in document["results"] if result["accepted"]]
        if accepted:
            self._console.print("\nAccepted by the baseline:")
        for result in accepted:
            self._console.print(f"  {result['verdict']} {escape(result['scenario'])}: {plain(result['accepted'])}")
        for entry in document["baseline"]:
            if entry["problem"]:
                what = f"{plain(entry['entry'])} is in the baseline, and {plain(entry['problem'])}"
                self._console.print(f"\n[red]BASELINE[/] {what}")

    def _show_areas(self, document: Document) -> None:
        by_area = sorted(document["results"], key=area_of)
        table = Table(box=None, pad_edge=False, show_header=True, header_style="bold")
        width = max(map(len, map(area_of, by_area)), default=4)
        table.add_column("area", no_wrap=True, overflow="fold", min_width=width)
        for verdict in Verdict:
            table.add_column(HEADINGS.get(verdict, verdict.value), justify="right")
        for area, group in groupby(by_area, key=area_of):
            results = list(group)
            counts = [sum(result["verdict"] == verdict for result in results) for verdict in Verdict]
            cells = [f"[{COLOURS[v]}]{n}[/]" if n else "·" for v, n in zip(Verdict, counts, strict=True)]
            table.add_row(area, *cells)
        self._console.print()
        self._console.print(table)

    def _show_totals(self, document: Document) -> None:
        counted, results = document["requirements"], document["results"]
        self._console.print(
            f"\njudged {counted['judged']} of {counted['applicable']} applicable requirements "
            f"with {len(results)} scenarios in {document['duration_ms'] / 1000:.1f} s"
        )
        for hint in dict.fromkeys(result["unlock"] for result in results if result["unlock"]):
            self._console.print(f"to judge more: {plain(hint)}")
        said = outcome(document)
        self._console.print(f"[{COLOURS[Verdict(said.kind)]}]{said.headline}[/]. {' '.join(said.sentences)}".rstrip())


def _by_reason(results: Iterable[Document]) -> Iterable[list[Document]]:
    """Put together what the same thing blocks, such as a control that failed; any other result stands alone."""
    groups: dict[tuple[str, ...], list[Document]] = {}
    for result in results:
        blocked = result["verdict"] == Verdict.BLOCKED
        reason = (result["actual"], result["unlock"]) if blocked else (result["scenario"],)
        groups.setdefault(reason, []).append(result)
    return groups.values()
