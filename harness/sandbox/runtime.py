"""What the runtimes of the sandbox have in common: what they are given, where it is, and how it is begun and ended."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypedDict, Unpack

from harness.sandbox.errors import SandboxError
from harness.sandbox.layout import SERVICES, Layout
from harness.sandbox.programs import AUDIT_FILES, service_of

if TYPE_CHECKING:
    from fixtures.service.clock import Clock
    from harness.sandbox.authority import Authority
    from harness.sandbox.control import ControlPlane
    from harness.sandbox.documents import DocumentsPlace
    from harness.sandbox.rates import RatesPlace

READY_SECONDS = 30.0


class Given(TypedDict, total=False):
    """What every runtime may be given.

    Attributes:
        services: which services there are, all by default; without the MCP server it is an issuer for another one.
        mutant: the id of a mutant that takes the place of its service.
        redirect_uris: where other authorization servers are called back that log in at this OpenID provider.
        keys: the file that the authorization server's signing keys are kept in; without it they are new ones.
        rates: where this process plays the rates API that the MCP server asks; without it the MCP server asks its own.
            It ends with the sandbox.
        documents: where this process serves client ID metadata documents; without it the authorization server is told
            of no place of its own for them. It ends with the sandbox.
        authority: whose certificates the services show, and those of `rates` and `documents` too: everything is then
            https. Without it there is no TLS but that of the documents.
    """

    services: Sequence[str]
    mutant: str | None
    redirect_uris: Sequence[str]
    keys: Path | None
    rates: RatesPlace | None
    documents: DocumentsPlace | None
    authority: Authority | None


class StartedSandbox(ABC):
    """A sandbox that this process starts, and ends.

    Attributes:
        directory: where its audit files are.
        services: which services there are.
        rates: as it was given.
        documents: as it was given.
        authority: as it was given.
        control_token: the bearer token of the control planes.

    Args:
        port: the base of the six ports; None or 0 for free ones.
        given: the rest.
    """

    def __init__(self, port: int | None = None, **given: Unpack[Given]) -> None:
        self._port = port
        self._mutant = given.get("mutant")
        self._redirect_uris = tuple(given.get("redirect_uris", ()))
        self._keys = given.get("keys")
        self._layout: Layout | None = None
        self.services = tuple(given.get("services", SERVICES))
        self.rates = given.get("rates")
        self.documents = given.get("documents")
        self.authority = given.get("authority")
        for place in (self.rates, self.documents):
            if place and self.authority:
                place.certified_by(self.authority)
        self.control_token = secrets.token_urlsafe(32)
        self.directory = Path()

    @property
    def layout(self) -> Layout:
        """Where the services are.

        Raises:
            SandboxError: it was not started.
        """
        if self._layout is None:
            raise SandboxError("the sandbox was not started")
        return self._layout

    @property
    def audit_files(self) -> Mapping[str, Path]:
        """The audit trails, by service."""
        return {service: self.directory / name for service, name in AUDIT_FILES.items() if service in self.services}

    @property
    @abstractmethod
    def clock(self) -> Clock:
        """The clock of all services.

        Raises:
            SandboxError: it was not started.
        """

    @property
    @abstractmethod
    def ended(self) -> Sequence[str]:
        """What ended of itself: services, or what they need."""

    @property
    def network(self) -> str:
        """The container whose network others can join; empty where the services are in none."""
        return ""

    @abstractmethod
    def on_end(self, callback: Callable[[], None]) -> None:
        """Have something called when there may be more in `ended`, where no signal tells it."""

    def control(self, service: str) -> ControlPlane:
        """Return a client of a service's control plane."""
        from harness.sandbox.control import ControlPlane

        trust = self.authority.client_context if self.authority else None
        return ControlPlane(self.layout.place(service).control_url, self.control_token, trust)

    def start(self) -> None:
        """Start the services side by side and wait until all are ready.

        Raises:
            SandboxError: as `launch` and `await_ready` do.
        """
        self.launch()
        self.await_ready()

    def launch(self) -> None:
        """Start the services side by side, and do not wait: the caller has something else to do meanwhile.

        Raises:
            SandboxError: a port is in use, the mutant is unknown, or what runs the services does not.
        """
        if self._mutant:
            service_of(self._mutant)
        try:
            self._launch()
        except BaseException:
            self.stop()
            raise

    def await_ready(self) -> None:
        """Wait, for a bounded time, until all services are ready.

        Raises:
            SandboxError: one did not start; its last words are in the message.
        """
        try:
            self._await_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the services and remove what they left; nothing happens the second time."""
        for place in (self.rates, self.documents):
            if place:
                place.close()
        self._stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @abstractmethod
    def _launch(self) -> None: ...

    @abstractmethod
    def _await_ready(self) -> None: ...

    @abstractmethod
    def _stop(self) -> None: ...


def unready(service: str, what: str, words: str) -> SandboxError:
    """Return the sentence for a service that did not become ready, with its last words."""
    return SandboxError(f"the {service} of the sandbox {what}" + (f":\n{words}" if words else ""))
