"""A service in a thread: its app can be replaced, and its sockets outlive it."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from fixtures.service.threaded import ThreadedServer


class Spoken:
    """An app that says a word, and notes the beginning and the end of its lifespan."""

    def __init__(self, word: str, events: list[str]) -> None:
        self._word = word
        self._events = events
        self.app = Starlette(routes=[Route("/", self._say)], lifespan=self._lifespan)

    async def _say(self, request: Request) -> Response:
        return PlainTextResponse(self._word)

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        self._events.append(f"{self._word} begins")
        yield
        self._events.append(f"{self._word} ends")


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    yield sockets
    for sock in sockets:
        sock.close()


def _said(sock: socket.socket) -> str:
    return httpx.get(f"http://127.0.0.1:{sock.getsockname()[1]}/", trust_env=False).text


def test_apps_are_replaced_while_they_are_served(sockets: list[socket.socket]) -> None:
    events: list[str] = []
    server = ThreadedServer(Spoken("one", events).app, Spoken("control", events).app, *sockets)
    server.start()
    assert [_said(sock) for sock in sockets] == ["one", "control"]
    server.replace(Spoken("two", events).app, Spoken("other control", events).app)
    assert [_said(sock) for sock in sockets] == ["two", "other control"]
    server.stop()
    assert events == ["one begins", "two begins", "one ends", "two ends"]


def test_sockets_outlive_their_server(sockets: list[socket.socket]) -> None:
    for word in ("first", "second"):
        server = ThreadedServer(Spoken(word, []).app, Spoken("control", []).app, *sockets)
        server.start()
        assert _said(sockets[0]) == word
        server.stop()


def test_an_app_that_does_not_start_is_told(sockets: list[socket.socket]) -> None:
    @asynccontextmanager
    async def failing(app: Starlette) -> AsyncIterator[None]:
        raise LookupError("no")
        yield

    server = ThreadedServer(Starlette(lifespan=failing), Starlette(), *sockets)
    with pytest.raises(RuntimeError, match="did not start"):
        server.start()
