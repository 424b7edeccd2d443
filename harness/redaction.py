"""Redaction: secrets are dropped by their place in the protocol before anything is written."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from harness.exchange import Exchange
from harness.known_secrets import KnownSecrets
from harness.named_secrets import is_error_code, names_secret, without_named, without_users

SHOWN = 4000
READ = 4 * SHOWN
"""How many characters of a text are read and shown of it; what stands for a secret is shorter than the secret."""
SHORTEST = 4
"""Whoever keeps less than so many signs in the environment keeps no secret, and would have texts torn to pieces."""
_SECRETIVE = re.compile(
    r"pass|pwd|^pin$|secret|token|assertion|credential|(api|access|private)-?key|otp|signature|cookie|bearer|session"
    r"|verifier|csrf|^authorization$"
)
_BEARER = re.compile(r"^(\w+)\s+(.+)$", re.DOTALL)
_SCHEME = re.compile(r"(?i)(\b(?:bearer|basic|dpop)\s+)((?=[^\s\d]*\d)[\w.~+/=-]{8,})")
"""Credentials behind the name of their scheme. Without a digit they are words, such as `Bearer authentication`."""
_MARKUP = ("text/html", "application/xhtml+xml", "text/xml", "application/xml", "multipart/")
_JWT = re.compile(r"(?<![A-Za-z0-9])eyJ[\w-]{8,}(?:\.[\w-]*){1,4}")
"""A JWS or JWE, and what is left of one that was cut off behind its header."""
_ENDS_OF_WORDS = " \t\r\n\"'<>&,;"
_SALT = os.urandom(16)
"""Without it a PIN or a password could be guessed from the digits that stand for it. One command, one salt."""
_UNNAMABLE = re.compile(r"[^\w-]", re.ASCII)
_ATTRIBUTES = ("path", "max-age", "expires", "samesite", "domain", "priority")
_PLAIN_WORD = re.compile(r"[A-Za-z][a-z]{0,15}")
"""What is replaced where it is a cookie or a code, and not wherever else it stands: texts are made of such words."""


def secretive(name: str) -> bool:
    """Tell whether what a user gave this name is probably a secret."""
    return _SECRETIVE.search(name.lower().replace("_", "-")) is not None


class Redactor:
    """Makes texts of exchanges that hold no secret.

    What was a secret in one exchange of a run is none of the reader's business anywhere else in it: `text` finds the
    secrets of all the traffic, plain, URL-encoded and in base64.

    Args:
        show_secrets: leave everything in, which is for targets on loopback.
        secrets: what is secret wherever it stands, such as the password for a login form whose fields have any name.
        traffic: every exchange of the run; it may grow.
    """

    def __init__(
        self, *, show_secrets: bool = False, secrets: Iterable[str] = (), traffic: Sequence[Exchange] = ()
    ) -> None:
        self._open = show_secrets
        always = {value: _label("secret", value) for value in secrets if len(value) >= SHORTEST}
        self._known = KnownSecrets(always)
        self._traffic = traffic
        self._learnt = 0
        self._learning = False

    def _learn(self) -> None:
        """Remember the secrets of the traffic so far."""
        self._learning = True
        try:
            while self._learnt < len(self._traffic):
                exchange = self._traffic[self._learnt]
                self._learnt += 1
                self.request_headers(exchange)
                self.url(exchange.url)
                self.request_body(exchange)
                self.headers(exchange)
                self.body(exchange)
        finally:
            self._learning = False

    def text(self, value: str) -> str:
        """Return any text without the secrets of the traffic and of what was rendered so far."""
        if self._open or self._learning or not value:
            return value
        if self._learnt < len(self._traffic):
            self._learn()
        return _JWT.sub(lambda match: _label("jwt", match[0]), self._known.hidden(without_users(value)))

    def log(self, value: str) -> str:
        """Return what a program wrote, of any length and in any shape, without its secrets."""
        if self._open:
            return value
        return self.text(
            _SCHEME.sub(lambda match: f"{match[1]}{self._hide('credentials', match[2])}", self._named(value))
        )

    def url(self, url: str) -> str:
        """Return a URL whose secret query and fragment parameters are replaced."""
        if self._open:
            return url
        try:
            parts = urlsplit(url)
        except ValueError:
            return self._any_text(url)
        query, fragment = self._form(parts.query), self._form(parts.fragment)
        host = parts.netloc.rpartition("@")[2]
        return self.text(urlunsplit((parts.scheme, host, self._named(parts.path), query, fragment)))

    def request_headers(self, exchange: Exchange) -> list[tuple[str, str]]:
        """Return the request headers, credentials replaced."""
        return [(name, self._header(name, value)) for name, value in exchange.request_headers]

    def headers(self, exchange: Exchange) -> list[tuple[str, str]]:
        """Return the response headers, cookies and codes replaced."""
        return [(name, self._header(name, value)) for name, value in exchange.headers.multi_items()]

    def request_body(self, exchange: Exchange) -> str:
        """Return the request body, secret members and parameters replaced."""
        kind = dict(exchange.request_headers).get("content-type", "")
        return self._content(exchange.request_body, kind)

    def body(self, exchange: Exchange) -> str:
        """Return the response body, secret members replaced; of an HTML page its size only."""
        return self._content(exchange.body, str(exchange.headers.get("content-type", "")))

    def _content(self, raw: bytes, kind: str) -> str:
        text = _beginning(raw[: 4 * READ + 4].decode("utf-8", errors="replace"))
        if self._open or not raw:
            return text[:SHOWN]
        kind = kind.strip().lower()
        if kind.startswith(_MARKUP) or text.lstrip("\ufeff \t\r\n").startswith("<"):
            return f"<{kind.split(';')[0] or 'markup'}, {len(raw)} bytes>"
        if "form-urlencoded" in kind:
            return self._form(text)[:SHOWN]
        try:
            document = json.dumps(self._document(json.loads(raw)), ensure_ascii=False)
            return self.text(_beginning(document))[:SHOWN]
        except (ValueError, RecursionError):
            return self._any_text(text)[:SHOWN]

    def _any_text(self, text: str) -> str:
        """Return a text that may look like JSON or a form, and is none as a whole, without its secrets."""
        return self.text(self._named(_beginning(text)))

    def _named(self, text: str) -> str:
        return without_named(text, self._hide)

    def _header(self, name: str, value: str) -> str:
        if self._open:
            return value
        if name == "authorization":
            match = _BEARER.match(value)
            self._learn_password(value)
            return f"{match[1]} {self._hide(name, match[2])}" if match else self._hide(name, value)
        if name == "location":
            return self.url(value)
        if name in ("cookie", "set-cookie"):
            return "; ".join(self._cookies(value, attributes=name == "set-cookie"))
        return self._hide(name, value) if names_secret(name) else self._any_text(value)

    def _cookies(self, value: str, *, attributes: bool) -> Iterator[str]:
        """Yield the parts of a header with cookies; all but the first may be attributes, which are no secret."""
        for place, part in enumerate(piece.strip() for piece in value.split(";")):
            name, equals, secret = part.partition("=")
            if attributes and place and (not equals or name.strip().lower() in _ATTRIBUTES):
                yield part
            else:
                yield f"{name}={self._hide('cookie', secret)}" if equals else self._hide("cookie", part)

    def _learn_password(self, authorization: str) -> None:
        """Remember the password in Basic credentials (RFC 7617 section 2), which a server may repeat on its own."""
        scheme, _, credentials = authorization.partition(" ")
        if scheme.lower() == "basic":
            with suppress(ValueError):
                password = base64.b64decode(credentials).decode(errors="replace").partition(":")[2]
                self._hide("client_secret", unquote(password))

    def _form(self, text: str) -> str:
        if "=" not in text:
            return self.text(text)
        pairs = parse_qsl(text, keep_blank_values=True)
        return urlencode([(name, self._value(name, value)) for name, value in pairs], safe=":/<> ")

    def _document(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: self._document(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [self._document(item, name) for item in value]
        if not isinstance(value, str) or is_error_code(name, value):
            return value
        return self._value(name, value)

    def _value(self, name: str, value: str) -> str:
        return self._hide(name, value) if names_secret(name) else self._any_text(value)

    def _hide(self, name: str, value: str) -> str:
        if not value:
            return value
        shown = _label(name, value)
        if not _PLAIN_WORD.fullmatch(value):
            self._known.add(value, shown)
        return shown


def curl(method: str, url: str, headers: Iterable[tuple[str, str]], body: str) -> str:
    """Return a request, redacted already, as a curl command line, without the headers that curl itself will send."""
    parts = ["curl", "-i", "-X", method, shlex.quote(url)]
    for name, value in headers:
        own = name in ("content-length", "accept-encoding", "connection") or (name == "host" and f"//{value}" in url)
        if not own:
            parts += ["-H", shlex.quote(f"{name}: {value}")]
    return " ".join([*parts, "--data-raw", shlex.quote(body)] if body else parts)


def _label(name: str, value: str) -> str:
    """Return what stands for a secret: its name, and eight digits that tell equal ones from different ones."""
    digest = hashlib.sha256(_SALT + value.encode(errors="surrogatepass")).hexdigest()
    return f"<{_UNNAMABLE.sub('', name)[:60]}:{digest[:8]}>"


def _beginning(text: str) -> str:
    """Return what is read of a text, which ends between words: half a secret is not known for one."""
    if len(text) <= READ:
        return text
    read = text[:READ]
    return read[: 1 + max(map(read.rfind, _ENDS_OF_WORDS))]
