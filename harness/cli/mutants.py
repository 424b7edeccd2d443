"""`mcp-assay mutants`: the matrix that shows that every scenario can fail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from harness.cli.endings import WrongTargetError

if TYPE_CHECKING:
    from fixtures.mutants import Mutant
    from harness.mutation import Row

INEXACT = 1
COLUMNS = ("declared", "caught", "missed", "extra", "seconds")


@click.command("mutants")
@click.argument("ids", nargs=-1, metavar="[ID…]")
@click.option("--area", help="Only the scenarios of an area, such as as/pkce, and the mutants that they must catch.")
@click.pass_context
def command(ctx: click.Context, ids: tuple[str, ...], area: str | None) -> None:
    """Judge mutants of the sandbox: each has one thing wrong and declares which scenarios it fails.

    For each mutant: how many scenarios were declared, caught it, missed it, and failed it without being declared.
    Exits with 0 when what was caught is what was declared, for all of them; with 1 otherwise.
    """
    from harness.mutation import run_matrix

    only = frozenset() if area is None else _scenarios_of(area)
    chosen = tuple(mutant for mutant in _chosen(ids) if not only or mutant.fails & only)
    if not chosen:
        raise WrongTargetError(f"none of these mutants is to be caught by a scenario of {area}")
    rows = tuple(_shown(run_matrix(chosen, only), len(chosen)))
    _totals(rows)
    ctx.exit(0 if all(row.exact for row in rows) else INEXACT)


def _chosen(ids: Iterable[str]) -> tuple[Mutant, ...]:
    from fixtures.mutants import all_mutants
    from harness.names import nearest

    known = {mutant.id: mutant for mutant in all_mutants()}
    wanted = tuple(dict.fromkeys(ids))
    unknown = [identifier for identifier in wanted if identifier not in known]
    if unknown:
        raise WrongTargetError("\n".join(f"no mutant is called {name}{nearest(name, known)}" for name in unknown))
    return tuple(known[name] for name in wanted) or tuple(known.values())


def _scenarios_of(area: str) -> frozenset[str]:
    """Return the ids of an area's scenarios; its name may go with the role's beginning, or without."""
    from harness.names import nearest
    from harness.scenario import load_scenarios

    areas: dict[str, set[str]] = {}
    for identifier in load_scenarios():
        role, name, _ = identifier.split("/", 2)
        for known in (name, f"{role}/{name}"):
            areas.setdefault(known, set()).add(identifier)
    if area not in areas:
        raise WrongTargetError(f"no area is called {area}{nearest(area, areas)}")
    return frozenset(areas[area])


def _shown(rows: Iterable[Row], expected: int) -> Iterator[Row]:
    """Print each row as it becomes known, and pass it on."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(highlight=False, soft_wrap=True)
    console.print(_line("mutant", *COLUMNS), style="bold")
    columns = (TextColumn("mutants"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("mutants", total=expected)
        for row in rows:
            counts = (str(len(part)) for part in (row.declared, row.caught, row.missed, row.extra))
            console.print(_line(row.mutant, *counts, f"{row.seconds:.1f}"), style="green" if row.exact else "red")
            for word, identifiers in (("missed", row.missed), ("extra", row.extra)):
                for identifier in sorted(identifiers):
                    console.print(f"  {word} {identifier}", style="red")
            progress.advance(task)
            yield row


def _line(mutant: str, *cells: str) -> str:
    return f"{mutant:<48}" + "".join(f"{cell:>10}" for cell in cells)


def _totals(rows: Sequence[Row]) -> None:
    inexact = [row for row in rows if not row.exact]
    scenarios = frozenset[str]().union(*(row.caught for row in rows))
    click.echo(
        f"\n{len(rows)} mutants, {len(rows) - len(inexact)} exactly as declared; "
        f"{len(scenarios)} scenarios failed at least one of them"
    )
    for row in inexact:
        click.echo(f"not as declared: {row.mutant} ({row.summary})")
