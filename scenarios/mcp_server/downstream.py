"""What becomes of tokens behind the MCP server, at the API that a tool asks (MCP: token privilege restriction)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

from harness import Context, expect, expect_not_called, scenario
from harness.downstream import Relayed, claims_that_arrive, relay, relayed
from harness.exchange import Answer
from harness.keys import claims_of
from harness.mcp_capability import ACTOR_CHAIN, DOWNSTREAM, MCP_TENANTS, MINTED_TOKENS
from harness.minting import Beyond, altered, genuine
from harness.run import Site

CARRIERS = ("Cookie", "X-Authorization", "X-Forwarded-Access-Token", "X-Original-Authorization")
LATE = 600


@scenario("mcp-security.privilege-1", "mcp-token-handling-4", needs={DOWNSTREAM})
def the_clients_token_goes_no_further(ctx: Context) -> None:
    """The API that a tool asks is never shown the token that came from the client, wherever in the request.

    Why: the API trusts what it is shown as the MCP server's own, and could use the token at the MCP server itself.
    Remedy: get a token for the API: by token exchange (RFC 8693) on behalf of the caller, or as the MCP server's own.
    """
    token = ctx.good_token()
    _expect_kept(relayed(ctx, token=token), token)


@scenario("mcp-security.privilege-1", needs={DOWNSTREAM})
def nor_does_it_in_other_headers(ctx: Context) -> None:
    """Where a client sends its token in a cookie and in other headers besides, the API is not shown these either.

    Why: gateways put the token there, and a server that passes all headers on passes the token on.
    Remedy: build the request to the API anew, and copy no header of the request that came.
    """
    token = ctx.good_token()
    headers = {name: f"access_token={token}" if name == "Cookie" else f"Bearer {token}" for name in CARRIERS}
    _expect_kept(relayed(ctx, token=token, headers=headers), token)


@scenario("mcp-security.privilege-2", needs={DOWNSTREAM})
def a_refused_call_asks_the_api_nothing(ctx: Context) -> None:
    """A call without a token, or with one that is altered, too old or too narrow, leads to no request to the API.

    Why: a server that decides when the API has answered already refuses the answer, not the deed.
    Remedy: validate the token, and compare its scopes, before the tool is run.
    """
    ctx.require("tools/call" not in ctx.target.public, "everybody may call tools")
    for what, token in _not_good_enough(ctx):
        found = relay(ctx, token=token)
        expect_not_called(found.answer, what=f"a call {what}")
        asked = next(iter(found.arrived), None)
        expect(asked is None, f"no request to the API for a call {what}", "the API was asked", asked)


@scenario("mcp-security.privilege-3", needs={DOWNSTREAM})
def the_token_that_arrives_is_for_the_api(ctx: Context) -> None:
    """A token that the API is shown names the API as its audience, and not the MCP server.

    Why: the API, or whoever listens there, could use a token for the MCP server at the MCP server.
    Remedy: name the API as resource or audience when its token is asked for.
    """
    plan = ctx.target.downstream
    assert plan
    for claims, arrived in claims_that_arrive(ctx, relayed(ctx, token=ctx.good_token())):
        named = claims.get("aud")
        audience = named if isinstance(named, list) else [named]
        told = f"aud was {named!r}"
        expect(ctx.target.resource not in audience, "a token that is not for the MCP server", told, arrived)
        expect(not plan.resource or plan.resource in audience, f"a token for {plan.resource}", told, arrived)


@scenario("rfc8693-4.1-3", needs={ACTOR_CHAIN})
def the_human_is_named_to_the_api(ctx: Context) -> None:
    """The token that the API is shown is about the human on whose behalf the tool was called.

    Remedy: exchange the caller's token (RFC 8693), rather than ask in the MCP server's own name.
    """
    for site in _sites(ctx):
        token = ctx.good_token(at=site)
        human = claims_of(token).get("sub")
        ctx.require(human, "access tokens are opaque, so that it cannot be seen whom they are about")
        for claims, arrived in _arriving(ctx, token, site):
            expect(claims.get("sub") == human, f"sub {human!r}", f"sub was {claims.get('sub')!r}", arrived)


@scenario("rfc8693-4.1-3", needs={ACTOR_CHAIN})
def the_chain_of_actors_is_intact(ctx: Context) -> None:
    """The token that the API is shown names a further actor, with all those of the client's token nested below it.

    Why: of an API's log, it must be possible to tell which agent a deed goes back to.
    Remedy: let the authorization server nest the act of the subject token in the new one's (RFC 8693 section 4.1).
    """
    token = ctx.good_token()
    if ctx.home.tenant.signer:
        token = ctx.mint(act={"sub": _agent(), "act": {"sub": _agent()}})
    before = _actors(claims_of(token))
    for claims, arrived in _arriving(ctx, token, ctx.home):
        actors = _actors(claims)
        intact = len(actors) > len(before) and actors[len(actors) - len(before) :] == before
        expect(intact, f"a further actor, and below it {before}", f"the actors were {actors}", arrived)


@scenario("mcp-security.privilege-4", needs={ACTOR_CHAIN, MINTED_TOKENS})
def callers_are_not_mixed_up(ctx: Context) -> None:
    """Calls of different agents and tenants, in turns, reach the API with no other caller's token.

    Why: a token for the API that is kept by user, or for everybody, lets one agent act with another one's rights.
    Remedy: keep what was obtained for a caller under the very token that it was obtained with, or do not keep it.
    """
    callers = [(site, _agent()) for site in _sites(ctx) for _ in range(2)]
    for site, agent in [*callers, *reversed(callers)]:
        token = ctx.mint(at=site, act={"sub": agent})
        human = claims_of(token)["sub"]
        strangers = {each.tenant.subject for each, _ in callers} - {human}
        for claims, arrived in _arriving(ctx, token, site):
            below = _actors(claims)[1:]
            others = claims.get("sub") in strangers or (below and below[-1] != agent)
            came = f"it was of {claims.get('sub')!r} by way of {', '.join(map(str, below))}"
            expect(not others, f"a token of {human!r} by way of {agent}", came, arrived)


def _expect_kept(found: Relayed, token: str) -> None:
    """Nothing that arrived holds a token, nor the signature of one that is a JWT."""
    wanted = "a request to the API that holds nothing of the client's token"
    expect(not (seen := found.holding(token)), wanted, "the whole token was in it", seen)
    if claims_of(token):
        expect(not (seen := found.holding(token.rpartition(".")[2])), wanted, "the token's signature was in it", seen)


def _arriving(ctx: Context, token: str, site: Site) -> list[tuple[dict[str, Any], Answer]]:
    """Return the claims that arrive when a tenant's token is used; none where the API of the other one is elsewhere."""
    found = relayed(ctx, token=token, at=site) if site is ctx.home else relay(ctx, token=token, at=site)
    return claims_that_arrive(ctx, found) if found.arrived else []


