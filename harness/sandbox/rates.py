"""The place of the rates API that the sandbox's MCP server asks, where the harness plays it."""

from __future__ import annotations

import socket
from functools import cached_property
from typing import TYPE_CHECKING

from harness.sandbox.errors import SilentError
from harness.sandbox.sockets import LOOPBACK

if TYPE_CHECKING:
    from harness.downstream import DownstreamApi
    from harness.sandbox.authority import Authority

_BACKLOG = 128


class RatesPlace:
    """Bound at once, so that the MCP server can be told, and served when first asked for: the import takes time."""

    def __init__(self) -> None:
        self._sock = socket.create_server((LOOPBACK, 0), backlog=_BACKLOG)
        self._port = self._sock.getsockname()[1]
        self._authority: Authority | None = None

    def certified_by(self, authority: Authority) -> None:
        """Speak https, with a certificate from an authority whose root the sandbox has."""
        self._authority = authority

    @property
    def url(self) -> str:
        """The origin of the API, on loopback."""
        return f"{'https' if self._authority else 'http'}://{LOOPBACK}:{self._port}"

    @cached_property
    def api(self) -> DownstreamApi:
        """The API itself, which answers from now on.

        Raises:
            SilentError: it has ended, or those who are to ask it cannot be let in, as where their network has ended.
        """
        from harness.downstream import DownstreamApi

        if self._sock.fileno() < 0:  # it was closed, and be it by the first who tried
            raise SilentError("the rates API is played no longer")
        tls = self._authority.server_context() if self._authority else None
        return DownstreamApi(sock=self._sock, tls=tls).__enter__()

    def close(self) -> None:
        """End it; nothing happens the second time."""
        if "api" in self.__dict__:
            self.api.__exit__(None, None, None)
            del self.api
        self._sock.close()
