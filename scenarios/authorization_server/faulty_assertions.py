"""Client assertions with one fault each, for the scenarios of client authentication."""

from __future__ import annotations

from harness import fault, forging, keys
from harness.minting import (
    Forge,
    living_longer,
    signed_by_stranger,
    signed_with_own_key,
    signed_with_public_key,
    unsigned,
    without_signature,
)
from harness.target import OAuthClient

DEPTH = 2000
"""Deeper than most JSON parsers let themselves be called again, and a few kilobytes all the same."""

CLAIMS = (
    fault(
        "without-iss", "rfc7523-3-1", "rfc7523-3.2-1", iss=None, remedy="Demand iss, and compare it with the client_id."
    ),
    fault(
        "without-sub", "rfc7523-3-2", "rfc7523-3.2-1", sub=None, remedy="Demand sub, and compare it with the client_id."
    ),
    fault(
        "for-another-subject",
        "rfc7523-3-2",
        "rfc7523-3.2-1",
        sub="assay-somebody-else",
        remedy="Compare sub with the client_id; do not go by iss or client_id alone.",
    ),
    fault(
        "for-another-audience",
        "rfc7523-3-3",
        "rfc7523-3.2-1",
        aud="https://as.example",
        remedy="Compare aud with your issuer identifier, so that an assertion for another server is worth nothing.",
    ),
    fault("without-aud", "rfc7523-3-3", "rfc7523-3.2-1", aud=None, remedy="Refuse an assertion without aud."),
    fault("for-nobody", "rfc7523-3-3", "rfc7523-3.2-1", aud=[], remedy="Refuse an assertion whose aud is empty."),
    fault("expired", "rfc7523-3-4", "rfc7523-3.2-1", exp=-900, iat=-960, remedy="Compare exp with the clock."),
    fault("without-exp", "rfc7523-3-4", "rfc7523-3.2-1", exp=None, remedy="Refuse an assertion without exp."),
    fault(
        "with-an-exp-that-is-no-time",
        "rfc7523-3-4",
        "rfc7523-3-10",
        "rfc7523-3.2-1",
        exp="never",
        remedy="Refuse an assertion whose exp is no number.",
    ),
    fault(
        "not-valid-yet", "rfc7523-3-5", "rfc7523-3.2-1", nbf=900, remedy="Compare nbf with the clock where it is sent."
    ),
)

FORMS = (
    fault(
        "with-an-audience-in-two-lists",
        "rfc7523-3-3",
        "rfc7523-3-10",
        "rfc7523-3.2-1",
        forge=forging.instead(aud=lambda forge: [[forge.claims["aud"]]]),
        remedy="Accept aud as a string or a list of strings, and nothing else.",
    ),
    fault(
        "with-an-issuer-in-a-list",
        "rfc7523-3-1",
        "rfc7523-3-10",
        "rfc7523-3.2-1",
        forge=forging.instead(iss=lambda forge: [forge.claims["iss"]]),
        remedy="Accept iss as a string only; compare without converting.",
    ),
    fault(
        "with-a-subject-in-a-list",
        "rfc7523-3-2",
        "rfc7523-3-10",
        "rfc7523-3.2-1",
        forge=forging.instead(sub=lambda forge: [forge.claims["sub"]]),
        remedy="Accept sub as a string only; compare without converting.",
    ),
    fault(
        "with-an-exp-deep-in-lists",
        "rfc7523-3-4",
        "rfc7523-3-10",
        "rfc7523-3.2-1",
        forge=forging.with_literal("exp", "[" * DEPTH + "]" * DEPTH),
        remedy="Bound the depth of the JSON that you read, and answer what cannot be read with invalid_client.",
    ),
    fault(
        "with-an-extension-that-has-to-be-understood",
        "rfc7523-3-10",
        "rfc7523-3.2-1",
        header={"crit": ["x-assay"], "x-assay": True},
        remedy="Refuse a JWT whose crit names an extension that you do not know (RFC 7515 section 4.1.11).",
    ),
)

SIGNATURES = (
    fault(
        "unsigned",
        "rfc7523-3-8",
        "rfc8725-3.1-2",
        "rfc7523-3.2-1",
        forge=unsigned,
        remedy="Accept a fixed list of algorithms; never none.",
    ),
    fault(
        "unsigned-in-other-letters",
        "rfc7523-3-8",
        "rfc8725-3.1-2",
        "rfc7523-3.2-1",
        forge=forging.unsecured("nOnE"),
        remedy="Accept a fixed list of algorithms, rather than refusing one by its name.",
    ),
    fault(
        "without-its-signature",
        "rfc7523-3-8",
        "rfc7523-3.2-1",
        forge=without_signature,
        remedy="Verify the signature also where it is empty.",
    ),
    fault(
        "changed-after-it-was-signed",
        "rfc7523-3-8",
        "rfc7523-3.2-1",
        forge=living_longer,
        remedy="Verify the signature over the very bytes that were sent.",
    ),
    fault(
        "signed-by-another-key",
        "rfc7523-3-8",
        "rfc7523-3.2-1",
        forge=signed_by_stranger,
        remedy="Verify the signature with the keys that this very client registered.",
    ),
    fault(
        "signed-by-a-key-that-comes-along",
        "rfc7523-3-8",
        "rfc7523-3.2-1",
        forge=signed_with_own_key(embedded=True),
        remedy="Never take a key from the header of what it is to verify.",
    ),
    fault(
        "with-hmac-and-the-public-key",
        "rfc8725-3.1-2",
        "rfc7523-3.2-1",
        forge=signed_with_public_key,
        remedy="Take the algorithm from your own list for the key's type, not from the header of the assertion.",
    ),
    fault(
        "with-hmac-and-an-empty-key",
        "rfc8725-3.1-2",
        "rfc7523-3.2-1",
        forge=forging.with_hmac(lambda _forge: b""),
        remedy="Take the algorithm from your own list for the key's type; a client without a secret has no HMAC key.",
    ),
)


def forge_of(assertion: str, client: OAuthClient) -> Forge:
    """Return what an assertion is made from, to make it anew in a way that no honest client does."""
    key = client.private_key or {}
    header = {name: value for name, value in keys.header_of(assertion).items() if name not in ("alg", "kid")}
    return Forge(
        header,
        keys.claims_of(assertion),
        lambda header, claims: keys.sign(claims, key, header),
        lambda: {"keys": [keys.public(key)]},
        lambda message: _sealed(message, client),
    )


def _sealed(message: str, client: OAuthClient) -> str:
    used = keys.imported(client.private_key or {})
    return f"{message}.{keys.encode_part(used.Algorithm.sign(message.encode(), used.key))}"
