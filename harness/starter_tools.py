"""The tools of an MCP server for a first target file: what it lists, and which scopes it asks for at a call of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from harness.discovery import challenge
from harness.http import Client, is_loopback
from harness.mcp_calls import McpConnection, connect, own_session, result_of
from harness.requirement import REVISIONS
from harness.verdict import Blocked

MOST = 200
"""How many tools are proposed."""


@dataclass(frozen=True)
class FoundTool:
    """A tool as the server lists it.

    Attributes:
        scopes: what a call without a token is told to come back with; empty where nobody asked, or nothing was said.
        needed: the arguments that a call needs.
        read_only: whether the server says that it changes nothing.
        vague: whether several scopes were named that a listing of the tools is told too, so that not all may be needed.
    """

    name: str
    scopes: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    read_only: bool = False
    vague: bool = False

    @property
    def ready(self) -> bool:
        """Whether it can be judged without further words of its owner."""
        return bool(self.scopes) and self.read_only and not self.needed and not self.vague


def find_tools(client: Client, url: str, token: str | None) -> tuple[FoundTool, ...]:
    """List the tools, with a token or openly, and find the scopes of those that say that they change nothing.

    These are called on loopback only, with no token at all: a server that protects them says in its challenge what a
    call needs. Empty where the tools are not listed.
    """
    try:
        connection = connect(client, url, token, REVISIONS[0])
        session, _ = own_session(client, connection, token)
        listed = result_of(session.send(client, "tools/list", token=token)).get("tools") if session else None
    except Blocked:
        return ()
    tools = [_described(item) for item in (listed if isinstance(listed, list) else []) if _named(item)]
    distinct = list({tool.name: tool for tool in tools}.values())[:MOST]
    if not is_loopback(url):
        return tuple(distinct)
    asks = McpConnection(url, connection.revision)
    usual = _challenged(client, asks, "tools/list")
    return tuple(_with_scopes(client, asks, tool, usual) for tool in distinct)


def _named(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("name"), str) and bool(item["name"])


def _described(item: dict[str, Any]) -> FoundTool:
    annotations, schema = item.get("annotations"), item.get("inputSchema")
    needed = schema.get("required") if isinstance(schema, dict) else None
    return FoundTool(
        item["name"],
        needed=tuple(_texts(needed)),
        read_only=isinstance(annotations, dict) and annotations.get("readOnlyHint") is True,
    )


def _texts(value: Any) -> Iterator[str]:
    yield from (item for item in (value if isinstance(value, list) else []) if isinstance(item, str))


def _with_scopes(client: Client, connection: McpConnection, tool: FoundTool, usual: tuple[str, ...]) -> FoundTool:
    """Call a tool that changes nothing without a token, and read what the challenge asks for."""
    if not tool.read_only:
        return tool
    scopes = _challenged(client, connection, "tools/call", {"name": tool.name, "arguments": {}})
    return replace(tool, scopes=scopes, vague=len(scopes) > 1 and set(scopes) == set(usual))


def _challenged(
    client: Client, connection: McpConnection, method: str, params: dict[str, Any] | None = None
) -> tuple[str, ...]:
    """Return the scopes that a request without a token is told to come back with."""
    try:
        answer = connection.send(client, method, params, token=None)
    except Blocked:
        return ()
    scopes = challenge(answer).get("scope", "").split() if answer.status in (401, 403) else []
    return tuple(dict.fromkeys(scopes))
