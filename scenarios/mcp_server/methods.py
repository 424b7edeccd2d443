"""The JSON-RPC methods that a client can call, by the revisions of MCP that define them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.requirement import REVISIONS

HANDSHAKE = ("2025-11-25", "2025-06-18")
"""The revisions that begin with a handshake."""


@dataclass(frozen=True)
class Method:
    """A JSON-RPC method that a client can call: parameters that are well-formed, and the revisions that have it."""

    params: Mapping[str, Any]
    revisions: tuple[str, ...] = REVISIONS


_ANYTHING = {"uri": "file:///anything"}
_CLIENT = {"protocolVersion": HANDSHAKE[0], "capabilities": {}, "clientInfo": {"name": "mcp-assay", "version": "1"}}
_PROMPT = {"ref": {"type": "ref/prompt", "name": "anything"}, "argument": {"name": "anything", "value": ""}}

METHODS = {
    "initialize": Method(_CLIENT, HANDSHAKE),
    "ping": Method({}, HANDSHAKE),
    "server/discover": Method({}, REVISIONS[:1]),
    "tools/list": Method({}),
    "tools/call": Method({"name": "anything", "arguments": {}}),
    "resources/list": Method({}),
    "resources/templates/list": Method({}),
    "resources/read": Method(_ANYTHING),
    "resources/subscribe": Method(_ANYTHING, HANDSHAKE),
    "resources/unsubscribe": Method(_ANYTHING, HANDSHAKE),
    "prompts/list": Method({}),
    "prompts/get": Method({"name": "anything"}),
    "completion/complete": Method(_PROMPT),
    "logging/setLevel": Method({"level": "info"}, HANDSHAKE),
    "subscriptions/listen": Method({"notifications": {"toolsListChanged": True}}, REVISIONS[:1]),
    "tasks/list": Method({}, REVISIONS[:2]),
    "tasks/get": Method({"taskId": "anything"}, REVISIONS[:2]),
    "tasks/result": Method({"taskId": "anything"}, REVISIONS[:2]),
    "tasks/cancel": Method({"taskId": "anything"}, REVISIONS[:2]),
    "assay/unknown": Method({}),
}
"""What clients can call, by name; tasks are an extension in 2026-07-28, and the last one is nobody's."""
