"""Introspection: the truth about a token, for those who may know (RFC 7662)."""

import secrets
from dataclasses import replace

from harness import Context, Fault, expect, expect_refused, expect_status, fault, scenario
from harness.capability import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    INTROSPECTION,
    JWT_ACCESS_TOKENS,
    REFRESH_TOKENS,
    REVOCATION,
)
from harness.exchange import Answer
from harness.flows import Tokens
from harness.minting import genuine, living_longer, signed_by_stranger, signed_with_public_key, unsigned
from harness.verdict import Blocked

FORGERIES = (
    fault(
        "altered",
        "rfc7662-4-1",
        remedy="Verify the signature over header and claims as they were sent.",
        forge=living_longer,
    ),
    fault(
        "signed-by-a-stranger",
        "rfc7662-4-1",
        remedy="Verify with the key that you hold under kid; the kid itself proves nothing.",
        forge=signed_by_stranger,
    ),
    fault("unsigned", "rfc7662-4-1", remedy="Accept a fixed list of algorithms; never none.", forge=unsigned),
    fault(
        "hmac-with-the-public-key",
        "rfc7662-4-1",
        remedy="Bind each key to its algorithm: a public key verifies no HMAC.",
        forge=signed_with_public_key,
    ),
)


@scenario("rfc7662-2.1-2", "rfc7662-2.2-1", needs={AUTHORIZATION_CODE})
def a_form_by_post_is_answered(ctx: Context) -> None:
    """A form with a token, sent by POST, is answered with active, and that is true or false.

    Why: a resource server that reads "true" as a text, or no active at all, takes it for whatever its language does.
    Remedy: answer POST requests with a JSON object whose active is a boolean.
    """
    ctx.require(ctx.metadata.get("introspection_endpoint"), "the target publishes no introspection endpoint")
    answer = ctx.introspect(ctx.grant().access_token)
    ctx.require(answer.error != "unsupported_token_type", "the target does not introspect such access tokens")
    if answer.status in (401, 403):
        raise Blocked(f"the caller may not introspect: {answer.summary()}", INTROSPECTION.unlock, answer.exchange)
    unsuited = answer.status in (405, 415)
    expect(not unsuited, "a form by POST to be answered", answer.summary(), answer)
    if answer.status != 200:
        raise Blocked(f"introspection failed: {answer.summary()}", exchange=answer.exchange)
    active = answer.json.get("active")
    expect(isinstance(active, bool), "active true or false", f"active was {active!r}", answer)


@scenario("rfc7662-4-4", needs={INTROSPECTION, CLIENT_CREDENTIALS})
def to_be_a_client_is_not_enough(ctx: Context) -> None:
    """A client that was not made for it is told nothing about a token of another client.

    Why: every client that can introspect can also try out the tokens that it comes across.
    Remedy: let those introspect who are marked as resource servers, and others for their own tokens at most.
    """
    caller, asker = ctx.clients.resource_server, ctx.clients.machine
    tokens = ctx.grant()
    ctx.require(asker.client_id not in (caller.client_id, tokens.client.client_id), "no client is there that may not")
    ctx.active(tokens)
    answer = ctx.introspect(tokens.access_token, client=asker)
    if answer.status == 200:
        active = answer.json.get("active")
        expect(active is False, "active false, or a refusal", f"active was {active!r}", answer)
        return
    expect_refused(answer, what="introspection by a client that is no resource server")


@scenario("rfc7662-2.1-1", "rfc7662-4-2", "rfc7662-5-1", needs={INTROSPECTION})
def the_caller_must_prove_who_it_is(ctx: Context) -> None:
    """A caller that only names itself is told nothing about a token.

    Why: an open endpoint lets everybody try tokens until one is active.
    Remedy: authenticate the resource server before the token is looked up.
    """
    unproven = replace(ctx.clients.resource_server, auth_method="none")
    answer = ctx.introspect(ctx.grant().access_token, client=unproven)
    if answer.status == 200 and answer.json == {"active": False}:
        answer.warn("the request to be refused", "the answer was active false")
        return
    expect_refused(answer, what="introspection without credentials")


@scenario("rfc7662-2.3-2", needs={INTROSPECTION})
def wrong_credentials_are_answered_401(ctx: Context) -> None:
    """Wrong credentials of the caller are answered with 401.

    Remedy: answer a failed client authentication with 401 and invalid_client, at this endpoint too.
    """
    caller = ctx.clients.resource_server
    ctx.require(caller.secret, "the resource server does not authenticate with a secret")
    answer = ctx.introspect(ctx.grant().access_token, client=replace(caller, secret="wrong"))  # noqa: S106 - meant
    expect_refused(answer, what="introspection with a wrong secret")
    expect_status(answer, 401)


