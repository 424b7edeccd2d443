"""The terminal report: progress while it runs, then failures first, areas, and how much was judged."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import groupby
from typing import Any, TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from harness.events import Event, Result, RunFinished, RunStarted, ScenarioFinished, Summary
from harness.verdict import Verdict
from reports.document import redactor_of, result_document, telling

COLOURS = {
    Verdict.PASSED: "green",
    Verdict.FAILED: "red",
    Verdict.WARNING: "yellow",
    Verdict.NOT_APPLICABLE: "dim",
    Verdict.BLOCKED: "magenta",
    Verdict.ERROR: "bold red",
}
HEADINGS = {Verdict.NOT_APPLICABLE: "n/a"}
SHOWN_FIRST = (Verdict.ERROR, Verdict.FAILED, Verdict.BLOCKED, Verdict.WARNING)


class TerminalReport:
    """Writes for a person. On a terminal with colours and a progress bar, piped as plain lines."""

    def __init__(self, stream: TextIO | None = None, *, show_secrets: bool = False) -> None:
        self._console = Console(file=stream or sys.stdout, highlight=False, soft_wrap=True)
        self._show_secrets = show_secrets
        self._progress: Progress | None = None
        self._started: RunStarted | None = None

    def __call__(self, event: Event) -> None:
        """Consume one event."""
        if isinstance(event, RunStarted):
            self._start(event)
        elif isinstance(event, ScenarioFinished):
            if self._progress:
                self._progress.advance(self._progress.task_ids[0])
        elif isinstance(event, RunFinished):
            self._finish(event)

    def _start(self, event: RunStarted) -> None:
        self._started = event
        target = event.target
        self._console.print(f"[bold]mcp-assay[/] judges [bold]{_plain(target.name)}[/] by MCP {target.spec}")
        if self._console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            self._progress = Progress(*columns, console=self._console, transient=True)
            self._progress.add_task("scenarios", total=len(event.scenarios))
            self._progress.start()

    def _finish(self, event: RunFinished) -> None:
        if self._progress:
            self._progress.stop()
        summary = event.summary
        for verdict in SHOWN_FIRST:
            shown = [result for result in summary.results if result.verdict is verdict and not result.accepted]
            for alike in self._by_reason(shown):
                if len(alike) > 1:
                    self._show_alike(alike)
                else:
                    self._show(alike[0])
        self._show_accepted(summary)
        self._show_areas(summary)
        self._show_totals(summary, interrupted=event.interrupted)

    def _document(self, result: Result) -> dict[str, Any]:
        return result_document(result, show_secrets=self._show_secrets)

    def _by_reason(self, results: list[Result]) -> Iterable[list[Result]]:
        """Put together what the same thing blocks, such as a control that failed; any other result stands alone."""
        groups: dict[tuple[str, ...], list[Result]] = {}
        for result in results:
            blocked = result.verdict is Verdict.BLOCKED
            reason = (self._document(result)["actual"], result.unlock) if blocked else (result.scenario.id,)
            groups.setdefault(reason, []).append(result)
        return groups.values()

    def _show_alike(self, results: list[Result]) -> None:
        """Show what is blocked by one thing: the ids, one line for each area, and the reason once."""
        first = results[0]
        document = self._document(first)
        self._console.print(f"\n[{COLOURS[first.verdict]}]{first.verdict.upper()}[/] [bold]{len(results)} scenarios[/]")
        for area, group in groupby(results, key=_area):
            names = (result.scenario.id.removeprefix(f"{area}/") for result in group)
            self._console.print(f"  [bold]{escape(area)}[/] {escape(', '.join(names))}")
        self._line("actual", document["actual"])
        if first.unlock:
            self._line("unlock", first.unlock)
        if first.culprit:
            self._show_exchanges(document["exchanges"], telling(first))

    def _show(self, result: Result) -> None:
        document = self._document(result)
        colour = COLOURS[result.verdict]
        self._console.print(f"\n[{colour}]{result.verdict.upper()}[/] [bold]{escape(document['scenario'])}[/]")
        self._line("", document["title"])
        for requirement in result.scenario.requirements:
            self._line("demanded", f"{requirement.level} ({requirement.id}) {requirement.text}")
            self._line("", requirement.url)
        for name, value in (
            ("expected", document["expected"]),
            ("actual", document["actual"]),
            ("control", result.control and f"the unmodified flow worked: {', '.join(result.control)}"),
            ("remedy", result.verdict in (Verdict.FAILED, Verdict.WARNING) and document["remedy"]),
            ("unlock", document["unlock"]),
        ):
            if value:
                self._line(name, str(value))
        for line in redactor_of(result, show_secrets=self._show_secrets).text(result.trace).splitlines():
            self._line("trace", line)
        if result.verdict is not Verdict.BLOCKED or result.culprit:
            self._show_exchanges(document["exchanges"], telling(result))

    def _show_exchanges(self, exchanges: list[dict[str, Any]], shown: slice) -> None:
        left_out = {"before": shown.start, "after": len(exchanges) - shown.stop}
        if any(left_out.values()):
            counts = " and ".join(f"{number} {where}" for where, number in left_out.items() if number)
            self._line("exchange", f"({counts} these; --json has them all)")
        for exchange in exchanges[shown]:
            response = exchange["response"]
            self._line("exchange", exchange["curl"])
            body = response["body"].replace("\n", " ")[:300]
            self._line("", f"→ {response['status'] or response['fault']} {body}")

    def _line(self, name: str, text: str) -> None:
        self._console.print(f"  {name:<9} {_plain(text)}")

    def _show_accepted(self, summary: Summary) -> None:
        accepted = [result for result in summary.results if result.accepted]
        if accepted:
            self._console.print("\nAccepted by the baseline:")
        for result in accepted:
            self._console.print(f"  {result.verdict} {escape(result.scenario.id)}: {_plain(result.accepted)}")
        for identifier, verdict in summary.stale.items():
            self._console.print(
                f"\n[red]STALE[/] {escape(identifier)} is in the baseline, but it {_no_longer(verdict)}"
            )

    def _show_areas(self, summary: Summary) -> None:
        table = Table(box=None, pad_edge=False, show_header=True, header_style="bold")
        table.add_column(
            "area", no_wrap=True, overflow="fold", min_width=max(map(len, map(_area, summary.results)), default=4)
        )
        for verdict in Verdict:
            table.add_column(HEADINGS.get(verdict, verdict.value), justify="right")
        by_area = sorted(summary.results, key=_area)
        for area, group in groupby(by_area, key=_area):
            results = list(group)
            counts = [sum(result.verdict is verdict for result in results) for verdict in Verdict]
            cells = [f"[{COLOURS[v]}]{n}[/]" if n else "·" for v, n in zip(Verdict, counts, strict=True)]
            table.add_row(area, *cells)
        self._console.print()
        self._console.print(table)

    def _show_totals(self, summary: Summary, *, interrupted: bool) -> None:
        judged, applicable = len(summary.judged), len(summary.applicable)
        seconds = summary.duration_ms / 1000
        self._console.print(
            f"\njudged {judged} of {applicable} applicable requirements "
            f"with {len(summary.results)} scenarios in {seconds:.1f} s"
        )
        if interrupted or summary.unfinished:
            self._console.print(f"[magenta]interrupted[/]: {summary.unfinished} scenarios had no turn")
        for hint in dict.fromkeys(result.unlock for result in summary.results if result.unlock):
            self._console.print(f"to judge more: {_plain(hint)}")


def _plain(text: str) -> str:
    """Return a text that neither moves the cursor nor forges a line: a target's words are shown, not obeyed."""
    return escape("".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text))


def _area(result: Result) -> str:
    return "/".join(result.scenario.id.split("/")[:2])


def _no_longer(verdict: str) -> str:
    return "passed: remove it" if verdict == Verdict.PASSED else f"is {verdict} now"
