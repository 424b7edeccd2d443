"""The six loopback sockets of a sandbox, bound before any service starts: a port in use is found at once."""

from __future__ import annotations

import errno
import socket
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from harness.sandbox.errors import PortError
from harness.sandbox.layout import SERVICES, Layout, Place

LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 7400
"""Where people find the sandbox: the OpenID provider's port; the others follow from it."""

LAST_PORT = 65_535
_OFFSETS = {"mock_idp": (0, 10), "authorization_server": (1, 11), "mcp_server": (2, 12)}
HIGHEST_BASE = LAST_PORT - 12
"""The highest base for which all six ports exist."""

_BACKLOG = 1024


@dataclass(frozen=True)
class Sockets:
    """Listening sockets: for each service its own and its control plane's.

    Attributes:
        base: what the ports begin at; 0 where they are free ones.
    """

    pairs: Mapping[str, tuple[socket.socket, socket.socket]]
    base: int = 0

    @classmethod
    def bind(cls, port: int | None, services: Collection[str] = SERVICES) -> Sockets:
        """Listen at `port` + 0, 1, 2, 10, 11 and 12, or at free ports when it is None or 0.

        Args:
            port: the base.
            services: who listens. Free ports are found for all, so that each service has a place.

        Raises:
            PortError: a port is in use, may not be used, or does not exist.
        """
        with ExitStack() as stack:
            pairs = {}
            for service, (own, control) in _OFFSETS.items():
                if service in services or not port:
                    first = stack.enter_context(_listening(port, own))
                    pairs[service] = (first, stack.enter_context(_listening(port, control)))
            stack.pop_all()
        return cls(pairs, port or 0)

    def layout(self, *, tls: bool = False) -> Layout:
        """Return the URLs that these sockets answer, and for a service without any those that would be its own."""
        return Layout(**{service: self._place(service, "https" if tls else "http") for service in _OFFSETS})

    def _place(self, service: str, scheme: str) -> Place:
        ports = [self.base + offset for offset in _OFFSETS[service]]
        if service in self.pairs:
            ports = [sock.getsockname()[1] for sock in self.pairs[service]]
        return Place(*(f"{scheme}://{LOOPBACK}:{port}" for port in ports))

    def close(self) -> None:
        """Close all sockets."""
        for pair in self.pairs.values():
            for sock in pair:
                sock.close()


def _listening(base: int | None, offset: int) -> socket.socket:
    port = base + offset if base else 0
    if not 0 <= port <= LAST_PORT:
        raise PortError(f"port {port} does not exist")
    try:
        return socket.create_server((LOOPBACK, port), backlog=_BACKLOG)
    except OSError as error:
        reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
        raise PortError(f"port {port} of {LOOPBACK} {reason}") from error
