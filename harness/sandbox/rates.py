"""The place of the rates API that the sandbox's MCP server asks, where the harness plays it."""

from __future__ import annotations

import socket
from functools import cached_property
from typing import TYPE_CHECKING

from harness.sandbox.sockets import LOOPBACK

if TYPE_CHECKING:
    from harness.downstream import DownstreamApi

_BACKLOG = 128


class RatesPlace:
    """Bound at once, so that the MCP server can be told, and served when it is first asked for: the import takes time.

    Attributes:
        url: the origin of the API, on loopback.
    """

    def __init__(self) -> None:
        self._sock = socket.create_server((LOOPBACK, 0), backlog=_BACKLOG)
        self.url = f"http://{LOOPBACK}:{self._sock.getsockname()[1]}"

    @cached_property
    def api(self) -> DownstreamApi:
        """The API itself, which answers from now on."""
        from harness.downstream import DownstreamApi

        return DownstreamApi(sock=self._sock).__enter__()

    def close(self) -> None:
        """End it; nothing happens the second time."""
        if "api" in self.__dict__:
            self.api.__exit__(None, None, None)
            del self.api
        self._sock.close()
