"""Scopes that look like the needed ones and are others: a table of tokens that cover nothing of what they seem to.

Each row changes what a token says of its scopes, given those that a tool needs. Left out is what some issuers write and
servers read with good reason: an array of scopes, `scp` in the place of `scope`, roles, permissions and authorization
details.
"""

from __future__ import annotations

from collections.abc import Callable

from harness import fault
from harness.forging import repeating
from harness.minting import Forge

SUFFICES, GRAMMAR, CLAIMED = "oauth21-5.2-1", "rfc6749-3.3-2", "rfc9068-2.2.3-3"
OTHER = "assay:nothing"
"""A scope that no tool needs, where a row needs one beside the others."""

ZERO_WIDTH, NO_BREAK = "\u200b", "\u00a0"
LOOKALIKES = str.maketrans("aceiopxy", "\u0430\u0441\u0435\u0456\u043e\u0440\u0445\u0443")
FULL_WIDTH = str.maketrans({chr(sign): chr(sign + 0xFEE0) for sign in range(0x21, 0x7F)})

SPLIT = "Split the scope claim at spaces and at nothing else; all other signs belong to the names."
WHOLE = "Compare whole names, sign by sign, without folding, normalizing or trimming them."
LITERAL = "Compare names literally: no sign in a scope stands for others, unless you define scopes that imply others."
TEXT = "Read a scope claim that is no string, nor an array of strings, as no scope."
REPEATED = "Refuse a token in which a claim is repeated, or take the last one (RFC 7519 section 4)."
CLAIM = "Take the scopes from one claim with exactly this name, and from no other one beside it."


def _joined(separator: str) -> Callable[[str], str]:
    return lambda needed: separator.join([OTHER, *needed.split()])


def _each(change: Callable[[str], str]) -> Callable[[str], str]:
    return lambda needed: " ".join(map(change, needed.split()))


def _family(scope: str) -> str:
    """Return a wildcard for all scopes that begin as this one does, up to its last separator."""
    end = max(scope.rfind(sign) for sign in ":/.")
    return f"{scope[: end + 1]}*"


def _beside(claim: str, form: Callable[[str], object] = str) -> Callable[[Forge], str]:
    """Return a forge that puts the needed scopes into another claim, and one that nothing needs into `scope`."""
    return lambda good: good.sign(good.header, {**good.claims, "scope": OTHER, claim: form(good.claims["scope"])})


ROWS = (
    fault("with-commas", SUFFICES, scope=_joined(","), remedy=SPLIT),
    fault("with-semicolons", SUFFICES, scope=_joined(";"), remedy=SPLIT),
    fault("with-plus-signs", SUFFICES, scope=_joined("+"), remedy=SPLIT),
    fault("with-encoded-spaces", SUFFICES, scope=_joined("%20"), remedy=SPLIT),
    fault("with-bars", SUFFICES, scope=_joined("|"), remedy=SPLIT),
    fault("with-tabs", GRAMMAR, scope=_joined("\t"), remedy=SPLIT),
    fault("with-line-ends", GRAMMAR, scope=_joined("\n"), remedy=SPLIT),
    fault("with-no-break-spaces", GRAMMAR, scope=_joined(NO_BREAK), remedy=SPLIT),
    fault("in-the-other-case", GRAMMAR, scope=_each(str.swapcase), remedy=WHOLE),
    fault("with-a-prefix", SUFFICES, scope=_each(lambda scope: f"not-{scope}"), remedy=WHOLE),
    fault("cut-short", SUFFICES, scope=_each(lambda scope: scope[:-1] or OTHER), remedy=WHOLE),
    fault("with-a-null", SUFFICES, scope=_each(lambda scope: f"{scope}\0-not"), remedy=WHOLE),
    fault("with-zero-width-signs", SUFFICES, scope=_each(lambda scope: f"{scope}{ZERO_WIDTH}"), remedy=WHOLE),
    fault("with-lookalikes", SUFFICES, scope=_each(lambda scope: scope.translate(LOOKALIKES)), remedy=WHOLE),
    fault("in-full-width", SUFFICES, scope=_each(lambda scope: scope.translate(FULL_WIDTH)), remedy=WHOLE),
    fault("with-escapes", SUFFICES, scope=_each(lambda scope: f"%{ord(scope[0]):02X}{scope[1:]}"), remedy=WHOLE),
    fault("a-star", SUFFICES, scope=lambda _: "*", remedy=LITERAL),
    fault("a-star-at-the-end", SUFFICES, scope=_each(_family), remedy=LITERAL),
    fault("a-regular-expression", SUFFICES, scope=lambda _: ".*", remedy=LITERAL),
    fault("a-percent-sign", SUFFICES, scope=lambda _: "%", remedy=LITERAL),
    fault("an-object", SUFFICES, scope=lambda needed: dict.fromkeys(needed.split(), True), remedy=TEXT),
    fault("an-array-of-arrays", SUFFICES, scope=lambda needed: [needed.split()], remedy=TEXT),
    fault("the-value-true", SUFFICES, scope=lambda _: True, remedy=TEXT),
    fault("a-number", SUFFICES, scope=lambda _: 1, remedy=TEXT),
    fault("repeated-before-another", SUFFICES, forge=repeating(scope=lambda _: OTHER), remedy=REPEATED),
    fault("in-a-claim-in-capitals", SUFFICES, forge=_beside("SCOPE"), remedy=CLAIM),
    fault("in-scp-beside-scope", CLAIMED, forge=_beside("scp"), remedy=CLAIM),
    fault("in-an-array-scp-beside-scope", CLAIMED, forge=_beside("scp", str.split), remedy=CLAIM),
    fault("in-scopes-beside-scope", CLAIMED, forge=_beside("scopes", str.split), remedy=CLAIM),
)
"""What is changed is handed the scopes that the tool needs, with spaces between them."""
