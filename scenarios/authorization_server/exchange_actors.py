"""Who acts: actor tokens, who may act, and the chain of those who did (RFC 8693 sections 2.1, 4.1 and 4.4)."""

from __future__ import annotations

from typing import Any

from harness import (
    Context,
    Fault,
    expect,
    expect_no_wider_scope,
    expect_oauth_error,
    expect_refused,
    fault,
    granted_audience,
    granted_scope,
    scenario,
)
from harness.capability import (
    ACTOR_TOKENS,
    DELEGATION_ONLY,
    INTROSPECTION,
    JWT_ACCESS_TOKENS,
    REVOCATION,
    TOKEN_EXCHANGE,
)
from harness.clients import ACCESS_TOKEN_TYPE
from harness.delegation import (
    REFRESH_TOKEN_TYPE,
    actors,
    delegation,
    exchange_for,
    exchange_minted,
    require_minted,
)
from harness.flows import Tokens
from harness.minting import genuine, signed_by_stranger, unsigned

ANOTHER, A_THIRD = "another-agent", "a-third-agent"
ROUNDS = 3
"""How often an agent exchanges what it was given before: after the first time, more of it shows nothing new."""

FORGED_ACTORS = (
    fault(
        "signed-by-a-stranger",
        "rfc8693-2.1-7",
        "rfc8693-2.2.2-1",
        remedy="Verify the actor token with the key that you hold under its kid.",
        forge=signed_by_stranger,
    ),
    fault(
        "unsigned",
        "rfc8693-2.1-7",
        "rfc8725-3.1-2",
        remedy="Accept a fixed list of algorithms for actor tokens too; never none.",
        forge=unsigned,
    ),
)

FAULTY_ACTORS = (
    fault(
        "expired",
        "rfc8693-2.1-7",
        remedy="Compare exp of the actor token with the clock, as you do with the subject token's.",
        exp=-3600,
        iat=-7200,
    ),
    fault(
        "of-another-issuer",
        "rfc8693-2.1-7",
        remedy="Accept actor tokens of your own issuer, and of those that you were told to trust.",
        iss="https://stranger.example",
    ),
    fault(
        "another-kind-of-jwt",
        "rfc8693-2.1-8",
        remedy="Check typ of the actor token: what is stated to be an access token has at+jwt.",
        header={"typ": "JWT"},
    ),
)

NOT_NAMED = (
    fault(
        "a-party-of-another-issuer",
        "rfc8693-4.4-1",
        remedy="Compare iss of may_act, where it is there, with yours: the same sub elsewhere is somebody else.",
        may_act=lambda agent: {"sub": agent, "iss": "https://stranger.example"},
    ),
    fault(
        "a-prior-actor",
        "rfc8693-4.1-4",
        remedy="Hold may_act against who acts now; those nested in act have acted, and are there for the record.",
        act=lambda agent: {"sub": ANOTHER, "act": {"sub": agent}},
    ),
    fault(
        "named-within-act",
        "rfc8693-4.1-4",
        remedy="Read may_act at the top of the token only; within act, nothing but who it was means anything.",
        act=lambda agent: {"sub": ANOTHER, "may_act": {"sub": agent}},
    ),
)


@scenario("rfc8693-2.1-4", needs={ACTOR_TOKENS})
def an_actor_type_needs_its_token(ctx: Context) -> None:
    """An actor_token_type without actor_token is refused.

    Why: somewhere on the way the actor got lost; to go on without it is impersonation where delegation was asked for.
    Remedy: refuse actor_token_type without actor_token with invalid_request.
    """
    answer = ctx.exchange(ctx.subject_token(), actor_token_type=ACCESS_TOKEN_TYPE)
    expect_oauth_error(answer, "invalid_request")


