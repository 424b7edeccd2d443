"""A listener on loopback that remembers what it is asked: the harness in the place of somebody else's server."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Self

PATIENCE = 5.0
"""Seconds that a caller may take to send its request."""
LARGEST_BODY = 1_048_576
"""The largest body that is read, in bytes."""
LINE = 1000
"""The longest line between the chunks of a body, in bytes."""

Outlet = Callable[[int], AbstractContextManager[None]]
outlets: list[Outlet] = []
"""Ways from elsewhere to our loopback, as from containers: each is opened for the port of every listener."""


@dataclass(frozen=True)
class Received:
    """A request as it came.

    Attributes:
        method: the HTTP method.
        path: the path, with its query.
        headers: by name in lower case; the values of a name that came more than once, in their order.
        body: the body's bytes.
    """

    method: str
    path: str
    headers: Mapping[str, tuple[str, ...]] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Reply:
    """What a request is answered with.

    Attributes:
        headers: a `content-length` among them takes the place of the body's own.
        chunks: makes what is sent in the place of the body, chunk by chunk, so that its length is not known
            beforehand.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: Callable[[], Iterable[bytes]] | None = None


def nothing_here(_: Received) -> Reply:
    """Answer 404, whatever is asked."""
    return Reply(404)


class Listener:
    """An HTTP server on 127.0.0.1 for as long as its `with` block lasts.

    Attributes:
        url: its origin, `http://127.0.0.1:<port>`.
        connections: how many were made to it so far, whatever became of them.

    Args:
        answer: makes the reply to each request; may be called from several threads at once.
        port: where to listen; 0 for a free port.
        sock: a socket that listens already, in the place of the port; it is closed with the listener.
        tls: the certificate with which it speaks https in the place of http.

    Raises:
        OSError: the port is taken (on construction).
    """

    def __init__(
        self,
        answer: Callable[[Received], Reply] = nothing_here,
        port: int = 0,
        sock: socket.socket | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.connections = 0
        self._answer = answer
        self._received: list[Received] = []
        self._lock = threading.Lock()
        self._server = _Server(sock or socket.create_server(("127.0.0.1", port)), tls)
        self._server.listener = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="listener", daemon=True
        )
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"

    @property
    def requests(self) -> list[Received]:
        """What was asked so far, in the order in which it came."""
        with self._lock:
            return list(self._received)

    def take(self, request: Received) -> Reply:
        """Remember a request and return what it is answered with."""
        with self._lock:
            self._received.append(request)
        return self._answer(request)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self._server.server_close)
            for outlet in outlets:
                stack.enter_context(outlet(self._server.server_address[1]))
            self._thread.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._stack.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    listener: Listener

    def __init__(self, sock: socket.socket, tls: ssl.SSLContext | None) -> None:
        super().__init__(sock.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()  # the one that it makes of its own accord
        self.socket = sock
        self._tls = tls

    def get_request(self) -> tuple[socket.socket, Any]:
        """Take a connection; its handshake is done where it is read, so that nobody waits for another."""
        sock, address = self.socket.accept()
        self.listener.connections += 1
        if self._tls:
            sock = self._tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return sock, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing on standard error: a caller who hangs up is no fault of ours."""


def _hexadecimal(text: bytes) -> int | None:
    return int(text, 16) if re.fullmatch(rb"[0-9A-Fa-f]{1,8}", text) else None


class _Handler(BaseHTTPRequestHandler):
    """Each connection carries one request (HTTP/1.0), so that closing the server leaves none open."""

    timeout: ClassVar[float] = PATIENCE
    server: _Server

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
        """Write no log: what was asked is in `requests`."""

    def _serve(self) -> None:
        body = self._chunks() if "transfer-encoding" in self.headers else self._body()
        if body is None:
            self._reply(Reply(413))
            return
        headers = {name.lower(): tuple(self.headers.get_all(name, ())) for name in self.headers}
        self._reply(self.server.listener.take(Received(self.command, self.path, headers, body)))

    def _body(self) -> bytes | None:
        length = self.headers.get("content-length") or "0"
        return self.rfile.read(int(length)) if length.isdecimal() and int(length) <= LARGEST_BODY else None

    def _chunks(self) -> bytes | None:
        """Read a chunked body (RFC 9112 section 7.1); None for any fault. Trailers are left where they are."""
        body = b""
        while size := _hexadecimal(self.rfile.readline(LINE).partition(b";")[0].strip()):
            if len(body) + size > LARGEST_BODY:
                return None
            body += self.rfile.read(size)
            self.rfile.readline(LINE)
        return body if size == 0 else None

    def _reply(self, reply: Reply) -> None:
        if reply.chunks is not None:
            self._reply_in_chunks(reply, reply.chunks())
            return
        self._head(reply, {"content-length": str(len(reply.body))})
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def _head(self, reply: Reply, own: Mapping[str, str]) -> None:
        self.send_response(reply.status)
        for name, value in {**own, **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _reply_in_chunks(self, reply: Reply, chunks: Iterable[bytes]) -> None:
        """Send a chunked body (RFC 9112 section 7.1), which HTTP/1.0 does not have; the connection is closed after."""
        self.protocol_version = "HTTP/1.1"
        self._head(reply, {"transfer-encoding": "chunked", "connection": "close"})
        if self.command == "HEAD":
            return
        for chunk in chunks:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")
