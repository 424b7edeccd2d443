"""A scenario that was run again, told to a person: which requests are the same, what was answered, and the verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console

from harness.replay import Compared, Difference, Message
from harness.verdict import Verdict
from reports.document import Document
from reports.telling import COLOURS, plain, show_result

SHOWN = 120
"""Signs of a value that are shown."""


def show_comparison(console: Console, compared: Sequence[Compared]) -> None:
    """Show each request with what is different in it and in its answer."""
    for number, item in enumerate(compared, 1):
        shown = item.now or item.then or {}
        state = "same" if item.same else "differs" if item.then and item.now else "not sent now" if item.then else "new"
        request = shown["request"]
        console.print(
            f"{number:>3}  {state:<8} {plain(request['method'])} {plain(request['url'].partition('?')[0][:SHOWN])}"
        )
        _show_differences(console, item.request)
        if item.then and item.now:
            answers = [_answer(item.then), _answer(item.now)]
            said = f"{answers[0]} → {answers[1]}" if answers[0] != answers[1] else f"{answers[0]}, as then"
            console.print(f"     answered {plain(said)}")
            _show_differences(console, item.answer)
    same = sum(item.same for item in compared)
    console.print(f"\n{same} of {len(compared)} requests are the same, but for what is made anew in each run")


def show_verdicts(console: Console, then: Document, now: Document) -> None:
    """Show both verdicts, what was seen then where it is another one now, and the whole result of now."""
    before, after = Verdict(then["verdict"]), Verdict(now["verdict"])
    console.print(f"\nverdict  [{COLOURS[before]}]{before}[/] → [{COLOURS[after]}]{after}[/]")
    if before is not after and then["actual"]:
        console.print(f"then     {plain(then['actual'])}")
    show_result(console, now)


def _show_differences(console: Console, differences: Iterable[Difference]) -> None:
    for item in differences:
        values = " → ".join("absent" if text is None else repr(text[:SHOWN]) for text in (item.then, item.now))
        console.print(f"     {plain(item.where[:SHOWN])}: {plain(values)}")


def _answer(exchange: Message) -> str:
    response = exchange["response"]
    return str(response["status"] or response["fault"] or "nothing")
