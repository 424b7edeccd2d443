"""Which revisions a server is taken to speak: what it answers has to be of them, where anything else is left."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from harness.exchange import Evidence
from harness.http import Client, Wire
from harness.mcp_calls import connect, spoken
from harness.verdict import Blocked
from tests.hostile import Behaviour, Hostile, Visit, answer, document

NEW, OLD = "2026-07-28", "2025-11-25"
TOKEN = "a-token"


def _server(*, listed: Mapping[str, Any], handshake: bool) -> Behaviour:
    """Answer a listing of the tools whatever version it is said to be of, and a handshake of one old revision."""

    def behave(visit: Visit) -> None:
        message = json.loads(visit.request.partition(b"\r\n\r\n")[2])
        result = {"tools": [], **listed}
        if message["method"] == "initialize":
            result = {"protocolVersion": OLD if handshake else "2024-11-05", "capabilities": {}, "serverInfo": {}}
        document({"jsonrpc": "2.0", "id": message.get("id"), "result": result})(visit)

    return behave


@pytest.mark.parametrize(
    ("listed", "handshake", "revisions"),
    [
        ({"resultType": "complete"}, True, [NEW, OLD]),
        ({"resultType": "complete"}, False, [NEW]),
        ({}, True, [OLD]),
        ({}, False, [NEW]),
    ],
)
def test_a_server_that_passes_over_the_version_does_not_speak_it(
    listed: Mapping[str, Any], handshake: bool, revisions: list[str]
) -> None:
    with Hostile(_server(listed=listed, handshake=handshake)) as server:
        client = Client(Wire(5.0), Evidence())
        assert [connection.revision for connection in spoken(client, server.url, TOKEN)] == revisions
        assert connect(client, server.url, TOKEN, NEW).revision == revisions[0]


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
def test_a_refusal_tells_enough_to_whoever_has_no_token(status: str) -> None:
    with Hostile(answer(status=status)) as server:
        client = Client(Wire(5.0), Evidence())
        assert connect(client, server.url, None, NEW).revision == NEW
        with pytest.raises(Blocked, match="refused"):
            connect(client, server.url, TOKEN, NEW)
