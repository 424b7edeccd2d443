"""Several runs side by side: implementations as columns, areas and their scenarios as rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from textwrap import wrap

from rich.console import Console
from rich.table import Table

from harness.verdict import Verdict
from reports.document import Document, area_of
from reports.overview import WORST_FIRST
from reports.runs import asked, ended_early, judged, started
from reports.telling import COLOURS, plain

TOLD = {Verdict.NOT_APPLICABLE: "n/a"}
NOT_ASKED = "·"
WIDEST = 24
"""How many characters of a name stand in a line of the text."""
FAR_TOO_WIDE = 10_000


@dataclass(frozen=True)
class Cell:
    """What one run says of an area, or of everything.

    Attributes:
        counts: how many scenarios have each verdict; nothing where none was asked.
    """

    counts: Counter[Verdict]

    @property
    def total(self) -> int:
        """How many scenarios apply: what is not applicable counts neither for nor against."""
        return self.counts.total() - self.counts[Verdict.NOT_APPLICABLE]

    @property
    def worst(self) -> Verdict | None:
        """The verdict that gives the cell its colour; None where nothing was asked."""
        return next((verdict for verdict in WORST_FIRST if self.counts[verdict]), None)

    @property
    def ratio(self) -> str:
        """Passed of applicable, as `7/9`."""
        if not self.counts:
            return NOT_ASKED
        return f"{self.counts[Verdict.PASSED]}/{self.total}" if self.total else TOLD[Verdict.NOT_APPLICABLE]

    @property
    def rest(self) -> tuple[tuple[Verdict, str], ...]:
        """What is not passed, told apart, such as `2 failed`; all n/a says itself in the ratio already."""
        verdicts = [verdict for verdict in WORST_FIRST if verdict is not Verdict.PASSED and self.total]
        return tuple((item, f"{self.counts[item]} {TOLD.get(item, item)}") for item in verdicts if self.counts[item])


@dataclass(frozen=True)
class Column:
    """One run.

    Attributes:
        name: the target's name, numbered where several have the same.
        notes: what limits what it can say, such as selectors.
    """

    name: str
    document: Document
    total: Cell
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One scenario: its result in each run, or None where it was not asked; `told` is one that there is."""

    scenario: str
    results: tuple[Document | None, ...]
    told: Document

    @property
    def verdicts(self) -> tuple[str, ...]:
        """The verdict in each run; an empty one where it was not asked."""
        return tuple(result["verdict"] if result else "" for result in self.results)


@dataclass(frozen=True)
class Area:
    """An area, such as `as/pkce`: a cell for each run, and its scenarios."""

    id: str
    cells: tuple[Cell, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Matrix:
    """Several runs: the columns in the order in which they came, the areas in order of id."""

    columns: tuple[Column, ...]
    areas: tuple[Area, ...]

    @property
    def specs(self) -> tuple[str, ...]:
        """The revisions of MCP that were judged by, each once."""
        return tuple(dict.fromkeys(column.document["spec"] for column in self.columns))


def matrix_of(documents: Sequence[Document]) -> Matrix:
    """Return runs side by side; there is at least one."""
    found = [{result["scenario"]: result for result in document["results"]} for document in documents]
    rows = [_row(scenario, found) for scenario in sorted(set().union(*found))]
    grouped = groupby(sorted(rows, key=lambda row: area_of(row.told)), key=lambda row: area_of(row.told))
    areas = tuple(_area(name, tuple(group), len(documents)) for name, group in grouped)
    columns = (
        Column(name, document, _cell(document["results"]), tuple(_notes(document)))
        for name, document in zip(_names(documents), documents, strict=True)
    )
    return Matrix(tuple(columns), areas)


def show(console: Console, matrix: Matrix) -> None:
    """Show the runs, then a table of areas: passed of applicable, and what is not passed."""
    for column in matrix.columns:
        document = column.document
        about = f"MCP {document['spec']}, {document['tool']}, {started(document)}"
        console.print(f"[bold]{plain(column.name)}[/]  {plain(about)}")
        console.print(f"  {judged(document)}")
        for note in column.notes:
            console.print(f"  [yellow]{plain(note)}[/]")
    if len(matrix.specs) > 1:
        console.print(f"[yellow]they were judged by different revisions of MCP: {', '.join(matrix.specs)}[/]")
    console.print()
    if not console.is_terminal:
        console.width = FAR_TOO_WIDE  # a file and a pipe have no edge at which a cell must go on below
    console.print(_table(matrix))
    console.print(f"\npassed/applicable scenarios; {NOT_ASKED} was not asked, n/a is not applicable")


def _table(matrix: Matrix) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    areas = [*((area.id, area.cells) for area in matrix.areas), ("all", [column.total for column in matrix.columns])]
    table.add_column("area", no_wrap=True, min_width=max(len(name) for name, _ in areas))
    for column in matrix.columns:
        table.add_column("\n".join(map(plain, wrap(column.name, WIDEST))), overflow="fold", min_width=9)
    for name, cells in areas:
        table.add_row(plain(name), *map(_shown, cells))
    return table


def _shown(cell: Cell) -> str:
    if cell.worst is None:
        return f"[dim]{NOT_ASKED}[/]"
    rest = "".join(f", [{COLOURS[verdict]}]{text}[/]" for verdict, text in cell.rest)
    return f"[{COLOURS[cell.worst]}]{cell.ratio}[/]{rest}"


def _row(scenario: str, found: Sequence[dict[str, Document]]) -> Row:
    results = tuple(results.get(scenario) for results in found)
    return Row(scenario, results, next(result for result in results if result))


def _area(name: str, rows: tuple[Row, ...], runs: int) -> Area:
    cells = (_cell(result for row in rows if (result := row.results[place])) for place in range(runs))
    return Area(name, tuple(cells), rows)


def _cell(results: Iterable[Document]) -> Cell:
    return Cell(Counter(Verdict(result["verdict"]) for result in results))


def _names(documents: Sequence[Document]) -> Iterable[str]:
    """Return the names of the targets; where several are the same, each is numbered."""
    names = [document["target"] for document in documents]
    seen: Counter[str] = Counter()
    for name in names:
        seen[name] += 1
        yield f"{name} ({seen[name]})" if names.count(name) > 1 else name


def _notes(document: Document) -> Iterable[str]:
    if only := asked(document):
        yield f"asked for {only} only"
    if ended_early(document):
        yield "ended early"
