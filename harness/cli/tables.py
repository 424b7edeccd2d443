"""Tables: lined up for a person at a terminal, plain lines for a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import click

GAP = "  "


def show_table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; nothing is cut off, so that URLs can be pasted."""
    cells = [tuple(row) for row in rows]
    if sys.stdout.isatty():
        _rich(headers, cells)
    else:
        _plain(headers, cells)


def _rich(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, len(GAP), 0, 0))
    for header in headers:
        table.add_column(header, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console(highlight=False).print(table)


def _plain(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    lines = [tuple(headers), *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        click.echo(GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
