"""Token exchange: an agent acts on a user's behalf (RFC 8693)."""

from dataclasses import replace

from harness import (
    Context,
    Fault,
    expect,
    expect_members,
    expect_oauth_error,
    expect_token,
    fault,
    granted_audience,
    scenario,
)
from harness.capability import ACTOR_TOKENS, INTROSPECTION, JWT_ACCESS_TOKENS, REVOCATION, TOKEN_EXCHANGE
from harness.delegation import REFRESH_TOKEN_TYPE, delegation, exchange_for, exchange_minted, require_minted
from harness.flows import Tokens, known_of
from harness.minting import genuine, living_longer, signed_by_stranger, signed_with_public_key, unsigned

INCOMPLETE = (
    fault(
        "no-subject-token",
        "rfc8693-2.1-2",
        remedy="Refuse a request without subject_token with invalid_request; the client is not its own subject.",
        subject_token=None,
    ),
    fault(
        "no-subject-token-type",
        "rfc8693-2.1-2",
        remedy="Refuse a request without subject_token_type with invalid_request; do not guess what the token is.",
        subject_token_type=None,
    ),
)

FORGERIES = (
    fault(
        "altered",
        "rfc8693-2.1-6",
        "rfc8693-2.2.2-1",
        remedy="Verify the signature over header and claims as they were sent, before any claim is believed.",
        forge=living_longer,
    ),
    fault(
        "signed-by-a-stranger",
        "rfc8693-2.1-6",
        "rfc8693-2.2.2-1",
        remedy="Verify with the key that you hold under kid; the kid itself proves nothing.",
        forge=signed_by_stranger,
    ),
    fault(
        "unsigned",
        "rfc8693-2.1-6",
        "rfc8725-3.1-2",
        remedy="Accept a fixed list of algorithms; never none.",
        forge=unsigned,
    ),
    fault(
        "hmac-with-the-public-key",
        "rfc8693-2.1-6",
        "rfc8725-3.1-2",
        remedy="Bind each key to its algorithm: a public key verifies no HMAC.",
        forge=signed_with_public_key,
    ),
)

MINTED = (
    fault(
        "expired",
        "rfc8693-2.1-6",
        remedy="Compare exp of the subject token with the clock; keep the leeway to minutes.",
        exp=-3600,
        iat=-7200,
    ),
    fault(
        "not-yet-valid",
        "rfc8693-2.1-6",
        remedy="Compare nbf of the subject token, where it has one, with the clock.",
        nbf=3600,
        exp=7200,
    ),
    fault(
        "of-another-issuer",
        "rfc8693-2.1-6",
        remedy="Accept tokens of your own issuer, and of those that you were told to trust.",
        iss="https://stranger.example",
    ),
    fault(
        "another-kind-of-jwt",
        "rfc8693-2.1-8",
        remedy="Check typ: what is stated to be an access token has at+jwt, and an ID token has not.",
        header={"typ": "JWT"},
    ),
)

MALFORMED_RESOURCES = (
    fault(
        "relative",
        "rfc8693-2.1-5",
        remedy="Refuse a resource that is no absolute URI with invalid_target or invalid_request.",
        resource="/mcp",
    ),
    fault(
        "with-a-fragment",
        "rfc8693-2.1-5",
        remedy="Refuse a resource with a fragment with invalid_target or invalid_request.",
        resource=lambda resource: f"{resource}#tools",
    ),
)


@scenario("rfc8693-2.2.1-1", needs={TOKEN_EXCHANGE})
def the_answer_says_what_was_issued(ctx: Context) -> None:
    """The answer names the new token, what it is, and how it is used.

    Remedy: return access_token, issued_token_type and token_type, whatever kind of token it is.
    """
    answer = ctx.exchange(ctx.subject_token())
    expect_token(answer)
    expect_members(answer, ("access_token", "issued_token_type", "token_type"))


