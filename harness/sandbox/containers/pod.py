"""A pod: containers that share one network namespace, so that 127.0.0.1 and its ports are the same place for each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.sandbox.containers.faults import EngineError
from harness.sandbox.containers.labels import labels_of
from harness.sandbox.containers.leftovers import remove

if TYPE_CHECKING:
    from docker.models.containers import Container

    from harness.sandbox.containers.engine import Engine

LOOPBACK = "127.0.0.1"
SHARED = "/run/mcp-assay"
"""Where our own containers find the folder that they share with this machine."""
NETWORK = "network"
"""The service whose container has the network; it runs the relay of the tunnel."""

_OURS = {
    "Entrypoint": ["python3", "-P", "-m"],
    "User": "65532:65532",
    "Healthcheck": {"Interval": 30_000_000_000},  # nanoseconds: each look costs as much as starting Python does
}
_LOG = {"Type": "json-file", "Config": {"max-size": "10m"}}
_RANGE = "10240 32767"
"""Where connections within the pod begin: away from the ports that our own machine gives to listeners."""
_RESTRICTED = {
    "ReadonlyRootfs": True,
    "CapDrop": ["ALL"],
    "SecurityOpt": ["no-new-privileges"],
    "Tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,mode=1777"},  # noqa: S108 - the container's own
}


@dataclass(frozen=True)
class Belongings:
    """Whose a pod is.

    Attributes:
        sandbox: the sandbox's id, 8 hex digits.
        owner: the lock file of its owner.
        shared: the folder that our own containers share with this machine.
    """

    sandbox: str
    owner: Path
    shared: Path


class Pod:
    """The containers of one sandbox.

    Attributes:
        name: the name of the container that has the network; others join with `--network container:NAME`.

    Args:
        engine: runs them.
        image: our own programs.
        belongings: whose it is.
        published: the ports at which this machine's loopback reaches whoever listens in the pod.
    """

    def __init__(self, engine: Engine, image: str, belongings: Belongings, published: Collection[int]) -> None:
        self._engine = engine
        self._image = image
        self._belongings = belongings
        self._published = tuple(published)
        self._containers: dict[str, Container] = {}
        self._asked: set[str] = set()
        self.name = self.name_of(NETWORK)

    @property
    def containers(self) -> Mapping[str, Container]:
        """The containers by service; those that were made, whether they run or not."""
        return dict(self._containers)

    @property
    def settled(self) -> bool:
        """Whether the engine has said of every container that it made it.

        Where it hangs, or where we were interrupted meanwhile, one may come yet.
        """
        return not self._asked

    def name_of(self, service: str) -> str:
        """Return the name of a service's container."""
        return f"mcp-assay-{self._belongings.sandbox}-{service.replace('_', '-')}"

    def open(self, command: Sequence[str], environment: Mapping[str, str]) -> Container:
        """Start the container that has the network.

        Args:
            command: the module that it runs, and its options.
            environment: its variables.

        Raises:
            PortTakenError: a published port is another's.
            EngineError: the engine does not start it.
        """
        return self._started(NETWORK, self.network_settings(command, environment))

    def network_settings(self, command: Sequence[str], environment: Mapping[str, str]) -> dict[str, Any]:
        """Return the settings of the container that has the network, as the engine's API takes them."""
        ports = {f"{port}/tcp": port for port in self._published}
        host = {
            **self._restricted(),
            "IpcMode": "shareable",
            "PortBindings": {name: [{"HostIp": LOOPBACK, "HostPort": str(port)}] for name, port in ports.items()},
            "Sysctls": {
                "net.ipv4.ip_local_port_range": _RANGE,
                "net.ipv4.ip_local_reserved_ports": ",".join(map(str, self._published)),
            },
        }
        own = {**_OURS, "ExposedPorts": {name: {} for name in ports}}
        return self._settings(NETWORK, self._image, command, environment, own, host)

    def run(
        self,
        service: str,
        image: str,
        command: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
        *,
        ours: bool = False,
        user: str | None = None,
        binds: Sequence[str] = (),
    ) -> Container:
        """Start a container in the pod: the image's own program as that wants to be run, or one of ours.

        Args:
            service: which of the sandbox's containers it is.
            image: its image; the engine has it.
            command: what takes the place of the image's own command; of ours, the module that runs, and its options.
            environment: its variables.
            ours: whether it is one of ours: those run without rights, on a root that cannot be written, and share the
                clock and a folder.
            user: who runs it; the image's own user without it.
            binds: what else it sees of this machine's files, `SOURCE:PLACE:OPTIONS` each.

        Raises:
            EngineError: the engine does not start it.
        """
        settings = self.settings_of(service, image, command, environment, ours=ours, user=user, binds=binds)
        return self._started(service, settings)

    def settings_of(
        self,
        service: str,
        image: str,
        command: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
        *,
        ours: bool = False,
        user: str | None = None,
        binds: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Return the settings of a container that `run` starts, as the engine's API takes them."""
        host: dict[str, Any] = {"Binds": [], "LogConfig": _LOG}
        if ours:
            host = {**self._restricted(), "IpcMode": f"container:{self.name}"}
        host = {**host, "NetworkMode": f"container:{self.name}", "Binds": [*host["Binds"], *binds]}
        own: Mapping[str, object] = {**_OURS, **({"User": user} if user else {})} if ours else {"User": user or ""}
        return self._settings(service, image, command, environment or {}, own, host)

    def last_words(self, service: str) -> str:
        """Return the last lines that a service's container wrote; nothing where they are lost."""
        container = self._containers.get(service)
        with suppress(EngineError):
            return self._engine.last_words(container) if container else ""
        return ""

    def remove(self) -> None:
        """Remove all containers by force, side by side; nothing happens the second time.

        Raises:
            EngineError: the engine does not do it.
        """
        remove(self._engine, self._belongings.sandbox)
        self._containers.clear()

    def _restricted(self) -> dict[str, Any]:
        return {**_RESTRICTED, "Binds": [f"{self._belongings.shared}:{SHARED}:z"], "LogConfig": _LOG}

    def _settings(
        self,
        service: str,
        image: str,
        command: Sequence[str] | None,
        environment: Mapping[str, str],
        own: Mapping[str, object],
        host: Mapping[str, object],
    ) -> dict[str, Any]:
        return {
            "Image": image,
            "Env": [f"{name}={value}" for name, value in environment.items()],
            "Labels": labels_of(self._belongings.sandbox, self._belongings.owner, service),
            "HostConfig": dict(host),
            **({"Cmd": list(command)} if command else {}),
            **own,
        }

    def _started(self, service: str, settings: dict[str, Any]) -> Container:
        """Make a container and start it; it is ours to remove from the moment when it was made."""
        client = self._engine.client
        self._asked.add(service)
        with self._engine.faults():
            made = client.api.create_container_from_config(settings, self.name_of(service))  # type: ignore[no-untyped-call]
            self._asked.remove(service)
            known = {"Id": made["Id"], "Name": f"/{self.name_of(service)}"}
            container = self._containers[service] = client.containers.prepare_model(known)
            client.api.start(made["Id"])
        return container
