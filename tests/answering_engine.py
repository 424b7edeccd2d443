"""What answers like an engine at a real socket, and has the faults that a real one cannot be given."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from threading import Event, Thread
from typing import Any

Answer = tuple[int, Any]
Answers = Callable[[str, str], Answer | None]
"""From method and path to a status and what goes out as JSON; None hangs.

Text goes out as it is. For an event nothing goes out after the headers, and it is set when the client hangs up.
"""

VERSION = {"Version": "20.10.0", "ApiVersion": "1.41", "Arch": "amd64"}


def only(status: int, body: object) -> Answers:
    """Return answers that are all alike, but for the version, which is right."""
    return lambda method, path: (200, VERSION) if path == "/version" else (status, body)


@contextmanager
def answering(path: Path, answers: Answers) -> Iterator[str]:
    """Answer at this path, and give the value of DOCKER_HOST."""
    ended = Event()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            answer = answers(self.command, self.path)
            if answer is None:
                ended.wait()
                return
            status, body = answer
            if isinstance(body, Event):
                self._hold(status, body)
                return
            content = (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _hold(self, status: int, hung_up: Event) -> None:
            self.send_response(status)
            self.end_headers()
            self.rfile.read(1)
            hung_up.set()

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - the base class calls them so

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
            """Say nothing."""

        def address_string(self) -> str:
            return ""

    class Server(ThreadingMixIn, UnixStreamServer):
        daemon_threads = True

    with Server(str(path), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"unix://{path}"
        finally:
            ended.set()
            server.shutdown()
            thread.join()
