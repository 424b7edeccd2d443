"""`mcp-assay up`: bring up the sandbox, say where everything is, and keep it running."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from harness.cli.endings import WrongTargetError
from harness.cli.runtimes import Runtime, runtime_options
from harness.sandbox.sockets import DEFAULT_PORT, HIGHEST_BASE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.cli.directory import Table
    from harness.sandbox.runtime import StartedSandbox


@click.command("up")
@click.option(
    "--port",
    type=click.IntRange(0, HIGHEST_BASE),
    default=DEFAULT_PORT,
    show_default=True,
    help="The first port; the others are 1, 2, 10, 11 and 12 above it. 0 takes free ones.",
)
@click.option("--mutant", metavar="ID", help="Let one service have one thing wrong; `list mutants` names them.")
@runtime_options
def command(port: int, mutant: str | None, **others: Any) -> None:
    """Bring up the sandbox and keep it running until Ctrl-C, SIGTERM or `mcp-assay down`.

    Prints what can be pasted into an MCP client, who can sign in, which agents there are, and where the control planes
    are, which move the clock, reset the state, show the requests and make services fail.

    With --runtime docker the services run in containers, whose image is built the first time. The URLs are the same for
    a browser here and in every container that shares the sandbox's network.
    """
    from harness.cli.directory import directory
    from harness.cli.keeping import keep
    from harness.sandbox.errors import SandboxError

    _check_mutant(mutant)
    with ExitStack() as stack:
        try:
            sandbox = Runtime.taken_from(others).sandbox(stack, port, mutant=mutant)
        except SandboxError as fault:
            raise WrongTargetError(str(fault)) from fault
        keep(sandbox, lambda: directory(sandbox), lambda tables: _say(sandbox, tables), usable=mutant is None)


def _check_mutant(mutant: str | None) -> None:
    if mutant is None:
        return
    from fixtures.mutants import all_mutants
    from harness.names import nearest

    known = [item.id for item in all_mutants()]
    if mutant not in known:
        raise WrongTargetError(f"no mutant is called {mutant}{nearest(mutant, known)}")


def _say(sandbox: StartedSandbox, tables: Sequence[Table]) -> None:
    from harness.cli.tables import show_table

    click.echo("The sandbox is ready. It ends with Ctrl-C or `mcp-assay down`.")
    for headers, rows in tables:
        click.echo()
        show_table(headers, rows)
    click.echo(f"\nThe control planes want the header: Authorization: Bearer {sandbox.control_token}")
    if network := sandbox.network:
        click.echo(f"Let a container of your own share the network: docker run --network container:{network} IMAGE")
    if sandbox.authority:
        click.echo(
            f"Import this root certificate where the sandbox is to be trusted:\n{sandbox.authority.root}", nl=False
        )