@scenario.each(INCOMPLETE, needs={TOKEN_EXCHANGE})
def an_incomplete_request_is_refused(ctx: Context, row: Fault) -> None:
    """An exchange that leaves out a required parameter is refused."""
    expect_oauth_error(ctx.exchange(ctx.subject_token(), **row.claims), "invalid_request")


@scenario("rfc8693-2.1-8", needs={TOKEN_EXCHANGE})
def a_wrongly_stated_type_is_refused(ctx: Context) -> None:
    """An access token that is passed off as a refresh token is refused.

    Why: the type decides which checks are made; a client that chooses it freely chooses the weakest checks.
    Remedy: validate the token as what subject_token_type says that it is, and refuse types that you do not know.
    """
    answer = ctx.exchange(ctx.subject_token(), subject_token_type=REFRESH_TOKEN_TYPE)
    expect_oauth_error(answer, "invalid_request")


@scenario.each(FORGERIES, needs={TOKEN_EXCHANGE, JWT_ACCESS_TOKENS})
def a_forged_subject_token_is_refused(ctx: Context, row: Fault) -> None:
    """A subject token that the issuer did not sign as it stands is refused."""
    subject = ctx.subject_token()
    assert row.forge
    forged = row.forge(genuine(subject.access_token, ctx.jwks))
    expect_oauth_error(ctx.exchange(subject, subject_token=forged), "invalid_request")


@scenario.each(MINTED, needs={TOKEN_EXCHANGE})
def a_faulty_subject_token_is_refused(ctx: Context, row: Fault) -> None:
    """A subject token that the issuer signed, with exactly one fault in it, is refused."""
    control = exchange_minted(ctx)
    require_minted(control, ctx)
    if row.header:
        typ = str(ctx.subject_token().header.get("typ")).lower().removeprefix("application/")
        ctx.require(typ == "at+jwt", "the target's own access tokens are not typed at+jwt")
    expect_oauth_error(exchange_minted(ctx, row), "invalid_request")


@scenario("rfc8693-2.1-6", needs={TOKEN_EXCHANGE, REVOCATION, INTROSPECTION})
def a_revoked_subject_token_is_refused(ctx: Context) -> None:
    """A subject token that was revoked cannot be exchanged for a new one.

    Why: the agent would otherwise outlive the decision to stop it.
    Remedy: hold a subject token against the same list of revoked tokens that introspection goes by.
    """
    subject = ctx.subject_token()
    ctx.revoke(subject.access_token, client=subject.client)
    known = ctx.introspect(subject.access_token)
    ctx.require(known.json.get("active") is False, "access tokens cannot be revoked")
    expect_oauth_error(ctx.exchange(subject), "invalid_request")


@scenario("oauth21-3.2.2-1", "rfc8693-2.1-9", needs={TOKEN_EXCHANGE})
def the_agent_must_prove_who_it_is(ctx: Context) -> None:
    """An agent that only names itself cannot exchange a user's token.

    Why: who finds an access token in a log could otherwise turn it into one for another service.
    Remedy: authenticate the client before the subject token is looked at.
    """
    ctx.require(not ctx.clients.exchanger.public, "the client that exchanges is a public one")
    unproven = replace(ctx.clients.exchanger, auth_method="none")
    answer = ctx.exchange(ctx.subject_token(), client=unproven)
    expect_oauth_error(answer, "invalid_client", "invalid_request")


@scenario("rfc8693-2.1-3", needs={ACTOR_TOKENS})
def an_actor_token_needs_its_type(ctx: Context) -> None:
    """An actor token without actor_token_type is refused.

    Remedy: refuse actor_token without actor_token_type with invalid_request; do not guess what the token is.
    """
    subject, actor, _ = delegation(ctx)
    expect_oauth_error(ctx.exchange(subject, actor_token=actor.access_token), "invalid_request")


