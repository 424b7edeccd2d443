"""The Docker SDK's clients as we use them. Imported when an engine is needed: the SDK takes its time."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import docker
import requests
from docker.transport import UnixHTTPAdapter
from docker.transport.unixconn import UnixHTTPConnection, UnixHTTPConnectionPool
from docker.utils import kwargs_from_env, parse_repository_tag

_CONNECTIONS = 64


class _Connection(UnixHTTPConnection):
    """Closes its socket where connecting fails, which the SDK leaves to the garbage collector."""

    def connect(self) -> None:
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.settimeout(self.timeout)
            sock.connect(self.unix_socket)
        except BaseException:
            sock.close()
            raise
        self.sock = sock


class _Pool(UnixHTTPConnectionPool):
    def _new_conn(self) -> Any:
        return _Connection(self.base_url, self.socket_path, self.timeout)  # type: ignore[arg-type]


class _Adapter(UnixHTTPAdapter):
    """Keeps the connections to one socket in one pool, whatever they ask for."""

    def get_connection(self, url: bytes | str, proxies: Any = None) -> UnixHTTPConnectionPool:
        with self.pools.lock:
            if (pool := self.pools.get(self.socket_path)) is None:
                pool = _Pool("localhost", self.socket_path, self.timeout, _CONNECTIONS)
                self.pools[self.socket_path] = pool
        return pool


class _BoundedClient(docker.APIClient):
    """A client whose every call has a bound: the SDK itself waits for ever for a pull, a build and a `wait`."""

    def __init__(self, address: str, version: str, seconds: float, tls: Any) -> None:
        super().__init__(base_url=address, version=version, timeout=seconds, tls=tls)  # type: ignore[arg-type]
        adapter = self.get_adapter(self.base_url)
        if isinstance(adapter, UnixHTTPAdapter):
            self.mount("http+docker://", _Adapter(adapter.socket_path, adapter.timeout))
            adapter.close()

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self.timeout
        return super().send(request, **kwargs)


def api_client(address: str, version: str, seconds: float, environment: Mapping[str, str]) -> docker.APIClient:
    """Return a client of the engine's API that asks nothing yet; with TLS where DOCKER_TLS_VERIFY says so.

    Raises:
        DockerException: the address is none, or the files for TLS are not there.
    """
    return _BoundedClient(address, version, seconds, kwargs_from_env(dict(environment)).get("tls", False))


def client(api: docker.APIClient) -> docker.DockerClient:
    """Return the SDK's usual client on one of the API."""
    made = docker.DockerClient(base_url="unix:///", version=api.api_version)
    made.api.close()
    made.api = api
    return made


@contextmanager
def events(api: docker.APIClient, filters: Mapping[str, str]) -> Iterator[Any]:
    """Ask for the engine's events, and hang up at the end of the block.

    The stream's own `close` wakes the thread that reads; a stream that nobody reads keeps its connection after it.

    Raises:
        requests.RequestException: the engine does not answer.
        APIError: it refuses.
    """
    stream: Any = api.events(filters=dict(filters), decode=True)
    try:
        yield stream
    finally:
        stream._response.close()  # noqa: SLF001 - the SDK has no other way


def pull(api: docker.APIClient, image: str) -> str:
    """Pull an image; return what the engine says last of why it could not, and nothing where it could.

    What goes wrong meanwhile comes within an answer of status 200, and the SDK's own pull passes over it.
    """
    repository, tag = parse_repository_tag(image)
    steps = api.pull(repository, tag=tag or "latest", stream=True, decode=True)
    refusals = [str(step["error"]) for step in steps if "error" in step]
    return refusals[-1] if refusals else ""
