"""A server that does everything wrong that a target can do wrong, on real sockets."""

from __future__ import annotations

import datetime
import gzip
import ipaddress
import json
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

MEGABYTE = 1024 * 1024
_BOMB = gzip.compress(bytes(16 * MEGABYTE), 1)
PAUSE = 0.05
"""Seconds between two drops of a slow drip."""


@dataclass
class Visit:
    """One request: its connection, where it went, the signal that the server is closing, and all that came."""

    connection: socket.socket
    path: str
    url: str
    closing: threading.Event
    request: bytes = b""

    def say(self, data: bytes) -> None:
        self.connection.sendall(data)


Behaviour = Callable[[Visit], None]


class Hostile(socketserver.ThreadingTCPServer):
    """Answers each path, or its longest beginning that is known, with a behaviour.

    Args:
        default: for every path that is not in `behaviours`.
        behaviours: by the beginning of the path.
        certificate: a PEM file with key and certificate; https with it, http without.
    """

    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(
        self, default: Behaviour, behaviours: Mapping[str, Behaviour] | None = None, certificate: Path | None = None
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.default, self.behaviours = default, dict(behaviours or {})
        self.closing = threading.Event()
        self.paths: list[str] = []
        self._visited = threading.Condition()
        scheme = "https" if certificate else "http"
        self.url = f"{scheme}://127.0.0.1:{self.server_address[1]}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)

    def behaviour(self, path: str) -> Behaviour:
        known = sorted((start for start in self.behaviours if path.startswith(start)), key=len)
        return self.behaviours[known[-1]] if known else self.default

    def visited(self, path: str) -> None:
        """Take note of a request."""
        with self._visited:
            self.paths.append(path)
            self._visited.notify_all()

    def await_visit(self, beginning: str, seconds: float) -> bool:
        """Wait for a request whose path begins like this, and return whether it came in time."""
        with self._visited:
            return self._visited.wait_for(lambda: any(path.startswith(beginning) for path in self.paths), seconds)

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet: the other side may hang up whenever it likes."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.closing.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(socketserver.BaseRequestHandler):
    server: Hostile

    def handle(self) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            received = self.request.recv(65_536)
            if not received:
                return
            request += received
        request += _rest(self.request, request)
        path = request.split(b" ", 2)[1].decode("latin-1")
        self.server.visited(path)
        self.server.behaviour(path)(Visit(self.request, path, self.server.url, self.server.closing, request))


def _rest(connection: socket.socket, request: bytes) -> bytes:
    """Read the rest of the body, so that closing the connection does not reset it before the answer was read."""
    head, _, body = request.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    missing = int(lengths[0].split(b":")[1]) - len(body) if lengths else 0
    rest = b""
    while len(rest) < missing and (received := connection.recv(65_536)):
        rest += received
    return rest


def answer(
    body: bytes | str = b"",
    *headers: str,
    status: str = "200 OK",
    kind: str = "text/html",
    length: bool = True,
) -> Behaviour:
    """Answer with this and close the connection; `headers` are whole lines."""
    raw = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", "Connection: close", *headers]
    lines += [f"Content-Length: {len(raw)}"] if length else []
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    return lambda visit: visit.say(head + raw)


def document(value: Any, *headers: str, status: str = "200 OK") -> Behaviour:
    """Answer with JSON; `{url}` in it becomes the server's URL."""

    def behave(visit: Visit) -> None:
        text = json.dumps(value).replace("{url}", visit.url)
        answer(text, *headers, status=status, kind="application/json")(visit)

    return behave


def redirect(location: str) -> Behaviour:
    """Redirect to a place; `{path}` in it becomes the path that was asked for."""

    def behave(visit: Visit) -> None:
        answer(b"", f"Location: {location.replace('{path}', visit.path)}", status="302 Found")(visit)

    return behave


def permit(visit: Visit) -> None:
    """Answer an authorization request as a server does that asks nobody: with a code."""
    query = parse_qs(urlsplit(visit.path).query)
    parameters = urlencode({"code": "a-code", "state": query.get("state", [""])[0]})
    redirect(f"{query.get('redirect_uri', [visit.url])[0]}?{parameters}")(visit)


def hang(visit: Visit) -> None:
    """Say nothing."""
    visit.closing.wait()


def reset(visit: Visit) -> None:
    """Reset the connection."""
    visit.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    visit.connection.close()


def hang_up(_visit: Visit) -> None:
    """Close the connection without an answer."""


def drip_headers(visit: Visit) -> None:
    """Send the head of an answer so slowly that no single wait is long."""
    _drip(visit, b"HTTP/1.1 200 OK\r\nX-Slow: " + b"z" * 100_000)


def drip_body(visit: Visit) -> None:
    """Send a body so slowly that no single wait is long."""
    visit.say(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
    _drip(visit, b" " * 100_000)


def stream(visit: Visit) -> None:
    """Open an event stream in which nothing ever comes."""
    visit.say(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    visit.closing.wait()


def huge(visit: Visit) -> None:
    """Send 50 MB."""
    visit.say(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 52428800\r\n\r\n")
    for _ in range(50):
        visit.say(b" " * MEGABYTE)


def bomb(visit: Visit) -> None:
    """Send a small body that unfolds to a large one."""
    answer(_BOMB, "Content-Encoding: gzip", kind="application/json")(visit)


def short(visit: Visit) -> None:
    """Announce more than comes."""
    visit.say(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{}")


def garbage(visit: Visit) -> None:
    """Speak something that is not HTTP."""
    visit.say(b"\x00\x01\x02 SSH-2.0-OpenSSH\r\n\r\n" * 20)


def _drip(visit: Visit, data: bytes) -> None:
    for byte in data:
        visit.say(bytes([byte]))
        if visit.closing.wait(PAUSE):
            return


def self_signed(folder: Path) -> Path:
    """Write a key and a certificate that nobody vouches for, and return the file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    today = datetime.datetime.now(datetime.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(today - datetime.timedelta(1)).not_valid_after(today + datetime.timedelta(1))
    certificate = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "self-signed.pem"
    path.write_bytes(private + certificate.public_bytes(pem))
    return path
