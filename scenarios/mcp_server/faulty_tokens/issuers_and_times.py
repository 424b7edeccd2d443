"""Tokens that are not of our issuer, or not of this time (RFC 9068 section 4, RFC 8725 section 3.8, RFC 7519)."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from harness import Fault, fault
from harness.forging import repeating, with_literal
from harness.mcp_capability import JWT_PROFILE
from harness.minting import Beyond, Exactly
from scenarios.mcp_server.faulty_tokens.rows import made_by, with_claim

MINUTE, HOUR = 60, 3600
OTHER = "https://other.example"


def _in_another_case(issuer: str) -> str:
    parts = urlsplit(issuer)
    return urlunsplit(parts._replace(path=parts.path.swapcase())) if parts.path.strip("/") else issuer.swapcase()


ISSUERS: tuple[Fault, ...] = (
    fault(
        "from-another-issuer",
        "rfc8725-3.8-1",
        "rfc9068-4-2",
        iss=OTHER,
        remedy="Compare iss with the issuer of your authorization server, character by character.",
    ),
    *with_claim(
        "iss",
        {
            "from-an-issuer-that-begins-alike": lambda own: f"{own.rstrip('/')}-staging",
            "from-an-issuer-that-is-the-beginning-of-ours": lambda own: own.rstrip("/")[:-1],
            "from-an-issuer-that-holds-ours": lambda own: f"{OTHER}/?for={own}",
            "from-an-empty-issuer": "",
        },
        "rfc8725-3.8-1",
        remedy="Compare iss as a whole with the issuer whose keys you verify with.",
    ),
    fault(
        "from-another-issuer-behind-ours",
        "rfc7519-4-1",
        forge=repeating(iss=lambda _: OTHER),
        remedy="Read claims with a parser that keeps the last of those that repeat, or that refuses them.",
    ),
    *with_claim(
        "iss",
        {
            "without-issuer": None,
            "with-null-as-issuer": Exactly(None),
            "with-a-list-of-issuers": lambda own: [OTHER, own],
            "with-an-object-as-issuer": lambda own: {own: True},
            "from-our-issuer-with-a-slash": lambda own: own.removesuffix("/") if own.endswith("/") else f"{own}/",
            "from-our-issuer-in-another-case": _in_another_case,
        },
        "rfc9068-4-2",
        needs={JWT_PROFILE},
        remedy="Demand iss as a text that is exactly the issuer's identifier, as its metadata has it.",
    ),
)

TIMES: tuple[Fault, ...] = (
    fault(
        "expired",
        "mcp-token-handling-3",
        "rfc9068-4-6",
        iat=-HOUR,
        exp=Beyond(-10 * MINUTE),
        remedy="Compare exp with the clock, with a leeway of a few minutes at most.",
    ),
    *with_claim(
        "exp",
        {
            "at-its-end": Beyond(0),
            "expired-by-a-fraction-more": Beyond(-MINUTE, lambda end: end + 0.5),
            "expired-as-a-text": Beyond(-MINUTE, str),
            "expired-since-1970": Exactly(0),
            "expired-before-1970": Exactly(-1),
        },
        "mcp-token-handling-3",
        "rfc9068-4-6",
        remedy="Compare exp with the clock as a number, whatever number it is: not later than exp is not early enough.",
    ),
    # To a server that does not promise RFC 9068, exp is optional (RFC 7519 section 4.1.4).
    *with_claim(
        "exp",
        {"without-expiry": None, "with-null-as-expiry": Exactly(None)},
        "rfc9068-4-6",
        needs={JWT_PROFILE},
        remedy="Refuse a token without exp: it would be good for ever.",
    ),
    *with_claim(
        "exp",
        {
            "with-words-as-expiry": "never",
            "with-a-truth-value-as-expiry": True,
            "with-a-list-as-expiry": Beyond(HOUR, lambda end: [end]),
            "with-an-object-as-expiry": {},
        },
        "rfc7519-4.1.4-1",
        remedy="Refuse a token whose exp is no number: it would be good for ever.",
    ),
    *made_by(
        {
            "with-an-expiry-that-is-not-a-number": with_literal("exp", "NaN"),
            "with-an-endless-expiry": with_literal("exp", "Infinity"),
        },
        "rfc7519-7.2-1",
        "rfc9068-4-6",
        remedy="Read claims with a parser that knows nothing but JSON, where NaN and Infinity are no numbers.",
    ),
    fault(
        "expired-behind-a-good-expiry",
        "rfc7519-4-1",
        "rfc9068-4-6",
        forge=repeating(exp=lambda forge: int(forge.claims["iat"]) - 2 * HOUR),
        remedy="Read claims with a parser that keeps the last of those that repeat, or that refuses them.",
    ),
    fault(
        "not-yet-valid",
        "rfc7519-4.1.5-1",
        nbf=Beyond(10 * MINUTE),
        exp=Beyond(HOUR),
        remedy="Compare nbf with the clock where a token has one.",
    ),
    fault(
        "not-yet-valid-as-a-text",
        "rfc7519-2-1",
        nbf=Beyond(10 * MINUTE, str),
        exp=Beyond(HOUR),
        needs={JWT_PROFILE},
        remedy="Refuse a token whose nbf is no number, rather than forget that it has one.",
    ),
)
