"""`mcp-assay down`: end the sandboxes that `up` and `serve-issuer` started."""

from __future__ import annotations

import click

from harness.cli.endings import IncompleteError


@click.command("down")
def command() -> None:
    """End the sandboxes that `up` and `serve-issuer` started, and remove the containers of any that died."""
    from harness.sandbox.registry import end_all

    try:
        ended = end_all()
    except (TimeoutError, PermissionError) as fault:
        raise IncompleteError(f"a sandbox could not be ended: {fault}") from fault
    for record in ended:
        click.echo(f"ended the sandbox of process {record.pid} at {', '.join(record.urls.values())}")
    removed = _remove_containers()
    for name in removed:
        click.echo(f"removed {name}")
    if not ended and not removed:
        click.echo("no sandbox is running")


def _remove_containers() -> list[str]:
    """Remove what sandboxes left whose process is gone, where there is an engine."""
    from harness.sandbox.containers.engine import Engine, EngineError, has_engine
    from harness.sandbox.containers.faults import KeptError
    from harness.sandbox.containers.leftovers import sweep

    if not has_engine():
        return []
    try:
        with Engine.connect() as engine:
            return sweep(engine)
    except KeptError as fault:
        raise IncompleteError(str(fault)) from fault
    except EngineError as fault:
        raise IncompleteError(f"containers could not be looked for: {fault}") from fault