@scenario("rfc8693-2.1-8", needs={ACTOR_TOKENS})
def a_wrongly_stated_actor_type_is_refused(ctx: Context) -> None:
    """An actor's access token that is passed off as a refresh token is refused.

    Remedy: validate the token as what actor_token_type says that it is, and refuse types that you do not know.
    """
    subject, actor, _ = delegation(ctx)
    answer = ctx.exchange(subject, actor_token=actor.access_token, actor_token_type=REFRESH_TOKEN_TYPE)
    expect_oauth_error(answer, "invalid_request")


@scenario("rfc8693-2.1-7", "rfc8693-2.2.2-1", needs={ACTOR_TOKENS})
def a_text_that_nobody_issued_is_no_actor(ctx: Context) -> None:
    """An actor token that is no token at all is refused.

    Remedy: refuse what you neither find nor can verify with invalid_request; do not go on as if no actor were named.
    """
    subject, _, _ = delegation(ctx)
    expect_oauth_error(exchange_for(ctx, subject, "mcp-assay-no-such-token"), "invalid_request")


@scenario.each(FORGED_ACTORS, needs={ACTOR_TOKENS, JWT_ACCESS_TOKENS})
def a_forged_actor_is_refused(ctx: Context, row: Fault) -> None:
    """An actor token that the issuer did not sign as it stands is refused."""
    subject, actor, _ = delegation(ctx)
    ctx.require(actor.claims, "the actor's token is opaque")
    assert row.forge
    forged = row.forge(genuine(actor.access_token, ctx.jwks))
    expect_oauth_error(exchange_for(ctx, subject, forged), "invalid_request")


@scenario.each(FAULTY_ACTORS, needs={ACTOR_TOKENS})
def a_faulty_actor_is_refused(ctx: Context, row: Fault) -> None:
    """An actor token that the issuer signed, with exactly one fault in it, is refused."""
    subject, actor, _ = delegation(ctx)
    require_minted(exchange_for(ctx, subject, _minted_actor(ctx, actor)), ctx)
    if row.header:
        typ = str(actor.header.get("typ")).lower().removeprefix("application/")
        ctx.require(typ == "at+jwt", "the target's own access tokens are not typed at+jwt")
    expect_oauth_error(exchange_for(ctx, subject, _minted_actor(ctx, actor, row)), "invalid_request")


@scenario("rfc8693-2.1-7", needs={ACTOR_TOKENS, REVOCATION, INTROSPECTION})
def a_revoked_actor_is_refused(ctx: Context) -> None:
    """An actor token that was revoked is worth nothing.

    Why: an agent that was stopped would otherwise go on acting, with a token for each user that it still has one of.
    Remedy: hold an actor token against the same list of revoked tokens as a subject token.
    """
    subject, actor, _ = delegation(ctx)
    ctx.revoke(actor.access_token, client=actor.client)
    known = ctx.introspect(actor.access_token)
    ctx.require(known.json.get("active") is False, "an agent's access tokens cannot be revoked")
    expect_oauth_error(exchange_for(ctx, subject, actor.access_token), "invalid_request")


@scenario.each(NOT_NAMED, needs={TOKEN_EXCHANGE})
def who_is_not_named_at_the_top_may_not_act(ctx: Context, row: Fault) -> None:
    """An agent that a subject token names elsewhere than in its own may_act does not get to act by that."""
    agent = ctx.clients.exchanger.client_id
    changes = {name: value(agent) for name, value in row.claims.items()}
    named = {**changes, "may_act": {"sub": agent}}
    require_minted(exchange_minted(ctx, **named), ctx)
    strict = exchange_minted(ctx, may_act={"sub": ANOTHER})
    ctx.require(strict.status != 200, "the server does not go by may_act")
    expect_oauth_error(exchange_minted(ctx, **{"may_act": {"sub": ANOTHER}, **changes}), "invalid_request")


