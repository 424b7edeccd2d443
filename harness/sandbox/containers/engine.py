"""The engine that containers run on: Docker's or Podman's, through the Docker SDK, with a bound on every call."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from harness.sandbox.containers.address import address_of, has_engine, knock
from harness.sandbox.containers.faults import EngineError, PortTakenError, missing_image, no_such, told, unreached

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

__all__ = ["Engine", "EngineError", "PortTakenError", "Version", "has_engine", "missing_image"]

USUAL_SECONDS = 10.0
PATIENT_SECONDS = 600.0
OLDEST_API = "1.41"
OLDEST_VERSION = "20.10"
_LAST_LINES = 15


@dataclass(frozen=True)
class Version:
    """What an engine says of itself: its version, its newest API, and its containers' architecture (amd64, arm64)."""

    engine: str
    api: str
    architecture: str


class Engine:
    """An engine that answers.

    Attributes:
        address: where it is, as DOCKER_HOST would say it.
        version: what it says of itself.
        client: the SDK's client. A call without an answer for 10 seconds raises; `wait` and streams need their own.

    Args:
        address: where it is.
        version: what it said of itself.
        seconds: the bound of a call.
        environment: the variables for TLS.
    """

    def __init__(self, address: str, version: Version, seconds: float, environment: Mapping[str, str]) -> None:
        self.address = address
        self.version = version
        self._seconds = seconds
        self._environment = environment
        self.client = self._client(seconds)

    @classmethod
    def connect(cls, timeout: float = USUAL_SECONDS, environment: Mapping[str, str] | None = None) -> Engine:
        """Find the engine, and ask what it is.

        Args:
            timeout: seconds for each call, this one among them.
            environment: the variables that say where it is; ours when it is None.

        Raises:
            EngineError: none answers, it may not be used, hangs, is too old, or is on another machine.
        """
        variables = os.environ if environment is None else environment
        address = address_of(variables)
        _knock(address, timeout)
        version = _ask(address, timeout, variables)
        if _number(version.api) < _number(OLDEST_API):
            raise EngineError(
                f"the Docker engine {version.engine} at {address} is too old: it speaks API {version.api}, and "
                f"{OLDEST_API} is needed, which Docker {OLDEST_VERSION} and Podman 4 speak; update it"
            )
        return cls(address, version, timeout, variables)

    @property
    def architecture(self) -> str:
        """The architecture of its containers: amd64, arm64."""
        return self.version.architecture

    @cached_property
    def patient(self) -> DockerClient:
        """The SDK's client for what takes long: building and pulling may be silent for 10 minutes."""
        return self._client(PATIENT_SECONDS)

    @contextmanager
    def faults(self, image: str | None = None) -> Iterator[None]:
        """Turn whatever the SDK raises within into a sentence.

        Args:
            image: the base image that the work needs, where it needs one.

        Raises:
            EngineError: the engine did not do what it was asked.
            PortTakenError: one of the ports is another's.
        """
        try:
            yield
        except Exception as fault:
            if (error := told(fault, self.address, self._seconds, image)) is None:
                raise
            raise error from fault

    def last_words(self, container: Container) -> str:
        """Return the last 15 lines that a container wrote.

        Raises:
            EngineError: the engine did not tell.
        """
        with self.faults():
            log: bytes = container.logs(tail=_LAST_LINES)
        return log.decode(errors="replace").rstrip()

    def died(self, container: Container) -> EngineError:
        """Return the sentence for a container that ended of itself: its name, how it ended, and its last lines."""
        try:
            with self.faults():
                container.reload()
            words = self.last_words(container)
        except EngineError as fault:
            return EngineError(f"the container {container.name} ended, and its last words are lost: {fault}")
        ended = f"the container {container.name} ended{_how(container.attrs['State'])}"
        return EngineError(f"{ended}:\n{words}" if words else f"{ended}, without a word")

    def close(self) -> None:
        """Close the connections."""
        self.client.close()
        if made := self.__dict__.pop("patient", None):
            made.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _client(self, seconds: float) -> DockerClient:
        from harness.sandbox.containers import sdk

        with self.faults():
            return sdk.client(sdk.api_client(self.address, self.version.api, seconds, self._environment))


def _knock(address: str, seconds: float) -> None:
    try:
        knock(address, seconds)
    except OSError as fault:
        raise unreached(fault, address, seconds) from fault
    except ValueError as fault:
        usual = "unix:///var/run/docker.sock is a usual one"
        raise EngineError(f"DOCKER_HOST is {address}, where no engine can be used: {fault}; {usual}") from fault


def _ask(address: str, seconds: float, environment: Mapping[str, str]) -> Version:
    from harness.sandbox.containers import sdk

    try:
        api = sdk.api_client(address, OLDEST_API, seconds, environment)
        try:
            said = api.version(api_version=False)
            version = Version(str(said["Version"]), str(said["ApiVersion"]), str(said["Arch"]))
            _number(version.api)
        finally:
            api.close()
    except Exception as fault:
        if error := told(fault, address, seconds):
            raise error from fault
        if isinstance(fault, (ValueError, LookupError, TypeError)):
            raise no_such(address) from fault
        raise
    return version


def _number(api: str) -> tuple[int, ...]:
    return tuple(int(part) for part in api.split("."))


def _how(state: Mapping[str, Any]) -> str:
    code = f" with exit code {state.get('ExitCode')}"
    if state.get("OOMKilled"):
        return f"{code}, as it took more memory than there is"
    return f"{code} ({state['Error']})" if state.get("Error") else code
