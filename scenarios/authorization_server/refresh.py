"""Refresh tokens: binding, rotation and narrowing (OAuth 2.1 section 4.3, RFC 9700 section 4.14)."""

import string
from dataclasses import replace

from hypothesis import strategies as st

from harness import (
    Context,
    expect,
    expect_no_token,
    expect_no_wider_scope,
    expect_oauth_error,
    expect_token,
    for_all,
    granted_audience,
    granted_scope,
    scenario,
)
from harness.browser import Landing
from harness.capability import (
    CONFIDENTIAL_CLIENT,
    OTHER_RESOURCE,
    PUBLIC_CLIENT,
    REFRESH_TOKENS,
    SCOPES,
    SECOND_CLIENT,
    USER_RIGHTS,
)
from harness.exchange import Answer
from harness.flows import AuthorizationRequest, Tokens, grant_of
from harness.insight import UNSEEN
from harness.verdict import Blocked

OF_THE_LOGIN = {"openid", "offline_access"}
"""Scopes that say how the user logged in, and may go missing at a refresh."""

_ALPHABET = string.ascii_lowercase + string.digits


@scenario("oauth21-4.3.1-1", "rfc6749-6-1", "rfc9700-4.14.2-1", needs={REFRESH_TOKENS, SCOPES})
def refreshing_cannot_widen_the_scope(ctx: Context) -> None:
    """A refresh that asks for more than was granted gets no more than was granted.

    Why: a stolen refresh token must not be worth more than the consent behind it.
    Remedy: hold the requested scope against the one stored with the refresh token.
    """
    granted = ctx.refreshable(scope=ctx.world.narrow_scope)
    answer = ctx.refresh(granted, scope=ctx.world.wide_scope)
    expect_no_wider_scope(answer, than=f"{granted.scope} {ctx.world.narrow_scope}")


@scenario("oauth21-4.3.3-1", needs={REFRESH_TOKENS, SCOPES})
def a_narrowed_refresh_leaves_the_grant_as_it_was(ctx: Context) -> None:
    """After a refresh for less, the new refresh token still stands for all that was granted.

    Why: a client narrows one access token for one task; it would have to bother the user to get back what they gave.
    Remedy: store the granted scope with the new refresh token, not the scope of the access token beside it.
    """
    granted = ctx.refreshable(scope=ctx.world.wide_scope)
    less = ctx.refresh(granted, scope=ctx.world.narrow_scope)
    ctx.require(less.status == 200, "the target refreshes for all that was granted only")
    narrowed = Tokens(less, granted.client, granted.site)
    ctx.require(narrowed.refresh_token, "a refresh gives no new refresh token")
    before, answer = granted_scope(granted.answer), ctx.refreshed(narrowed).answer
    after = granted_scope(answer)
    ctx.require(before is not None and after is not None, "the scope of an access token cannot be seen")
    lost = sorted((before or set()) - (after or set()) - OF_THE_LOGIN)
    expect(not lost, "the whole granted scope again", f"the next access token lacks {' '.join(lost)}", answer)


@scenario("oauth21-4.3-1", "rfc6749-6-1", "rfc6749-10.4-1", needs={REFRESH_TOKENS, SECOND_CLIENT})
def another_client_cannot_refresh(ctx: Context) -> None:
    """A refresh token works for the client that it was issued to, and for no other.

    Remedy: store client_id with the refresh token and compare it after client authentication.
    """
    ctx.refreshed(ctx.refreshable(client=ctx.clients.second))
    granted = ctx.refreshable()
    expect_oauth_error(ctx.refresh(granted, client=ctx.clients.second), "invalid_grant")


@scenario("oauth21-3.2.2-1", "oauth21-4.3.1-2", needs={REFRESH_TOKENS, CONFIDENTIAL_CLIENT})
def a_confidential_client_must_prove_who_it_is(ctx: Context) -> None:
    """A confidential client's refresh token is worth nothing without the client's credentials.

    Why: who steals the token from a log does not have the secret; that is what the secret is for.
    Remedy: authenticate the client before the refresh token is looked at.
    """
    owner = ctx.clients.confidential
    first = ctx.refreshable(client=owner)
    rotated = ctx.refreshed(first)  # the control comes first: a server may end the grant after the attempt
    granted = rotated if rotated.refresh_token else first
    unproven = replace(owner, auth_method="none")
    expect_oauth_error(ctx.refresh(granted, client=unproven), "invalid_client", "invalid_request")


