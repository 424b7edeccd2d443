"""The sandboxes in containers that run on an engine, whoever started them, as their labels and arguments tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from harness.sandbox.containers.labels import HOST, SANDBOX, SERVICE, host

if TYPE_CHECKING:
    from docker.models.containers import Container

    from harness.sandbox.containers.engine import Engine

NETWORK, AUTHORIZATION_SERVER, MCP_SERVER = "network", "authorization-server", "mcp-server"
"""What the containers of a sandbox are called whose part is looked at: the one that owns the network, and services."""

_LOOPBACK = ("127.0.0.1", "0.0.0.0", "")  # noqa: S104 - where a published port is reached at 127.0.0.1
_OWN_NETWORK = "container:"


@dataclass(frozen=True)
class FoundSandbox:
    """A sandbox in containers that runs.

    Attributes:
        sandbox_id: its id.
        members: its containers by service.
    """

    sandbox_id: str
    members: Mapping[str, Container]

    @property
    def anchor(self) -> Container:
        """The container that owns the network."""
        return self.members[NETWORK]

    @property
    def inside(self) -> Container:
        """The container from which to look: the MCP server's, else the authorization server's own."""
        return self.members.get(MCP_SERVER, self.members[AUTHORIZATION_SERVER])

    def issuer(self, tenant: str) -> str:
        """Return the issuer identifier of a tenant, as the authorization server was told."""
        return f"{argument(self.members[AUTHORIZATION_SERVER], '--base-url')}/{tenant}"

    def resource(self, tenant: str) -> str:
        """Return the resource identifier of a tenant's MCP endpoint; empty where there is no MCP server."""
        server = self.members.get(MCP_SERVER)
        return f"{argument(server, '--base-url')}/{tenant}/mcp" if server else ""

    @cached_property
    def trust(self) -> tuple[Path, str] | None:
        """The file of its root certificate, here and in its containers; None for a sandbox without TLS."""
        container = self.members[AUTHORIZATION_SERVER]
        inside = argument(container, "--trust")
        for mount in container.attrs["Mounts"]:
            if inside and PurePosixPath(inside).is_relative_to(mount["Destination"]):
                return Path(mount["Source"], PurePosixPath(inside).relative_to(mount["Destination"])), inside
        return None

    def published(self, port: int) -> str:
        """Return what is wrong with how a port is published on this machine; nothing where it is right."""
        bindings = (self.anchor.attrs["NetworkSettings"]["Ports"] or {}).get(f"{port}/tcp") or ()
        if not bindings:
            return f"the container {self.anchor.name} does not publish port {port}"
        if all(each["HostPort"] != str(port) or each["HostIp"] not in _LOOPBACK for each in bindings):
            where = ", ".join(f"{each['HostIp']}:{each['HostPort']}" for each in bindings)
            return f"the container {self.anchor.name} publishes port {port} as {where}"
        return ""

    def shares(self, container: Container) -> bool:
        """Whether a container has the sandbox's network for its own."""
        mode = network_of(container)
        return container.id == self.anchor.id or mode in {f"{_OWN_NETWORK}{self.anchor.id}", self._named}

    @property
    def _named(self) -> str:
        return f"{_OWN_NETWORK}{self.anchor.name}"


def sandboxes(engine: Engine) -> list[FoundSandbox]:
    """Return the sandboxes that run on an engine, are not another machine's, and have an issuer.

    Raises:
        EngineError: the engine did not tell.
    """
    found: dict[str, dict[str, Container]] = {}
    with engine.faults():
        for container in engine.client.containers.list(filters={"label": SERVICE}, ignore_removed=True):
            labels = container.labels
            if labels.get(HOST, host()) != host():
                continue
            service = labels[SERVICE].replace("_", "-")
            found.setdefault(labels.get(SANDBOX, ""), {})[service] = container
    return [FoundSandbox(name, members) for name, members in found.items() if members.keys() >= _NEEDED]


def runs(engine: Engine, sandbox: FoundSandbox) -> bool:
    """Whether a sandbox that was found still runs.

    Raises:
        EngineError: the engine did not tell.
    """
    return any(each.sandbox_id == sandbox.sandbox_id for each in sandboxes(engine))


def publishing(engine: Engine, port: int) -> Iterator[Container]:
    """Yield the running containers, other than a sandbox's, that have a port of this machine.

    Raises:
        EngineError: the engine did not tell.
    """
    with engine.faults():
        for container in engine.client.containers.list(filters={"publish": str(port)}, ignore_removed=True):
            if SERVICE not in container.labels:
                yield container


def network_of(container: Container) -> str:
    """Return how a container has its network: `bridge`, `host`, `container:ID` or the name of one."""
    return str(container.attrs["HostConfig"]["NetworkMode"])


def argument(container: Container, option: str) -> str:
    """Return what a container's program was told by an option; empty where it was not told."""
    attributes: Mapping[str, Any] = container.attrs
    words = [str(attributes["Path"]), *map(str, attributes["Args"] or ())]
    return next((after for word, after in pairwise(words) if word == option), "")


_NEEDED = {NETWORK, AUTHORIZATION_SERVER}
