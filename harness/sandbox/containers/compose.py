"""A compose file for the sandbox: the containers that `runtime.DockerSandbox` starts, from the same settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml

from fixtures.service.serve import TOKEN_VARIABLE
from harness.sandbox.containers.commands import relay_command, service_command
from harness.sandbox.containers.files import Files
from harness.sandbox.containers.labels import SANDBOX, SERVICE
from harness.sandbox.containers.pod import NETWORK, SHARED, Pod
from harness.sandbox.layout import SERVICES
from harness.sandbox.programs import Told

if TYPE_CHECKING:
    from harness.sandbox.layout import Layout

IMAGE, SHARED_FOLDER = "image", "shared"
"""What lies beside the file: the folder that the image is built from, and the one that the containers share."""

HEALTH = {"interval": "2s", "timeout": "5s", "retries": 15}
"""How often the image's own check is made, which compose waits for. A harness asks by itself, and wants it seldom."""

_AWAITED: Mapping[str, Sequence[str]] = {
    "mock_idp": (NETWORK,),
    "authorization_server": (NETWORK,),
    "mcp_server": (NETWORK, "mock_idp", "authorization_server"),
}
_RELAY_OFFSET = 3
_Word = Callable[[Any], dict[str, Any]]  # says what a setting of the engine's API says in the file's words
_PREFIX = "container:"


def compose_text(pod: Pod, image: str, shared: Path, layout: Layout, files: Files, header: Sequence[str]) -> str:
    """Return the compose file.

    Args:
        pod: the containers as they would be started; none is.
        image: the tag that the image gets.
        shared: the folder that the pod shares with this machine.
        layout: where the services are to be.
        files: which files there are in the folder.
        header: the lines of the comment that it begins with.
    """
    described = {
        _name(service): _Service(pod, service, str(shared)).described(settings)
        for service, settings in _settings(pod, image, layout, files).items()
    }
    text = yaml.dump({"services": described}, Dumper=_Dumper, sort_keys=False, width=10_000, allow_unicode=True)
    return "".join(f"# {line}".rstrip() + "\n" for line in header) + "\n" + text


def _settings(pod: Pod, image: str, layout: Layout, files: Files) -> dict[str, dict[str, Any]]:
    """Return the settings of each container, as the engine's API takes them, in the order in which they start."""
    relay = (urlsplit(layout.mock_idp.url).port or 0) + _RELAY_OFFSET
    folder = PurePosixPath(SHARED)
    settings = {NETWORK: pod.network_settings(relay_command(relay), {})}
    for service in reversed(SERVICES):
        command = service_command(service, Told(layout, folder), files.tls(folder))
        settings[service] = pod.settings_of(service, image, command, {TOKEN_VARIABLE: ""}, ours=True)
    return settings


def published(layout: Layout) -> tuple[int, ...]:
    """Return the ports of all services and their control planes."""
    places = [layout.place(service) for service in reversed(SERVICES)]
    return tuple(urlsplit(url).port or 0 for place in places for url in (place.url, place.control_url))


def _name(service: str) -> str:
    return service.replace("_", "-")


class _Service:
    """One service of the file.

    Args:
        pod: of which it is a part.
        service: which one it is.
        shared: the folder of this machine that the pod's settings name.
    """

    def __init__(self, pod: Pod, service: str, shared: str) -> None:
        self._pod, self._service, self._shared = pod, service, shared

    def described(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the file says of a container with such settings of the engine's API.

        Raises:
            KeyError: there is a setting for which the file has no word.
        """
        words: dict[str, _Word] = {
            "Image": self._image,
            "Entrypoint": lambda value: {"entrypoint": _literal(value)},
            "Cmd": lambda value: {"command": _literal(value)},
            "User": lambda value: {"user": value},
            "Env": lambda value: {"environment": dict(map(_variable, value))} if value else {},
            "Labels": lambda value: {"labels": {name: value[name] for name in (SANDBOX, SERVICE)}},
            "ExposedPorts": lambda _: {},  # what is published is exposed
            "Healthcheck": lambda _: {"healthcheck": dict(HEALTH)},
            "HostConfig": self._host,
        }
        described: dict[str, Any] = {}
        for setting, value in settings.items():
            described |= words[setting](value)
        return described | self._order()

    def _image(self, image: str) -> dict[str, Any]:
        """Let one service build the image for all: several would build the same at once."""
        built = {"build": f"./{IMAGE}"} if self._service == NETWORK else {"pull_policy": "never"}
        return {"image": image, **built, "container_name": self._pod.name_of(self._service)}

    def _host(self, host: Mapping[str, Any]) -> dict[str, Any]:
        words: dict[str, _Word] = {
            "NetworkMode": lambda value: {"network_mode": self._namespace(value)},
            "IpcMode": lambda value: {"ipc": self._namespace(value)},
            "PortBindings": lambda value: {"ports": [_port(port, *each) for port, each in value.items()]},
            "Sysctls": lambda value: {"sysctls": dict(value)},
            "ReadonlyRootfs": lambda value: {"read_only": value},
            "CapDrop": lambda value: {"cap_drop": value},
            "SecurityOpt": lambda value: {"security_opt": value},
            "Tmpfs": lambda value: {"tmpfs": [f"{path}:{options}" for path, options in value.items()]},
            "Binds": lambda value: {"volumes": [self._bind(each) for each in value]},
            "LogConfig": lambda value: {"logging": {"driver": value["Type"], "options": value["Config"]}},
        }
        described: dict[str, Any] = {"network_mode": "bridge"}
        for setting, value in host.items():
            described |= words[setting](value)
        return described

    def _namespace(self, mode: str) -> str:
        return f"service:{NETWORK}" if mode == f"{_PREFIX}{self._pod.name}" else mode

    def _bind(self, bind: str) -> str:
        return f"./{SHARED_FOLDER}{bind.removeprefix(self._shared)}"

    def _order(self) -> dict[str, Any]:
        awaited = {_name(each): {"condition": "service_healthy"} for each in _AWAITED.get(self._service, ())}
        order = {"depends_on": awaited} if awaited else {}
        return {"restart": "no", **order}


def _literal(words: Sequence[str]) -> list[str]:
    """Return words in which nothing stands for a variable."""
    return [word.replace("$", "$$") for word in words]


def _variable(entry: str) -> tuple[str, str]:
    """Return a variable for the file; the token is that of the environment in which compose is called."""
    name, _, value = entry.partition("=")
    return name, f"${{{name}:-}}" if name == TOKEN_VARIABLE else value.replace("$", "$$")


def _port(inside: str, binding: Mapping[str, str]) -> str:
    return f"{binding['HostIp']}:{binding['HostPort']}:{inside.partition('/')[0]}"


class _Dumper(yaml.SafeDumper):
    """Writes lists on one line, and everything in full where it comes twice."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True

    def represent_in_line(self, data: list[Any]) -> yaml.Node:
        return self.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True)


_Dumper.add_representer(list, _Dumper.represent_in_line)
