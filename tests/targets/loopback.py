"""How the Python targets are served: on a loopback port, announced by one JSON line, until standard input closes."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp


def listen(port: int) -> socket.socket:
    """Return a socket that listens on 127.0.0.1; port 0 takes a free one."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(128)
    return listener


def origin(listener: socket.socket) -> str:
    """Return scheme, host and port of what is served on the socket."""
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def serve(app: ASGIApp, listener: socket.socket, ready: dict[str, str]) -> None:
    """Print the ready line and answer requests until standard input closes."""
    import uvicorn  # which not every target brings

    settings = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1, proxy_headers=False)
    server = uvicorn.Server(settings)  # no proxy is in front of it whose headers could be believed

    def stop() -> None:
        server.should_exit = True

    announce(ready, stop)
    server.run(sockets=[listener])


def announce(ready: dict[str, str], stop: Callable[[], None]) -> None:
    """Print the ready line, and call `stop` from a thread of its own when standard input closes."""

    def stop_with_the_parent() -> None:
        sys.stdin.buffer.read()
        stop()

    threading.Thread(target=stop_with_the_parent, daemon=True).start()
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
