"""Streams that stay open are read within bounds, and leave one exchange of evidence."""

from __future__ import annotations

import json
import threading
import time

import pytest

from harness.body import BODY_LIMIT
from harness.exchange import Evidence
from harness.http import Client, NotAllowed, NotReached, Wire
from harness.mcp_calls import McpConnection, data_of
from harness.streaming import Stream, open_stream
from harness.verdict import Interrupted
from tests.hostile import Behaviour, Hostile, Visit, answer, document, hang

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
NOTICE = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}
EVENT = f": a comment\r\n\r\nid: 1\r\ndata: {json.dumps(NOTICE)}\r\n\r\n".encode()
SOON = 5.0


def _client(timeout: float = SOON) -> Client:
    return Client(Wire(timeout), Evidence())


def _saying(data: bytes, *, stay: bool) -> Behaviour:
    def behave(visit: Visit) -> None:
        visit.say(HEAD + data)
        if stay:
            visit.closing.wait()

    return behave


def _event(message: object) -> str:
    return f"data: {json.dumps(message)}\n\n"


def _heard(stream: Stream) -> bool:
    return bool(stream.messages)


def test_what_has_come_can_be_read_while_the_stream_stays_open() -> None:
    client = _client()
    with Hostile(_saying(EVENT, stay=True)) as server, open_stream(client, "GET", server.url) as stream:
        assert stream.opened
        assert stream.wait(_heard, SOON)
        assert stream.messages == [NOTICE]
        assert not stream.ended
        assert not stream.wait(lambda stream: stream.ended, 0.05)
    (exchange,) = client.evidence
    assert (exchange.status, exchange.body) == (200, EVENT)


def test_the_end_of_a_stream_is_noticed() -> None:
    with Hostile(_saying(EVENT, stay=False)) as server, open_stream(_client(), "GET", server.url) as stream:
        assert stream.wait(lambda stream: stream.ended, SOON)
        assert stream.messages == [NOTICE]


def test_nobody_waits_for_what_cannot_come_any_more() -> None:
    with Hostile(_saying(b"", stay=False)) as server, open_stream(_client(), "GET", server.url) as stream:
        started = time.monotonic()
        assert not stream.wait(_heard, 60)
        assert time.monotonic() - started < 60


def test_a_stream_without_end_is_read_up_to_the_limit() -> None:
    data = b"data: x\n\n" * (BODY_LIMIT // 8)
    with Hostile(_saying(data, stay=True)) as server, open_stream(_client(), "GET", server.url) as stream:
        assert stream.wait(lambda stream: len(stream.answer.exchange.body) == BODY_LIMIT, 20)
        assert not stream.ended


def test_a_refusal_is_no_stream() -> None:
    refusal = document({"error": "invalid_token"}, status="401 Unauthorized")
    with Hostile(refusal) as server, open_stream(_client(), "GET", server.url) as stream:
        assert not stream.opened
        assert stream.wait(lambda stream: stream.ended, SOON)
        assert (stream.answer.status, stream.answer.error) == (401, "invalid_token")


def test_no_answer_in_time_is_evidence_too() -> None:
    client = _client(0.1)
    with Hostile(hang) as server, pytest.raises(NotReached, match="in time"), open_stream(client, "GET", server.url):
        pass
    (exchange,) = client.evidence
    assert exchange.fault == "no answer in time"


def test_a_place_that_nobody_named_is_not_asked() -> None:
    with pytest.raises(NotAllowed), open_stream(_client(), "GET", "http://192.0.2.1/"):
        pass


def test_an_interruption_ends_the_wait() -> None:
    client = _client()
    with Hostile(_saying(b"", stay=True)) as server, open_stream(client, "GET", server.url) as stream:
        timer = threading.Timer(0.05, client.wire.interrupt)
        timer.start()
        with pytest.raises(Interrupted):
            stream.wait(_heard, 60)
        timer.join()


def test_after_an_interruption_no_stream_is_opened() -> None:
    client = _client()
    client.wire.interrupt()
    with Hostile(hang) as server, pytest.raises(Interrupted), open_stream(client, "GET", server.url):
        pass


@pytest.mark.parametrize(
    ("behaviour", "data"),
    [
        (document({"jsonrpc": "2.0", "id": 1, "result": {}}), "a result"),
        (document([{"jsonrpc": "2.0", "id": 1, "error": {}}, {"jsonrpc": "2.0", "id": 2, "result": {}}]), "a result"),
        (document({"jsonrpc": "2.0", "id": 1, "error": {"code": -32601}}), ""),
        (document({"result": "a page of its own"}), ""),
        (_saying(b"", stay=False), "an event stream"),
        (answer(_event({"jsonrpc": "2.0", "id": 1, "error": {"code": -32601}}), kind="text/event-stream"), ""),
        (answer(_event({"jsonrpc": "2.0", "id": 1, "result": {}}), kind="text/event-stream"), "a result"),
    ],
)
def test_what_an_answer_brought(behaviour: Behaviour, data: str) -> None:
    with Hostile(behaviour) as server:
        connection = McpConnection(server.url, "2025-11-25")
        answered = connection.request(_client(), "GET" if data == "an event stream" else "PUT", token=None)
        assert data_of(answered) == data
