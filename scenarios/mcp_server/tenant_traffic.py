"""Tenants: neither caches nor many requests at once mix up whose data is whose (docs/tenant-profile.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness import Context, expect, scenario, unrecorded
from harness.at_once import at_once
from harness.exchange import Answer
from harness.http import Client
from harness.mcp_calls import McpConnection
from harness.mcp_capability import OTHER_RECORDS
from harness.run import Site
from harness.verdict import Blocked, Violation

CALLS, WIDTH = 200, 8


@scenario("tenant-15-1", needs={OTHER_RECORDS})
def answers_that_were_kept_stay_with_their_tenant(ctx: Context) -> None:
    """Whoever asks first, each tenant gets its own data, then and again, and nothing of the other's for the same call.

    Why: a cache that goes by tool and arguments, or that keeps refusals, knows no tenants.
    Remedy: make the tenant of the validated token a part of every cache's key.
    """
    for first, second in ((ctx.home, ctx.other), (ctx.other, ctx.home)):
        for asking, theirs in ((first, second), (second, first), (first, second)):
            _shows_nothing_of(theirs, ctx.own_data(asking))
            same = ctx.call_tool(ctx.world.tool_at(theirs), token=ctx.mint(at=asking), at=asking)
            _shows_nothing_of(theirs, same)
    for site in (ctx.home, ctx.other):
        answer = ctx.call_tool(ctx.world.tool_at(site), token=ctx.mint(at=site), at=site)
        expect(site.tenant.own_text in answer.text, "a tenant's own data, as before", "it is not there", answer)


@scenario("tenant-15-1", needs={OTHER_RECORDS}, cost=CALLS // 4)
def parallel_calls_are_never_mixed_up(ctx: Context) -> None:
    """Of hundreds of calls by two tenants at the same time, none is answered with the other tenant's data.

    Why: what a server keeps of a request in a place that all requests share is another one's a moment later.
    Remedy: hand the caller on as an argument, or keep it in what belongs to one request, as a context variable does.
    """
    client = unrecorded.UnrecordedClient(ctx.http.wire, ctx.evidence)
    pairs = WIDTH // 2 * [(ctx.home, ctx.other), (ctx.other, ctx.home)]
    askers = [_asker(ctx, own, other) for own, other in pairs]  # in a session of one's own, one request at a time
    each = round(CALLS * unrecorded.SHARE / WIDTH)
    heard = at_once(lambda asker: asker.ask(client, each), askers, WIDTH)
    mixed = [wrong for told in heard for wrong in told.wrong]
    if mixed:
        client.keep(mixed[0])
        actual = f"{len(mixed)} of {each * WIDTH} answers were another tenant's"
        raise Violation("each answer to be its own tenant's", actual, mixed[0].exchange)
    if not all(told.right for told in heard):
        raise Blocked("at the same time as others, a tenant is not given its own data any more")


@dataclass
class _Told:
    """What came of one caller's calls: how many brought its own tenant's data, and the answers with another one's."""

    right: int
    wrong: list[Answer]


@dataclass(frozen=True)
class _Asker:
    """A caller who asks in turn for its own tenant's data and for the other's, which only a mix-up would show."""

    connection: McpConnection
    token: str
    calls: tuple[dict[str, Any], ...]
    own: str
    foreign: str

    def ask(self, client: Client, times: int) -> _Told:
        told = _Told(0, [])
        for number in range(times):
            params = self.calls[number % len(self.calls)]
            answer = self.connection.send(client, "tools/call", params, token=self.token)
            told.right += self.own in answer.text
            if self.foreign in answer.text:
                told.wrong.append(answer)
        return told


def _asker(ctx: Context, own: Site, other: Site) -> _Asker:
    token = ctx.mint(at=own)
    connection, refusal = ctx.opened(token, at=own)
    if connection is None:
        raise Blocked("a token that should be good was refused", exchange=refusal.exchange if refusal else None)
    tools = [ctx.world.tool_at(site) for site in (own, other)]
    calls = tuple({"name": tool.name, "arguments": dict(tool.arguments)} for tool in tools)
    asker = _Asker(connection, token, calls, own.tenant.own_text, other.tenant.own_text)
    alone = asker.ask(ctx.http, len(calls))
    if alone.wrong or not alone.right:
        reason = "one call at a time is not answered with the caller's own tenant's data"
        raise Blocked(reason, exchange=alone.wrong[0].exchange if alone.wrong else None)
    return asker


def _shows_nothing_of(site: Site, answer: Answer) -> None:
    expect(site.tenant.own_text not in answer.text, "nothing of another tenant's data", "the answer holds some", answer)
