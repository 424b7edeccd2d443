"""Where the engine is: what DOCKER_HOST says, else the first of the usual sockets that answers."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT = Path("/var/run/docker.sock")
_LOOPBACK = ("localhost", "127.", "::1")
_SOCKETS = {"unix", "http+unix"}
_SCHEMES = {*_SOCKETS, "tcp", "http", "https", "ssh"}


def address_of(environment: Mapping[str, str] = os.environ) -> str:
    """Return the engine's address: DOCKER_HOST, else the first usual socket that answers, else the first of all.

    Docker Desktop's socket and a rootless engine's are usual ones too. A socket without permission comes before one
    that is not there, so that the message is about it.
    """
    if named := environment.get("DOCKER_HOST", "").strip():
        return named
    refusals = {(address := f"unix://{path}"): _refusal(address) for path in _usual(environment)}
    for wanted in (None, PermissionError):
        for address, refusal in refusals.items():
            if refusal is wanted:
                return address
    return f"unix://{DEFAULT}"


def has_engine(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether something listens at the engine's address that this user may connect to; it is asked nothing."""
    return _refusal(address_of(environment)) is None


def knock(address: str, seconds: float = 2.0) -> None:
    """Connect to an engine on this machine, and hang up.

    Raises:
        OSError: nobody listens there, it may not be connected to, or it hangs.
        ValueError: this is no address, or one on another machine, whose ports and files are not ours.
    """
    parts = urlsplit(address if "://" in address else f"tcp://{address}")
    if parts.scheme not in _SCHEMES:
        raise ValueError(f"{parts.scheme}:// is none of unix://, tcp:// and https://")
    if parts.scheme in _SOCKETS:
        path = f"{parts.netloc}{parts.path}".lstrip("/") or str(DEFAULT)
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(seconds)
            sock.connect(f"/{path}".replace("//", "/"))
    elif parts.scheme == "ssh" or not (parts.hostname or "localhost").startswith(_LOOPBACK):
        raise ValueError("it is on another machine, and a sandbox shares 127.0.0.1 and files with its services")
    elif parts.port is None:
        raise ValueError("it has no port")
    else:
        socket.create_connection((parts.hostname or "localhost", parts.port), seconds).close()


def alternative(environment: Mapping[str, str] = os.environ) -> str:
    """Return how Podman is used in the place of Docker: with its socket where it is there."""
    for path in (_runtime_dir(environment) / "podman" / "podman.sock", Path("/run/podman/podman.sock")):
        if os.access(path, os.R_OK | os.W_OK):
            return f"Podman's socket is there: `export DOCKER_HOST=unix://{path}`"
    return (
        "Podman will do as well: `systemctl --user start podman.socket`, then "
        f"`export DOCKER_HOST=unix://{_runtime_dir(environment)}/podman/podman.sock`"
    )


def _usual(environment: Mapping[str, str]) -> Iterator[Path]:
    yield DEFAULT
    if home := environment.get("HOME"):
        yield Path(home, ".docker", "run", "docker.sock")
        yield Path(home, ".docker", "desktop", "docker.sock")
    yield _runtime_dir(environment) / "docker.sock"


def _runtime_dir(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")


def _refusal(address: str) -> type[Exception] | None:
    """Return what connecting fails with; None where somebody listens, and be it one that hangs."""
    try:
        knock(address)
    except (TimeoutError, BlockingIOError):
        return None
    except PermissionError:
        return PermissionError
    except (OSError, ValueError):
        return OSError
    return None
