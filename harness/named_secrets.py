"""Secrets that are known by the name before them, in data and in texts that only look like data."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from urllib.parse import unquote_plus

_NAMES = frozenset(
    (
        *("code", "login", "nonce", "otp", "passcode", "pin", "pwd", "sid", "session", "state", "ticket"),
        *("authorizationcode", "devicecode", "usercode", "idtokenhint", "samlresponse"),
        *("d", "p", "q", "dp", "dq", "qi", "k"),  # RFC 7518 section 6
    )
)
_ENDINGS = (
    *("token", "secret", "assertion", "authorization", "cookie", "csrf", "credential", "credentials"),
    *("apikey", "accesskey", "privatekey", "secretkey", "sessionid", "sessid"),
    *("password", "passwd", "passphrase", "verifier"),
)
"""How names of secrets end, such as `x-api-key` and `refreshToken`; `token_type` and `token_endpoint` do not."""
_BESIDE = re.compile(r"[^a-z0-9]")
_ERROR_CODE = re.compile(r"[a-z]+(_[a-z]+)+|[A-Z]+(_[A-Z]+)+")
_NAMED = re.compile(
    r"(?<![\w-])(?P<name>[\w-]{1,60})(?:\\*[\"']\s*:\s*(?P<quote>\\*[\"'])|=(?P<mark>\\*[\"']?))", re.ASCII
)
_NOTHING = re.compile(r"[^=\"']*")
_QUOTED = re.compile(r"(?:[^\"\\]|\\.)*", re.DOTALL)
_SINGLE = re.compile(r"(?:[^'\\]|\\.)*", re.DOTALL)
_NESTED = re.compile(r"(?:[^\"'\\]|\\+/)*")
_BARE = re.compile(r"[^\s&\"'<>\\]*")
_USER = re.compile(r"(?<=://)[^\s/?#@\"'<>\\]*@")


def names_secret(name: str) -> bool:
    """Tell whether what has this name is a secret, however the name is spelt: `refresh_token`, `Refresh-Token`."""
    folded = _BESIDE.sub("", name.lower())
    return folded in _NAMES or folded.endswith(_ENDINGS)


def is_error_code(name: str, value: str) -> bool:
    """Tell whether a member that is called like an authorization code holds the name of an error: `invalid_token`."""
    return name.lower() == "code" and _ERROR_CODE.fullmatch(value) is not None


def without_users(text: str) -> str:
    """Return a text whose URLs name no user and no password."""
    return _USER.sub("", text)


def without_named(text: str, hide: Callable[[str, str], str]) -> str:
    """Return a text in which what stands behind a secret's name is replaced.

    It need be neither JSON nor a form as a whole: a member or a parameter is found in lines of an event stream, in what
    was cut off, in headers, and in JSON within a string of JSON.

    Args:
        text: any text.
        hide: gets a name and its value, and returns what stands for it.
    """
    return text if _NOTHING.fullmatch(text) else "".join(_parts(text, hide))


def _parts(text: str, hide: Callable[[str, str], str]) -> Iterator[str]:
    place = 0
    for match in _NAMED.finditer(text):
        if match.start() < place or not names_secret(match["name"]):
            continue
        value = _value_at(text, match)
        if match["quote"] and is_error_code(match["name"], value):
            continue
        yield text[place : match.end()]
        yield hide(match["name"], _read(value, match)) if value else ""
        place = match.end() + len(value)
    yield text[place:]


def _value_at(text: str, match: re.Match[str]) -> str:
    quote = match["quote"] or match["mark"]
    inside = {"": _BARE, '"': _QUOTED, "'": _SINGLE}.get(quote, _NESTED)
    found = inside.match(text, match.end())
    return found[0] if found else ""


def _read(value: str, match: re.Match[str]) -> str:
    """Return a value as its sender meant it, so that it is known in every other spelling too."""
    if match["quote"] is None:
        return unquote_plus(value) if "%" in value else value
    with suppress(ValueError):
        return str(json.loads(f'"{value.replace(chr(92) * 2 + "/", "/")}"'))
    return value
