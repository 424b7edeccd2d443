"""Requests to an MCP server over Streamable HTTP, in the revision that the server speaks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.exchange import Answer
from harness.http import Headers
from harness.mcp_wire import EVENTS, STATELESS_REVISIONS, Dialect, messages, parse
from harness.requirement import REVISIONS
from harness.streaming import Stream, open_stream
from harness.verdict import Blocked

if TYPE_CHECKING:
    from harness.http import Client

SESSION = "mcp-session-id"
EVERY_CHANGE = {"toolsListChanged": True, "promptsListChanged": True, "resourcesListChanged": True}
"""What subscriptions/listen is asked for."""


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
        answer = client.send("POST", self.url + query, headers=merged, content=json.dumps(body))
        served = client.wire.served
        if served is not None and token and method == "tools/call" and succeeded(answer):
            served.append((self.url, token))
        return answer

    def post(
        self, client: Client, body: bytes | str, *, token: str | None, headers: Headers = (), verb: str = "POST"
    ) -> Answer:
        """Send any body at all, with the headers of a listing of the tools, by any HTTP method."""
        own, _ = Dialect(self.revision).request("tools/list")
        merged = _merged({**own, **_session(self.session), **bearer(token)}, headers)
        return client.send(verb, self.url, headers=merged, content=body)

    def request(self, client: Client, method: str, *, token: str | None, headers: Headers = ()) -> Answer:
        """Send an HTTP request of another method than POST, without a body."""
        own = {"Accept": EVENTS, "MCP-Protocol-Version": self.revision}
        merged = _merged({**own, **_session(self.session), **bearer(token)}, headers)
        return client.send(method, self.url, headers=merged)

    def listen(self, client: Client, *, token: str | None, headers: Headers = ()) -> AbstractContextManager[Stream]:
        """Open the stream on which the server tells of changes: by subscriptions/listen, in older revisions by GET."""
        if self.revision in STATELESS_REVISIONS:
            own, body = Dialect(self.revision).request("subscriptions/listen", {"notifications": EVERY_CHANGE}, 1)
            merged = _merged({**own, **bearer(token)}, headers)
            return open_stream(client, "POST", self.url, headers=merged, content=json.dumps(body))
        own = {"Accept": EVENTS, "MCP-Protocol-Version": self.revision}
        merged = _merged({**own, **_session(self.session), **bearer(token)}, headers)
        return open_stream(client, "GET", self.url, headers=merged)


def connect(client: Client, url: str, token: str | None, wanted: str) -> McpConnection:
    """Find the revision that a server speaks, the wanted one first, and open a session where it needs one.

    Without a token, the first revision in which it asks for one is good enough. One that is claimed by nothing in the
    answer is the last resort.

    Raises:
        Blocked: it speaks none of ours with this token.
    """
    seen, doubtful = [], None
    for revision in sorted(REVISIONS, key=lambda item: (item != wanted, REVISIONS.index(item))):
        connection, answer = _attempt(client, url, token, revision)
        if connection and _claims(answer, revision):
            return connection
        if token is None and answer.status in (401, 403):
            return McpConnection(url, revision)
        if answer.status in (401, 403):
            raise Blocked(f"a token that should be good was refused: {answer.summary()}", exchange=answer.exchange)
        doubtful = doubtful or connection
        seen.append(f"{revision}: {answer.status}")
    if doubtful:
        return doubtful
    raise Blocked(f"{url} speaks none of the revisions ({', '.join(seen)})")


def spoken(client: Client, url: str, token: str) -> tuple[McpConnection, ...]:
    """Return a connection for every revision that a server speaks with this token, with a session where it gives one.

    Raises:
        Blocked: it speaks none of ours with this token.
    """
    found: list[McpConnection] = []
    doubtful: list[McpConnection] = []
    for revision in REVISIONS:
        connection, answer = _attempt(client, url, token, revision)
        if connection:
            (found if _claims(answer, revision) else doubtful).append(connection)
        if answer.status in (401, 403):
            raise Blocked(f"a token that should be good was refused: {answer.summary()}", exchange=answer.exchange)
    if not found and not doubtful:
        raise Blocked(f"{url} speaks none of the revisions {', '.join(REVISIONS)}")
    return tuple(found or doubtful)


def data_of(answer: Answer) -> str:
    """Say what an answer brought of the server's: a result, or a stream that was opened; empty where it brought none.

    An error, also one that comes as an event, a page for people and an empty body are none.
    """
    kind = str(answer.headers.get("content-type", ""))
    told = messages(kind, answer.exchange.body)
    if any("result" in message for message in told):
        return "a result"
    stream = answer.status == 200 and answer.media_type == EVENTS
    return "an event stream" if stream and not any("error" in message for message in told) else ""


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


def _attempt(client: Client, url: str, token: str | None, revision: str) -> tuple[McpConnection | None, Answer]:
    attempt = _stateless if revision in STATELESS_REVISIONS else open_session
    return attempt(client, url, token, revision)


def _claims(answer: Answer, revision: str) -> bool:
    """Whether an answer is of a revision: older servers without sessions may pass over a version that they do not know.

    Of the stateless ones, each result says of what type it is (2026-07-28).
    """
    return revision not in STATELESS_REVISIONS or "resultType" in result_of(answer)


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
