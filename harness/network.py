"""The sockets under the HTTP client: a deadline for a whole exchange rather than for each read, and an end at once."""

from __future__ import annotations

import math
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from weakref import WeakSet

import httpcore
import httpx

KEPT_SECONDS = 2.0
"""Many servers hang up after 5 idle seconds; a request that crosses with that would seem to have no answer."""

HELD_BYTES = 65536
"""How much of a request is kept back at most, to be sent at once."""


class _Deadline(threading.local):
    at: float = math.inf

    def left(self, timeout: float | None) -> float | None:
        if self.at == math.inf:
            return timeout
        seconds = self.at - time.monotonic()
        if seconds <= 0:
            raise httpcore.ReadTimeout("the deadline of the exchange has passed")
        return seconds if timeout is None else min(seconds, timeout)


class _Line(threading.local):
    ready: Callable[[], object] | None = None

    def reached(self) -> None:
        ready, self.ready = self.ready, None
        if ready:
            ready()


class Network(httpcore.NetworkBackend):
    """The connections of one run."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()
        self._deadline = _Deadline()
        self.line = _Line()
        self._streams: WeakSet[_Stream] = WeakSet()
        self._lock = threading.Lock()
        self._aborted = False

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Let everything that this thread sends and receives here take so many seconds at most.

        Raises:
            httpx.ReadTimeout: it takes longer.
        """
        self._deadline.at = time.monotonic() + seconds
        try:
            yield
        finally:
            self._deadline.at = math.inf

    @contextmanager
    def held_back(self, ready: Callable[[], object]) -> Iterator[None]:
        """Let the first request that this thread sends here wait, until a function returns.

        It is called when the connection is open and all that is left to do is to send the request.
        """
        self.line.ready = ready
        try:
            yield
        finally:
            self.line.ready = None

    def abort(self) -> None:
        """End every connection under the hands of the threads that wait for it, and every later one at once."""
        with self._lock:
            self._aborted = True
            streams = list(self._streams)
        for stream in streams:
            stream.abort()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect, as the base class describes it."""
        left = self._deadline.left(timeout)
        return self.watched(self._inner.connect_tcp(host, port, left, local_address, socket_options))

    def watched(self, inner: httpcore.NetworkStream) -> httpcore.NetworkStream:
        """Return a stream that heeds the deadline and can be ended."""
        stream = _Stream(inner, self, self._deadline)
        with self._lock:
            self._streams.add(stream)
            aborted = self._aborted
        if aborted:
            stream.abort()
        return stream


class _Stream(httpcore.NetworkStream):
    """A connection whose requests are sent in one piece.

    A server that answers the head of a request and hangs up, before it has read the body, resets the connection, and
    its answer is lost on the way.
    """

    def __init__(self, inner: httpcore.NetworkStream, network: Network, deadline: _Deadline) -> None:
        self._inner, self._network, self._deadline = inner, network, deadline
        self._held = b""
        self._last = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with suppress(httpcore.WriteError):  # the answer may have come before all was sent
            self._send(timeout)
        return self._inner.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self._last:  # the pool asked a moment too early, and takes another one
            raise httpcore.ConnectionNotAvailable
        self._held += buffer
        if len(self._held) > HELD_BYTES:
            self._send(timeout)

    def end_with_this(self) -> None:
        """Let no further request be sent here."""
        self._last = True

    def _send(self, timeout: float | None) -> None:
        held, self._held = self._held, b""
        if held:
            self._network.line.reached()
            self._inner.write(held, self._deadline.left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._deadline.left(timeout)
        return self._network.watched(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable" and self._last:  # to the pool, something to read while idle means that it is over
            return True
        return self._inner.get_extra_info(info)

    def abort(self) -> None:
        # Not through SSLSocket.shutdown, which takes the TLS state away from the thread that reads.
        with suppress(OSError):
            socket.socket.shutdown(self._inner.get_extra_info("socket"), socket.SHUT_RDWR)


class Transport(httpx.HTTPTransport):
    """HTTP over a `Network`, with neither redirects, nor cookies, nor anything from the environment.

    Args:
        network: makes the connections.
        context: how certificates are verified.
        connections: how many are open at the same time at most.
    """

    def __init__(self, network: Network, context: ssl.SSLContext, connections: int) -> None:
        super().__init__(trust_env=False, verify=context)
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=KEPT_SECONDS,
            network_backend=network,
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; a connection on which the server failed is used no more, since many servers then hang up."""
        response = super().handle_request(request)
        stream = response.extensions.get("network_stream")
        if response.status_code >= 500 and isinstance(stream, _Stream):
            stream.end_with_this()
        return response
