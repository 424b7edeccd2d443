"""Servers that hang up behind an answer take no later request with them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import pytest

from harness.exchange import Evidence
from harness.http import Client, Wire

REQUESTS = 100


@contextmanager
def _serving(answer: Callable[[socket.socket, bytes], bool]) -> Iterator[str]:
    """Run a server of one thread per connection, which hangs up when `answer` returns False; yield its URL."""
    open_ones: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(16) as threads:

        def talk(connection: socket.socket) -> None:
            with connection, suppress(ConnectionError):
                while (received := connection.recv(65536)) and answer(connection, received):
                    pass

        def accept() -> None:
            with suppress(OSError):
                while True:
                    open_ones.append(listener.accept()[0])
                    threads.submit(talk, open_ones[-1])

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join()
            for connection in open_ones:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def wire() -> Iterator[Wire]:
    running = Wire(5.0, loopback=True)
    yield running
    running.close()


def _statuses(wire: Wire, url: str) -> list[int]:
    """Send requests from several threads, each with a body, and return what came back."""

    def ask(_number: int) -> int:
        return Client(wire, Evidence()).send("POST", url, content=b"{}").status

    with ThreadPoolExecutor(4) as threads:
        return list(threads.map(ask, range(REQUESTS)))


def test_a_server_that_hangs_up_after_an_error_without_saying_so_takes_no_other_request_with_it(wire: Wire) -> None:
    failed: set[socket.socket] = set()

    def fail_once(connection: socket.socket, _received: bytes) -> bool:
        if connection in failed:
            return False
        failed.add(connection)
        connection.sendall(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
        return True

    with _serving(fail_once) as url:
        assert _statuses(wire, url) == [500] * REQUESTS


def test_head_and_body_of_a_request_come_in_one_piece(wire: Wire) -> None:
    seen: list[bool] = []

    def look(connection: socket.socket, received: bytes) -> bool:
        seen.append(received.endswith(b"\r\n\r\n{}"))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        return True

    with _serving(look) as url:
        assert _statuses(wire, url) == [200] * REQUESTS
    assert seen == [True] * REQUESTS
