"""Requests to an MCP server over Streamable HTTP, in the revision that the server speaks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.exchange import Answer
from harness.http import Headers
from harness.mcp_wire import STATELESS_REVISIONS, Dialect, parse
from harness.requirement import REVISIONS
from harness.verdict import Blocked

if TYPE_CHECKING:
    from harness.http import Client

SESSION = "mcp-session-id"


@dataclass(frozen=True)
class McpConnection:
    """How to reach one MCP server: its URL, the revision it speaks, and the session where it wants one."""

    url: str
    revision: str
    session: str = ""

    def send(
        self,
        client: Client,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        token: str | None,
        headers: Headers = (),
        query: str = "",
    ) -> Answer:
        """Send one JSON-RPC request and return the raw answer; a token of None sends no Authorization header.

        Headers that are given take the place of all others of the same name; they may repeat.
        """
        own, body = Dialect(self.revision).request(method, dict(params or {}), 1)
        merged = _merged({**own, **_session(self.session), **bearer(token)}, headers)
        return client.send("POST", self.url + query, headers=merged, content=json.dumps(body))


def connect(client: Client, url: str, token: str | None, wanted: str) -> McpConnection:
    """Find the revision that a server speaks, the wanted one first, and open a session where it needs one.

    Without a token, the first revision in which it asks for one is good enough.

    Raises:
        Blocked: it speaks none of ours with this token.
    """
    seen = []
    for revision in sorted(REVISIONS, key=lambda item: (item != wanted, REVISIONS.index(item))):
        attempt = _stateless if revision in STATELESS_REVISIONS else open_session
        connection, answer = attempt(client, url, token, revision)
        if connection:
            return connection
        if token is None and answer.status == 401:
            return McpConnection(url, revision)
        if answer.status in (401, 403):
            raise Blocked(f"a token that should be good was refused: {answer.summary()}", exchange=answer.exchange)
        seen.append(f"{revision}: {answer.status}")
    raise Blocked(f"{url} speaks none of the revisions ({', '.join(seen)})")


def own_session(
    client: Client, connection: McpConnection, token: str | None, **options: Any
) -> tuple[McpConnection | None, Answer | None]:
    """Open a session of this token's own where the server wants one; without a connection, the answer says why."""
    if not connection.session:
        return connection, None
    return open_session(client, connection.url, token, connection.revision, **options)


def message_of(answer: Answer) -> dict[str, Any]:
    """Return the JSON-RPC message of an answer; empty when there is none."""
    return parse(answer.media_type, answer.exchange.body) or {}


def result_of(answer: Answer) -> dict[str, Any]:
    """Return the result of a JSON-RPC answer; empty when there is none."""
    result = message_of(answer).get("result")
    return result if isinstance(result, dict) else {}


def succeeded(answer: Answer) -> bool:
    """Tell whether a tool call was carried out."""
    result = result_of(answer)
    return answer.status == 200 and bool(result) and not result.get("isError")


def bearer(token: str | None) -> dict[str, str]:
    """Return the Authorization header for a token; none for None."""
    return {} if token is None else {"authorization": f"Bearer {token}"}


def open_session(
    client: Client,
    url: str,
    token: str | None,
    revision: str,
    *,
    headers: Headers = (),
    query: str = "",
) -> tuple[McpConnection | None, Answer]:
    """Go through the handshake of a revision that has one; without a connection, the answer says why.

    The connection has no session where the server gives none.
    """
    dialect = Dialect(revision)
    own, body = dialect.initialize()
    merged = _merged({**own, **bearer(token)}, headers)
    answer = client.send("POST", url + query, headers=merged, content=json.dumps(body))
    result = result_of(answer)
    if answer.status != 200 or result.get("protocolVersion") != revision:
        return None, answer
    session = str(answer.headers.get(SESSION, ""))
    own, body = dialect.initialized()
    merged = _merged({**own, **_session(session), **bearer(token)}, headers)
    client.send("POST", url + query, headers=merged, content=json.dumps(body))
    return McpConnection(url, revision, session), answer


def _stateless(client: Client, url: str, token: str | None, revision: str) -> tuple[McpConnection | None, Answer]:
    connection = McpConnection(url, revision)
    answer = connection.send(client, "tools/list", token=token)
    return (connection if answer.status == 200 and result_of(answer) else None), answer


def _merged(own: Mapping[str, str], given: Headers) -> list[tuple[str, str]]:
    replacing = list(given.items() if isinstance(given, Mapping) else given)
    replaced = {name.lower() for name, _ in replacing}
    return [pair for pair in own.items() if pair[0].lower() not in replaced] + replacing


def _session(session: str) -> dict[str, str]:
    return {SESSION: session} if session else {}