@scenario("rfc8693-4.1-5", needs={TOKEN_EXCHANGE, JWT_ACCESS_TOKENS})
def the_current_actor_is_outermost(ctx: Context) -> None:
    """Where a token names a chain of actors, the agent that got it is the outermost, and the others follow in order.

    Why: services decide by the outermost actor, and logs are read from there to the one who began.
    Remedy: nest the act of the subject token within the new one, below the agent that exchanges.
    """
    current = actors(ctx.exchanged(ctx.subject_token()).claims)[:1]
    ctx.require(current, "the tokens of an exchange name no actor")
    answer = exchange_minted(ctx, act={"sub": ANOTHER, "act": {"sub": A_THIRD}})
    require_minted(answer, ctx)
    chain = actors(Tokens(answer, ctx.clients.exchanger, ctx.home).claims)
    below = iter((ANOTHER, A_THIRD))  # which may be left out, all or some: naming those before is an option
    in_order = chain[:1] == current and all(actor in below for actor in chain[1:])
    expect(in_order, f"{current[0]!r} outermost, those before in order", f"the actors were {chain}", answer)


@scenario("rfc8693-5-1", "rfc8693-4.1-5", needs={TOKEN_EXCHANGE})
def a_chain_that_loops_gains_nothing(ctx: Context) -> None:
    """An agent that exchanges again and again what it got by exchange gets no more than it had, and stays outermost.

    Why: an agent that was handed a token once must not be able to make itself a better one.
    Remedy: limit each new token by the one that it is got for, also where that is the agent's own.
    """
    subject = ctx.subject_token()
    token = first = ctx.exchanged(subject)
    than = f"{subject.scope} {ctx.world.exchange_scope}"
    for _ in range(ROUNDS):
        expect_no_wider_scope(ctx.exchange(token, scope=ctx.world.wide_scope or None), than=than)
        answer = ctx.exchange(token)
        if answer.status != 200:
            expect_refused(answer, what="the exchange of a token that was got by exchange")
            return
        if granted_scope(answer) is not None:
            expect_no_wider_scope(answer, than=than)
        token = Tokens(answer, first.client, first.site)
        _expect_the_same(first, token)


@scenario("rfc8693-4.1-2", needs={DELEGATION_ONLY, JWT_ACCESS_TOKENS})
def delegation_is_not_taken_for_impersonation(ctx: Context) -> None:
    """Where delegation only is granted, a token names the agent also when the request brought no actor token.

    Why: by leaving out a parameter, an agent would become indistinguishable from the user.
    Remedy: name the client in act where no actor token came, or refuse the request.
    """
    answer = ctx.exchange(ctx.subject_token())
    if answer.status != 200:
        expect_refused(answer)
        return
    claims = Tokens(answer, ctx.clients.exchanger, ctx.home).claims
    ctx.require(claims, "the tokens of an exchange are opaque")
    expect(actors(claims), "act to name the agent", f"act was {claims.get('act')!r}", answer)


def _minted_actor(ctx: Context, actor: Tokens, row: Fault | None = None) -> str:
    """Mint what the agent's own token is, with a fault."""
    agent = ctx.clients.exchanger.client_id
    own: dict[str, Any] = {"sub": actor.claims.get("sub", agent), "client_id": agent, "act": None}
    return ctx.mint(row, **own)


def _expect_the_same(first: Tokens, token: Tokens) -> None:
    """A token got from an agent's own token is about the same user, and for the same services and agent."""
    before, after = first.claims, token.claims
    if not before or not after:
        return
    expect(
        before.get("sub") == after.get("sub"),
        f"sub {before.get('sub')!r}",
        f"sub was {after.get('sub')!r}",
        token.answer,
    )
    one, two = granted_audience(first.answer) or set(), granted_audience(token.answer) or set()
    expect(two <= one, f"aud {sorted(one)}", f"aud was {sorted(two)}", token.answer)
    outermost = actors(before)[:1], actors(after)[:1]
    expect(outermost[0] == outermost[1], f"actor {outermost[0]}", f"the actor was {outermost[1]}", token.answer)
