"""Access tokens as JWTs (RFC 9068), bound to the resource that they are for (RFC 8707)."""

from collections.abc import Iterator
from typing import Any

from harness import Context, expect, granted_audience, scenario
from harness.capability import (
    CLIENT_CREDENTIALS,
    JWT_ACCESS_TOKENS,
    LIMITED_USER,
    OTHER_RESOURCE,
    REFRESH_TOKENS,
    RESOURCE_INDICATORS,
    TOKEN_EXCHANGE,
)
from harness.flows import Tokens, grant_of
from harness.keys import verifies

PROFILE = ("at+jwt", "application/at+jwt")
CLAIMS = ("iss", "exp", "aud", "sub", "client_id", "iat", "jti")


@scenario("rfc9068-2.1-3", "rfc8725-3.11-1", needs={JWT_ACCESS_TOKENS})
def the_type_is_at_jwt(ctx: Context) -> None:
    """The typ header says that the JWT is an access token.

    Why: without it an ID token of the same issuer passes for an access token.
    Remedy: set the typ header of access tokens to at+jwt.
    """
    tokens = _profiled(ctx)
    typ = tokens.header.get("typ")
    expect(str(typ).lower() in PROFILE, "typ at+jwt", f"typ was {typ!r}", tokens.answer)


@scenario("rfc9068-2.2-1", needs={JWT_ACCESS_TOKENS})
def the_required_claims_are_there(ctx: Context) -> None:
    """An access token has iss, exp, aud, sub, client_id, iat and jti.

    Remedy: put all seven claims into every access token, whichever grant it comes from.
    """
    tokens = _profiled(ctx)
    missing = [name for name in CLAIMS if not tokens.claims.get(name)]
    expect(not missing, f"the claims {', '.join(CLAIMS)}", f"missing: {', '.join(missing)}", tokens.answer)


@scenario("rfc9068-2.2-1", needs={JWT_ACCESS_TOKENS})
def issuer_and_client_are_named_rightly(ctx: Context) -> None:
    """The claim iss is the issuer of the metadata, and client_id the client that asked.

    Why: a resource server compares iss with the issuer that it trusts, and tells clients apart by client_id.
    Remedy: take iss from the same configuration as the metadata, and client_id from client authentication.
    """
    tokens = _profiled(ctx)
    for claim, expected in (("iss", tokens.site.issuer), ("client_id", tokens.client.client_id)):
        actual = tokens.claims.get(claim)
        expect(actual == expected, f"{claim} {expected!r}", f"{claim} was {actual!r}", tokens.answer)


@scenario("rfc9068-2.1-1", "rfc6750-5.2-2", needs={JWT_ACCESS_TOKENS})
def it_is_signed_with_a_published_key(ctx: Context) -> None:
    """An access token is signed with a key that the server publishes at its jwks_uri.

    Remedy: sign every access token, and publish a key before the first token is signed with it.
    """
    tokens = _profiled(ctx)
    keys = ctx.jwks(tokens.site)["keys"]
    algorithm = tokens.header.get("alg")
    actual = f"alg was {algorithm!r}, kid {tokens.header.get('kid')!r}, and no published key verifies the signature"
    expect(verifies(tokens.access_token, keys), "a signature by a published key", actual, tokens.answer)


@scenario("rfc9068-2.2-2", needs={JWT_ACCESS_TOKENS, LIMITED_USER})
def the_subject_is_the_user(ctx: Context) -> None:
    """The claim sub is the same in all tokens of one user, and another in those of another user.

    Remedy: set sub to an identifier of the user that is neither changed nor given to somebody else.
    """
    first, second = ctx.grant(), ctx.grant()
    other = ctx.grant(login=ctx.target.limited_login)
    one, again, another = (tokens.claims.get("sub") for tokens in (first, second, other))
    actual = f"sub was {one!r} and {again!r} for one user, and {another!r} for another one"
    expect(one and one == again, "the same sub for the same user", actual, second.answer)
    expect(one != another, "another sub for another user", actual, other.answer)


@scenario("rfc9068-2.2.3-1", needs={JWT_ACCESS_TOKENS})
def the_scope_is_in_the_token(ctx: Context) -> None:
    """A token that scope was asked for has a scope claim.

    Why: the resource server has nothing else to decide by.
    Remedy: put the granted scope into the scope claim, as one string with spaces.
    """
    ctx.require(ctx.world.narrow_scope, "no scope is known that could be asked for")
    tokens = _profiled(ctx)
    actual = tokens.claims.get("scope")
    expect(isinstance(actual, str) and actual, "a scope claim", f"scope was {actual!r}", tokens.answer)


@scenario("rfc9068-3-2", "rfc9700-4.10.2-1", needs={JWT_ACCESS_TOKENS})
def a_request_without_resource_gets_a_default_audience(ctx: Context) -> None:
    """A token that no resource was named for still has an audience.

    Why: a token without aud is meant for everybody, so that each server can use it at the others.
    Remedy: configure a default resource, and put it into aud where the request names none.
    """
    request = ctx.authorization_request(resource=None)
    landing = ctx.send_authorization(request)
    ctx.require(landing.get("code"), "the server demands a resource in each request")
    answer = ctx.redeem(grant_of(request, landing))
    tokens = Tokens(answer, request.client, request.site)
    ctx.require("access_token" in answer.json, "the server demands a resource in each request")
    ctx.require(tokens.claims, "without a resource, access tokens are opaque")
    _require_profile(ctx, tokens)
    audience = tokens.claims.get("aud")
    expect(_named(audience), "a default resource in aud", f"aud was {audience!r}", answer)


