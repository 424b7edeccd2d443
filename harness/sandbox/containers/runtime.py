"""The container runtime: the trio as containers of one pod, at the same URLs for this machine and inside."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Unpack

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
from harness.sandbox.programs import Told
from harness.sandbox.runtime import READY_SECONDS, Given, StartedSandbox, unready

if TYPE_CHECKING:
    from harness.sandbox.containers.engine import Engine

_LOOK_SECONDS = 0.02
_TRIES = 3


class DockerSandbox(StartedSandbox):
    """A sandbox in containers; where its services are is the same for this machine and within the pod.

    Attributes:
        engine: what runs the containers.
        pod: the containers; from `launch` on.
        left: why containers may be left after `stop`; nothing where they are gone.

    Args:
        port: the base of the six ports; None or 0 for free ones.
        engine: runs the containers; it stays open.
        image: the sandbox's image.
        published: the ports of this machine's loopback at which others in the pod answer.
        given: what every runtime may be given.
    """

    def __init__(
        self,
        port: int | None = None,
        *,
        engine: Engine,
        image: str,
        published: Sequence[int] = (),
        **given: Unpack[Given],
    ) -> None:
        super().__init__(port, **given)
        self.engine = engine
        self._image = image
        self._published = tuple(published)
        self.left = ""
        self._callbacks: list[Callable[[], None]] = []
        self._premises: Premises | None = None
        self._pod: Pod | None = None
        self._watch: Watch | None = None
        self._tunnel: Tunnel | None = None

    @property
    def pod(self) -> Pod:
        """The containers.

        Raises:
            SandboxError: it was not started.
        """
        if self._pod is None:
            raise SandboxError("the sandbox was not started")
        return self._pod

    @property
    def network(self) -> str:
        """The container whose network others can join."""
        return self.pod.name

    @cached_property
    def clock(self) -> PodClock:
        """The clock of all three services.

        Raises:
            SandboxError: it was not started.
        """
        _ = self.layout
        return PodClock(lambda: self.control(self.services[0]))

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

    def _launch(self) -> None:
        self._premises = Premises(self.engine.address)
        self.directory = self._premises.shared
        files = Files.write(self.directory, self._keys, self.documents, self.authority)
        self._watch = Watch(self.engine, self._premises.sandbox, self._call_back)
        self._watch.start()
        self._tunnel = Tunnel(self._open(self._premises), self.control_token)
        listener.outlets.append(self._tunnel.outlet)
        self._serve(files)

    def _await_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        for service in self.services:
            with self.control(service) as control:
                self._await(service, control, deadline)

    def _stop(self) -> None:
        if self._watch:
            self._watch.stop()
        if self._tunnel:
            with suppress(ValueError):
                listener.outlets.remove(self._tunnel.outlet)
            self._tunnel.stop()
        self._remove()

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
                    what = f"was not ready within {READY_SECONDS:g} seconds"
                    raise unready(service, what, self.last_words(service)) from None
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