@scenario("rfc7662-2.1-3", needs={INTROSPECTION})
def a_wrong_hint_does_not_hide_a_token(ctx: Context) -> None:
    """An access token that works is active even when the hint calls it a refresh token.

    Why: a resource server that takes one kind for the other would turn a user away whose token works.
    Remedy: use token_type_hint to look in one place first, and then look in the others.
    """
    tokens = ctx.grant()
    ctx.active(tokens)
    answer = ctx.introspect(tokens.access_token, token_type_hint="refresh_token")  # noqa: S106
    if answer.status != 200:
        expect_refused(answer, what="introspection with a wrong hint")
    active = answer.json.get("active")
    expect(active is True, "active true", f"{answer.summary()}, and active was {active!r}", answer)


@scenario("rfc7662-2.2-2", "rfc7662-2.3-3", needs={INTROSPECTION})
def an_unknown_token_is_inactive(ctx: Context) -> None:
    """A token that nobody issued is answered with active false, and not as an error.

    Why: for a resource server there is no difference between an unknown token and a dead one.
    Remedy: answer 200 with active false for everything that is no token of yours.
    """
    _expect_inactive(ctx.introspect(secrets.token_urlsafe(32)))


@scenario.each(FORGERIES, needs={INTROSPECTION, JWT_ACCESS_TOKENS})
def a_forged_token_is_inactive(ctx: Context, row: Fault) -> None:
    """A token that the issuer did not sign as it stands is inactive."""
    tokens = ctx.grant()
    ctx.active(tokens)
    assert row.forge
    answer = ctx.introspect(row.forge(genuine(tokens.access_token, ctx.jwks)))
    if answer.status == 200:
        _expect_inactive(answer)
        return
    expect_refused(answer, what="introspection of a forged token")
    answer.warn("status 200 with active false", answer.summary())


@scenario("rfc7662-2.2-2", needs={INTROSPECTION, REFRESH_TOKENS})
def a_used_refresh_token_is_inactive(ctx: Context) -> None:
    """A refresh token that was exchanged for a new one is inactive.

    Remedy: answer active false for whatever the token endpoint would refuse.
    """
    granted = ctx.refreshable()
    _require_introspectable(ctx, granted)
    newer = ctx.refreshed(granted).refresh_token
    ctx.require(newer not in ("", granted.refresh_token), "refresh tokens are not rotated")
    answer = ctx.introspect(granted.refresh_token)
    if answer.json.get("active") is True and ctx.refresh(granted).status == 200:
        answer.warn("active false", "active was True, and the token endpoint still takes it: a grace for lost answers")
        return
    _expect_inactive(answer)


@scenario("rfc7662-2.2-2", needs={INTROSPECTION, REFRESH_TOKENS, REVOCATION})
def a_revoked_refresh_token_is_inactive(ctx: Context) -> None:
    """A refresh token that was revoked is inactive.

    Remedy: answer active false for whatever the token endpoint would refuse.
    """
    granted = ctx.refreshable(client=ctx.clients.revoking)
    _require_introspectable(ctx, granted)
    ctx.revoked(granted)
    _expect_inactive(ctx.introspect(granted.refresh_token))


@scenario("rfc7662-2.2-3", needs={INTROSPECTION, REVOCATION})
def an_inactive_token_is_not_described(ctx: Context) -> None:
    """The answer about a token that does not work says that, and nothing about user, scope or reason.

    Why: everything more is told to whoever holds a dead token, and helps to guess a live one.
    Remedy: return active false alone.
    """
    granted = ctx.grant(client=ctx.clients.revoking)
    ctx.revoked(granted)
    answer = ctx.introspect(granted.refresh_token or granted.access_token)
    ctx.require(answer.json.get("active") is False, "the token is still active")
    more = sorted(set(answer.json) - {"active"})
    expect(not more, "no member but active", f"the answer also has {', '.join(more)}", answer)


def _require_introspectable(ctx: Context, granted: Tokens) -> None:
    """End as not applicable where even a live refresh token is not active: they are not introspected at all."""
    known = ctx.introspect(granted.refresh_token)
    ctx.require(known.json.get("active") is True, "the target does not introspect refresh tokens")


def _expect_inactive(answer: Answer) -> None:
    if answer.status != 200:
        expect_refused(answer, what="introspection of a token that does not work")  # what else came tells nothing
    expect(answer.status == 200, "status 200", answer.summary(), answer)
    active = answer.json.get("active")
    expect(active is False, "active false", f"active was {active!r}", answer)
