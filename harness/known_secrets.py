"""Secrets that are known by their value, and how they are found again in any text."""

from __future__ import annotations

import base64
import html
import json
import re
from bisect import bisect, insort
from collections.abc import Iterator, Mapping
from urllib.parse import quote, quote_plus

LEAST = 8
"""Shorter values, and those of a few signs only, stand in texts by chance; a text is not torn to pieces for them."""
LEAST_VARIETY = 5
LONGEST = 8000
"""So many signs of a secret that was cut off are looked at."""
LEAST_CUT = 16
"""A secret that was cut off is known by so many signs. Without a digit they may be how a product begins its names."""
_UNTOUCHED = "!'()*"
"""What JavaScript's encodeURIComponent leaves as it is."""
_ESCAPE = re.compile("%[0-9A-F]{2}")
_DIGIT, _LETTER = re.compile("[0-9]"), re.compile("[A-Za-z]")
_WORD = re.compile(rf"\S{{{LEAST},}}")


class KnownSecrets:
    """Finds secrets in texts, in every spelling in which they travel.

    A text is looked at word by word, and each place in a word is looked up by its next few signs, so that the cost
    does not grow with the number of secrets.

    Args:
        always: secrets that are replaced wherever they stand, and what stands for each.
    """

    def __init__(self, always: Mapping[str, str]) -> None:
        self._everywhere = dict(always)
        self._shown: dict[str, str] = {}
        self._by_start: dict[str, list[tuple[str, str]]] = {}
        self._in_order: dict[str, list[tuple[str, str]]] = {}
        self._words: dict[str, str] = {}
        for value, shown in always.items():
            self.add(value, shown)

    def add(self, value: str, shown: str) -> None:
        """Remember a secret, and what stands for it."""
        if value in self._shown or len(value) < LEAST or len(set(value)) < LEAST_VARIETY:
            return
        self._shown[value] = shown
        self._words.clear()
        for spelling in spellings(value):
            if not _WORD.fullmatch(spelling):
                self._everywhere[spelling] = shown
            found = self._by_start.setdefault(spelling[:LEAST], [])
            found.append((spelling, shown))
            found.sort(key=lambda pair: -len(pair[0]))
            insort(self._in_order.setdefault(spelling[:LEAST], []), (spelling, shown))

    def hidden(self, text: str) -> str:
        """Return a text in which what stands for each secret stands in its place."""
        for secret, shown in self._everywhere.items():
            text = text.replace(secret, shown)
        return _WORD.sub(self._word, text)

    def _word(self, match: re.Match[str]) -> str:
        word = match[0]
        if word not in self._words:
            self._words[word] = "".join(self._parts(word))
        return self._words[word]

    def _parts(self, word: str) -> Iterator[str]:
        place = 0
        while place < len(word):
            start = word[place : place + LEAST]
            secret = shown = word[place]
            if known := self._by_start.get(start):
                fitting = (pair for pair in known if word.startswith(pair[0], place))
                secret, shown = (
                    next(fitting, None) or self._cut(word[place : place + LONGEST], start) or (secret, shown)
                )
            yield shown
            place += len(secret)

    def _cut(self, text: str, start: str) -> tuple[str, str] | None:
        """Return how a text begins where that is the beginning of a secret, and what stands for it."""
        known = self._in_order[start]
        place = bisect(known, (text, ""))
        beside = ((_common(text, secret), shown) for secret, shown in known[max(0, place - 1) : place + 1])
        secret, shown = max(beside, key=lambda pair: len(pair[0]), default=("", ""))
        by_chance = len(secret) < LEAST_CUT or not (_DIGIT.search(secret) and _LETTER.search(secret))
        return None if by_chance else (secret, f"{shown}…")


def _common(first: str, second: str) -> str:
    """Return how both texts begin."""
    same = 0
    while same < min(len(first), len(second)) and first[same] == second[same]:
        same += 1
    return first[:same]


def spellings(secret: str) -> set[str]:
    """Return how a secret can be written: as it is, URL-encoded, in a JSON string, in HTML, and within base64."""
    raw = secret.encode(errors="surrogatepass")
    encoded = {quote(raw, safe=""), quote(raw), quote_plus(raw), quote(raw, safe=_UNTOUCHED)}
    lower = {_ESCAPE.sub(lambda match: match[0].lower(), text) for text in encoded}
    strings = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    strings |= {text.replace("/", r"\/") for text in strings}  # as PHP writes it
    markup = {html.escape(secret), html.escape(secret).replace("&#x27;", "&#39;")}
    packed = {text for inner in {raw, *map(str.encode, encoded)} for text in _base64(inner)}
    return {text for text in {secret, *encoded, *lower, *strings, *markup, *packed} if len(text) >= LEAST}


def _base64(raw: bytes) -> Iterator[str]:
    """Yield what is sure to stand in the base64 of any text that holds these bytes, by where they begin in it."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        whole = len(encoded) if (before + len(raw)) % 3 == 0 else len(encoded) - 1
        inner = encoded[(0, 2, 3)[before] : whole]
        yield inner
        yield inner.translate(str.maketrans("+/", "-_"))
