"""`mcp-assay up`: bring up the sandbox, say where everything is, and keep it running."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click

from harness.cli.endings import IncompleteError, WrongTargetError
from harness.sandbox.sockets import DEFAULT_PORT, HIGHEST_BASE

if TYPE_CHECKING:
    from harness.sandbox.embedded import EmbeddedSandbox

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Told(BaseException):
    """A signal asked for the end."""


@click.command("up")
@click.option(
    "--port",
    type=click.IntRange(0, HIGHEST_BASE),
    default=DEFAULT_PORT,
    show_default=True,
    help="The first port; the others are 1, 2, 10, 11 and 12 above it. 0 takes free ones.",
)
@click.option("--mutant", metavar="ID", help="Let one service have one thing wrong; `list mutants` names them.")
def command(port: int, mutant: str | None) -> None:
    """Bring up the sandbox and keep it running until Ctrl-C, SIGTERM or `mcp-assay down`.

    Prints what can be pasted into an MCP client, who can sign in, which agents there are, and where the control planes
    are, which move the clock, reset the state, show the requests and make services fail.
    """
    from harness.sandbox.embedded import EmbeddedSandbox
    from harness.sandbox.errors import SandboxError

    _check_mutant(mutant)
    sandbox = EmbeddedSandbox(port, mutant=mutant)
    try:
        with _told_by_signals():
            sandbox.launch()
            _keep(sandbox)
    except _Told:
        pass
    except SandboxError as fault:
        raise WrongTargetError(str(fault)) from fault
    finally:
        sandbox.stop()


def _check_mutant(mutant: str | None) -> None:
    if mutant is None:
        return
    from fixtures.mutants import all_mutants
    from harness.names import nearest

    known = [item.id for item in all_mutants()]
    if mutant not in known:
        raise WrongTargetError(f"no mutant is called {mutant}{nearest(mutant, known)}")


@contextmanager
def _told_by_signals() -> Iterator[None]:
    """Turn the first signal that asks for the end into an exception; later ones do not disturb the tidying up.

    What our parent had us ignore, as nohup does, stays ignored.
    """
    heeded = [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]

    def told(_number: int, _frame: FrameType | None) -> NoReturn:
        for each in heeded:
            signal.signal(each, signal.SIG_IGN)
        raise _Told

    before = {number: signal.signal(number, told) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is told:
                signal.signal(number, handler)


def _keep(sandbox: EmbeddedSandbox) -> None:
    from harness.cli.directory import directory
    from harness.cli.tables import show_table

    tables = directory(sandbox)
    sandbox.await_ready()
    with _recorded(sandbox):
        click.echo("The sandbox is ready. It ends with Ctrl-C or `mcp-assay down`.")
        for headers, rows in tables:
            click.echo()
            show_table(headers, rows)
        click.echo(f"\nThe control planes want the header: Authorization: Bearer {sandbox.control_token}")
        sys.stdout.flush()
        _wait(sandbox)


@contextmanager
def _recorded(sandbox: EmbeddedSandbox) -> Iterator[None]:
    from harness.sandbox.layout import SERVICES
    from harness.sandbox.registry import recorded

    with ExitStack() as stack:
        try:
            stack.enter_context(recorded({service: sandbox.layout.place(service).url for service in SERVICES}))
        except OSError as fault:
            click.echo(f"`mcp-assay down` will not find this sandbox: {fault.strerror}: {fault.filename}", err=True)
        yield


def _wait(sandbox: EmbeddedSandbox) -> NoReturn:
    """Wait for a signal, or for the end of a service.

    Each signal leaves a byte in a socket, so that one which comes just before the wait ends it too.

    Raises:
        IncompleteError: a service ended of itself.
    """
    reader, writer = socket.socketpair()
    with reader, writer:
        writer.setblocking(False)
        fd_before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        before = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        try:
            while not sandbox.ended:
                reader.recv(1)
        finally:
            signal.signal(signal.SIGCHLD, before)
            signal.set_wakeup_fd(fd_before)
    raise IncompleteError(f"the {' and the '.join(sandbox.ended)} of the sandbox ended; so does the rest")
