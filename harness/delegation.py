"""Token exchange with two parties: what scenarios need when an agent shows who it is, or when a token is minted for it.

It is RFC 8693 that these building blocks follow; nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.clients import ACCESS_TOKEN_TYPE, TOKEN_EXCHANGE_GRANT

if TYPE_CHECKING:
    from harness.context import Context
    from harness.exchange import Answer
    from harness.flows import Tokens
    from harness.scenario import Fault

REFRESH_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:refresh_token"  # noqa: S105 - a type's name
ACTOR_TOKENS = "actor-tokens"
"""The capability's name, by which the user promises it."""

DEEPEST = 32
"""How many actors of a chain are looked at."""


def exchange_minted(ctx: Context, row: Fault | None = None, **claims: Any) -> Answer:
    """Exchange a token that says what it is told to; not applicable where none can be minted."""
    request = {
        "grant_type": TOKEN_EXCHANGE_GRANT,
        "subject_token": ctx.mint(row, scope=ctx.world.exchange_scope, **claims),
        "subject_token_type": ACCESS_TOKEN_TYPE,
        "resource": ctx.world.resource or None,
    }
    return ctx.token_request(ctx.clients.exchanger, request)


def require_minted(answer: Answer, ctx: Context) -> None:
    """End the scenario as not applicable unless a minted token without fault was exchanged."""
    ctx.require(answer.status == 200, "a minted token without fault cannot be exchanged either")


def delegation(ctx: Context) -> tuple[Tokens, Tokens, Answer]:
    """Return a subject token, an actor token, and the answer to both; not applicable where no actor token is taken."""
    subject, actor = ctx.subject_token(), ctx.machine_token(client=ctx.clients.exchanger)
    answer = exchange_for(ctx, subject, actor.access_token)
    ctx.require(answer.status == 200, "the server takes no actor tokens")
    return subject, actor, answer


def exchange_for(ctx: Context, subject: Tokens, actor_token: str) -> Answer:
    """Exchange a user's token as an agent that shows an actor token."""
    return ctx.exchange(subject, actor_token=actor_token, actor_token_type=ACCESS_TOKEN_TYPE)


def actors(claims: Mapping[str, Any]) -> list[str]:
    """Return the subjects of a chain of actors, the current one first (RFC 8693 section 4.1)."""
    found: list[str] = []
    act = claims.get("act")
    while isinstance(act, dict) and len(found) < DEEPEST:
        found.append(str(act.get("sub")))
        act = act.get("act")
    return found


def names_of_agent(ctx: Context, issued: Tokens) -> set[str]:
    """Return by what names tokens know the client that exchanges, one of whose exchanged tokens is given."""
    from harness.capability import CLIENT_CREDENTIALS  # which needs this module
    from harness.flows import known_of

    own: dict[str, Any] = {}
    if ctx.offers(CLIENT_CREDENTIALS):
        own = known_of(ctx.client_credentials(client=ctx.clients.exchanger))
    return {ctx.clients.exchanger.client_id, str(own.get("sub")), *actors(issued.known)[:1]}


def check_actor_tokens(ctx: Context) -> None:
    """Exchange with an actor token, and see whether the server takes account of it.

    A server may ignore what it has no use for. That it does not shows in `act`, or in that it refuses what is no token;
    where neither can be seen, the user can promise it.

    Raises:
        NotApplicable: it refuses actor tokens, or ignores them, or gives none to the client that exchanges.
        Blocked: it is promised, and a good actor token is refused.
    """
    from harness.flows import Tokens, known_of  # which need the capabilities themselves

    agent, subject = ctx.clients.exchanger, ctx.subject_token()
    if ctx.target.capabilities.get(ACTOR_TOKENS):
        actor = ctx.machine_token(client=agent)
        ctx.exchanged(subject, actor_token=actor.access_token, actor_token_type=ACCESS_TOKEN_TYPE)
        return
    own = ctx.client_credentials(client=agent)
    ctx.require(own.json.get("access_token"), "the client that exchanges gets no token in its own name")
    answer = exchange_for(ctx, subject, Tokens(own, agent, ctx.home).access_token)
    ctx.require(answer.status == 200, "the server takes no actor tokens")
    heeded = actors(known_of(answer)) != actors(ctx.exchanged(subject).known)
    heeded = heeded or exchange_for(ctx, subject, "no-such-token").status in (400, 401, 403)
    ctx.require(heeded, "the server takes no account of actor tokens")
