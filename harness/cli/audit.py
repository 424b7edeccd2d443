"""`mcp-assay audit`: work with the audit trails of the sandbox."""

from __future__ import annotations

import re
from pathlib import Path

import click

from harness.cli.endings import WrongTargetError

BROKEN = 1
_HASH = re.compile(r"[0-9a-f]{64}")


def _hash(_ctx: click.Context, _parameter: click.Parameter, value: str) -> str:
    if value and not _HASH.fullmatch(value):
        raise click.BadParameter("a hash as `mcp-assay audit verify` prints it is wanted: 64 hexadecimal digits")
    return value


@click.group("audit")
def command() -> None:
    """Work with the audit trails of the sandbox."""


@command.command("verify")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--anchor", metavar="HASH", default="", callback=_hash, help="A hash that the trail must still hold.")
@click.pass_context
def verify(ctx: click.Context, file: Path, anchor: str) -> None:
    """Check that no line of an audit trail was altered, dropped or moved.

    The last line's hash is printed. Kept elsewhere, and given as --anchor later, it shows that no line up to it has
    gone since, which the chain alone does not tell of lines at its very end.

    Exits with 0 when the chain is whole, with 1 when it is broken, each faulty line named, and with 2 when the file
    cannot be read.
    """
    from fixtures.service.audit import verify as check

    try:
        report = check(file, anchor)
    except OSError as fault:
        raise WrongTargetError(f"{file}: cannot be read: {fault.strerror}") from fault
    for number, problem in report.problems:
        click.echo(f"{file}:{number}: {problem}")
    if report.problems:
        broken = len({number for number, _ in report.problems})
        click.echo(f"{file}: the chain is broken at {broken} of {report.lines} lines")
        ctx.exit(BROKEN)
    click.echo(f"{file}: {report.lines} lines, the chain is whole; its last hash is {report.head}")
