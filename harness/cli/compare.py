"""`mcp-assay compare`: what changed from one run to another."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.documents import REPORT, check_output, read_reports, write_output
from harness.cli.endings import IncompleteError


@click.command("compare")
@click.argument("old", type=REPORT, metavar="OLD.json")
@click.argument("new", type=REPORT, metavar="NEW.json")
@click.option("--markdown", type=REPORT, metavar="FILE", help="Write the comparison as Markdown too.")
@click.pass_context
def command(ctx: click.Context, old: Path, new: Path, markdown: Path | None) -> None:
    """Compare two runs, from their JSON reports: regressions, fixes, new and gone scenarios.

    A regression is a violation where there was none, or a failure where there was a warning; one that the new run's
    baseline accepts is listed apart. What cannot be judged any more counts as worse. A violation in a scenario that is
    new, or could not be judged before, is listed and is no regression; neither is what does not apply any more.

    Exits with 0 when nothing is worse, 1 when something is worse, 2 for a file that is no report, and 3 when the new
    run was ended early, the two have no scenario in common, or FILE could not be written.
    """
    if markdown:
        check_output(markdown, "--markdown", (old, new))
    before, after = read_reports((old, new))

    from reports import compare_markdown, compare_text
    from reports.compare import compare
    from reports.telling import console

    comparison = compare(before, after)
    compare_text.show(console(), comparison)
    written = not markdown or write_output(markdown, compare_markdown.render(comparison))
    ctx.exit(comparison.exit_code or (0 if written else IncompleteError.exit_code))