@scenario("rfc8707-2-4", "rfc9068-3-1", "rfc9700-2.3-2", needs={RESOURCE_INDICATORS})
def the_audience_is_the_requested_resource_alone(ctx: Context) -> None:
    """The audience of a token is the resource that it was asked for, and nothing besides.

    Why: each further audience is a server that can use the token at all the others.
    Remedy: set aud to the resource of the request; add no catch-all audience.
    """
    tokens = ctx.bound_to_resource()
    audience = tokens.known.get("aud")
    expect(
        _named(audience) == {ctx.world.resource}, f"aud {ctx.world.resource!r}", f"aud was {audience!r}", tokens.answer
    )


@scenario("rfc9068-5-1", needs={RESOURCE_INDICATORS, OTHER_RESOURCE})
def distinct_resources_have_distinct_audiences(ctx: Context) -> None:
    """Tokens for two resources have no audience in common.

    Why: with a common audience, each of the two servers accepts the tokens that were given to the other.
    Remedy: give each resource an identifier of its own, and put just that into aud.
    """
    first = ctx.bound_to_resource()
    second = ctx.grant(resource=ctx.world.other_resource, scope=ctx.world.other_scope or None)
    ctx.require(granted_audience(second.answer) is not None, "the audience of the other resource's tokens is not seen")
    one, two = _named(first.known.get("aud")), _named(second.known.get("aud"))
    common = sorted(one & two)
    actual = f"both tokens are for {', '.join(common)}"
    apart = one != two and ctx.world.resource not in two and ctx.world.other_resource not in one
    told = apart or not (first.claims and second.claims)  # the statement is about JWTs; of others it is good advice
    expect(told, "audiences that tell the resources apart", actual, second.answer)
    if common:  # such as the UserInfo endpoint, which many servers add: the resources are told apart all the same
        second.answer.warn("no common audience", actual)


@scenario("rfc8725-3.9-1", "rfc9700-4.10.2-1", needs={JWT_ACCESS_TOKENS, OTHER_RESOURCE})
def every_token_names_an_audience(ctx: Context) -> None:
    """Each access token has an aud, whichever grant it comes from, where a server serves more than one resource.

    Why: a token that is meant for nobody in particular is accepted by everybody who does not look.
    Remedy: set aud where tokens are made, not in the code of one grant.
    """
    for grant, tokens in _of_every_grant(ctx, ctx.grant()):
        audience = tokens.claims.get("aud")
        actual = f"aud of the token by {grant} was {audience!r}"
        expect(not tokens.claims or _named(audience), "an audience in every access token", actual, tokens.answer)


@scenario("rfc9068-2.1-3", "rfc9068-2.2-1", needs={JWT_ACCESS_TOKENS})
def tokens_of_every_grant_follow_the_profile(ctx: Context) -> None:
    """Where access tokens follow RFC 9068, those of other grants than the authorization code do so too.

    Why: a resource server that goes by the profile refuses the others, or is made to make exceptions.
    Remedy: make all access tokens in one place, whichever grant they come from.
    """
    for grant, tokens in _of_every_grant(ctx, _profiled(ctx)):
        if not tokens.claims:
            continue
        missing = [name for name in CLAIMS if not tokens.claims.get(name)]
        typed = str(tokens.header.get("typ")).lower() in PROFILE
        lacks = ", ".join([*missing, *([] if typed else ["typ at+jwt"])])
        actual = f"the token by {grant} lacks {lacks}"
        if lacks and not claims_profile(ctx, tokens):  # a server may have JWTs of its own kind beside
            tokens.answer.warn("typ at+jwt and all seven claims", actual)
        else:
            expect(not lacks, "typ at+jwt and all seven claims", actual, tokens.answer)


def _of_every_grant(ctx: Context, first: Tokens) -> Iterator[tuple[str, Tokens]]:
    """Yield an access token of each grant that the target has, beginning with one by authorization code."""
    yield "authorization code", first
    if first.refresh_token and ctx.offers(REFRESH_TOKENS):
        yield "refresh token", ctx.refreshed(first)
    if ctx.offers(CLIENT_CREDENTIALS):
        yield "client credentials", ctx.machine_token()
    if ctx.offers(TOKEN_EXCHANGE):
        yield "token exchange", ctx.exchanged(ctx.subject_token())


def _profiled(ctx: Context) -> Tokens:
    """Get a token that claims to follow RFC 9068."""
    tokens = ctx.grant()
    _require_profile(ctx, tokens)
    return tokens


def _require_profile(ctx: Context, tokens: Tokens) -> None:
    """End as not applicable unless RFC 9068 is claimed, by the token's typ or by the target file."""
    ctx.require(claims_profile(ctx, tokens), "the access tokens are JWTs that do not claim to follow RFC 9068")


def claims_profile(ctx: Context, tokens: Tokens) -> bool:
    """Whether an access token is said to follow RFC 9068, by its typ or by the target file."""
    typed = str(tokens.header.get("typ")).lower() in PROFILE
    return typed or bool(ctx.target.capabilities.get(JWT_ACCESS_TOKENS.name))


def _named(audience: Any) -> set[str]:
    values = audience if isinstance(audience, list) else [audience]
    return {value for value in values if isinstance(value, str) and value}
