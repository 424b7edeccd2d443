"""How one result is told to a person: what was demanded, what came, the exchange, and what to change."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TextIO

from rich.console import Console
from rich.markup import escape

from harness.verdict import Verdict
from reports.commonmark import visible
from reports.document import Document, area_of, telling

COLOURS = {
    Verdict.PASSED: "green",
    Verdict.FAILED: "red",
    Verdict.WARNING: "yellow",
    Verdict.NOT_APPLICABLE: "dim",
    Verdict.BLOCKED: "magenta",
    Verdict.ERROR: "bold red",
}
BODY_SHOWN = 300


def console(stream: TextIO | None = None, *, colours: bool = True) -> Console:
    """Return a console that shows a text as it is; without a stream it is the standard output's."""
    return Console(file=stream, highlight=False, soft_wrap=True, emoji=False, color_system="auto" if colours else None)


def on_paper(show: Callable[[Console], object]) -> str:
    """Return what a function shows on a console, without colours."""
    stream = io.StringIO()
    show(console(stream, colours=False))
    return stream.getvalue()


def result_text(result: Document) -> str:
    """Return a result as the terminal shows it, without colours."""
    return on_paper(lambda console: show_result(console, result)).strip("\n")


def show_result(console: Console, result: Document) -> None:
    """Show one result with all that is needed to mend it."""
    verdict = Verdict(result["verdict"])
    console.print(f"\n[{COLOURS[verdict]}]{verdict.upper()}[/] [bold]{escape(result['scenario'])}[/]")
    _line(console, "", result["title"])
    for requirement in result["requirements"]:
        _line(console, "demanded", f"{requirement['level']} ({requirement['id']}) {requirement['text']}")
        _line(console, "", requirement["url"])
    control = result["control"] and f"the unmodified flow worked: {', '.join(result['control'])}"
    for name, value in (
        ("expected", result["expected"]),
        ("actual", result["actual"]),
        ("control", control),
        ("remedy", verdict in (Verdict.FAILED, Verdict.WARNING) and result["remedy"]),
        ("unlock", result["unlock"]),
    ):
        if value:
            _line(console, name, value)
    for line in result["trace"].splitlines():
        _line(console, "trace", line)
    if verdict is not Verdict.BLOCKED or result["culprit"] is not None:
        _show_exchanges(console, result)


def show_alike(console: Console, results: Sequence[Document]) -> None:
    """Show what is blocked by one thing: the ids, one line for each area, and the reason once."""
    first = results[0]
    verdict = Verdict(first["verdict"])
    console.print(f"\n[{COLOURS[verdict]}]{verdict.upper()}[/] [bold]{len(results)} scenarios[/]")
    for area, group in groupby(results, key=area_of):
        names = (result["scenario"].removeprefix(f"{area}/") for result in group)
        console.print(f"  [bold]{escape(area)}[/] {escape(', '.join(names))}")
    _line(console, "actual", first["actual"])
    if first["unlock"]:
        _line(console, "unlock", first["unlock"])
    if first["culprit"] is not None:
        _show_exchanges(console, first)


def printable(text: str) -> str:
    """Return a text that neither moves the cursor nor forges a line: a target's words are shown, not obeyed."""
    return visible(text)


def plain(text: str) -> str:
    """Return a printable text in which nothing is markup of the terminal report."""
    return escape(printable(text))


def _show_exchanges(console: Console, result: Document) -> None:
    exchanges, shown = result["exchanges"], telling(result)
    left_out = {"before": shown.start, "after": len(exchanges) - shown.stop}
    if any(left_out.values()):
        counts = " and ".join(f"{number} {where}" for where, number in left_out.items() if number)
        _line(console, "exchange", f"({counts} these; `mcp-assay run --json` has them all)")
    for exchange in exchanges[shown]:
        response = exchange["response"]
        _line(console, "exchange", exchange["curl"])
        body = response["body"].replace("\n", " ")[:BODY_SHOWN]
        _line(console, "", f"→ {response['status'] or response['fault']} {body}")


def _line(console: Console, name: str, text: str) -> None:
    console.print(f"  {name:<9} {plain(text)}")
