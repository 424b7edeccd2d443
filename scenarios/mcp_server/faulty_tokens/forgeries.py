"""Tokens that were made without the issuer's key, mostly of a good one (RFC 8725 sections 2.1, 3.1 and 3.10)."""

from __future__ import annotations

from harness import Fault, fault
from harness.forging import (
    as_der,
    as_jwk,
    as_kid,
    as_modulus,
    as_pem,
    as_pem_trimmed,
    flipped,
    of_a_client,
    rewritten,
    unsecured,
    unsecured_at_second_sight,
    with_header_text,
    with_hmac,
    with_signature,
    with_zeros_for_ecdsa,
)
from harness.minting import (
    altering,
    signed_by_stranger,
    signed_with_own_key,
    signed_with_public_key,
    unsigned,
    without_signature,
)
from harness.run import AGENT
from scenarios.mcp_server.faulty_tokens.rows import made_by

DEEP = b'{"alg":"RS256","typ":"at+jwt","kid":' + b"[" * 1500 + b"]" * 1500 + b"}"

UNSIGNED: tuple[Fault, ...] = (
    fault("unsigned", "rfc9068-4-5", forge=unsigned, remedy="Accept a fixed list of algorithms, and never none."),
    *made_by(
        {
            "unsigned-with-a-capital": unsecured("None"),
            "unsigned-in-capitals": unsecured("NONE"),
            "unsigned-in-both-cases": unsecured("nOnE"),
            "unsigned-but-not-empty": unsecured("none", signature=True),
            "unsigned-at-second-sight": unsecured_at_second_sight,
        },
        "rfc9068-4-5",
        remedy="Accept a fixed list of algorithms; a list of forbidden ones has always one spelling too few.",
    ),
    *made_by(
        {"with-an-empty-algorithm": unsecured(""), "without-algorithm": unsecured(None)},
        "rfc8725-3.1-1",
        remedy="Refuse a token whose header does not name one of your algorithms.",
    ),
    fault(
        "without-signature",
        "rfc9068-4-4",
        forge=without_signature,
        remedy="Refuse a token whose signature is empty; do not take a missing signature for a good one.",
    ),
)

CONFUSED: tuple[Fault, ...] = (
    fault(
        "with-hmac-over-the-public-key",
        "rfc8725-3.1-1",
        forge=signed_with_public_key,
        remedy="Let your configuration choose the algorithm, or the key; never the token's header.",
    ),
    *made_by(
        {
            "with-hs384-over-the-public-key": with_hmac(as_pem, "HS384"),
            "with-hs512-over-the-public-key": with_hmac(as_pem, "HS512"),
            "with-hmac-over-the-trimmed-public-key": with_hmac(as_pem_trimmed),
            "with-hmac-over-the-public-key-in-der": with_hmac(as_der),
            "with-hmac-over-the-public-jwk": with_hmac(as_jwk),
            "with-hmac-over-the-modulus": with_hmac(as_modulus),
            "with-hmac-over-the-kid": with_hmac(as_kid),
            "with-hmac-over-nothing": with_hmac(lambda _: b""),
            "with-hmac-over-a-common-secret": with_hmac(lambda _: b"secret"),
        },
        "rfc8725-3.1-1",
        remedy="Accept no HS algorithm: a published key, or what anybody can guess, is no secret to sign with.",
    ),
)

SIGNED_WRONGLY: tuple[Fault, ...] = (
    fault(
        "altered",
        "rfc9068-4-4",
        forge=altering(sub="mallory"),
        remedy="Verify the signature over header and payload before anything in them is believed.",
    ),
    *made_by(
        {
            "with-a-flipped-bit-in-its-signature": with_signature(flipped),
            "with-a-shortened-signature": with_signature(lambda signature: signature[:-1]),
            "with-a-halved-signature": with_signature(lambda signature: signature[: len(signature) // 2]),
            "with-a-lengthened-signature": with_signature(lambda signature: signature + b"\0"),
            "with-zeros-for-a-signature": with_signature(lambda signature: bytes(len(signature))),
            "with-zeros-for-ecdsa": with_zeros_for_ecdsa,
        },
        "rfc9068-4-4",
        remedy="Compare nothing of a signature yourself: let a library that is kept up to date verify all of it.",
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

FOREIGN: tuple[Fault, ...] = (
    fault(
        "a-client-assertion",
        "rfc8725-3.12-1",
        forge=of_a_client(
            {"typ": "client-authentication+jwt"},
            iss=lambda _: AGENT,
            sub=lambda _: AGENT,
            aud=lambda forge: forge.claims.get("iss"),
            exp=lambda forge: forge.claims.get("exp"),
            jti=lambda forge: forge.claims.get("jti"),
        ),
        remedy="Believe tokens of your authorization server only: clients sign JWTs too, to say who they are.",
    ),
    fault(
        "a-dpop-proof",
        "rfc8725-3.12-1",
        forge=of_a_client(
            {"typ": "dpop+jwt"},
            embedded=True,
            htm=lambda _: "POST",
            htu=lambda forge: forge.claims.get("aud"),
            iat=lambda forge: forge.claims.get("iat"),
            jti=lambda forge: forge.claims.get("jti"),
        ),
        remedy="Believe tokens of your authorization server only; a DPoP proof carries the key of whoever made it.",
    ),
)

FRAGMENTS: tuple[Fault, ...] = made_by(
    {
        "without-its-last-part": rewritten(lambda token: token.rpartition(".")[0]),
        "without-its-header": rewritten(lambda token: f".{token.partition('.')[2]}"),
        "without-its-payload": rewritten(lambda token: f"{token.partition('.')[0]}..{token.rpartition('.')[2]}"),
        "of-a-header-only": rewritten(lambda token: f"{token.partition('.')[0]}.."),
        "of-dots-only": rewritten(lambda _: ".."),
        "with-a-header-that-is-no-json": with_header_text(b"RS256"),
        "with-a-list-for-a-header": with_header_text(b'["RS256"]'),
        "with-a-header-nested-a-thousand-times": with_header_text(DEEP),
    },
    "rfc9068-4-4",
    remedy="Read tokens so that whatever cannot be read is answered 401, like a token whose signature is wrong.",
)

FORGERIES = (*UNSIGNED, *CONFUSED, *SIGNED_WRONGLY, *FOREIGN, *FRAGMENTS)
