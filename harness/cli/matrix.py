"""`mcp-assay matrix`: several runs side by side."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.documents import REPORT, check_output, read_reports, write_output
from harness.cli.endings import IncompleteError


@click.command("matrix")
@click.argument("reports", type=REPORT, nargs=-1, required=True, metavar="A.json B.json …")
@click.option("--html", type=REPORT, metavar="FILE", help="Write an HTML page too, whose areas open to scenarios.")
@click.pass_context
def command(ctx: click.Context, reports: tuple[Path, ...], html: Path | None) -> None:
    """Show several runs side by side, from their JSON reports: implementations as columns, areas as rows.

    A cell says how many scenarios passed, of how many that apply, and what the others are. The verdicts do not matter
    to the exit code: 0, or 2 for a file that is no report, or 3 when FILE could not be written.
    """
    if html:
        check_output(html, "--html", reports)
    documents = read_reports(reports)

    from reports.matrix import matrix_of, show
    from reports.matrix_page import render
    from reports.telling import console

    matrix = matrix_of(documents)
    show(console(), matrix)
    if html and not write_output(html, render(matrix)):
        ctx.exit(IncompleteError.exit_code)