@scenario("oauth21-4.3-2", "rfc6749-10.4-1", "rfc9700-4.14.2-5", needs={REFRESH_TOKENS}, cost=10)
def an_altered_token_is_refused(ctx: Context) -> None:
    """A refresh token with one character changed is refused.

    Why: if one can be made out of another, a leaked old token or a lucky guess opens somebody's grant.
    Remedy: use 128 random bits or more and compare all of them, or sign the whole token.
    """
    granted = ctx.refreshable()

    @for_all(budget=10, place=st.floats(0, 1), shift=st.integers(1, len(_ALPHABET) - 1))
    def refused(ctx: Context, place: float, shift: int) -> None:
        answer = ctx.refresh(granted, refresh_token=_altered(granted.refresh_token, place, shift))
        expect_oauth_error(answer, "invalid_grant", what="a refresh with an altered token")

    refused(ctx)


@scenario("oauth21-4.3-2", needs={REFRESH_TOKENS})
def an_access_token_does_not_refresh(ctx: Context) -> None:
    """An access token is no refresh token, though both were issued together.

    Why: resource servers see access tokens; with this, each of them could go on without the client.
    Remedy: look refresh tokens up in a store of their own, or check the type that they are marked with.
    """
    granted = ctx.refreshable()
    answer = ctx.refresh(granted, refresh_token=granted.access_token)
    expect_oauth_error(answer, "invalid_grant", what="a refresh with an access token")


@scenario("mcp-security.token-theft-1", "rfc9700-2.2.2-1", needs={REFRESH_TOKENS, PUBLIC_CLIENT})
def a_public_client_gets_a_new_token_each_time(ctx: Context) -> None:
    """Each refresh of a public client yields a new refresh token.

    Why: rotation is how the theft of a token that no secret protects is noticed.
    Remedy: issue a new refresh token with every refresh of a public client, and end the old one.
    """
    granted = ctx.refreshable()
    answer = ctx.refresh(granted)
    new = expect_token(answer).get("refresh_token")
    expect(new, "a new refresh token", "the response has no refresh_token", answer)
    expect(new != granted.refresh_token, "a new refresh token", "the same one came back", answer)


@scenario("oauth21-3.2.4-5", needs={REFRESH_TOKENS, PUBLIC_CLIENT})
def a_rotated_token_does_not_work_again(ctx: Context) -> None:
    """A refresh token that was exchanged for a new one is refused with invalid_grant.

    Why: a short grace for a lost answer is common, and it is also a thief's time.
    Remedy: end a refresh token with its first use; keep a grace, where clients need one, at some seconds.
    """
    granted = ctx.refreshable()
    newer = ctx.refreshed(granted).refresh_token
    ctx.require(newer not in ("", granted.refresh_token), "refresh tokens are not rotated")
    expect_oauth_error(ctx.refresh(granted), "invalid_grant", what="a second refresh with the same token")


@scenario("oauth21-4.3.1-4", "rfc9700-4.14.2-2", needs={REFRESH_TOKENS, PUBLIC_CLIENT})
def a_replay_ends_the_grant(ctx: Context) -> None:
    """A refresh token that is used again, two rotations later, is refused and takes the newest one down with it.

    Why: either the thief or the client holds the newest token, and nobody can tell which.
    Remedy: keep used refresh tokens, and revoke the whole family when one of them comes back.
    """
    granted = ctx.refreshable()
    newest = ctx.refreshed(ctx.refreshed(granted))
    ctx.require(newest.refresh_token not in ("", granted.refresh_token), "refresh tokens are not rotated")
    expect_no_token(ctx.refresh(granted), what="the replay of a rotated refresh token")
    expect_no_token(ctx.refresh(newest), what="the newest refresh token after a replay")


