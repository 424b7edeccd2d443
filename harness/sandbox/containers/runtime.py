"""The container runtime: the trio as containers of one pod, at the same URLs for this machine and inside."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import TYPE_CHECKING, Self

from fixtures.relay.relay import TOKEN_VARIABLE as TUNNEL_VARIABLE
from fixtures.service.serve import TOKEN_VARIABLE
from harness import listener
from harness.sandbox.containers.clock import PodClock
from harness.sandbox.containers.commands import relay_command, service_command
from harness.sandbox.containers.faults import EngineError, PortTakenError
from harness.sandbox.containers.files import Files
from harness.sandbox.containers.pod import NETWORK, SHARED, Belongings, Pod
from harness.sandbox.containers.ports import Ports
from harness.sandbox.containers.premises import Premises
from harness.sandbox.containers.tunnel import Tunnel
from harness.sandbox.containers.watch import Watch
from harness.sandbox.control import ControlPlane
from harness.sandbox.errors import SandboxError
from harness.sandbox.layout import SERVICES, Layout
from harness.sandbox.programs import AUDIT_FILES, Told, service_of

if TYPE_CHECKING:
    from harness.sandbox.authority import Authority
    from harness.sandbox.containers.engine import Engine
    from harness.sandbox.documents import DocumentsPlace
    from harness.sandbox.rates import RatesPlace

READY_SECONDS = 30.0
_LOOK_SECONDS = 0.02
_TRIES = 3


class DockerSandbox:
    """A sandbox in containers, with the interface of `EmbeddedSandbox`.

    Attributes:
        directory: where its audit files are.
        engine: what runs the containers.
        services: which services there are.
        pod: the containers; from `launch` on.
        left: why containers may be left after `stop`; nothing where they are gone.

    Args:
        port: the base of the six ports; None or 0 for free ones.
        engine: runs the containers; it stays open.
        image: the sandbox's image.
        services: which services there are; without the MCP server it is an issuer for another one.
        mutant: the id of a mutant that takes the place of its service.
        redirect_uris: where other authorization servers are called back that log in at this OpenID provider.
        keys: the file that the authorization server's signing keys are kept in; without it they are new ones.
        rates: where this process plays the rates API that the MCP server asks. It ends with the sandbox.
        documents: where this process serves client ID metadata documents. It ends with the sandbox.
        authority: whose certificates the services show, and those of `rates` and `documents` too.
        published: the ports of this machine's loopback at which others in the pod answer.
    """

    def __init__(
        self,
        port: int | None = None,
        *,
        engine: Engine,
        image: str,
        services: Sequence[str] = SERVICES,
        mutant: str | None = None,
        redirect_uris: Sequence[str] = (),
        keys: Path | None = None,
        rates: RatesPlace | None = None,
        documents: DocumentsPlace | None = None,
        authority: Authority | None = None,
        published: Sequence[int] = (),
    ) -> None:
        self._port = port
        self.engine = engine
        self._image = image
        self.services = tuple(services)
        self._mutant = mutant
        self._redirect_uris = tuple(redirect_uris)
        self._keys = keys
        self.rates = rates
        self.documents = documents
        self.authority = authority
        for place in (rates, documents):
            if place and authority:
                place.certified_by(authority)
        self._published = tuple(published)
        self.control_token = secrets.token_urlsafe(32)
        self.directory = Path()
        self.left = ""
        self._callbacks: list[Callable[[], None]] = []
        self._layout: Layout | None = None
        self._premises: Premises | None = None
        self._pod: Pod | None = None
        self._watch: Watch | None = None
        self._tunnel: Tunnel | None = None

    @property
    def layout(self) -> Layout:
        """Where the services are, for this machine and within the pod.

        Raises:
            SandboxError: it was not started.
        """
        if self._layout is None:
            raise SandboxError("the sandbox was not started")
        return self._layout

    @property
    def pod(self) -> Pod:
        """The containers.

        Raises:
            SandboxError: it was not started.
        """
        if self._pod is None:
            raise SandboxError("the sandbox was not started")
        return self._pod

    @cached_property
    def clock(self) -> PodClock:
        """The clock of all three services.

        Raises:
            SandboxError: it was not started.
        """
        _ = self.layout
        return PodClock(lambda: self.control(self.services[0]))

    @property
    def audit_files(self) -> Mapping[str, Path]:
        """The audit trails, by service, as this machine finds them."""
        return {service: self.directory / name for service, name in AUDIT_FILES.items() if service in self.services}

    @property
    def ended(self) -> Sequence[str]:
        """What ended of itself: services, their network, or the engine."""
        if self._watch is None:
            return []
        if self._watch.lost:
            return ["engine"]
        return [service for service in self._watch.ended if service in (NETWORK, *self.services)]

    def on_end(self, callback: Callable[[], None]) -> None:
        """Have something called when there may be more in `ended`, by another thread; at once if there is already."""
        self._callbacks.append(callback)
        if self.ended:
            callback()

    def last_words(self, service: str) -> str:
        """Return the last lines that a service wrote; nothing where they are lost."""
        return self._pod.last_words(service) if self._pod else ""

    def control(self, service: str) -> ControlPlane:
        """Return a client of a service's control plane."""
        trust = self.authority.client_context if self.authority else None
        return ControlPlane(self.layout.place(service).control_url, self.control_token, trust)

    def start(self) -> None:
        """Start the services side by side and wait until all are ready.

        Raises:
            SandboxError: a port is in use, a service did not start, the mutant is unknown, or the engine has a fault.
        """
        self.launch()
        self.await_ready()

    def launch(self) -> None:
        """Start the services side by side, and do not wait until they are ready.

        Raises:
            SandboxError: a port is in use, the mutant is unknown, or the engine has a fault.
        """
        if self._mutant:
            service_of(self._mutant)
        try:
            self._premises = Premises(self.engine.address)
            self.directory = self._premises.shared
            files = Files.write(self.directory, self._keys, self.documents, self.authority)
            self._watch = Watch(self.engine, self._premises.sandbox, self._call_back)
            self._watch.start()
            self._tunnel = Tunnel(self._open(self._premises), self.control_token)
            listener.outlets.append(self._tunnel.outlet)
            self._serve(files)
        except BaseException:
            self.stop()
            raise

    def await_ready(self) -> None:
        """Wait, for a bounded time, until all services are ready.

        Raises:
            SandboxError: one did not start; its last words are in the message.
        """
        deadline = time.monotonic() + READY_SECONDS
        try:
            for service in self.services:
                with self.control(service) as control:
                    self._await(service, control, deadline)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Remove the containers and the temporary directory; nothing happens the second time."""
        if self._watch:
            self._watch.stop()
        for place in (self.rates, self.documents):
            if place:
                place.close()
        if self._tunnel:
            with suppress(ValueError):
                listener.outlets.remove(self._tunnel.outlet)
            self._tunnel.stop()
        self._remove()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _open(self, premises: Premises) -> int:
        """Open the pod, and return the relay's port. A free port may be another's before it is published."""
        belongings = Belongings(premises.sandbox, premises.owner, premises.shared)
        for tries_left in reversed(range(_TRIES)):
            ports = Ports.picked(self._port, self.services, self._published, tls=self.authority is not None)
            self._layout = ports.layout
            self._pod = Pod(self.engine, self._image, belongings, ports.published)
            try:
                self._pod.open(relay_command(ports.relay), {TUNNEL_VARIABLE: self.control_token})
            except PortTakenError:
                self._pod.remove()
                if not tries_left:
                    raise
            else:
                break
        return ports.relay

    def _serve(self, files: Files) -> None:
        """Start the services side by side: an engine takes its time for each."""
        folder = PurePosixPath(SHARED)
        keys, trust = (folder / name if name else None for name in (files.keys, files.trust))
        told = Told(self.layout, folder, self._redirect_uris, keys, self.rates, self.documents, trust)

        def serve(service: str) -> None:
            command = service_command(service, told, files.tls(folder), self._mutant)
            self.pod.run(service, self._image, command, {TOKEN_VARIABLE: self.control_token}, ours=True)

        with ThreadPoolExecutor(len(self.services)) as threads:
            list(threads.map(serve, self.services))

    def _await(self, service: str, control: ControlPlane, deadline: float) -> None:
        """Ask a service until it answers; what connects to its port before is sent away by the engine's proxy."""
        while True:
            try:
                control.now()
            except SandboxError:
                if fault := self._why_ended():
                    raise fault from None
                if time.monotonic() > deadline:
                    words = self.last_words(service)
                    late = f"the {service} of the sandbox was not ready within {READY_SECONDS:g} seconds"
                    raise SandboxError(late + (f":\n{words}" if words else "")) from None
                time.sleep(_LOOK_SECONDS)
            else:
                return

    def _why_ended(self) -> EngineError | None:
        lost = self._watch.lost if self._watch else None
        return lost or next((self.engine.died(self.pod.containers[service]) for service in self.ended), None)

    def _remove(self) -> None:
        premises, self._premises = self._premises, None
        if premises is None:
            return
        try:
            if self._pod:
                self._pod.remove()
        except EngineError as fault:
            self.left = str(fault)
            premises.abandon()
        else:
            premises.leave(settled=self._pod is None or self._pod.settled)

    def _call_back(self) -> None:
        for callback in self._callbacks:
            callback()