@scenario("rfc8693-2.1-7", "rfc8693-2.2.2-1", needs={ACTOR_TOKENS, JWT_ACCESS_TOKENS})
def a_forged_actor_token_is_refused(ctx: Context) -> None:
    """An actor token whose claims were changed after it was signed is refused.

    Why: the actor ends up in act; a forged one puts the deeds of one agent on the account of another.
    Remedy: verify the actor token as you verify the subject token.
    """
    subject, actor, _ = delegation(ctx)
    ctx.require(actor.claims.get("exp"), "the actor's token is opaque")
    forged = living_longer(genuine(actor.access_token, ctx.jwks))
    expect_oauth_error(exchange_for(ctx, subject, forged), "invalid_request")


@scenario("rfc8693-4.1-2", needs={ACTOR_TOKENS, JWT_ACCESS_TOKENS})
def the_actor_is_named(ctx: Context) -> None:
    """A token for an agent that showed an actor token names that agent in act.

    Why: who reads the token, or a log, must see the agent behind the user's name.
    Remedy: put the subject of the actor token into act.sub of the new token.
    """
    _, actor, answer = delegation(ctx)
    issued = known_of(answer)
    ctx.require(issued and actor.known, "the tokens of an exchange are opaque")
    act, expected = issued.get("act"), actor.known.get("sub")
    named = isinstance(act, dict) and act.get("sub") == expected
    expect(named, f"act to name {expected!r}", f"act was {act!r}", answer)


@scenario("rfc8693-4.4-1", needs={TOKEN_EXCHANGE})
def may_act_is_honoured(ctx: Context) -> None:
    """A subject token that names in may_act who may act is refused from anybody else.

    Why: the claim is how the user's side says which agent it trusts with the token.
    Remedy: compare the actor with may_act of the subject token, where there is one.
    """
    control = exchange_minted(ctx, may_act={"sub": ctx.clients.exchanger.client_id})
    require_minted(control, ctx)
    expect_oauth_error(exchange_minted(ctx, may_act={"sub": "another-agent"}), "invalid_request")


@scenario.each(MALFORMED_RESOURCES, needs={TOKEN_EXCHANGE})
def a_malformed_resource_is_refused(ctx: Context, row: Fault) -> None:
    """An exchange for a resource that is no absolute URI without fragment is refused."""
    subject = ctx.subject_token()
    _require_targets(ctx, subject)
    wanted = row.claims["resource"]
    malformed = wanted(ctx.world.resource) if callable(wanted) else wanted
    expect_oauth_error(ctx.exchange(subject, resource=malformed), "invalid_target", "invalid_request")


@scenario("rfc8693-2.2.2-2", needs={TOKEN_EXCHANGE})
def an_unknown_target_is_refused(ctx: Context) -> None:
    """An exchange for a service that the server knows nothing of is refused with invalid_target.

    Why: a token for an unknown audience, or for all of them, is accepted where nobody expects it.
    Remedy: issue for services that you were told of, and refuse the others with invalid_target.
    """
    subject = ctx.subject_token()
    _require_targets(ctx, subject)
    expect_oauth_error(ctx.exchange(subject, resource="https://stranger.example/mcp"), "invalid_target")


@scenario("rfc8693-2.2.2-2", needs={TOKEN_EXCHANGE})
def an_unknown_audience_is_refused(ctx: Context) -> None:
    """An exchange for a service whose name the server does not know is refused with invalid_target.

    Why: a client that is given another token than it asked for hands it to whom it was not meant for.
    Remedy: compare audience with the names that you know, and refuse the others with invalid_target.
    """
    subject = ctx.subject_token()
    usual = ctx.exchange(subject, resource=None)
    ctx.require(usual.status == 200, "each exchange has to name a resource")
    answer = ctx.exchange(subject, resource=None, audience="mcp-assay-no-such-service")
    expect_oauth_error(answer, "invalid_target")


def _require_targets(ctx: Context, subject: Tokens) -> None:
    audience = granted_audience(ctx.exchanged(subject).answer) or ()
    ctx.require(ctx.world.resource in audience, "the target of an exchange is not chosen by resource")
