"""Time: a token works from its beginning to its end, and no longer (RFC 9068 section 4, RFC 7519 section 4.1)."""

from __future__ import annotations

from hypothesis import strategies as st

from harness import Context, expect_refused, expect_token_refused, for_all, scenario
from harness.capability import CLOCK
from harness.mcp_capability import MINTED_TOKENS
from harness.minting import Beyond

OFF = 600
"""Seconds by which each time is off, beyond the leeway that the server may have."""
YEAR = 365 * 24 * 3600


@scenario("rfc9068-4-6", needs={MINTED_TOKENS})
@for_all(budget=10, age=st.integers(OFF, 30 * YEAR), lifetime=st.integers(60, YEAR))
def however_long_ago_a_token_expired_it_is_refused(ctx: Context, age: int, lifetime: int) -> None:
    """A token is refused ten minutes after its end and leeway, and thirty years after, however long it was good.

    Remedy: compare exp with the time in whole seconds since 1970, as numbers, with a leeway of a few minutes at most.
    """
    expect_refused(
        ctx.guarded(token=ctx.mint(iat=Beyond(-age - lifetime), exp=Beyond(-age))),
        what=f"a token {age} s after its end",
    )


@scenario("rfc7519-4.1.5-1", needs={MINTED_TOKENS})
@for_all(budget=10, wait=st.integers(OFF, 30 * YEAR))
def however_far_off_its_beginning_a_token_is_refused(ctx: Context, wait: int) -> None:
    """A token is refused before the time that its nbf names.

    Remedy: compare nbf with the clock where a token has one, with a leeway of a few minutes at most.
    """
    token = ctx.mint(nbf=Beyond(wait), exp=Beyond(wait + OFF))
    expect_refused(ctx.guarded(token=token), what=f"a token {wait} s before its beginning")


@scenario("rfc9068-4-6", needs={MINTED_TOKENS, CLOCK})
def a_token_dies_in_use(ctx: Context) -> None:
    """A token that worked a moment ago is refused when its time is over.

    Why: a server that keeps what it found out about a token serves it for as long as it keeps that.
    Remedy: keep no verdict on a token beyond its exp.
    """
    token = ctx.mint(exp=OFF)
    ctx.accepted(token)
    ctx.clock.advance(2 * OFF)
    expect_token_refused(ctx.guarded(token=token))


@scenario("rfc7519-4.1.5-1", needs={MINTED_TOKENS, CLOCK})
def a_token_comes_to_life_at_its_beginning(ctx: Context) -> None:
    """A token with an nbf is refused before that time, and is what it says it is afterwards.

    Why: the second half shows that it was the time for which the token was refused.
    Remedy: compare nbf with the clock where a token has one.
    """
    token = ctx.mint(nbf=OFF, exp=5 * OFF)
    answer = ctx.guarded(token=token)
    ctx.clock.advance(2 * OFF)
    ctx.accepted(token)
    expect_token_refused(answer)


@scenario("rfc9700-2.3-1", needs={MINTED_TOKENS, CLOCK})
def a_session_does_not_outlive_its_token(ctx: Context) -> None:
    """A session that a token opened is of no use when this token has expired.

    Remedy: validate the token of each request, also of those that belong to a session.
    """
    token = ctx.mint(exp=OFF)
    connection = ctx.session(token)
    ctx.clock.advance(2 * OFF)
    answer = ctx.guarded(token=token, within=connection)
    if answer.status != 404:
        expect_refused(answer, what="an expired token in a session")
