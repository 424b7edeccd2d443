"""Headers and claims that are missing, of a wrong type, or not to be ignored (RFC 9068 section 2, RFC 7515)."""

from __future__ import annotations

from typing import Any

from harness import Fault, fault
from harness.forging import instead, repeating_header
from harness.mcp_capability import JWT_PROFILE
from harness.minting import Exactly

EXTENSION = "https://assay.example/must-be-understood"


def _typed(name: str, typ: Any) -> Fault:
    remedy = "Refuse a token whose typ is neither at+jwt nor application/at+jwt."
    return fault(name, "rfc9068-4-1", header={"typ": typ}, needs={JWT_PROFILE}, remedy=remedy)


def _incomplete(name: str, claim: str, value: Any) -> Fault:
    remedy = f"Demand {claim}, as the profile has it: it is what you log, count and decide by."
    return fault(name, "rfc9068-2.2-3", needs={JWT_PROFILE}, remedy=remedy, **{claim: value})


def _signed_as(name: str, alg: str) -> Fault:
    remedy = "Take the algorithm from the key, and refuse a token whose header names another one."
    return fault(name, "rfc8725-3.1-3", header={"alg": alg}, needs={JWT_PROFILE}, remedy=remedy)


CONTENTS: tuple[Fault, ...] = (
    _typed("typed-as-another-jwt", "JWT"),
    _typed("without-type", None),
    _typed("with-null-as-type", Exactly(None)),
    _typed("with-a-list-as-type", ["at+jwt"]),
    _typed("with-a-type-that-begins-alike", "at+jwt-draft"),
    _typed("with-a-type-that-ends-alike", "not-at+jwt"),
    fault(
        "with-another-type-behind-ours",
        "rfc7515-4-1",
        "rfc9068-4-1",
        forge=repeating_header(typ="JWT"),
        needs={JWT_PROFILE},
        remedy="Read headers with a parser that keeps the last of members that repeat, or that refuses them.",
    ),
    fault(
        "with-a-critical-extension",
        "rfc7515-4.1.11-1",
        header={"crit": [EXTENSION], EXTENSION: True},
        remedy="Refuse a token whose crit names anything that you do not understand; update a library that does not.",
    ),
    fault(
        "with-an-unencoded-payload",
        "rfc7515-4.1.11-1",
        header={"crit": ["b64"], "b64": False},
        remedy="Refuse a token whose crit names b64: the payload of a JWT is always encoded (RFC 7797 section 7).",
    ),
    _signed_as("signed-as-ps256", "PS256"),
    _signed_as("signed-as-rs512", "RS512"),
    _signed_as("signed-as-rs256-in-small-letters", "rs256"),
    _incomplete("without-subject", "sub", None),
    _incomplete("with-null-as-subject", "sub", Exactly(None)),
    _incomplete("with-a-number-as-subject", "sub", 0),
    _incomplete("with-a-list-as-subject", "sub", lambda own: [own]),
    _incomplete("with-a-query-as-subject", "sub", {"$ne": None}),
    _incomplete("without-client", "client_id", None),
    _incomplete("with-a-truth-value-as-client", "client_id", True),
    _incomplete("without-time-of-issue", "iat", None),
    _incomplete("with-words-as-time-of-issue", "iat", "just now"),
    _incomplete("without-identifier", "jti", None),
    _incomplete("with-a-list-as-identifier", "jti", lambda own: [own]),
    fault(
        "with-all-audiences-one-level-down",
        "rfc9068-4-3",
        forge=instead(aud=lambda forge: [[forge.claims.get("aud")]]),
        needs={JWT_PROFILE},
        remedy="Take aud for what it is, a text or a list of texts; refuse anything else.",
    ),
)
