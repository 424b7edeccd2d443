"""Whether two things are answered alike: what is looked for, beside what nobody has."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from urllib.parse import quote

from harness import keys
from harness.browser import text_of
from harness.exchange import Answer
from harness.http import bare
from harness.verdict import Violation

ALTERED = 12
"""How many characters of an identifier are changed: beginning, end, length and alphabet stay, so that its form does."""


@dataclass(frozen=True)
class Pair:
    """The same request with two identifiers: of something that somebody else has, and of nothing.

    Attributes:
        what: what the identifiers are of, such as "a code".
        send: sends the request with an identifier.
    """

    what: str
    send: Callable[[str], Answer]
    foreign: str = field(repr=False)
    unknown: str = field(repr=False)


def expect_alike(pair: Pair) -> None:
    """Both identifiers are answered with the same status, the same error, the same redirect and the same body.

    The identifier itself is left out of the bodies. What differs from answer to answer anyway, such as a time or a
    number of the request, tells nothing: a difference of the bodies counts if it is the same one a second time.

    Raises:
        Violation: they are told apart.
    """
    foreign, unknown = pair.send(pair.foreign), pair.send(pair.unknown)
    if _outcome(foreign) != _outcome(unknown):
        raise Violation(f"as for what is unknown: {unknown.summary()}", foreign.summary(), foreign.exchange)
    texts = _said(foreign, pair.foreign), _said(unknown, pair.unknown)
    if texts[0] == texts[1]:
        return
    again = _said(pair.send(pair.foreign), pair.foreign), _said(pair.send(pair.unknown), pair.unknown)
    if texts == again:
        actual = f"{foreign.summary()}, as for what is unknown, and its words differ from those, twice in the same way"
        raise Violation("the same words as for what is unknown", actual, foreign.exchange)


def unknown_like(identifier: str) -> str:
    """Return an identifier of the same form that nobody has: of a JWT, one with another `jti` and no good signature."""
    claims = keys.claims_of(identifier)
    if not claims:
        return _altered(identifier)
    header, payload, signature = identifier.split(".")
    if isinstance(claims.get("jti"), str):
        payload = keys.encode_part({**claims, "jti": _altered(claims["jti"])})
    return f"{header}.{payload}.{_altered(signature)}"


def _altered(text: str) -> str:
    """Change some characters each to another one of its kind, but for the last, in which a checksum or padding ends."""
    places = [place for place, sign in enumerate(text) if sign.isascii() and sign.isalnum()]
    chosen = set((places[:-1] or places)[-ALTERED:])
    hexadecimal = all(text[place] in string.hexdigits for place in places)
    return "".join(_another(sign, hexadecimal) if place in chosen else sign for place, sign in enumerate(text))


def _another(sign: str, hexadecimal: bool) -> str:
    letters = string.ascii_lowercase[: 6 if hexadecimal else 26]
    kinds = (string.digits, letters, letters.upper())
    alphabet = next((kind for kind in kinds if sign in kind), letters)
    return secrets.choice(alphabet.replace(sign, ""))


def _outcome(answer: Answer) -> tuple[int, str, str]:
    return answer.status, answer.error, bare(answer.location)


def _said(answer: Answer, identifier: str) -> str:
    """Return the words of an answer without the identifier: the text of a page, or the body as it is."""
    words = f"{text_of(answer) or answer.text} {answer.headers.get('www-authenticate', '')}"
    for form in (identifier, quote(identifier, safe=""), escape(identifier)):
        words = words.replace(form, "…")
    return words