def _not_good_enough(ctx: Context) -> Iterator[tuple[str, str | None]]:
    """Yield what is wrong with a token, and the token."""
    yield "without a token", None
    good = ctx.good_token()
    if claims_of(good):
        yield "with an altered token", altered(genuine(good, ctx.jwks), jti=secrets.token_hex(8))
    if ctx.home.tenant.signer:
        yield "with an expired token", ctx.mint(iat=Beyond(-2 * LATE), exp=Beyond(-LATE))
        assert ctx.target.downstream
        if needed := ctx.target.tools[ctx.target.downstream.tool].scopes:
            left = sorted(scope for scope in ctx.world.tool_scopes if not ctx.world.effective([scope]) & needed)
            yield "without its scopes", ctx.mint(scope=" ".join(left))


def _sites(ctx: Context) -> list[Site]:
    return [ctx.home, *([ctx.other] if ctx.offers(MCP_TENANTS) else [])]


def _agent() -> str:
    return f"assay-agent-{secrets.token_hex(4)}"


def _actors(claims: dict[str, Any]) -> list[Any]:
    """Return who acts, the current actor first (RFC 8693 section 4.1)."""
    found = []
    act = claims.get("act")
    while isinstance(act, dict):
        found.append(act.get("sub"))
        act = act.get("act")
    return found
