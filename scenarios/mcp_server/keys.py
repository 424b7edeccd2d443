"""Which keys count: the issuer's, each with its own algorithm, and none that a token brings (RFC 8725 section 3)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from harness import Context, Fault, expect, expect_not_let_in, expect_token_refused, fault, keys, scenario
from harness.foreign_keys import (
    encrypted_claims,
    encrypted_directly,
    encrypted_token_of_stranger,
    key_server,
    pointing_to,
    with_certificate,
    wrapped_by_stranger,
    wrapped_unsigned,
)
from harness.http import is_loopback
from harness.issuer_keys import AdditionalKey, eventually, served
from harness.mcp_capability import GOOD_TOKEN, ISSUER_CONTROL, JWT_PROFILE, MINTED_TOKENS
from harness.minting import LIFETIME

VERIFY = "Verify signatures by every algorithm that you accept, with a library that is kept."
ALGORITHMS = (
    fault("es256", "rfc9068-4-4", remedy=VERIFY),
    fault("ed25519", "rfc9068-4-4", needs={ISSUER_CONTROL}, remedy=VERIFY),
)
# Ed25519 has two names: RFC 9864 deprecates EdDSA, which verifiers know better.
NAMES = {"es256": ("ES256",), "ed25519": ("Ed25519", "EdDSA")}

ONE_ALGORITHM = "Compare alg with that of the published key, and accept a fixed list of algorithms."
MISUSES = (
    fault("rsa-key-with-rs512", "rfc8725-3.1-3", header={"alg": "RS512"}, remedy=ONE_ALGORITHM),
    fault("rsa-key-with-ps256", "rfc8725-3.1-3", header={"alg": "PS256"}, remedy=ONE_ALGORITHM),
)

POINTERS = (
    fault("jku", "rfc8725-3.10-2", "rfc9068-4-4", remedy="Ignore jku: fetch keys from the issuer's jwks_uri only."),
    fault("x5u", "rfc8725-3.10-2", "rfc9068-4-4", remedy="Ignore x5u: fetch keys from the issuer's jwks_uri only."),
)

WHOLE = "Refuse tokens whose cty is JWT, or verify the signatures of all layers."
SIGNED_ONLY = "Refuse what is no JWS in three parts with 401, as any other token that is not one of the issuer's."
WRAPPINGS = (
    fault("signed-outside-by-a-stranger", "rfc8725-3.3-1", forge=wrapped_by_stranger, remedy=WHOLE),
    fault("unsigned-outside", "rfc8725-3.3-1", forge=wrapped_unsigned, remedy=WHOLE),
    fault("encrypted-without-signature", "mcp-token-handling-3", forge=encrypted_claims, remedy=SIGNED_ONLY),
    fault("encrypted-token-of-a-stranger", "mcp-token-handling-3", forge=encrypted_token_of_stranger, remedy=WHOLE),
    fault("encrypted-with-a-secret", "mcp-token-handling-3", forge=encrypted_directly, remedy=SIGNED_ONLY),
)


@scenario.each(ALGORITHMS, needs={MINTED_TOKENS})
def a_signature_has_to_hold(ctx: Context, fault: Fault) -> None:
    """A token that the issuer signed and that was altered then is refused, whatever its algorithm.

    Why: each algorithm has its own code, and most servers try the first one only.
    """
    with _accepted_keys(ctx, NAMES[fault.name]) as kids:
        ctx.require(kids, f"the MCP server accepts no tokens by {' or '.join(NAMES[fault.name])}, and need not")
        for kid in kids:
            header, payload, signature = ctx.mint(kid=kid).split(".")
            other = keys.claims_of(ctx.mint(sub="mallory"))
            expect_token_refused(ctx.guarded(token=f"{header}.{keys.encode_part(other)}.{signature}"))
            blank = keys.encode_part(bytes(len(signature) * 3 // 4))  # with which ECDSA held in Java: CVE-2022-21449
            expect_token_refused(ctx.guarded(token=f"{header}.{payload}.{blank}"))


@scenario.each(MISUSES, needs={JWT_PROFILE})
def a_key_is_used_with_its_own_algorithm(ctx: Context, fault: Fault) -> None:
    """A token that the issuer's key signed by another algorithm than the key is published for is refused.

    Why: a key that serves two algorithms lets the weaker one break the other.
    """
    own = next((key for key in ctx.jwks()["keys"] if key.get("kty") == "RSA" and key.get("alg")), None)
    ctx.require(own, "the issuer publishes no RSA key that is for one algorithm only")
    assert own
    token = ctx.mint(alg=str(fault.header["alg"]), kid=str(own["kid"]))
    expect_token_refused(ctx.guarded(token=token))


@scenario("rfc8725-3.1-3", needs={MINTED_TOKENS})
def an_algorithm_that_does_not_fit_its_key_is_refused(ctx: Context) -> None:
    """A token whose header names an algorithm of elliptic curves and an RSA key is refused.

    Remedy: compare alg with that of the published key before anything is computed with it.
    """
    own = keys.header_of(ctx.mint())
    other = "RS256" if str(own["alg"]).startswith("E") else "ES256"
    named = fault("other-kind", header={"alg": other}, remedy="")
    expect_not_let_in(ctx.guarded(token=ctx.mint(named, kid=str(own["kid"]))))


@scenario.each(POINTERS, needs={GOOD_TOKEN})
def a_key_that_the_token_points_to_is_not_trusted(ctx: Context, fault: Fault) -> None:
    """A token whose header says where its signer's key is to be had is refused.

    Why: everybody can publish a key, and sign with it.
    """
    with key_server() as strangers:
        expect_token_refused(ctx.guarded(token=ctx.forged(_pointing(fault, strangers.url))))


@scenario.each([fault(row.name, "rfc8725-3.10-2", remedy=row.remedy) for row in POINTERS], needs={GOOD_TOKEN})
def a_url_in_a_token_is_not_fetched(ctx: Context, fault: Fault) -> None:
    """A URL in a token's header is not asked for anything, whether it is trusted then or not.

    Why: whoever can write a token can otherwise make the server send requests to places that only it can reach.
    """
    ctx.require(is_loopback(ctx.home.tenant.mcp_server), "the MCP server is elsewhere, and could not reach our URL")
    with key_server() as strangers:
        answer = ctx.guarded(token=ctx.forged(_pointing(fault, strangers.url)))
        asked = [f"{request.method} {request.path}" for request in strangers.requests]
    expect(not asked, "no request to the URL in the token", f"it was asked: {', '.join(asked)}", answer)


@scenario("rfc8725-3.10-2", "rfc9068-4-4", needs={GOOD_TOKEN})
def a_certificate_in_the_token_is_not_trusted(ctx: Context) -> None:
    """A token that brings the certificate of its signer's key, as x5c, is refused.

    Remedy: ignore x5c, as all keys that come with a token.
    """
    expect_token_refused(ctx.guarded(token=ctx.forged(fault("x5c", forge=with_certificate, remedy=""))))


@scenario.each(WRAPPINGS, needs={GOOD_TOKEN})
def a_wrapped_token_is_refused(ctx: Context, fault: Fault) -> None:
    """A token within another one, or within an encryption that nobody agreed upon, is refused with 401."""
    expect_not_let_in(ctx.guarded(token=ctx.forged(fault)))


def _pointing(row: Fault, origin: str) -> Fault:
    return fault(row.name, forge=pointing_to(row.name, origin), remedy="")


@contextmanager
def _accepted_keys(ctx: Context, names: tuple[str, ...]) -> Iterator[list[str]]:
    """Yield those keys of an algorithm that the MCP server accepts tokens by; where there are none, some are published.

    Args:
        ctx: the scenario's context.
        names: what the algorithm is called.
    """
    kids = [str(key.get("kid")) for key in ctx.jwks()["keys"] if key.get("alg") in names]
    several = not kids and served(ctx.guarded(token=ctx.mint(alg="ES256")))
    within = (ctx.target.keys_within or 0) if several else 0  # servers of one algorithm only are not waited for
    with ExitStack() as stack:
        kids = kids or [stack.enter_context(AdditionalKey(ctx, name)).kid for name in names]
        tokens = {kid: ctx.mint(kid=kid, exp=within + LIFETIME) for kid in kids}
        answers = {}
        for kid, token in tokens.items():
            answers[kid] = eventually(ctx, partial(ctx.guarded, token=token), served, within)
            within = 0  # the time is over for all of them
        yield [kid for kid, answer in answers.items() if served(answer)]
