"""How the revisions are written and read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.shared.inbound import InboundModernRoute, classify_inbound_request

from harness.mcp_wire import STATELESS_REVISIONS, Dialect, event_ids, messages, parse
from harness.requirement import REVISIONS

HANDSHAKE = [revision for revision in REVISIONS if revision not in STATELESS_REVISIONS]
STATELESS = sorted(STATELESS_REVISIONS)
RESPONSE: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "result": {"tools": []}}
NOTICE = {"jsonrpc": "2.0", "method": "notifications/message", "params": {}}


def _event(message: object) -> str:
    return f"event: message\r\ndata: {json.dumps(message)}\r\n\r\n"


def test_the_newest_revision_comes_first() -> None:
    assert list(REVISIONS) == sorted(REVISIONS, reverse=True)
    assert set(REVISIONS) >= STATELESS_REVISIONS


def test_an_unknown_revision_is_refused() -> None:
    with pytest.raises(ValueError, match="no revision that is spoken here"):
        Dialect("1999-01-01")


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_request_names_its_revision_and_accepts_both_kinds_of_answer(revision: str) -> None:
    headers, body = Dialect(revision).request("tools/list", {"cursor": "x"}, 7)
    assert headers["MCP-Protocol-Version"] == revision
    assert headers["Accept"] == "application/json, text/event-stream"
    assert headers["Content-Type"] == "application/json"
    assert (body["jsonrpc"], body["id"], body["method"], body["params"]["cursor"]) == ("2.0", 7, "tools/list", "x")


@pytest.mark.parametrize("revision", HANDSHAKE)
def test_a_revision_with_a_handshake_offers_itself_and_adds_nothing_to_requests(revision: str) -> None:
    dialect = Dialect(revision)
    headers, body = dialect.initialize()
    assert body["params"]["protocolVersion"] == revision
    assert "MCP-Protocol-Version" not in headers
    assert dialect.initialized()[1] == {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert "params" not in dialect.request("tools/list")[1]


@pytest.mark.parametrize("revision", STATELESS)
def test_a_stateless_revision_has_no_handshake(revision: str) -> None:
    for step in (Dialect(revision).initialize, Dialect(revision).initialized):
        with pytest.raises(ValueError, match="has no handshake"):
            step()


@pytest.mark.parametrize("revision", STATELESS)
@given(name=st.text(max_size=20))
def test_the_sdk_takes_every_stateless_request_whatever_the_tool_is_called(revision: str, name: str) -> None:
    headers, body = Dialect(revision).request("tools/call", {"name": name, "arguments": {}})
    for value in headers.values():
        value.encode("ascii")
        assert value == value.strip()
    lowered = {key.lower(): value for key, value in headers.items()}
    assert isinstance(classify_inbound_request(body, headers=lowered), InboundModernRoute)


@pytest.mark.parametrize("revision", STATELESS)
def test_the_callers_own_meta_is_kept(revision: str) -> None:
    _, body = Dialect(revision).request("tools/list", {"_meta": {"progressToken": 3}})
    assert body["params"]["_meta"]["progressToken"] == 3
    assert body["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] == revision


def test_a_json_body_is_read() -> None:
    assert parse("Application/JSON; charset=utf-8", json.dumps(RESPONSE).encode()) == RESPONSE


@pytest.mark.parametrize(
    "stream",
    [
        _event(RESPONSE),
        _event(NOTICE) + ": ping\n\n" + _event(RESPONSE),
        "\ufeff" + _event(RESPONSE),
        f"data:{json.dumps(RESPONSE)}",
        'data: {"jsonrpc": "2.0", "id": 1,\ndata: "result": {"tools": []}}\n\n',
        "id: 0\ndata:\n\n" + _event(RESPONSE).replace("\r\n", "\r"),
    ],
    ids=["one", "after-others", "byte-order-mark", "unfinished", "two-lines", "priming-and-cr"],
)
def test_the_response_is_found_in_a_stream(stream: str) -> None:
    assert parse("text/event-stream", stream.encode()) == RESPONSE


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (None, json.dumps(RESPONSE).encode()),
        ("text/html", b"<html>"),
        ("application/json", b""),
        ("application/json", b"[" * 100_000),
        ("application/json", b"\xff\xfe"),
        ("application/json", b"[]"),
        ("application/json", b'"jsonrpc"'),
        ("application/json", json.dumps(NOTICE).encode()),
        ("application/json", b'{"result": {}}'),
        ("application/json", b"1" * 10_000),
        ("text/event-stream", b"data: {\n\ndata: [1]\n\n"),
        ("text/event-stream", _event(NOTICE).encode()),
    ],
)
def test_what_is_no_response_is_none(content_type: str | None, body: bytes) -> None:
    assert parse(content_type, body) is None


@given(body=st.binary(max_size=300), content_type=st.sampled_from(["application/json", "text/event-stream"]))
def test_garbage_is_none_and_raises_nothing(body: bytes, content_type: str) -> None:
    assert parse(content_type, body) is None


@pytest.mark.parametrize(
    ("kind", "body", "found"),
    [
        ("application/json", json.dumps(RESPONSE), [RESPONSE]),
        ("text/plain", json.dumps(RESPONSE), [RESPONSE]),
        ("application/json", json.dumps([NOTICE, RESPONSE]), [NOTICE, RESPONSE]),
        ("text/event-stream; charset=utf-8", _event(NOTICE) + "data: \n\n" + _event(RESPONSE), [NOTICE, RESPONSE]),
        ("application/json", json.dumps({"result": {}}), []),
        ("text/html", "<p>a page</p>", []),
        (None, "", []),
    ],
)
def test_all_messages_of_a_body_are_found(kind: str | None, body: str, found: list[object]) -> None:
    assert messages(kind, body.encode()) == found


def test_the_ids_of_events_are_found_in_order() -> None:
    assert event_ids(b"id: one\r\ndata: \r\n\r\nid:two\ndata: x\nid\n\n: id: comment\n") == ["one", "two"]
