"""Two runs of one scenario compared request by request, apart from what has to differ between any two runs.

What has to differ: secrets (labels stand for them), places of the target (hosts and ports), moments, values that are
generated anew such as a client_id, and sizes of pages. They need not be equal, but they have to stand where they stood,
and a value that came back in one run has to come back in the other: what was one secret is not two now.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Message = Mapping[str, Any]
"""An exchange of the JSON report, or its request or response."""

Fields = dict[str, str]

_UNCOMPARED = ("host", "content-length")
_TELLING_HEADERS = ("content-type", "location", "www-authenticate", "cache-control")
_GENERATED = 16
"""Signs that a generated value has at least; shorter ones have a meaning."""

_KINDS = r"""
(?P<label> <[\w-]+:[0-9a-f]{8}> )
| (?P<page> <[\w.+/-]+,[ ]\d+[ ]bytes> )
| (?P<moment> [A-Z][a-z]{2},[ ]\d\d[ ][A-Z][a-z]{2}[ ]\d{4}[ ]\d\d:\d\d:\d\d[ ]GMT
    | \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)
    | (?<![\w.])[12]\d{9}(?:\d{3})?(?![\w.]) )
| (?P<place> %(place)s )
| (?P<word> (?:(?!%(place)s)[\w-]){%(least)d,} )
"""
_PORT = re.compile(r"(?:(?:127\.0\.0\.1|localhost|\[::1\])(?::|%3A)|_(?=\d+=<cookie:))(\d{2,5})")
"""A port on loopback: that of an address, or what a cookie is named for."""


@dataclass(frozen=True)
class Difference:
    """What is not alike: where, and what stood and stands there; None where nothing does."""

    where: str
    then: str | None
    now: str | None


@dataclass(frozen=True)
class Compared:
    """One request of each run with its answer; None where a run sent fewer."""

    then: Message | None
    now: Message | None
    request: tuple[Difference, ...] = ()
    answer: tuple[Difference, ...] = ()

    @property
    def same(self) -> bool:
        """Whether both runs sent this request, and alike."""
        return self.then is not None and self.now is not None and not self.request


def compare(then: Sequence[Message], now: Sequence[Message]) -> list[Compared]:
    """Compare the exchanges of two runs of one scenario, those that went to the same address with each other."""
    pairing = Pairing(then, now)
    return [_compared(pairing, *pair) for pair in _aligned(then, now)]


def _aligned(then: Sequence[Message], now: Sequence[Message]) -> Iterator[tuple[Message | None, Message | None]]:
    matcher = SequenceMatcher(None, [*map(_address, then)], [*map(_address, now)], autojunk=False)
    for _, start, end, other_start, other_end in matcher.get_opcodes():
        yield from zip_longest(then[start:end], now[other_start:other_end])


def _address(exchange: Message) -> str:
    """Return where a request went, without what is made anew in each run."""
    path = exchange["request"]["url"].partition("?")[0].partition("://")[2].partition("/")[2]
    named = re.sub(rf"[\w-]{{{_GENERATED},}}", lambda match: "" if _odd(match[0]) else match[0], path, flags=re.ASCII)
    return f"{exchange['recipient']} {exchange['request']['method']} {named}"


def _compared(pairing: Pairing, then: Message | None, now: Message | None) -> Compared:
    if then is None or now is None:
        return Compared(then, now)
    request = tuple(_differences(pairing, request_fields(then["request"]), request_fields(now["request"])))
    answer = tuple(_differences(pairing, answer_fields(then["response"]), answer_fields(now["response"])))
    return Compared(then, now, request, answer)


class Pairing:
    """Tells whether texts of two runs are alike, and remembers which generated value of one is which of the other."""

    def __init__(self, then: Sequence[Message], now: Sequence[Message]) -> None:
        self._patterns = (_pattern(then), _pattern(now))
        self._pairs: tuple[dict[str, str], dict[str, str]] = ({}, {})

    def alike(self, then: str, now: str) -> bool:
        """Tell whether two texts are equal but for what has to differ."""
        first, second = (list(_parts(*item)) for item in zip(self._patterns, (then, now), strict=True))
        if len(first) != len(second):
            return False
        return all(self._alike(*pair) for pair in zip(first, second, strict=True))

    def _alike(self, then: tuple[str, str], now: tuple[str, str]) -> bool:
        (kind, text), (other_kind, other) = then, now
        if kind != other_kind:
            return False
        if kind in ("moment", "page"):
            return True
        if kind == "label":
            (name, text), (other_name, other) = text.rsplit(":", 1), other.rsplit(":", 1)
            return name == other_name and self._paired(text, other)
        if kind == "place":
            return self._paired(text, other)
        return text == other or (kind == "word" and _generated(text, other) and self._paired(text, other))

    def _paired(self, then: str, now: str) -> bool:
        """Tell whether two values stand for each other, and none of them for a third."""
        forth, back = self._pairs
        return forth.setdefault(then, now) == now and back.setdefault(now, then) == then


def request_fields(request: Message) -> Fields:
    """Return what a request says, part by part, by where it stands."""
    headers = [(name, value) for name, value in request["headers"] if name not in _UNCOMPARED]
    parts = [("method", request["method"]), *_url("url", request["url"])]
    return _fields([*parts, *_headers(headers), *_body(request["body"], _kind(headers))])


def answer_fields(response: Message) -> Fields:
    """Return what an answer says, part by part, by where it stands; of the headers only those that a verdict reads."""
    headers = [(name, value) for name, value in response["headers"] if name in _TELLING_HEADERS]
    parts = [("status", str(response["status"] or "")), ("fault", response["fault"])]
    return _fields([*parts, *_headers(headers), *_body(response["body"], _kind(headers))])


def _differences(pairing: Pairing, then: Fields, now: Fields) -> Iterator[Difference]:
    renamed = _renamed(pairing, then, now)
    for name, value in then.items():
        other = now.get(renamed.get(name, name))
        if other is None or not pairing.alike(value, other):
            yield Difference(name, value, other)
    expected = {renamed.get(name, name) for name in then}
    for name, value in now.items():
        if name not in expected:
            yield Difference(name, None, value)


def _renamed(pairing: Pairing, then: Fields, now: Fields) -> dict[str, str]:
    """Return the names that are generated anew, such as that of a parameter that no server can know."""
    gone, new = (name for name in then if name not in now), (name for name in now if name not in then)
    return {name: other for name, other in zip(gone, new, strict=False) if pairing.alike(name, other)}


def _fields(parts: Iterable[tuple[str, str]]) -> Fields:
    """Return parts by name, those of one name numbered."""
    seen: Counter[str] = Counter()
    fields: Fields = {}
    for name, value in parts:
        seen[name] += 1
        fields[name if seen[name] == 1 else f"{name} ({seen[name]})"] = value
    return fields


def _url(where: str, url: str) -> list[tuple[str, str]]:
    base, _, query = url.partition("?")
    return [(where, base), *((f"{where} parameter {name}", value) for name, value in _pairs(query))]


def _headers(headers: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for name, value in headers:
        yield from _url(name, value) if name in ("location", "referer") else [(name, value)]


def _body(body: str, kind: str) -> list[tuple[str, str]]:
    if "form-urlencoded" in kind and "=" in body:
        return [(f"body {name}", value) for name, value in _pairs(body)]
    try:
        return list(_members("body", json.loads(body)))
    except (ValueError, RecursionError):
        return [("body", body)] if body else []


def _members(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _members(f"{name} {key}", item)
    elif isinstance(value, list) and value:
        for item in value:
            yield from _members(name, item)
    else:
        yield name, value if isinstance(value, str) else json.dumps(value)


def _pairs(text: str) -> list[tuple[str, str]]:
    return parse_qsl(text, keep_blank_values=True)


def _kind(headers: Iterable[tuple[str, str]]) -> str:
    return next((value for name, value in headers if name == "content-type"), "")


def _pattern(exchanges: Sequence[Message]) -> re.Pattern[str]:
    """Return what finds the parts of a run's texts that have to differ between runs."""
    places = {re.escape(_netloc(exchange["request"]["url"])) for exchange in exchanges} - {""}
    whole = [rf"(?<![\w.-]){place}(?![\w.-])" for place in sorted(places, key=len, reverse=True)]
    ports = {match[1] for text in _texts(exchanges) for match in _PORT.finditer(text)}
    alone = [rf"(?:(?<=:)|(?<=_)|(?<=%3A)){port}(?!\d)" for port in sorted(ports)]
    place = f"(?:{'|'.join([*whole, *alone]) or '(?!)'})"
    return re.compile(_KINDS % {"place": place, "least": _GENERATED}, re.VERBOSE | re.ASCII)


def _netloc(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""


def _texts(exchanges: Sequence[Message]) -> Iterator[str]:
    for exchange in exchanges:
        yield exchange["curl"]
        yield exchange["response"]["body"]
        yield from (value for _, value in exchange["response"]["headers"])


def _parts(pattern: re.Pattern[str], text: str) -> Iterator[tuple[str, str]]:
    """Split a text into what may differ, by its kind, and what lies between."""
    end = 0
    for match in pattern.finditer(text):
        yield "plain", text[end : match.start()]
        yield str(match.lastgroup), match[0]
        end = match.end()
    yield "plain", text[end:]


def _generated(*words: str) -> bool:
    """Tell whether words of one length look as no word of a language does."""
    return len({len(word) for word in words}) == 1 and all(map(_odd, words))


def _odd(word: str) -> bool:
    letters, digits = re.search("[A-Za-z]", word), re.search("[0-9]", word)
    mixed = len(word) >= 20 and word.lower() != word != word.upper()
    return bool(letters and digits) or mixed
