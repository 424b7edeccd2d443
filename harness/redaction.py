"""Redaction: secrets are dropped by their place in the protocol before anything is written."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shlex
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from harness.exchange import Exchange
from harness.known_secrets import KnownSecrets

_TOKENS = ("access_token", "actor_token", "id_token", "id_token_hint", "refresh_token", "subject_token", "token")
_CREDENTIALS = (
    "registration_access_token",
    "mcp-session-id",
    "assertion",
    "authorization",
    "client_assertion",
    "client_secret",
    "secret",
)
_FORM_FIELDS = ("password", "passwd", "pwd", "passphrase", "passcode", "pin", "otp")
_FLOW = ("code", "code_verifier", "cookie", "csrf", "login", "nonce", "set-cookie", "state")
_KEY_MEMBERS = ("d", "p", "q", "dp", "dq", "qi", "k")
SECRET_NAMES = frozenset((*_TOKENS, *_CREDENTIALS, *_FORM_FIELDS, *_FLOW, *_KEY_MEMBERS))
SHOWN = 4000
SHORTEST = 4
"""Whoever keeps less than so many signs in the environment keeps no secret, and would have texts torn to pieces."""
_SECRETIVE = re.compile(
    r"pass|pwd|^pin$|secret|token|assertion|credential|(api|access|private)-?key|otp|signature|cookie|bearer|session"
    r"|verifier|csrf|^authorization$"
)
_BEARER = re.compile(r"^(\w+)\s+(.+)$", re.DOTALL)
_MARKUP = ("text/html", "application/xhtml+xml")
_NAMES = "|".join(sorted(SECRET_NAMES, key=len, reverse=True))
_MEMBER = re.compile(rf'"({_NAMES})"(\s*:\s*)"((?:[^"\\]|\\.)*)"?')
_PARAMETER = re.compile(rf"\b({'|'.join(name for name in SECRET_NAMES if len(name) > 2)})=([^\s&\"'<>]+)")
_JWT = re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*")


def label(name: str, value: str) -> str:
    """Return what stands for a secret: its name, and eight digits that tell equal ones from different ones."""
    return f"<{name}:{hashlib.sha256(value.encode(errors='surrogatepass')).hexdigest()[:8]}>" if value else ""


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
        self._known = KnownSecrets({value: label("secret", value) for value in secrets if len(value) >= SHORTEST})
        self._traffic = traffic
        self._learnt = 0
        self._learning = False

    def _learn(self) -> None:
        """Remember the secrets of the traffic so far."""
        self._learning = True
        while self._learnt < len(self._traffic):
            exchange = self._traffic[self._learnt]
            self._learnt += 1
            self.request_headers(exchange)
            self.url(exchange.url)
            self.request_body(exchange)
            self.headers(exchange)
            self.body(exchange)
        self._learning = False

    def text(self, value: str) -> str:
        """Return any text without the secrets of the traffic and of what was rendered so far."""
        if self._open or self._learning or not value:
            return value
        if self._learnt < len(self._traffic):
            self._learn()
        return _JWT.sub(lambda match: label("jwt", match[0]), self._known.hidden(value))

    def url(self, url: str) -> str:
        """Return a URL whose secret query and fragment parameters are replaced."""
        if self._open:
            return url
        try:
            parts = urlsplit(url)
        except ValueError:
            return self.text(url)
        query, fragment = self._form(parts.query), self._form(parts.fragment)
        host = parts.netloc.rpartition("@")[2]
        return self.text(urlunsplit((parts.scheme, host, parts.path, query, fragment)))

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
        text = raw[: SHOWN * 4].decode("utf-8", errors="replace")
        if self._open or not raw:
            return text[:SHOWN]
        if kind.startswith(_MARKUP):
            return f"<{kind.split(';')[0]}, {len(raw)} bytes>"
        if "form-urlencoded" in kind:
            return self._form(text)[:SHOWN]
        try:
            return self.text(json.dumps(self._document(json.loads(raw)), ensure_ascii=False))[:SHOWN]
        except (ValueError, RecursionError):
            return self.text(self._loose(text))[:SHOWN]

    def _loose(self, text: str) -> str:
        """Return a text that looks like JSON or a form, and is none as a whole, without its secrets."""
        text = _MEMBER.sub(lambda match: f'"{match[1]}"{match[2]}"{self._hide(match[1], match[3])}"', text)
        return _PARAMETER.sub(lambda match: f"{match[1]}={self._hide(match[1], match[2])}", text)

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
            return "; ".join(self._cookie(part) for part in value.split("; "))
        return self._hide(name, value) if name in SECRET_NAMES else self.text(value)

    def _learn_password(self, authorization: str) -> None:
        """Remember the password in Basic credentials (RFC 7617 section 2), which a server may repeat on its own."""
        scheme, _, credentials = authorization.partition(" ")
        if scheme.lower() == "basic":
            with suppress(ValueError):
                password = base64.b64decode(credentials).decode(errors="replace").partition(":")[2]
                self._hide("client_secret", unquote(password))

    def _cookie(self, part: str) -> str:
        name, equals, value = part.partition("=")
        plain = not equals or name.lower() in ("path", "max-age", "expires", "samesite", "domain")
        return part if plain else f"{name}={self._hide('cookie', value)}"

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
        return self._value(name, value) if isinstance(value, str) else value

    def _value(self, name: str, value: str) -> str:
        return self._hide(name, value) if name.lower() in SECRET_NAMES else self.text(value)

    def _hide(self, name: str, value: str) -> str:
        if not value:
            return value
        shown = label(name, value)
        self._known.add(value, shown)
        return shown


def curl(method: str, url: str, headers: Iterable[tuple[str, str]], body: str) -> str:
    """Return a request, redacted already, as a curl command line."""
    parts = ["curl", "-i", "-X", method, shlex.quote(url)]
    for name, value in headers:
        if name not in ("host", "content-length", "accept-encoding", "connection"):
            parts += ["-H", shlex.quote(f"{name}: {value}")]
    return " ".join([*parts, "--data-raw", shlex.quote(body)] if body else parts)
