"""What can go wrong with an engine, as one sentence each: what is wrong, where, and what to do."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.sandbox.containers import BASE_VARIABLE
from harness.sandbox.containers.address import alternative
from harness.sandbox.errors import PortError, SandboxError

_PORT = re.compile(r"(?:\d+(?:\.\d+){3}|\[[\da-f:]+\]):(\d+)[^\n]*(?:port is already allocated|address already in use)")
_DISK = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
_REGISTRY = re.compile(
    r"dial tcp|no such host|network is unreachable|no route to host|i/o timeout|Client\.Timeout|TLS handshake"
    r"|proxyconnect|connection refused|certificate|server misbehaving|toomanyrequests|unexpected EOF"
)
_NO_IMAGE = re.compile(
    r"no such image|pull access denied|repository does not exist|manifest (?:for .* not found|unknown)"
    r"|no matching manifest|not found: manifest|image not known|unable to find image|initializing source",
    re.IGNORECASE,
)


class EngineError(SandboxError):
    """The engine cannot be used, or did not do what it was asked; the text is for the user."""


class KeptError(EngineError):
    """The engine answers, and does not remove what it was to remove.

    Attributes:
        names: what it keeps.
    """

    def __init__(self, names: Sequence[str], text: str) -> None:
        super().__init__(text)
        self.names = tuple(names)


class PortTakenError(PortError, EngineError):
    """A port that a container is to have on this machine is another's."""


def told(fault: Exception, address: str, seconds: float, image: str | None = None) -> EngineError | None:
    """Return the sentence for what the SDK, or the HTTP client below it, raised; None where it is none of theirs.

    Args:
        fault: what was raised.
        address: the engine's.
        seconds: how long an answer was waited for.
        image: the base image that the work needs, where it needs one.
    """
    import requests
    import urllib3
    from docker.errors import APIError, BuildError, DockerException

    if isinstance(fault, APIError | BuildError):
        return _refused(_words(fault), address, image)
    if isinstance(fault, requests.JSONDecodeError):
        return no_such(address)
    below = requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException
    if isinstance(fault, (*below, ConnectionError, TimeoutError)):
        return unreached(fault, address, seconds)
    if isinstance(fault, DockerException):
        return EngineError(f"the Docker engine at {address} cannot be used: {fault}")
    return None


def _words(fault: Exception) -> str:
    """Return what the engine said."""
    return str(getattr(fault, "explanation", None) or getattr(fault, "msg", None) or fault).strip()


def _refused(words: str, address: str, image: str | None) -> EngineError:
    if _DISK.search(words):
        return EngineError(
            f"the disk of the Docker engine at {address} is full: {words}; `docker system df` shows what takes the "
            "room, and `docker image prune` and `docker builder prune` make some"
        )
    if taken := _PORT.search(words):
        return PortTakenError(f"port {taken[1]} of 127.0.0.1 is in use")
    if _NO_IMAGE.search(words) or (image and _REGISTRY.search(words)):
        return missing_image(image, words, address)
    return EngineError(f"the Docker engine at {address} refused: {words}")


def missing_image(image: str | None, words: str, address: str) -> EngineError:
    """Return the sentence for an image that the engine neither has nor gets; `words` are the engine's."""
    which = f"the base image {image}" if image else "an image"
    return EngineError(
        f"the Docker engine at {address} does not have {which} and cannot get it: {words}; pull or load it "
        f"(`docker load -i FILE`), or name one that is there with --base-image or {BASE_VARIABLE}"
    )


def no_engine(address: str) -> EngineError:
    """Return the sentence for an address where nothing listens."""
    return EngineError(
        f"no Docker engine answers at {address}: start it (`sudo systemctl start docker`, or Docker Desktop), or name "
        "another one's socket in DOCKER_HOST (`docker context ls` shows the ones that your Docker knows); "
        f"{alternative()}; the embedded runtime needs none"
    )


def no_such(address: str) -> EngineError:
    """Return the sentence for something else at an engine's address."""
    return EngineError(f"what answers at {address} is no Docker engine; name one's socket in DOCKER_HOST")


def unreached(fault: BaseException, address: str, seconds: float) -> EngineError:
    """Return the sentence for a connection that failed."""
    for cause in _causes(fault):
        if isinstance(cause, TimeoutError | BlockingIOError):
            return EngineError(
                f"the Docker engine at {address} hangs: no answer within {seconds:g} seconds; look at its log, and "
                "start it again (`sudo systemctl restart docker`, or Docker Desktop's menu)"
            )
        if isinstance(cause, FileNotFoundError | NotADirectoryError | ConnectionRefusedError):
            return no_engine(address)
        if isinstance(cause, PermissionError):
            return _forbidden(address)
    *_, last = _causes(fault)
    why = str(last) or type(last).__name__
    if isinstance(fault, OSError) and fault.errno:
        return EngineError(f"the Docker engine at {address} cannot be reached: {why}")
    return EngineError(
        f"the Docker engine at {address} broke the connection off ({why}): it was ended, or it is no "
        "Docker engine; `docker info` tells whether it runs"
    )


def _forbidden(address: str) -> EngineError:
    path = Path(address.removeprefix("unix://"))
    return EngineError(
        f"this user has no permission on the Docker engine's socket {path}: join the group that has it (`sudo usermod "
        "--append --groups docker $USER`, then log in again), use sudo, or a rootless engine "
        f"(`dockerd-rootless-setuptool.sh install`); {alternative()}"
    )


def _causes(fault: BaseException | None) -> Iterator[BaseException]:
    while fault is not None:
        yield fault
        fault = fault.__cause__ or fault.__context__
