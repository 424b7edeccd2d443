"""Access tokens that the user gives: whether they are what they are called, as far as that can be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness import keys
from harness.verdict import Blocked, NotApplicable

if TYPE_CHECKING:
    from harness.context import Context
    from harness.target import Tool


def given(ctx: Context, kind: str) -> str:
    """Return the token of a kind, such as `expired`.

    Raises:
        NotApplicable: none was given.
    """
    token = ctx.home.tenant.tokens.get(kind)
    if not token:
        raise NotApplicable(f"no such token was given: {kind}_env is absent under [tokens]")
    return token


def check_expired(ctx: Context) -> None:
    """The expired token says that it is, where it says anything, and is like the good one apart from that."""
    token = given(ctx, "expired")
    if (end := _end(token)) is not None and end > ctx.now():
        raise _not_what_it_is_called("expired", "has not expired")
    _check_issuer(ctx, "expired", token)
    mine, good = (_audiences(each) for each in (token, ctx.good_token()))
    if mine and good and not mine & good:
        raise _not_what_it_is_called("expired", "is for another resource")


def check_for_another_resource(ctx: Context) -> None:
    """The token for another resource is good there, and not for this one too."""
    token = given(ctx, "other_resource")
    _check_alive(ctx, "other_resource", token)
    _check_issuer(ctx, "other_resource", token)
    if ctx.world.resource in _audiences(token):
        raise _not_what_it_is_called("other_resource", "is for this resource too")


def check_limited(ctx: Context) -> None:
    """The limited token is a good one, and the good one opens a tool that is closed to it."""
    token = given(ctx, "limited")
    _check_alive(ctx, "limited", token)
    first = (closed_tools(ctx) or ctx.world.scoped_tools)[0]
    ctx.accepted(ctx.good_token(), tool=first)
    answer = ctx.mcp_request(token=token)
    if answer.status == 401:
        raise Blocked(f"the token of limited_env is not accepted at all: {answer.summary()}", exchange=answer.exchange)


def check_of_another_tenant(ctx: Context) -> None:
    """The token of the other tenant is good there, as far as its place is known."""
    token = given(ctx, "other_tenant")
    _check_alive(ctx, "other_tenant", token)
    if ctx.target.other and ctx.target.other.mcp_server:
        ctx.accepted(token, at=ctx.other)


def closed_tools(ctx: Context) -> tuple[Tool, ...]:
    """Return the tools whose scopes the good token covers and the limited one lacks.

    None where the tokens do not say what they cover, or not in the words of the target file.

    Raises:
        NotApplicable: no tool is known that needs a scope.
        Blocked: the limited token covers them all.
    """
    ctx.require(ctx.world.scoped_tools, "[tools] names no tool that needs a scope")
    wide, narrow = (_scopes(ctx, token) for token in (ctx.good_token(), given(ctx, "limited")))
    told = [tool for tool in ctx.world.scoped_tools if tool.scopes <= wide]
    if told and all(tool.scopes <= narrow for tool in told):
        raise _not_what_it_is_called("limited", "has the scopes of all tools")
    return tuple(tool for tool in told if narrow and not tool.scopes <= narrow)


def _scopes(ctx: Context, token: str) -> frozenset[str]:
    claims = keys.claims_of(token)
    value: Any = claims.get("scope", claims.get("scp"))
    listed = value.split() if isinstance(value, str) else value
    return ctx.world.effective(map(str, listed)) if isinstance(listed, list) else frozenset()


def _end(token: str) -> float | None:
    value = keys.claims_of(token).get("exp")
    return value if isinstance(value, int | float) else None


def _audiences(token: str) -> frozenset[str]:
    value = keys.claims_of(token).get("aud")
    return frozenset(map(str, value if isinstance(value, list) else filter(None, [value])))


def _check_issuer(ctx: Context, kind: str, token: str) -> None:
    mine, good = (keys.claims_of(each).get("iss") for each in (token, ctx.good_token()))
    if mine and good and mine != good:
        raise _not_what_it_is_called(kind, "is from another issuer than the good one")


def _check_alive(ctx: Context, kind: str, token: str) -> None:
    if (end := _end(token)) is not None and end <= ctx.now():
        raise _not_what_it_is_called(kind, "has expired")


def _not_what_it_is_called(kind: str, what: str) -> Blocked:
    return Blocked(f"the token of {kind}_env {what}, so that a refusal would tell nothing", f"give another {kind}_env")