@scenario("oauth21-3.2.3-5", "rfc8707-2.2-2", "rfc9700-4.14.2-1", needs={REFRESH_TOKENS, OTHER_RESOURCE})
def refreshing_cannot_reach_another_resource(ctx: Context) -> None:
    """A refresh for a resource that the user was not asked about yields no token for it.

    Why: the consent was for one MCP server; a token for another one would let the client in there unasked.
    Remedy: store the granted resources with the refresh token and compare resource with them.
    """
    scope = f"{ctx.world.narrow_scope} {ctx.world.other_scope}".strip()
    request = ctx.authorization_request(scope=scope or None, resource=ctx.world.resource)
    landing = ctx.send_authorization(request)
    ctx.require(landing.get("code"), "the target refuses a scope that the resource does not have")
    granted = _redeemed(ctx, request, landing)
    answer = ctx.refresh(granted, resource=ctx.world.other_resource)
    _expect_no_audience(answer, ctx.world.other_resource)


@scenario("rfc8707-2.2-3", needs={REFRESH_TOKENS, OTHER_RESOURCE, SCOPES})
def a_scope_that_the_resource_leaves_is_stated(ctx: Context) -> None:
    """When a refresh names one of two resources and its token has less scope for that, the response says so.

    Why: the client asked for no other scope, and cannot look into the token to see what became of it.
    Remedy: put scope into every token response.
    """
    world = ctx.world
    scope = " ".join(dict.fromkeys(f"{world.narrow_scope} {world.wide_scope} {world.other_scope}".split()))
    request = ctx.authorization_request(scope=scope, resource=[world.resource, world.other_resource])
    landing = ctx.send_authorization(request)
    ctx.require(landing.get("code"), "the target grants access to one resource at a time")
    granted = _redeemed(ctx, request, landing)
    answer = ctx.refresh(granted, resource=world.other_resource)
    ctx.require(answer.status == 200, "the target refreshes for the first resource only")
    before, effective = granted_scope(granted.answer), granted_scope(answer)
    ctx.require(before is not None and effective is not None, "the scope of an access token cannot be seen")
    lost = (before or set()) - (effective or set()) - OF_THE_LOGIN
    ctx.require(lost, "the token for the other resource has no less scope")
    stated = answer.json.get("scope")
    expect(isinstance(stated, str), "scope in the token response", f"scope was {stated!r}", answer)


@scenario("rfc9700-2.3-4", needs={REFRESH_TOKENS, SCOPES, USER_RIGHTS})
def a_refresh_follows_the_rights_of_the_user(ctx: Context) -> None:
    """When the user has lost rights since they consented, a refresh yields a token without these.

    Why: who changes teams keeps the agents of the old one at work, for as long as those refresh.
    Remedy: hold the scope of the grant against what the user may do now, each time a token is issued.
    """
    world = ctx.world
    granted = ctx.refreshed(ctx.refreshable(scope=world.wide_scope))
    had = granted_scope(granted.answer)
    ctx.require(had is None or set(world.wide_scope.split()) <= had, "the user did not get the wide scope")
    with ctx.rights.limited(ctx.home.tenant.subject, world.narrow_scope):
        answer = ctx.refresh(granted)
    expect_no_wider_scope(answer, than=" ".join([world.narrow_scope, *OF_THE_LOGIN]))


def _redeemed(ctx: Context, request: AuthorizationRequest, landing: Landing) -> Tokens:
    answer = ctx.redeem(grant_of(request, landing))
    ctx.require(answer.status == 200, "the target gives no token out of such a grant")
    tokens = Tokens(answer, request.client, request.site)
    ctx.require(tokens.refresh_token, "no refresh token was issued with the authorization code")
    return tokens


def _expect_no_audience(answer: Answer, resource: str) -> None:
    if answer.status != 200:
        expect_oauth_error(answer, "invalid_target", what="a refresh for another resource")
        return
    audience = granted_audience(answer)
    if audience is None:
        raise Blocked("the audience of the token cannot be seen: it is opaque, and introspection does not say", UNSEEN)
    actual = f"aud was {', '.join(sorted(audience))}"
    expect(resource not in audience, "no token for another resource", actual, answer)


def _altered(token: str, place: float, shift: int) -> str:
    """Change one character; never the last of a part, whose low bits base64url may ignore."""
    inner = [at for at, char in enumerate(token[:-1]) if char.isalnum() and token[at + 1].isalnum()] or [0]
    at = inner[round(place * (len(inner) - 1))]
    old = _ALPHABET.find(token[at].lower())
    return f"{token[:at]}{_ALPHABET[(old + shift) % len(_ALPHABET)]}{token[at + 1 :]}"
