"""Tokens with one fault are refused, and so is all else that is no access token (RFC 9068 section 4, RFC 8725)."""

from __future__ import annotations

import secrets
import string

from hypothesis import strategies as st

from harness import (
    Context,
    Fault,
    expect,
    expect_accepted,
    expect_challenge,
    expect_refused,
    expect_token_refused,
    fault,
    for_all,
    scenario,
)
from harness.capability import GOOD_TOKEN, JWT_PROFILE, MCP_SERVER, MINTED_TOKENS, REVOCATION_PROMISED
from harness.minting import (
    altering,
    signed_by_stranger,
    signed_with_own_key,
    signed_with_public_key,
    unsigned,
    without_signature,
)
from harness.run import AGENT
from harness.verdict import Blocked

# A leeway of a few minutes is legal (RFC 9068 section 4), so that each time is ten minutes off.
OFF = 600

TOKEN_SIGNS = string.ascii_letters + string.digits + "-._~+/"
"""What a b64token is made of, but for its padding (RFC 6750 section 2.1)."""

FAULTS = (
    fault(
        "expired",
        "mcp-token-handling-3",
        "rfc9068-4-6",
        iat=-3 * OFF,
        exp=-OFF,
        remedy="Compare exp with the clock, with a leeway of a few minutes at most.",
    ),
    fault("without-expiry", "rfc9068-4-6", exp=None, remedy="Refuse a token without exp: it would be good for ever."),
    fault(
        "not-yet-valid",
        "oauth21-5.2-1",
        nbf=OFF,
        exp=3 * OFF,
        remedy="Compare nbf with the clock where a token has one.",
    ),
    fault(
        "for-another-audience",
        "mcp-token-handling-2",
        aud="https://other.example/mcp",
        remedy="Compare aud with your own resource identifier, as your metadata publishes it.",
    ),
    fault(
        "for-an-audience-that-begins-alike",
        "mcp-token-handling-2",
        aud=lambda own: f"{own}-staging",
        remedy="Compare aud as a whole: a resource whose identifier begins like yours is another one.",
    ),
    fault(
        "without-audience",
        "rfc8725-3.9-2",
        aud=None,
        remedy="Refuse a token without aud: it was not issued for you.",
    ),
    fault(
        "from-another-issuer",
        "rfc9068-4-2",
        iss="https://other.example",
        remedy="Compare iss with the issuer of your authorization server, character by character.",
    ),
    fault(
        "an-id-token",
        "rfc8725-3.12-1",
        header={"typ": "JWT"},
        aud=lambda _: AGENT,
        client_id=None,
        jti=None,
        act=None,
        nonce="n-0S6_WzA2Mj",
        auth_time=0,
        remedy="Check aud and typ, so that an ID token, which the same key signs, does not pass for an access token.",
    ),
    fault(
        "typed-as-another-jwt",
        "rfc9068-4-1",
        header={"typ": "JWT"},
        needs={JWT_PROFILE},
        remedy="Refuse a token whose typ is neither at+jwt nor application/at+jwt.",
    ),
)

FORGERIES = (
    fault(
        "altered",
        "rfc9068-4-4",
        forge=altering(sub="mallory"),
        remedy="Verify the signature over header and payload before anything in them is believed.",
    ),
    fault(
        "unsigned",
        "rfc9068-4-5",
        forge=unsigned,
        remedy="Accept a fixed list of algorithms, and never none.",
    ),
    fault(
        "without-signature",
        "rfc9068-4-4",
        forge=without_signature,
        remedy="Refuse a token whose signature is empty; do not take a missing signature for a good one.",
    ),
    fault(
        "with-hmac-over-the-public-key",
        "rfc8725-3.1-1",
        forge=signed_with_public_key,
        remedy="Let your configuration choose the algorithm, or the key; never the token's header.",
    ),
    fault(
        "with-another-key-under-a-known-kid",
        "rfc9068-4-4",
        forge=signed_by_stranger,
        remedy="Verify the signature with the key that the authorization server publishes under this kid.",
    ),
    fault(
        "with-an-unknown-kid",
        "rfc9068-4-4",
        forge=signed_with_own_key(),
        remedy="Refuse a token whose key is not published, after the key set was fetched anew at most once.",
    ),
    fault(
        "with-a-key-of-its-own",
        "rfc8725-3.10-2",
        "rfc9068-4-4",
        forge=signed_with_own_key(embedded=True),
        remedy="Never verify with a key that comes with the token: ignore jwk, jku, x5c and x5u.",
    ),
)

INJECTIONS = ("../../../../dev/null", "' OR '1'='1", "$(id)", "x" * 500, "\N{GREEK SMALL LETTER ALPHA}\x00")


@scenario.each(FAULTS, needs={MINTED_TOKENS})
def a_faulty_token_is_refused(ctx: Context, fault: Fault) -> None:
    """A token that the right key signed, with one thing wrong in it, is refused with 401."""
    expect_token_refused(ctx.guarded(token=ctx.mint(fault)))


