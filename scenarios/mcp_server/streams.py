"""Streams: what stays open when the request that opened it was checked, and its token ends (OAuth 2.1 section 5.2).

The documents speak of requests. That an open stream ends with its token follows from what they want, and is not said.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress

from harness import Context, expect, scenario, streaming
from harness.capability import CLOCK
from harness.http import NotReached
from harness.mcp_calls import McpConnection, own_session
from harness.mcp_capability import GOOD_TOKEN, MINTED_TOKENS, REVOCATION_PROMISED
from harness.mcp_wire import STATELESS_REVISIONS, event_ids
from harness.streaming import Stream
from harness.verdict import Blocked, NotApplicable
from scenarios.mcp_server.sessions import of_another_user

LIFE = 600
"""Seconds that a token is good for."""
SETTLED = 0.1
"""Seconds within which a stream that is no more than an error has said so."""
REPLAYED = 1.0
"""Seconds within which a stream that is resumed replays what it has."""


@scenario("mcp-security.streams-1", needs={MINTED_TOKENS, CLOCK})
def a_stream_ends_when_its_token_expires(ctx: Context) -> None:
    """A stream that a token opened ends soon after that token has expired.

    Why: what the server tells of later is told to somebody who may not hear it any more.
    Remedy: end each stream at the exp of its token, or look at the token before each event.
    """
    token = ctx.mint(exp=LIFE)
    with ExitStack() as stack:
        streams = _open(ctx, token, stack)
        ctx.clock.advance(LIFE + ctx.target.leeway + LIFE)
        _expect_to_end(streams, "expired")


@scenario("mcp-security.streams-1", needs={REVOCATION_PROMISED})
def a_stream_ends_when_its_token_is_revoked(ctx: Context) -> None:
    """A stream that a token opened ends soon after that token was revoked.

    Remedy: ask about the token of each open stream every few seconds, or be told of revocations.
    """
    token, client = ctx.revocable()
    with ExitStack() as stack:
        streams = _open(ctx, token, stack)
        answer = ctx.revoke(token, client=client)
        ctx.require(answer.error != "unsupported_token_type", "the authorization server revokes no access tokens")
        if answer.status != 200:
            raise Blocked(f"revoking a token failed: {answer.summary()}", exchange=answer.exchange)
        _expect_to_end(streams, "was revoked")


@scenario("mcp-transport.resume-1", needs={GOOD_TOKEN})
def another_users_stream_is_not_resumed(ctx: Context) -> None:
    """The id of an event on one user's stream brings none of its messages to another user, in a session of their own.

    Why: a store of events that knows streams by the request's number, or by nothing, replays anybody's answers.
    Remedy: keep the events of each session apart, and answer 404 or an empty stream to ids of another one.
    """
    token, other = ctx.good_token(), of_another_user(ctx)
    session, theirs = ctx.session(token), ctx.session(other)
    ids = event_ids(session.send(ctx.http, "tools/list", token=token).exchange.body)
    ctx.require(ids, "streams cannot be resumed: their events have no ids")
    resuming = {"last-event-id": ids[0]}
    with session.listen(ctx.http, token=token, headers=resuming) as own:
        ctx.require(own.wait(_answered, REPLAYED), "the MCP server replays nothing")
    with theirs.listen(ctx.http, token=other, headers=resuming) as stream:
        replayed = stream.wait(_answered, REPLAYED)
    expect(
        not replayed, "no message of another user's stream", "an answer to the other user was replayed", stream.answer
    )


# -- building blocks -------------------------------------------------------------------------------------------------


def _open(ctx: Context, token: str, stack: ExitStack) -> list[Stream]:
    """Open one stream of each kind that the server has.

    Raises:
        NotApplicable: it has none.
    """
    opened = []
    for connection in _one_of_each_kind(ctx.spoken()):
        own, _ = own_session(ctx.http, connection, token)
        if own is None:
            continue
        with suppress(NotReached):  # also behind a proxy that keeps it back until there is more of it
            stream = stack.enter_context(own.listen(ctx.http, token=token))
            opened += [stream] if _stays_open(stream) else []
    if not opened:
        raise NotApplicable("the MCP server has no streams that stay open")
    return opened


def _stays_open(stream: Stream) -> bool:
    if not stream.opened:
        return False
    stream.wait(lambda stream: stream.messages, SETTLED)
    return not stream.ended and not any("error" in message for message in stream.messages)


def _answered(stream: Stream) -> bool:
    """Tell whether an answer to a request came: no other stream than a resumed one may bring one to a GET."""
    return any("result" in message for message in stream.messages)


def _one_of_each_kind(connections: tuple[McpConnection, ...]) -> Iterator[McpConnection]:
    for stateless in (True, False):
        kind = [item for item in connections if (item.revision in STATELESS_REVISIONS) is stateless]
        yield from kind[:1]


def _expect_to_end(streams: list[Stream], why: str) -> None:
    for stream in streams:
        ended = stream.wait(lambda stream: stream.ended, streaming.PATIENCE)
        wanted = f"the stream to end within {streaming.PATIENCE:g} seconds after its token {why}"
        expect(ended, wanted, "it is still open", stream.answer)
