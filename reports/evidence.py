"""The exchanges of a result as the page shows them, and how much of them fits into the page."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.verdict import Verdict
from reports.captions import answered, asked, status_text
from reports.document import Document, telling
from reports.html_page import SIGNS, shown
from reports.sequence import PARTICIPANTS, Diagram, diagram

MARKS = {
    Verdict.FAILED: "this shows the violation",
    Verdict.WARNING: "this shows the deviation",
    Verdict.BLOCKED: "this stood in the way",
    Verdict.ERROR: "here it went wrong",
    Verdict.NOT_APPLICABLE: "this shows the absence",
}


@dataclass(frozen=True)
class Share:
    """How much of a result's evidence is shown.

    Attributes:
        exchanges: how many, the telling one the last.
        signs: how much of each command line and body, in characters.
        drawn: whether there is a diagram.
    """

    exchanges: int
    signs: int
    drawn: bool


WHOLE = Share(6, 2400, drawn=True)
SHARES = (Share(1, 240, drawn=False), Share(3, 500, drawn=True), Share(4, 1200, drawn=True), WHOLE)
"""From the least to the most."""


@dataclass(frozen=True)
class Clip:
    """The beginning of a text, and how many characters come after it."""

    text: str
    more: int


@dataclass(frozen=True)
class ShownExchange:
    """One exchange; `marked` says that it is the proof."""

    number: int
    way: str
    asked: str
    status: str
    milliseconds: float
    curl: Clip
    headers: Clip
    body: Clip
    marked: bool


@dataclass(frozen=True)
class Evidence:
    """What is shown of a result's exchanges, and how many came before and after these."""

    scenario: str
    diagram: Diagram | None
    exchanges: tuple[ShownExchange, ...]
    before: int
    after: int


def evidence(result: Document, share: Share) -> Evidence:
    """Return what is shown of a result's exchanges, of which there is at least one."""
    every = len(result["exchanges"])
    end = every if every <= share.exchanges else telling(result).stop
    start = max(0, end - share.exchanges)
    chosen, culprit = result["exchanges"][start:end], result["culprit"]
    verdict = Verdict(result["verdict"])
    drawing = diagram(
        chosen,
        first=start + 1,
        judged=result["role"],
        culprit=None if culprit is None else culprit - start,
        mark=f"{SIGNS[verdict]} {MARKS.get(verdict, '')}",
    )
    return Evidence(
        scenario=result["scenario"],
        diagram=drawing if share.drawn else None,
        exchanges=tuple(
            _shown(exchange, number, share.signs, marked=number == culprit)
            for number, exchange in enumerate(chosen, start)
        ),
        before=start,
        after=every - end,
    )


def fitting(
    results: Sequence[Document], draw: Callable[[Evidence], Markup], room: int
) -> tuple[dict[str, Markup], int]:
    """Draw as much evidence as there is room for.

    All of it where it fits; else each in its turn gets the least share, and what is then left makes shares larger.

    Args:
        results: those with exchanges, the most important first.
        draw: makes markup of evidence.
        room: in bytes.

    Returns:
        The markup by scenario, and how many of these show less than the whole share.
    """
    drawn = _filled(results, draw, (WHOLE,), room)
    if len(drawn) < len(results):
        drawn = _filled(results, draw, SHARES, room)
    shortened = sum(share is not WHOLE for share, _ in drawn.values())
    return {name: markup for name, (_, markup) in drawn.items()}, shortened


def _filled(
    results: Sequence[Document], draw: Callable[[Evidence], Markup], shares: Sequence[Share], room: int
) -> dict[str, tuple[Share, Markup]]:
    """Give each result the first share, then the next, until there is no more room."""
    filled: dict[str, tuple[Share, Markup]] = {}
    for share in shares:
        for result in results:
            name, markup = result["scenario"], draw(evidence(result, share))
            room -= size(markup) - (size(filled[name][1]) if name in filled else 0)
            if room < 0:
                return filled
            filled[name] = share, markup
    return filled


def size(text: str) -> int:
    """Return the size of a text in a file, in bytes."""
    return len(text.encode())


def clip(text: str, signs: int) -> Clip:
    """Return the beginning of a text, every character of it visible."""
    return Clip(shown(text[:signs]), max(0, len(text) - signs))


def _shown(exchange: Document, number: int, signs: int, *, marked: bool) -> ShownExchange:
    response = exchange["response"]
    sender, recipient = (PARTICIPANTS[exchange[end]].lower() for end in ("sender", "recipient"))
    return ShownExchange(
        number=number + 1,
        way=f"{sender} → {recipient}".replace("mcp", "MCP"),
        asked=shown(asked(exchange)[0][:200]),
        status=status_text(response["status"]) if response["status"] else shown(": ".join(answered(exchange))[:200]),
        milliseconds=response["elapsed_ms"],
        curl=clip(_by_line(exchange["curl"]), signs),
        headers=clip("\n".join(f"{name}: {value}" for name, value in response["headers"]), signs),
        body=clip(_indented(response["body"]), signs),
        marked=marked,
    )


def _by_line(command: str) -> str:
    """Return a curl command line with one option a line; in a shell it means the same.

    Behind `curl -i -X METHOD URL`, options and their values alternate.
    """
    try:
        words = shlex.split(command)
    except ValueError:  # a report that was written by hand
        return command
    lines = [shlex.join(words[:5]), *(shlex.join(pair) for pair in _pairs(words[5:]))]
    return " \\\n  ".join(lines)


def _pairs(words: Sequence[str]) -> Iterable[Sequence[str]]:
    return (words[place : place + 2] for place in range(0, len(words), 2))


def _indented(body: str) -> str:
    """Return a JSON body in lines; any other as it is."""
    try:
        content = json.loads(body)
        return json.dumps(content, indent=2, ensure_ascii=False) if isinstance(content, dict | list) else body
    except (ValueError, RecursionError):
        return body
