"""The sequence diagram of some exchanges: who spoke to whom, laid out for a drawing.

Only participants that take part have a lifeline. A step is a request and what came back; both have up to two lines of
text above their arrow. Lengths are in the units of the drawing, which are pixels where there is room for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.captions import answered, asked
from reports.document import Document
from reports.html_page import shown

PARTICIPANTS = {
    "client": "Client",
    "browser": "Browser",
    "authorization-server": "Authorization server",
    "identity-provider": "Identity provider",
    "mcp-server": "MCP server",
    "downstream-api": "Downstream service",
}
"""What each is called, from left to right."""
_GAPS = {2: 460, 3: 350, 4: 260}
"""How far lifelines are from each other, by their number; more stand as close as four."""
_MARGIN, _HEAD, _LINE, _AFTER = 100, 40, 16, 12
_SIGN = 7.3
"""How wide a sign of the text is, in a monospace font of 12."""


@dataclass(frozen=True)
class Lifeline:
    """A participant; `judged` says that the scenario is about it."""

    name: str
    x: int
    judged: bool


@dataclass(frozen=True)
class Arrow:
    """One message: where its line runs, and the lines of text above it, each with its height."""

    start: int
    end: int
    y: int
    texts: tuple[tuple[int, str], ...]

    @property
    def left(self) -> int:
        """Where its text begins."""
        return min(self.start, self.end) + 10

    @property
    def turn(self) -> int:
        """1 where it points to the right, -1 where it points to the left."""
        return 1 if self.end > self.start else -1


@dataclass(frozen=True)
class Step:
    """An exchange: its number in the scenario, its height, its arrows, and the mark of the one that is the proof."""

    number: int
    top: int
    height: int
    arrows: tuple[Arrow, Arrow]
    mark: str


@dataclass(frozen=True)
class Diagram:
    """Everything that is drawn."""

    width: int
    height: int
    lifelines: tuple[Lifeline, ...]
    steps: tuple[Step, ...]


def diagram(exchanges: Sequence[Document], *, first: int, judged: str, culprit: int | None, mark: str) -> Diagram:
    """Lay out exchanges.

    Args:
        exchanges: at least one.
        first: the number of the first.
        judged: the role that the scenario judges.
        culprit: the place among them of the one that is marked.
        mark: what is written there.
    """
    present = {name for exchange in exchanges for name in (exchange["sender"], exchange["recipient"])}
    names = [name for name in PARTICIPANTS if name in present]
    gap = _GAPS.get(len(names), _GAPS[4])
    places = {name: _MARGIN + number * gap for number, name in enumerate(names)}
    lifelines = tuple(Lifeline(PARTICIPANTS[name], places[name], name == judged) for name in names)
    steps: list[Step] = []
    top = _HEAD
    for place, exchange in enumerate(exchanges):
        steps.append(_step(exchange, places, first + place, top, mark if place == culprit else ""))
        top += steps[-1].height
    return Diagram(2 * _MARGIN + (len(names) - 1) * gap, top + _AFTER, lifelines, tuple(steps))


def _step(exchange: Document, places: dict[str, int], number: int, top: int, mark: str) -> Step:
    sender, recipient = places[exchange["sender"]], places[exchange["recipient"]]
    there = _arrow(sender, recipient, top + _AFTER + (_LINE if mark else 0), asked(exchange))
    back = _arrow(recipient, sender, there.y + _AFTER, answered(exchange))
    return Step(number, top, back.y + _AFTER - top, (there, back), mark)


def _arrow(start: int, end: int, top: int, texts: tuple[str, str]) -> Arrow:
    room = int((abs(end - start) - 20) / _SIGN)
    lines = tuple((top + _LINE * number, _fitting(text, room)) for number, text in enumerate(filter(None, texts), 1))
    return Arrow(start, end, top + _LINE * len(lines) + 7, lines)


def _fitting(text: str, room: int) -> str:
    seen = shown(" ".join(text[: 4 * room].split()))
    return seen if len(seen) <= room else f"{seen[: room - 1]}…"
