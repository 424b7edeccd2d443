"""What runs in a pod's containers: the same words for `runtime.DockerSandbox` and for a compose file."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from harness.sandbox.layout import Place
from harness.sandbox.programs import Told, program

EVERYWHERE = "0.0.0.0"  # noqa: S104 - within the pod, of which this machine's loopback alone is let in
CLOCK = "/dev/shm/clock"  # noqa: S108 - the pod's own


def relay_command(port: int) -> list[str]:
    """Return what runs in the container that has the network: the relay, at a port of the pod."""
    return ["fixtures.relay", "--host", EVERYWHERE, "--port", str(port)]


def service_command(service: str, told: Told, tls: Sequence[str] = (), mutant: str | None = None) -> list[str]:
    """Return what runs in a service's container.

    Args:
        service: which one.
        told: what the services are told.
        tls: the service's options for TLS.
        mutant: the id of a mutant that takes the place of its service.

    Raises:
        SandboxError: there is no such mutant.
    """
    sockets = _sockets(told.layout.place(service))
    return [*program(service, mutant), *told.options(service), *sockets, "--clock", CLOCK, *tls]


def _sockets(place: Place) -> list[str]:
    port, control = (str(urlsplit(url).port) for url in (place.url, place.control_url))
    return ["--host", EVERYWHERE, "--port", port, "--control-port", control]
