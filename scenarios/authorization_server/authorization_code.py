"""The authorization code grant: its request, its response, and what a code is good for (OAuth 2.1 section 4.1)."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode
from typing import Any

from harness import (
    Context,
    Fault,
    expect,
    expect_authorization_error,
    expect_oauth_error,
    expect_refused,
    expect_token,
    fault,
    pkce,
    scenario,
)
from harness.browser import Landing
from harness.capability import (
    AUTHORIZATION_CODE,
    INTROSPECTION,
    METADATA,
    PUBLIC_CLIENT,
    REFRESH_TOKENS,
    SECOND_CLIENT,
)
from harness.flows import Grant, Tokens, tokens_of
from harness.verdict import Blocked, Violation

ORIGIN = "https://attacker.example"
ODD_STATE = "a b+c%20d&e=f\"<>'#?/;\\|{}~"

RESPONSE_TYPES = (
    fault(
        "missing",
        "oauth21-4.1.1-1",
        "rfc6749-3.1.1-1",
        "rfc6749-4.1.2.1-1",
        remedy="Refuse a request without response_type with invalid_request; do not assume code.",
        response_type=None,
    ),
    fault(
        "unknown",
        "oauth21-4.1.1-1",
        "rfc6749-3.1.1-1",
        remedy="Refuse a response_type that you do not know with unsupported_response_type.",
        response_type="assay",
    ),
)


@scenario.each(RESPONSE_TYPES, needs={AUTHORIZATION_CODE})
def a_faulty_response_type_is_an_error(ctx: Context, fault: Fault) -> None:
    """An authorization request whose response_type is missing or unknown gets an error and no code."""
    landing = ctx.send_authorization(**fault.claims)
    expect_authorization_error(landing, "invalid_request", "unsupported_response_type")


@scenario("oauth21-3.1-4", "rfc6749-3.1-2", needs={AUTHORIZATION_CODE})
def unknown_parameters_are_ignored(ctx: Context) -> None:
    """An authorization request with a parameter that nobody knows is served like any other.

    Why: extensions add parameters, and clients cannot know which of them a server has heard of.
    Remedy: read the parameters that you know, and leave the rest alone.
    """
    unknown: dict[str, Any] = {f"x_assay_{secrets.token_hex(4)}": "1"}
    landing = ctx.send_authorization(**unknown)
    expect(landing.get("code"), "a code, as without the parameter", landing.summary(), landing.answer)


@scenario("oauth21-4.1.2-3", "rfc6749-4.1.2-4", needs={AUTHORIZATION_CODE})
def state_comes_back_with_the_code(ctx: Context) -> None:
    """The state, whatever printable characters it has, comes back unchanged with the code.

    Remedy: keep the decoded state and form-encode it when it is added to the redirect URI.
    """
    landing = ctx.send_authorization(state=ODD_STATE)
    ctx.require(landing.get("code"), "such a state is refused")
    actual = f"state was {landing.get('state')!r}"
    expect(landing.get("state") == ODD_STATE, f"state {ODD_STATE!r}", actual, landing.answer)


@scenario("oauth21-4.1.2-3", "rfc6749-4.1.2-4", needs={AUTHORIZATION_CODE})
def state_comes_back_with_an_error(ctx: Context) -> None:
    """The state comes back with an error too.

    Remedy: add the state of the request wherever an error is sent to the redirect URI.
    """
    request = ctx.authorization_request(response_type="assay")
    landing = ctx.send_authorization(request)
    told = landing.get("error") and landing.arrived_at(request.client.redirect_uri)
    ctx.require(told, "the error was shown on a page, and no response went to the client")
    sent, found = request.get("state"), landing.get("state")
    expect(found == sent, f"state {sent!r}", f"state was {found!r}", landing.answer)


@scenario("oauth21-3.1-7", "rfc9700-2.6-2", needs={METADATA})
def scripts_cannot_read_the_authorization_endpoint(ctx: Context) -> None:
    """The authorization endpoint answers a cross-origin request without CORS permission.

    Why: browsers are sent there, scripts never are; permission would let a foreign page read what the user sees.
    Remedy: leave Access-Control-Allow-Origin out at the authorization endpoint.
    """
    url = ctx.authorization_request().url
    answer = ctx.http.send("GET", url, headers={"origin": ORIGIN, "accept": "text/html"})
    allowed = str(answer.headers.get("access-control-allow-origin", ""))
    permitted = allowed in ("*", ORIGIN)
    expect(not permitted, "no CORS permission", f"Access-Control-Allow-Origin was {allowed!r}", answer)


@scenario("oauth21-4.1.3-2", "rfc6749-4.1.2-1", "rfc6749-10.5-1", "rfc9700-4.2.4-1", needs={AUTHORIZATION_CODE})
def a_code_is_refused_the_second_time(ctx: Context) -> None:
    """A code that was redeemed is refused with invalid_grant when it comes again.

    Why: whoever finds a used code, in a log or a browser history, must not get tokens for it.
    Remedy: mark the code as used, in one step with finding it.
    """
    granted = ctx.authorize()
    _redeemed(ctx, granted)
    expect_oauth_error(ctx.redeem(granted), "invalid_grant", what="the second redemption")


@scenario("oauth21-4.1.3-4", "rfc6749-4.1.2-3", "rfc9700-4.2.4-2", needs={REFRESH_TOKENS})
def a_second_use_of_a_code_ends_its_tokens(ctx: Context) -> None:
    """When a code comes a second time, the refresh token that was issued for it stops working.

    Why: two parties held the code, and nobody can tell which of them has the tokens.
    Remedy: remember which tokens came of a code, and revoke them when it is replayed.
    """
    granted = ctx.authorize()
    tokens = _redeemed(ctx, granted)
    ctx.require(tokens.refresh_token, "no refresh token was issued with the authorization code")
    ctx.redeem(granted)
    expect_refused(ctx.refresh(tokens), what="the refresh after the code came again")


@scenario("oauth21-4.1.3-4", "rfc9700-4.2.4-2", needs={INTROSPECTION})
def a_second_use_of_a_code_ends_its_access_token(ctx: Context) -> None:
    """When a code comes a second time, the access token that was issued for it is no longer active.

    Remedy: remember which tokens came of a code, and revoke them when it is replayed.
    """
    granted = ctx.authorize()
    tokens = _redeemed(ctx, granted)
    ctx.active(tokens)
    ctx.redeem(granted)
    answer = ctx.introspect(tokens.access_token)
    ended = answer.json.get("active") is not True
    expect(ended, "the token to be active no longer", "it was active after the code came again", answer)


@scenario("oauth21-4.1.3-2", "oauth21-4.1.3-4", needs={REFRESH_TOKENS})
def a_late_second_use_of_a_code_ends_what_came_of_it(ctx: Context) -> None:
    """A code that comes again after its tokens were refreshed is refused, and the new refresh token stops working.

    Why: a thief of the code may have refreshed long before the code turns up a second time.
    Remedy: keep redeemed codes until they would have expired, with the grant that all later tokens belong to.
    """
    granted = ctx.authorize()
    tokens = _redeemed(ctx, granted)
    ctx.require(tokens.refresh_token, "no refresh token was issued with the authorization code")
    renewed = ctx.refreshed(tokens)
    expect_oauth_error(ctx.redeem(granted), "invalid_grant", what="the second redemption")
    latest = renewed if renewed.refresh_token else tokens
    ended = ctx.refresh(latest)
    if ended.status == 200:
        ended.warn("the refresh to be refused after the code came again", ended.summary())
        return
    expect_refused(ended, what="the refresh after the code came again")


@scenario("oauth21-7.5.2-1", needs={REFRESH_TOKENS})
def a_second_use_that_is_invalid_ends_nothing(ctx: Context) -> None:
    """When a used code comes again with a wrong code_verifier, the tokens that were issued for it live on.

    Why: otherwise whoever finds a used code can end its owner's tokens without having stolen anything else.
    Remedy: check client, redirect URI and code_verifier before you look whether the code was used.
    """
    granted = ctx.authorize()
    tokens = _redeemed(ctx, granted)
    ctx.require(tokens.refresh_token, "no refresh token was issued with the authorization code")
    expect_refused(ctx.redeem(granted, code_verifier=pkce.verifier()), what="the used code with a wrong verifier")
    expect_token(ctx.refresh(tokens))


@scenario("oauth21-4.1.3-5", "oauth21-4.1.2-2", "rfc6749-4.1.3-2", needs={SECOND_CLIENT})
def another_client_cannot_redeem_the_code(ctx: Context) -> None:
    """A code is refused with invalid_grant when another client than the one it was issued to presents it.

    Remedy: keep the client_id with the code and compare it after client authentication.
    """
    granted = ctx.authorize(client=ctx.clients.first)
    expect_oauth_error(ctx.redeem(granted, client=ctx.clients.second), "invalid_grant")


@scenario("oauth21-3.2.4-5", "oauth21-4.1.3-8", "rfc6749-4.1.3-3", needs={AUTHORIZATION_CODE})
def an_unknown_code_is_refused(ctx: Context) -> None:
    """A code that was never issued is refused with invalid_grant.

    Why: clients start anew on invalid_grant; on other errors they give up.
    Remedy: answer invalid_grant for codes that are not known.
    """
    granted = ctx.authorize()
    expect_oauth_error(ctx.redeem(granted, code=secrets.token_urlsafe(32)), "invalid_grant")


@scenario("oauth21-4.1.3-5", "rfc6749-4.1.3-2", needs={PUBLIC_CLIENT})
def a_code_without_a_client_is_refused(ctx: Context) -> None:
    """A public client's code is refused when the token request does not say which client it comes from.

    Remedy: demand client_id where there is no client authentication, and compare it with the client of the code.
    """
    answer = ctx.redeem(ctx.authorize(), client_id=None)
    expect_oauth_error(answer, "invalid_request", "invalid_client", "invalid_grant", what="a code without client_id")


@scenario("oauth21-10.2-2", "oauth21-4.1.2-2", "rfc6749-4.1.3-1", "rfc6749-10.6-1", needs={AUTHORIZATION_CODE})
def another_redirect_uri_is_refused_when_redeeming(ctx: Context) -> None:
    """A code is refused when the token request names another redirect URI than the authorization request.

    Why: clients of OAuth 2.0 have no other protection from a code that an attacker got through another redirect URI.
    Remedy: keep the redirect_uri of the authorization request with the code, and compare it where one is sent.
    """
    answer = ctx.redeem(ctx.authorize(), redirect_uri=f"{ctx.clients.first.redirect_uri}/assay")
    if answer.status != 200:
        expect_oauth_error(answer, "invalid_grant", "invalid_request", what="the other redirect URI")
        return
    # Whoever serves clients of OAuth 2.1 only may leave the parameter unread, but must not demand it then.
    left_out = ctx.redeem(ctx.authorize(), redirect_uri=None)
    expect(left_out.status == 200, "a refusal, as without redirect_uri", answer.summary(), answer)
    answer.warn("a refusal, for the sake of clients of OAuth 2.0", f"redirect_uri is not looked at: {answer.summary()}")


@scenario("oauth21-4.1.2-4", "rfc7636-4.4-2", needs={AUTHORIZATION_CODE})
def the_challenge_does_not_come_back(ctx: Context) -> None:
    """The authorization response, and the code in it, do not show the code_challenge.

    Why: with plain challenges, and for whoever wants to link requests, the challenge is part of the secret.
    Remedy: keep the challenge on the server, or encrypt what you put into the code.
    """
    granted = ctx.authorize()
    challenge = pkce.challenge(granted.code_verifier)
    response = granted.landing.location
    seen = [response, *(_decoded(part) for value in _values(granted.landing) for part in value.split("."))]
    shown = any(challenge in text for text in seen)
    expect(not shown, "no code_challenge in the response", "the response holds it", granted.landing.answer)


@scenario("oauth21-10.2-1", needs={METADATA})
def the_redirect_uri_may_be_repeated_when_redeeming(ctx: Context) -> None:
    """A token request that repeats the redirect_uri, as clients of OAuth 2.0 do, is served.

    Remedy: accept redirect_uri at the token endpoint; where you check it, compare it with the authorization request.
    """
    repeated = ctx.redeem(ctx.authorize())
    if repeated.status == 200:
        return
    left_out = ctx.redeem(ctx.authorize(), redirect_uri=None)
    if left_out.status != 200:
        raise Blocked(f"redeeming a code failed: {left_out.summary()}", exchange=left_out.exchange)
    raise Violation("a token, as without redirect_uri", repeated.summary(), repeated.exchange)


def _values(landing: Landing) -> list[str]:
    return [value for values in landing.parameters.values() for value in values]


def _decoded(part: str) -> str:
    """Return what stands in a part of a code that is base64url; empty where it is none."""
    try:
        return urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode("latin-1")
    except ValueError:
        return ""


def _redeemed(ctx: Context, granted: Grant) -> Tokens:
    """Redeem a code for the first time."""
    return tokens_of(ctx.redeem(granted), granted.client, granted.site, "redeeming a code")
