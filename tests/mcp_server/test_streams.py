"""Streams end with the token that opened them, and are resumed in their own session only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from harness.mcp_wire import Dialect, event_ids, messages
from tests.mcp_server.stage import NEWEST, Stage

BALANCE = "urn:ledger:balance:read"
HANDSHAKE = "2025-11-25"
LIFE = 600


@contextmanager
def _listening(stage: Stage, token: str) -> Iterator[httpx.Response]:
    headers, body = Dialect(NEWEST).request("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
    sent = {**headers, "Authorization": f"Bearer {token}"}
    with stage.http.stream("POST", stage.mcp(), headers=sent, content=json.dumps(body)) as answer:
        yield answer


def _first_message(chunks: Iterator[bytes]) -> str:
    (message,) = messages("text/event-stream", next(chunks))
    return str(message["method"])


def test_a_stream_ends_when_its_token_expires(stage: Stage) -> None:
    with _listening(stage, stage.token(BALANCE, exp=stage.clock.seconds() + LIFE)) as answer:
        chunks = answer.iter_bytes()
        assert _first_message(chunks) == "notifications/subscriptions/acknowledged"
        stage.clock.advance(2 * LIFE)
        assert list(chunks) == []


def test_a_stream_ends_when_its_token_is_revoked(stage: Stage) -> None:
    with _listening(stage, stage.token(BALANCE, jti="to-be-revoked")) as answer:
        chunks = answer.iter_bytes()
        assert _first_message(chunks) == "notifications/subscriptions/acknowledged"
        stage.issuer.revoked.add("to-be-revoked")
        assert list(chunks) == []


def test_a_stream_ends_when_nobody_can_say_whether_its_token_is_good(stage: Stage) -> None:
    with _listening(stage, stage.token(BALANCE)) as answer:
        chunks = answer.iter_bytes()
        assert _first_message(chunks) == "notifications/subscriptions/acknowledged"
        stage.issuer.introspection = {"active": "perhaps"}
        assert list(chunks) == []


class _Session:
    """A session of one user, in a revision that has sessions."""

    def __init__(self, stage: Stage, subject: str = "alice") -> None:
        self._stage, self._token = stage, stage.token(BALANCE, sub=subject)
        self._headers: dict[str, str] = {}
        self._dialect = Dialect(HANDSHAKE)
        opened = self._post(*self._dialect.initialize())
        self._headers = {"Mcp-Session-Id": opened.headers["mcp-session-id"]}
        self._post(*self._dialect.initialized())

    def list_tools(self) -> httpx.Response:
        return self._post(*self._dialect.request("tools/list"))

    @contextmanager
    def resumed(self, event: str) -> Iterator[httpx.Response]:
        asked = {"Accept": "text/event-stream", "Last-Event-ID": event, "MCP-Protocol-Version": HANDSHAKE}
        headers = {**asked, **self._headers, "Authorization": f"Bearer {self._token}"}
        with self._stage.http.stream("GET", self._stage.mcp(), headers=headers) as answer:
            yield answer

    def _post(self, headers: dict[str, str], body: object) -> httpx.Response:
        sent = {**headers, **self._headers, "Authorization": f"Bearer {self._token}"}
        return self._stage.http.post(self._stage.mcp(), headers=sent, content=json.dumps(body))


def test_a_stream_is_resumed_in_its_own_session(stage: Stage) -> None:
    session = _Session(stage)
    listed = session.list_tools()
    first, _ = event_ids(listed.content)
    with session.resumed(first) as answer:
        (replayed,) = messages("text/event-stream", next(answer.iter_bytes()))
    assert [replayed] == messages("text/event-stream", listed.content)


@pytest.mark.parametrize("subject", ["alice", "somebody-else"])
def test_a_stream_is_not_resumed_in_another_session(stage: Stage, subject: str) -> None:
    first, last = event_ids(_Session(stage).list_tools().content)
    for event in (first, last):
        with _Session(stage, subject).resumed(event) as answer:
            assert answer.read() == b""
