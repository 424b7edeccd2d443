"""`mcp-assay doctor`: what is missing, before anything is run."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.runtimes import base_image_option
from harness.request import TARGET_FILE

TIMEOUT = 10.0


@click.command("doctor")
@click.option(
    "--target",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"The target file; {TARGET_FILE} where there is one.",
)
@base_image_option
@click.pass_context
def command(ctx: click.Context, file: Path | None, base_image: str) -> None:
    """Say what is missing on this machine or in the target file, before anything is run.

    Exits with 0 when nothing stops a run, with 2 when this machine or the target file does, with 3 when the target
    does not answer. What is lacking stops nothing, but less can be judged.

    Where an engine for containers answers, it is also looked whether the issuer is the same from both sides: tokens are
    got on this machine and in a container, and each is presented on the other. Where no sandbox runs in containers,
    one is brought up for that, and removed.
    """
    from harness.cli.tables import show_table
    from harness.doctor import examine

    default = Path(TARGET_FILE)
    chosen = file or (default if default.exists() else None)
    findings = list(examine(chosen, TIMEOUT, base_image))
    show_table(("", "what", "finding"), [(item.state, item.subject, item.text) for item in findings])
    if not chosen:
        click.echo(f"\nthere is no {TARGET_FILE} here, so `mcp-assay run` judges the sandbox")
    ctx.exit(next((item.code for item in findings if item.code), 0))
