"""What can be exchanged: access tokens of this server, and nothing that is passed off as one (RFC 8693 section 2.1)."""

from __future__ import annotations

import secrets
from typing import Any

from harness import Context, Fault, expect, expect_oauth_error, fault, scenario
from harness.capability import REFRESH_TOKENS, TOKEN_EXCHANGE
from harness.flows import Tokens
from harness.keys import public, sign, stranger_key

STRANGER = "https://stranger.example"


def _claims(ctx: Context, subject: Tokens, **changes: Any) -> dict[str, Any]:
    """Return what an access token of this server says, or would say where it is opaque."""
    now = int(ctx.now())
    usual = {
        "iss": ctx.home.issuer,
        "sub": ctx.home.tenant.subject,
        "aud": ctx.world.resource or ctx.home.issuer,
        "client_id": subject.client.client_id,
        "scope": ctx.world.exchange_scope,
        "iat": now,
        "exp": now + 300,
    }
    return {**usual, **subject.claims, "jti": secrets.token_urlsafe(12), **changes}


def _strangers_key(subject: Tokens) -> dict[str, Any]:
    return stranger_key(str(subject.header.get("alg", "RS256")))


def _of_nobody(_ctx: Context, _subject: Tokens) -> str:
    return secrets.token_urlsafe(32)


def _refresh_token(ctx: Context, subject: Tokens) -> str:
    ctx.require(subject.refresh_token, "no refresh token came with the user's access token")
    return subject.refresh_token


def _signed_by_itself(ctx: Context, subject: Tokens) -> str:
    key = _strangers_key(subject)
    return sign(_claims(ctx, subject), key, {"typ": "at+jwt", "kid": key["kid"], "jwk": public(key)})


def _of_a_stranger(ctx: Context, subject: Tokens) -> str:
    key = _strangers_key(subject)
    return sign(_claims(ctx, subject, iss=STRANGER), key, {"typ": "at+jwt", "kid": key["kid"]})


NO_ACCESS_TOKENS = (
    fault(
        "a-text-that-nobody-issued",
        "rfc8693-2.1-6",
        "rfc8693-2.2.2-1",
        remedy="Refuse what you neither find nor can verify with invalid_request.",
        forge=_of_nobody,
    ),
    fault(
        "a-refresh-token",
        "rfc8693-2.1-8",
        remedy="Look a token up among those of its stated type only.",
        needs={REFRESH_TOKENS},
        forge=_refresh_token,
    ),
    fault(
        "signed-by-itself",
        "rfc8693-2.1-6",
        "rfc8693-2.2.2-1",
        remedy="Verify with keys that you hold yourself, never with one that the token brings.",
        forge=_signed_by_itself,
    ),
    fault(
        "of-a-foreign-issuer",
        "rfc8693-2.1-6",
        "rfc8693-2.2.2-1",
        remedy="By section 3 an access token is one that you issued: take none of an issuer that you do not know.",
        forge=_of_a_stranger,
    ),
)


@scenario.each(NO_ACCESS_TOKENS, needs={TOKEN_EXCHANGE})
def what_is_no_access_token_of_this_server_is_refused(ctx: Context, row: Fault) -> None:
    """Something that is stated to be an access token, and is none that this server issued, is refused."""
    subject = ctx.subject_token()
    assert row.forge
    answer = ctx.exchange(subject, subject_token=row.forge(ctx, subject))
    expect_oauth_error(answer, "invalid_request", what="the exchange")


@scenario("rfc8693-2.1-11", needs={TOKEN_EXCHANGE})
def an_exchange_leaves_the_subject_token_as_it_was(ctx: Context) -> None:
    """A token that was exchanged can be exchanged again.

    Why: an agent that asks several services needs a token for each; a user must not be logged out by it.
    Remedy: do not mark access tokens as used; only their end and their revocation end them.
    """
    subject = ctx.subject_token()
    ctx.exchanged(subject)
    again = ctx.exchange(subject)
    expect(again.status == 200, "a second token for the same subject token", again.summary(), again)
