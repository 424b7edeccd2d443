"""How a command keeps a sandbox running until it is told to end."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, TypeVar

import click

from harness.cli.endings import IncompleteError, WrongTargetError

if TYPE_CHECKING:
    from harness.sandbox.runtime import StartedSandbox

T = TypeVar("T")
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Told(BaseException):
    """A signal asked for the end."""


def keep(sandbox: StartedSandbox, prepare: Callable[[], T], say: Callable[[T], None], *, usable: bool) -> None:
    """Start a sandbox, say where it is, and return when a signal asked for the end; it has ended then.

    Args:
        sandbox: as it was made.
        prepare: gets ready what is to be said, while the services start.
        say: says it when they are ready.
        usable: whether a run whose target trusts the sandbox at this port may use this one.

    Raises:
        WrongTargetError: it does not start.
        IncompleteError: a service ended of itself.
    """
    from harness.sandbox.errors import SandboxError

    try:
        with _told_by_signals():
            sandbox.launch()
            prepared = prepare()
            sandbox.await_ready()
            with _recorded(sandbox, usable=usable):  # until it has ended: `down` waits for that, and `up` may follow
                try:
                    say(prepared)
                    sys.stdout.flush()
                    _wait(sandbox)
                finally:
                    sandbox.stop()
    except _Told:
        pass
    except SandboxError as fault:
        raise WrongTargetError(str(fault)) from fault
    finally:
        sandbox.stop()


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


@contextmanager
def _recorded(sandbox: StartedSandbox, *, usable: bool) -> Iterator[None]:
    from harness.sandbox.attached import handle_of
    from harness.sandbox.registry import recorded

    handle = handle_of(sandbox) if usable else None
    urls = {service: sandbox.layout.place(service).url for service in sandbox.services}
    with ExitStack() as stack:
        try:
            stack.enter_context(recorded(urls, handle))
        except OSError as fault:
            click.echo(f"`mcp-assay down` will not find this sandbox: {fault.strerror}: {fault.filename}", err=True)
        yield


def _wait(sandbox: StartedSandbox) -> NoReturn:
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
        sandbox.on_end(partial(_wake, writer))
        try:
            while not sandbox.ended:
                reader.recv(1)
        finally:
            signal.signal(signal.SIGCHLD, before)
            signal.set_wakeup_fd(fd_before)
    raise IncompleteError(f"the {' and the '.join(sandbox.ended)} of the sandbox ended; so does the rest")


def _wake(writer: socket.socket) -> None:
    with suppress(OSError):  # it is full, or nobody waits any more
        writer.send(b"\0")
