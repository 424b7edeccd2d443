"""Every secret that a run saw, found by other means than the redaction that is under test, and where it turns up."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

import ahocorasick

from harness.exchange import Exchange

NAMES = re.compile(
    r"(access|refresh|id|subject|actor|registration_access)?_?token|code|code_verifier|(client_)?secret|(client_)?assertion"
    r"|password|d|p|q|dp|dq|qi|k"
)
BEGINNING = 24
"""Signs of a secret that are one too, if it was cut off there."""
PARAMETER = re.compile(r"(?:^|[\s?&;,<])(\w+)=[\"']?([^\s&\"'<>;,]+)")
JWT = re.compile(rb"eyJ[\w-]{10,}\.[\w-]+\.[\w-]*")
LEAST, VARIETY = 12, 6
"""Shorter values and those of fewer different signs are no secret that anybody would choose."""


def secrets_of(exchanges: Iterable[Exchange]) -> set[str]:
    """Return tokens, codes, verifiers, secrets, cookies, assertions and keys in all exchanges."""
    found = {value for exchange in exchanges for value in _of(exchange)}
    return {value for value in found if len(value) >= LEAST and len(set(value)) >= VARIETY}


def private_members(key: dict[str, Any]) -> set[str]:
    """Return the private members of a JWK (RFC 7518 section 6)."""
    return {key[name] for name in ("d", "p", "q", "dp", "dq", "qi") if name in key}


def leaks(texts: dict[str, str], secrets: Iterable[str]) -> list[str]:
    """Return where a secret stands in plain, URL-encoded or in base64, as `<text>: <secret's beginning> as <how>`."""
    automaton = ahocorasick.Automaton()
    for secret in secrets:
        for how, spelling in _spellings(secret):
            automaton.add_word(spelling, (secret, how))
    automaton.make_automaton()
    found = {
        f"{name}: {secret[:6]}… as {how} in …{text[max(0, end - 100) : end + 10]!r}"
        for name, text in texts.items()
        for end, (secret, how) in automaton.iter(text)
    }
    return sorted(found)


def _of(exchange: Exchange) -> Iterator[str]:
    headers = [*exchange.request_headers, *exchange.headers.multi_items()]
    for name, value in headers:
        yield from _of_header(name.lower(), value)
    yield from _of_query(exchange.url)
    for body in (exchange.request_body, exchange.body):
        yield from _of_body(body)


def _of_header(name: str, value: str) -> Iterator[str]:
    if name == "authorization":
        scheme, _, credentials = value.partition(" ")
        yield credentials
        if scheme == "Basic":
            with suppress(ValueError):  # a token under the wrong scheme is no user and no password
                yield unquote(base64.b64decode(credentials).decode().partition(":")[2])
    if name in ("cookie", "set-cookie"):
        pairs = value.split(";") if name == "cookie" else value.split(";")[:1]
        yield from (pair.partition("=")[2] for pair in pairs)
    if name == "mcp-session-id":
        yield value
    if name == "location":
        yield from _of_query(value)
    yield from _beside_their_names(value)


def _of_query(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    for name, value in parse_qsl(f"{parts.query}&{parts.fragment}"):
        if NAMES.fullmatch(name):
            yield value


def _of_body(body: bytes) -> Iterator[str]:
    yield from (match.decode() for match in JWT.findall(body))
    try:
        yield from _of_json(json.loads(body))
    except (ValueError, RecursionError):
        text = body.decode(errors="replace")
        yield from (value for name, value in parse_qsl(text) if NAMES.fullmatch(name))
        yield from _beside_their_names(text)
        for line in text.splitlines():
            with suppress(ValueError, RecursionError):
                yield from _of_json(json.loads(line.removeprefix("data:")))


def _beside_their_names(text: str) -> Iterator[str]:
    """Yield what any text gives as a parameter or as an attribute, such as the URL in an unusual header."""
    for name, value in PARAMETER.findall(text):
        if NAMES.fullmatch(name):
            yield unquote(value)


def _of_json(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, str) and NAMES.fullmatch(name):
                yield item
            yield from _of_json(item)
    elif isinstance(value, list):
        for item in value:
            yield from _of_json(item)


def _spellings(secret: str) -> Iterator[tuple[str, str]]:
    yield "itself", secret
    yield "a part of a URL", quote(secret, safe="")
    yield "a part of a form", quote_plus(secret)
    for shift in range(3):
        told = base64.b64encode(b"." * shift + secret.encode()).decode()[4 if shift else 0 :].rstrip("=")[:-1]
        yield f"base64 at {shift}", told
        yield f"base64url at {shift}", told.replace("+", "-").replace("/", "_")
    if len(secret) > BEGINNING and re.search("[0-9]", beginning := secret[:BEGINNING]):
        yield "its beginning", beginning
