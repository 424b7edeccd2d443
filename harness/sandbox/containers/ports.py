"""The ports of a sandbox in containers: found on this machine, and free again for the engine to publish them."""

from __future__ import annotations

import socket
from collections.abc import Collection
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Self

from harness.sandbox.errors import SandboxError
from harness.sandbox.layout import Layout
from harness.sandbox.sockets import LOOPBACK, Sockets


@dataclass(frozen=True)
class Ports:
    """Which port is whose.

    Attributes:
        layout: where the services are.
        relay: where the harness reaches the relay.
        published: all that the engine is to publish.
    """

    layout: Layout
    relay: int
    published: tuple[int, ...]

    @classmethod
    def picked(cls, base: int | None, services: Collection[str], others: Collection[int], *, tls: bool) -> Self:
        """Find ports that nobody has.

        Args:
            base: what the services' ports begin at; None or 0 for free ones.
            services: which services there are.
            others: the ports of others in the pod.
            tls: whether the services speak https.

        Raises:
            PortError: a port of the services is in use, may not be used, or does not exist.
            SandboxError: one of the others is in use or may not be used.
        """
        with ExitStack() as stack:
            for port in others:
                stack.enter_context(_held(port))
            sockets = stack.enter_context(closing(Sockets.bind(base, services)))
            relay = _number(stack.enter_context(socket.create_server((LOOPBACK, 0))))
            own = [_number(sock) for pair in sockets.pairs.values() for sock in pair]
            return cls(sockets.layout(tls=tls), relay, (*own, relay, *others))


def _held(port: int) -> socket.socket:
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError as fault:
        raise SandboxError(f"port {port} of {LOOPBACK} cannot be the target's: {fault.strerror}") from fault


def _number(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])
