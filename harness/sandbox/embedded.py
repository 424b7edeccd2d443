"""The embedded runtime: the trio in child processes on loopback, ready in under a second, gone with its parent."""

from __future__ import annotations

import selectors
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from fixtures.service.clock import Clock
from harness.sandbox.child import Child, environment
from harness.sandbox.errors import SandboxError
from harness.sandbox.programs import Told, program
from harness.sandbox.runtime import READY_SECONDS, Given, StartedSandbox, unready
from harness.sandbox.sockets import Sockets

if TYPE_CHECKING:
    from harness.sandbox.authority import TlsFiles

TOKEN_VARIABLE = "MCP_ASSAY_CONTROL_TOKEN"  # noqa: S105 - a variable's name


class EmbeddedSandbox(StartedSandbox):
    """A sandbox in child processes.

    Attributes:
        directory: where its clock and its audit files are.

    Args:
        port: the base of the six ports; None or 0 for free ones.
        state_dir: an existing directory for the clock and the audit files, which stays; without it, a temporary one.
        given: what every runtime may be given.
    """

    def __init__(self, port: int | None = None, *, state_dir: Path | None = None, **given: Unpack[Given]) -> None:
        super().__init__(port, **given)
        self._state_dir = state_dir
        self._children: list[Child] = []
        self._tls: TlsFiles | None = None
        self.directory = state_dir or Path()

    @cached_property
    def clock(self) -> Clock:
        """The clock of all three services.

        Raises:
            SandboxError: it was not started.
        """
        _ = self.layout
        return Clock(self.directory / "clock")

    @property
    def pids(self) -> Mapping[str, int]:
        """The process ids, by service."""
        return {child.name: child.pid for child in self._children}

    @property
    def ended(self) -> Sequence[str]:
        """The services whose process ended of itself."""
        return [child.name for child in self._children if not child.running]

    def on_end(self, callback: Callable[[], None]) -> None:
        """Call nothing: the end of a child process is a signal, SIGCHLD."""

    def _launch(self) -> None:
        sockets = Sockets.bind(self._port, self.services)
        try:
            self._layout = sockets.layout(tls=self.authority is not None)
            self._make_directory()
            for service in self.services:
                self._start_child(service, sockets)
        finally:
            sockets.close()

    def _await_ready(self) -> None:
        try:
            _await_ready(self._children)
        except _NotReadyError as error:
            raise unready(error.child.name, str(error), error.child.last_words()) from None

    def _stop(self) -> None:
        for child in self._children:
            child.end()
        for child in self._children:
            child.wait()
        self._children.clear()
        if self._tls:
            shutil.rmtree(self._tls.key.parent, ignore_errors=True)
        if self._state_dir is None and self.directory != Path():
            shutil.rmtree(self.directory, ignore_errors=True)

    def _make_directory(self) -> None:
        try:
            self.directory = self._state_dir or Path(tempfile.mkdtemp(prefix="mcp-assay-"))
            Clock(self.directory / "clock").reset()
            if self.documents:
                self.documents.keep_in(self.directory)
            if self.authority:
                self._tls = self.authority.write(Path(tempfile.mkdtemp(prefix="tls-", dir=self.directory)))
        except OSError as error:
            raise SandboxError(f"the sandbox's directory cannot be used: {error}") from error

    def _start_child(self, service: str, sockets: Sockets) -> None:
        fds = [sock.fileno() for sock in sockets.pairs[service]]
        listening = ["--fd", str(fds[0]), "--control-fd", str(fds[1])]
        arguments = [*program(service, self._mutant), *self._options(service), *listening]
        errors = self.directory / f"{service}.stderr"
        variables = environment(**{TOKEN_VARIABLE: self.control_token})
        self._children.append(Child(service, arguments, fds, variables, errors))

    def _options(self, service: str) -> list[str]:
        trust = self.documents.root if self.documents and not self.authority else None
        told = Told(self.layout, self.directory, self._redirect_uris, self._keys, self.rates, self.documents, trust)
        options = [*told.options(service), "--clock", str(self.directory / "clock"), "--exit-with-parent"]
        options += self._tls.options() if self._tls else []
        return options if self._state_dir else [*options, "--scratch", str(self.directory)]


class _NotReadyError(Exception):
    def __init__(self, child: Child, what: str) -> None:
        super().__init__(what)
        self.child = child


def _await_ready(children: Sequence[Child]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    with selectors.DefaultSelector() as selector:
        for child in children:
            selector.register(child.output, selectors.EVENT_READ, child)
        while waiting := selector.get_map():
            heard = selector.select(max(0.0, deadline - time.monotonic()))
            if not heard:
                first = next(iter(waiting.values())).data
                raise _NotReadyError(first, f"was not ready within {READY_SECONDS:g} seconds")
            for key, _ in heard:
                if _is_ready(key.data):
                    selector.unregister(key.fileobj)


def _is_ready(child: Child) -> bool:
    try:
        return child.listen()
    except EOFError:
        raise _NotReadyError(child, "did not start") from None
