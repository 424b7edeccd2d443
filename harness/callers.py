"""Somebody who makes many calls, and what came of each."""

from __future__ import annotations

import time
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from harness.exchange import Answer, Evidence
from harness.mcp_calls import SESSION, message_of, succeeded
from harness.minting import LIFETIME
from harness.unrecorded import UnrecordedClient
from harness.verdict import Blocked

if TYPE_CHECKING:
    from harness.mcp_context import McpContext
    from harness.target import Identity, Tenant, Tool

REFUSALS = (400, 401, 403)
FRESH = LIFETIME / 2
"""Seconds for which a minted token serves: a slow server with many tools must not be blamed for one that expires."""


class Outcome(StrEnum):
    """What came of a call of a tool."""

    SERVED = "served"
    REFUSED = "refused"
    ERROR = "error"
    NOTHING = "nothing"


class Caller:
    """An identity at a tenant's MCP endpoint: one token while that is fresh, and one session where there are any.

    Nothing of the calls is kept: whoever makes thousands of them records those that tell something.

    Raises:
        Blocked: a session is neither opened nor refused.
    """

    def __init__(self, ctx: McpContext, identity: Identity, tenant: Tenant) -> None:
        self._client = UnrecordedClient(ctx.http.wire, Evidence())
        self._fresh_token = partial(ctx.token_of, identity)
        self._token, self._since = self._fresh_token(), time.monotonic()
        self._connection, self._refusal = ctx.opened(self._token, at=ctx.site_of(tenant), client=self._client)
        if self._refusal is not None and succeeded(self._refusal) and self._connection is None:
            raise Blocked(f"no session is opened for {identity.name}: {self._refusal.summary()}")

    def call(self, tool: Tool) -> Answer:
        """Call a tool with valid arguments; where no session could be opened, the answer is the one that said so."""
        if self._connection is None:
            assert self._refusal is not None
            return self._refusal
        if time.monotonic() - self._since > FRESH:
            self._token, self._since = self._fresh_token(), time.monotonic()
        params = {"name": tool.name, "arguments": dict(tool.arguments)}
        return self._connection.send(self._client, "tools/call", params, token=self._token)


def outcome_of(answer: Answer) -> Outcome:
    """Return what came of a call; an error of the tool or of JSON-RPC may be a refusal, or have a reason of its own.

    JSON-RPC errors come with 400 and 404 too; but 404 in a session says that the session has ended.
    """
    if succeeded(answer):
        return Outcome.SERVED
    in_session = any(name.lower() == SESSION for name, _ in answer.exchange.request_headers)
    if message_of(answer) and answer.status in ((200, 400) if in_session else (200, 400, 404)):
        return Outcome.ERROR
    return Outcome.REFUSED if answer.status in REFUSALS else Outcome.NOTHING
