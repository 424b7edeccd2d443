"""The embedded runtime: the trio in child processes on loopback, ready in under a second, gone with its parent."""

from __future__ import annotations

import secrets
import selectors
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from fixtures.service.clock import Clock
from harness.sandbox.child import Child, environment
from harness.sandbox.errors import SandboxError
from harness.sandbox.layout import SERVICES, Layout
from harness.sandbox.programs import AUDIT_FILES, Told, program, service_of
from harness.sandbox.sockets import Sockets

if TYPE_CHECKING:
    from harness.sandbox.authority import Authority, TlsFiles
    from harness.sandbox.control import ControlPlane
    from harness.sandbox.documents import DocumentsPlace
    from harness.sandbox.rates import RatesPlace

READY_SECONDS = 30.0
TOKEN_VARIABLE = "MCP_ASSAY_CONTROL_TOKEN"  # noqa: S105 - a variable's name


class EmbeddedSandbox:
    """A sandbox in child processes.

    Attributes:
        directory: where its clock and its audit files are.
        services: which services there are.

    Args:
        port: the base of the six ports; None or 0 for free ones.
        mutant: the id of a mutant that takes the place of its service.
        state_dir: an existing directory for the clock and the audit files, which stays; without it, a temporary one.
        redirect_uris: where other authorization servers are called back that log in at this OpenID provider.
        services: which services there are; without the MCP server it is an issuer for another one.
        keys: the file that the authorization server keeps its signing keys in; without it they are new ones.
        rates: where this process plays the rates API that the MCP server asks; without it the MCP server asks its own.
            It ends with the sandbox.
        documents: where this process serves client ID metadata documents; without it the authorization server is told
            of no place of its own for them. It ends with the sandbox.
        authority: whose certificates the services show, and those of `rates` and `documents` too: everything is then
            https. Without it there is no TLS but that of the documents.
    """

    def __init__(
        self,
        port: int | None = None,
        *,
        mutant: str | None = None,
        state_dir: Path | None = None,
        redirect_uris: Sequence[str] = (),
        services: Sequence[str] = SERVICES,
        keys: Path | None = None,
        rates: RatesPlace | None = None,
        documents: DocumentsPlace | None = None,
        authority: Authority | None = None,
    ) -> None:
        self._port = port
        self._mutant = mutant
        self._state_dir = state_dir
        self._redirect_uris = redirect_uris
        self.services = tuple(services)
        self._keys = keys
        self.rates = rates
        self.documents = documents
        self.authority = authority
        for place in (rates, documents):
            if place and authority:
                place.certified_by(authority)
        self._children: list[Child] = []
        self._token = secrets.token_urlsafe(32)
        self._layout: Layout | None = None
        self._tls: TlsFiles | None = None
        self.directory = state_dir or Path()

    @property
    def layout(self) -> Layout:
        """Where the services are.

        Raises:
            SandboxError: it was not started.
        """
        if self._layout is None:
            raise SandboxError("the sandbox was not started")
        return self._layout

    @cached_property
    def clock(self) -> Clock:
        """The clock of all three services.

        Raises:
            SandboxError: it was not started.
        """
        if self._layout is None:
            raise SandboxError("the sandbox was not started")
        return Clock(self.directory / "clock")

    @property
    def audit_files(self) -> Mapping[str, Path]:
        """The audit trails, by service."""
        return {service: self.directory / name for service, name in AUDIT_FILES.items() if service in self.services}

    @property
    def pids(self) -> Mapping[str, int]:
        """The process ids, by service."""
        return {child.name: child.pid for child in self._children}

    @property
    def ended(self) -> Sequence[str]:
        """The services whose process ended of itself."""
        return [child.name for child in self._children if not child.running]

    @property
    def control_token(self) -> str:
        """The bearer token of the control planes."""
        return self._token

    def control(self, service: str) -> ControlPlane:
        """Return a client of a service's control plane."""
        from harness.sandbox.control import ControlPlane

        trust = self.authority.client_context if self.authority else None
        return ControlPlane(self.layout.place(service).control_url, self._token, trust)

    def start(self) -> None:
        """Start the services side by side and wait until all are ready.

        Raises:
            SandboxError: a port is in use, a service did not start, or the mutant is unknown.
        """
        self.launch()
        self.await_ready()

    def launch(self) -> None:
        """Start the services side by side, and do not wait: the caller has something else to do meanwhile.

        Raises:
            SandboxError: a port is in use, or the mutant is unknown.
        """
        if self._mutant:
            service_of(self._mutant)
        sockets = Sockets.bind(self._port, self.services)
        try:
            self._layout = sockets.layout(tls=self.authority is not None)
            self._make_directory()
            for service in self.services:
                self._start_child(service, sockets)
        except BaseException:
            self.stop()
            raise
        finally:
            sockets.close()

    def await_ready(self) -> None:
        """Wait, for a bounded time, until all services are ready.

        Raises:
            SandboxError: one did not start; its last words are in the message.
        """
        try:
            _await_ready(self._children)
        except _NotReadyError as error:
            words = error.child.last_words()
            self.stop()
            raise SandboxError(
                f"the {error.child.name} of the sandbox {error}" + (f":\n{words}" if words else "")
            ) from None
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the services and remove the temporary directory; nothing happens the second time."""
        for child in self._children:
            child.end()
        for child in self._children:
            child.wait()
        self._children.clear()
        for place in (self.rates, self.documents):
            if place:
                place.close()
        if self._tls:
            shutil.rmtree(self._tls.key.parent, ignore_errors=True)
        if self._state_dir is None and self.directory != Path():
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

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
        self._children.append(Child(service, arguments, fds, environment(**{TOKEN_VARIABLE: self._token}), errors))

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
