"""`mcp-assay verify`: whether an evidence bundle is whole."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.endings import WrongTargetError

PATH = click.Path(dir_okay=True, path_type=Path)
NOT_WHOLE = 1
MEANING = """\
The hashes show that these files belong together, not who made them: whoever changes a file can make a new manifest.
Compare the manifest's SHA-256 with the one that the maker of the bundle published."""


@click.command("verify")
@click.argument("file", type=PATH, metavar="FILE.zip")
@click.pass_context
def command(ctx: click.Context, file: Path) -> None:
    """Say whether an evidence bundle is whole: every file as its manifest says, none missing, none added.

    Exits with 0 when it is, with 1 when it is not, and with 2 when the file is no bundle.
    """
    from reports.bundle_reading import BundleError, read_bundle

    try:
        bundle = read_bundle(file)
    except BundleError as fault:
        raise WrongTargetError(str(fault)) from fault
    said = bundle.manifest
    click.echo(f"target    {_shown(said['target'])}, by MCP {_shown(said['spec'])}")
    click.echo(f"run       {_shown(said['started'])}, {_shown(said['tool'])}, seed {said['seed']}")
    click.echo(f"ended     with exit code {said['exit_code']}")
    click.echo(f"manifest  SHA-256 {bundle.digest}")
    if not bundle.differences:
        click.echo(f"\n{file} verifies: {len(said['files'])} files, {bundle.size} bytes.\n{MEANING}")
        return
    click.echo(f"\n{file} does not verify:")
    for difference in bundle.differences:
        click.echo(f"  {difference}")
    ctx.exit(NOT_WHOLE)


def _shown(text: str) -> str:
    """Return what a bundle says on one line, without signs that a terminal obeys."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text[:200])