@scenario.each(FORGERIES, needs={GOOD_TOKEN})
def a_forged_token_is_refused(ctx: Context, fault: Fault) -> None:
    """A token that was made without the issuer's key is refused with 401."""
    expect_token_refused(ctx.guarded(token=ctx.forged(fault)))


@scenario("rfc8725-3.10-1", needs={GOOD_TOKEN})
def an_injection_in_kid_does_no_harm(ctx: Context) -> None:
    """A kid that is a path, a piece of SQL or simply too long is refused like any unknown one.

    Why: kid is used in look-ups before the signature was verified, so that anybody can write it.
    Remedy: look kid up among the published keys only, in memory, as an opaque text.
    """
    for kid in INJECTIONS:
        answer = ctx.guarded(token=ctx.forged(fault("kid", forge=signed_with_own_key(kid=kid), remedy="")))
        expect(answer.status < 500, "a refusal", answer.summary(), answer)
        expect_refused(answer, what=f"a token with the kid {kid[:30]!r}")


@scenario("rfc9068-4-7", needs={JWT_PROFILE})
def a_refused_token_is_called_invalid(ctx: Context) -> None:
    """The challenge to a token that fails validation holds the error invalid_token.

    Why: the client may then get itself a new token and try once more.
    Remedy: send error="invalid_token" in the challenge wherever a token was sent and refused.
    """
    answer = ctx.guarded(token=ctx.mint(iat=-3 * OFF, exp=-OFF))
    error = expect_challenge(answer, status=401).get("error")
    expect(error == "invalid_token", "invalid_token in the challenge", f"the error is {error!r}", answer)


@scenario("rfc9068-4-1", needs={JWT_PROFILE})
def the_type_is_recognised_in_full_too(ctx: Context) -> None:
    """A token typed application/at+jwt is accepted like one typed at+jwt.

    Remedy: accept both spellings of the type.
    """
    full = fault("typed-in-full", header={"typ": "application/at+jwt"}, remedy="")
    expect_accepted(ctx.guarded(token=ctx.mint(full)), what="the type application/at+jwt")


@scenario("rfc8725-3.12-1", needs={GOOD_TOKEN})
def a_refresh_token_is_no_access_token(ctx: Context) -> None:
    """A refresh token, which the authorization server issued and would take, opens nothing at the MCP server.

    Why: refresh tokens live long, and are for the authorization server's eyes only.
    Remedy: accept tokens that are marked as access tokens only, and ask introspection for the token's type.
    """
    # An issuer that we mint with need not know the MCP server as a resource; its refresh tokens will do all the same.
    options = {"resource": None, "browser": ctx.new_browser()} if ctx.home.tenant.signer else {}
    tokens = ctx.refreshable(**options)
    expect_token_refused(ctx.guarded(token=tokens.refresh_token))


@scenario("oauth21-5.2-1", needs={REVOCATION_PROMISED})
def a_revoked_token_is_refused(ctx: Context) -> None:
    """A token that was revoked before its first use is refused, where the MCP server promises it.

    Remedy: ask the authorization server's introspection endpoint, and keep its answers for a short time only.
    """
    tokens = ctx.grant(resource=ctx.world.resource)
    answer = ctx.revoke(tokens.access_token, client=tokens.client)
    ctx.require(answer.error != "unsupported_token_type", "the authorization server revokes no access tokens")
    if answer.status != 200:
        raise Blocked(f"revoking a token failed: {answer.summary()}", exchange=answer.exchange)
    expect_token_refused(ctx.guarded(token=tokens.access_token))


@scenario("mcp-token-handling-3", needs={MCP_SERVER})
@for_all(budget=15, token=st.text(TOKEN_SIGNS, min_size=1, max_size=80), padding=st.sampled_from(("", "=", "==")))
def no_made_up_token_is_accepted(ctx: Context, token: str, padding: str) -> None:
    """Whatever a client makes up and sends as a token, it is refused, and the server stays upright.

    Remedy: treat each token as hostile until its signature, or its issuer, has vouched for it.
    """
    expect_refused(ctx.guarded(token=token + padding), what="a made-up token")


@scenario("oauth21-5.2-1", needs={MINTED_TOKENS})
@for_all(budget=15, names=st.sets(st.sampled_from(sorted(row.name for row in FAULTS if not row.needs)), max_size=3))
def only_a_flawless_token_is_accepted(ctx: Context, names: set[str]) -> None:
    """A token with any of the faults, alone or together, is refused; a token with none is accepted.

    Why: checks that work alone can switch each other off, such as an early return.
    Remedy: let every check have its say about every token, whatever the others found.
    """
    together = [row for row in FAULTS if row.name in names]
    claims = {name: value for row in together for name, value in row.claims.items()}
    headers = {name: value for row in together for name, value in row.header.items()}
    token = ctx.mint(fault("together", header=headers, remedy="", **claims), jti=secrets.token_urlsafe(12))
    answer = ctx.guarded(token=token)
    if names:
        expect_refused(answer, what=f"a token that is {' and '.join(sorted(names))}")
    else:
        expect_accepted(answer, what="a token without fault")
