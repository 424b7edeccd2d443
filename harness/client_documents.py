"""The harness in the place of the web servers of clients: it serves client ID metadata documents over HTTPS."""

from __future__ import annotations

import posixpath
import socket
import ssl
from urllib.parse import urlsplit

from harness.listener import Listener, Received, Reply
from harness.target import REDIRECT_URI


class ClientDocuments(Listener):
    """Serves what is published, and counts how often it is fetched.

    Attributes:
        base_url: the origin that documents are known by to the target.
        redirect_uri: the redirect URI that good documents name.
        tls: the certificate that it serves with; None where something in front of it speaks TLS.

    Args:
        base_url: the same; without it, its own origin on 127.0.0.1.
        redirect_uri: the same.
        port: where to listen on 127.0.0.1; 0 for a free port.
        sock: a socket that listens already, in the place of the port.
        tls: the same.

    Raises:
        OSError: the port is taken.
    """

    def __init__(
        self,
        base_url: str = "",
        redirect_uri: str = REDIRECT_URI,
        *,
        port: int = 0,
        sock: socket.socket | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(self._answered, port, sock, tls)
        self.base_url = base_url.rstrip("/") or self.url
        self.redirect_uri = redirect_uri
        self.tls = tls
        self._replies: dict[str, Reply] = {}

    @property
    def host(self) -> str:
        """Host and port of the URLs of documents."""
        return urlsplit(self.base_url).netloc

    def publish(self, path: str, reply: Reply) -> None:
        """Answer requests for a path so from now on; dots in the paths of requests are resolved first."""
        self._replies[path] = reply

    def fetches(self, path: str) -> int:
        """Return how often a path was asked for."""
        return sum(self.resolved(request.path) == path for request in self.requests)

    @staticmethod
    def resolved(path: str) -> str:
        """Return a request's path as documents are found by: without its query and without dot segments."""
        return posixpath.normpath(path.partition("?")[0] or "/")

    def _answered(self, request: Received) -> Reply:
        return self._replies.get(self.resolved(request.path), Reply(404))


def server_context(certificate: str, key: str) -> ssl.SSLContext:
    """Return what serves with a certificate, both files PEM.

    Raises:
        OSError: a file cannot be read, or does not hold what it should (`ssl.SSLError`), or the key has a passphrase.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key, password="")  # or a passphrase would be asked for on the terminal
    return context
