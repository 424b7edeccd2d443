"""Resource indicators: a token is for the resource that was asked for, and for no other (RFC 8707)."""

from __future__ import annotations

from harness import (
    Context,
    Fault,
    expect,
    expect_authorization_error,
    expect_no_code,
    expect_oauth_error,
    fault,
    granted_audience,
    scenario,
)
from harness.capability import OTHER_RESOURCE, RESOURCE_INDICATORS
from harness.exchange import Answer
from harness.flows import AuthorizationRequest, grant_of

MALFORMED = (
    fault("relative", "rfc8707-2-2", remedy="Refuse a resource without a scheme with invalid_target.", resource="/mcp"),
    fault(
        "with-a-fragment",
        "rfc8707-2-2",
        remedy="Refuse a resource with a fragment with invalid_target; do not cut it off.",
        resource="#fragment",
    ),
)


@scenario("rfc8707-2-4", needs={OTHER_RESOURCE})
def the_audience_is_the_requested_resource(ctx: Context) -> None:
    """A token that was asked for one resource has that resource, and not another, as its audience.

    Why: a resource server that is handed a token must not be able to use it elsewhere.
    Remedy: put the resource of the request into aud.
    """
    tokens = ctx.grant(resource=ctx.world.other_resource, scope=ctx.world.other_scope)
    _expect_for_other_resource(ctx, tokens.answer)


@scenario("rfc8707-2.1-1", needs={OTHER_RESOURCE})
def the_resource_of_the_authorization_request_holds(ctx: Context) -> None:
    """A code that was asked for one resource yields a token for it, also when the token request names none.

    Remedy: keep the resource with the code, and take it from there when the token request has none.
    """
    granted = ctx.authorize(resource=ctx.world.other_resource, scope=ctx.world.other_scope)
    answer = ctx.redeem(granted, resource=None)
    ctx.require(answer.status == 200, "the target wants the resource repeated in the token request")
    _expect_for_other_resource(ctx, answer)


@scenario("rfc8707-2.2-1", needs={OTHER_RESOURCE})
def a_code_is_not_redeemed_for_another_resource(ctx: Context) -> None:
    """A code is not good for a token for a resource that was not asked for when the user consented.

    Why: the user agreed to access at one resource, and the client would reach another.
    Remedy: refuse with invalid_target what is not among the resources kept with the code.
    """
    granted = ctx.authorize(scope=ctx.world.other_scope)
    answer = ctx.redeem(granted, resource=ctx.world.other_resource)
    if answer.status == 200:
        audience = _audience(answer)
        refused = ctx.world.other_resource not in audience
        expect(refused, "no token for the other resource", f"aud was {audience!r}", answer)
        return
    expect_oauth_error(answer, "invalid_target")


@scenario.each(MALFORMED, needs={RESOURCE_INDICATORS})
def a_malformed_resource_is_refused(ctx: Context, fault: Fault) -> None:
    """A resource that is no absolute URI without fragment is refused with invalid_target."""
    value = str(fault.claims["resource"])
    resource = ctx.world.resource + value if value.startswith("#") else value
    expect_authorization_error(ctx.send_authorization(resource=resource), "invalid_target")


@scenario("rfc8707-2-3", needs={RESOURCE_INDICATORS})
def an_unknown_resource_is_refused(ctx: Context) -> None:
    """A resource that the server issues no tokens for is refused with invalid_target.

    Why: a token with an audience of the client's making could be good somewhere.
    Remedy: compare resource with the resources that you know, and refuse the rest.
    """
    landing = ctx.send_authorization(resource="https://unknown.example/mcp")
    expect_authorization_error(landing, "invalid_target")


@scenario("rfc8707-2-5", needs={OTHER_RESOURCE})
def two_resources_are_no_repeated_parameter(ctx: Context) -> None:
    """A request for two resources is served, or refused with invalid_target.

    Why: resource is the parameter that may come more than once; a client that is told invalid_request looks elsewhere.
    Remedy: leave resource out of the check for repeated parameters; refuse with invalid_target if you serve one only.
    """
    landing = ctx.send_authorization(_for_both(ctx))
    if not landing.get("code"):
        expect_no_code(landing)
        error = landing.get("error") or landing.answer.error
        expect(error in ("", "invalid_target"), "a code, or error invalid_target", landing.summary(), landing.answer)


@scenario("rfc8707-2-4", needs={OTHER_RESOURCE})
def of_two_granted_resources_a_token_is_for_the_named_one(ctx: Context) -> None:
    """A token that names one resource in its request is for this one, also where two were granted.

    Why: each of the two servers could use a token for both at the other one.
    Remedy: take aud from the resource of the token request; the grant only says which ones may be named.
    """
    request = _for_both(ctx)
    landing = ctx.send_authorization(request)
    ctx.require(landing.get("code"), "the server grants one resource at a time")
    answer = ctx.redeem(grant_of(request, landing), resource=ctx.world.other_resource)
    ctx.require(answer.status == 200, "the second of two resources is not granted")
    _expect_for_other_resource(ctx, answer)


def _for_both(ctx: Context) -> AuthorizationRequest:
    world = ctx.world
    scope = " ".join(dict.fromkeys(f"{world.narrow_scope} {world.other_scope}".split()))
    return ctx.authorization_request(resource=[world.resource, world.other_resource], scope=scope or None)


def _audience(answer: Answer) -> list[str]:
    return sorted(granted_audience(answer) or ())


def _expect_for_other_resource(ctx: Context, answer: Answer) -> None:
    ctx.require(granted_audience(answer) is not None, "the audience of the other resource's tokens cannot be seen")
    audience = _audience(answer)
    restricted = ctx.world.other_resource in audience and ctx.world.resource not in audience
    expect(restricted, f"aud {ctx.world.other_resource}", f"aud was {audience!r}", answer)
