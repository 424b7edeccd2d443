"""`mcp-assay down`: end the sandboxes that `up` and `serve-issuer` started."""

from __future__ import annotations

import click

from harness.cli.endings import IncompleteError


@click.command("down")
def command() -> None:
    """End the sandboxes that `up` and `serve-issuer` started."""
    from harness.sandbox.registry import end_all

    try:
        ended = end_all()
    except (TimeoutError, PermissionError) as fault:
        raise IncompleteError(f"a sandbox could not be ended: {fault}") from fault
    for record in ended:
        click.echo(f"ended the sandbox of process {record.pid} at {', '.join(record.urls.values())}")
    if not ended:
        click.echo("no sandbox is running")
