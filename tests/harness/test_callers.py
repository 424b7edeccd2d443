"""What came of a call is told by its status and its message."""

from __future__ import annotations

from typing import Any

import pytest

from harness.callers import Outcome, outcome_of
from harness.exchange import Evidence
from harness.http import Client, Wire
from harness.mcp_calls import McpConnection
from tests.hostile import Hostile, document

ERROR: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32602, "message": "Unknown tool"}}
RESULT: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "result": {"content": []}}


@pytest.mark.parametrize(
    ("body", "status", "session", "outcome"),
    [
        (RESULT, "200 OK", "", Outcome.SERVED),
        ({**RESULT, "result": {"isError": True}}, "200 OK", "", Outcome.ERROR),
        (ERROR, "200 OK", "", Outcome.ERROR),
        (ERROR, "400 Bad Request", "", Outcome.ERROR),
        (ERROR, "404 Not Found", "", Outcome.ERROR),
        (ERROR, "404 Not Found", "a-session", Outcome.NOTHING),
        (ERROR, "403 Forbidden", "", Outcome.REFUSED),
        ({"error": "invalid_request"}, "400 Bad Request", "", Outcome.REFUSED),
        ({"error": "not_found"}, "404 Not Found", "", Outcome.NOTHING),
        (ERROR, "500 Internal Server Error", "", Outcome.NOTHING),
    ],
)
def test_the_status_and_the_message_say_what_came_of_a_call(
    body: dict[str, Any], status: str, session: str, outcome: Outcome
) -> None:
    wire = Wire()
    with Hostile(document(body, status=status)) as server:
        connection = McpConnection(f"{server.url}/mcp", "2025-11-25", session)
        answer = connection.send(Client(wire, Evidence()), "tools/call", {"name": "read"}, token="a-token")
    wire.close()
    assert outcome_of(answer) is outcome
