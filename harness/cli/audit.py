"""`mcp-assay audit`: work with the audit trails of the sandbox."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.endings import WrongTargetError

BROKEN = 1


@click.group("audit")
def command() -> None:
    """Work with the audit trails of the sandbox."""


@command.command("verify")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_context
def verify(ctx: click.Context, file: Path) -> None:
    """Check that no line of an audit trail was altered, dropped or moved.

    Exits with 0 when the chain is whole, with 1 when it is broken, each faulty line named, and with 2 when the file
    cannot be read.
    """
    from fixtures.service.audit import verify as check

    try:
        report = check(file)
    except OSError as fault:
        raise WrongTargetError(f"{file}: cannot be read: {fault.strerror}") from fault
    for number, problem in report.problems:
        click.echo(f"{file}:{number}: {problem}")
    if report.problems:
        broken = len({number for number, _ in report.problems})
        click.echo(f"{file}: the chain is broken at {broken} of {report.lines} lines")
        ctx.exit(BROKEN)
    click.echo(f"{file}: {report.lines} lines, the chain is whole")
