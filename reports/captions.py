"""What to say of an exchange in a few words: which request it was, what was answered, and what they carry."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from reports.document import Document

GRANT_TYPES = "urn:ietf:params:oauth:grant-type:"
ASKED = ("response_type", "grant_type", "error")
"""Parameters of a request that tell which of the protocol's requests it is."""
GIVEN = (
    "access_token",
    "refresh_token",
    "id_token",
    "registration_access_token",
    "client_id",
    "keys",
    "issuer",
    "resource",
)
"""Members of an answer whose being there is the news."""
_NOWHERE = SplitResult("", "", "", "", "")


def asked(exchange: Document) -> tuple[str, str]:
    """Return method and path of a request, and what tells it from others with this path; the second may be empty."""
    request = exchange["request"]
    parts, body, headers = _split(request["url"]), _members(request["body"]), _headers(request["headers"])
    sent = dict(parse_qsl(f"{parts.query}&{'' if body else request['body']}"))
    told = [_remote_call(body)] if "method" in body else []
    told += [f"{name}={sent[name].removeprefix(GRANT_TYPES)}" for name in ASKED if name in sent]
    scheme = headers.get("authorization", "").partition(" ")[0]
    told += [f"{scheme} token" if scheme == "Bearer" else scheme] if scheme else []
    return f"{request['method']} {parts.path or '/'}", ", ".join(told)


def answered(exchange: Document) -> tuple[str, str]:
    """Return the status of an answer in words, and what it says; the second may be empty."""
    response = exchange["response"]
    if response["status"] is None:
        return "no answer", response["fault"]
    headers = _headers(response["headers"])
    return status_text(response["status"]), _redirect(exchange, headers.get("location", "")) or _content(
        response, headers
    )


def status_text(status: int) -> str:
    """Return a status code with its phrase, where it has one."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _redirect(exchange: Document, location: str) -> str:
    """Tell where a redirect leads, and what it carries there."""
    if not location:
        return ""
    to, asked_at = _split(location), _split(exchange["request"]["url"])
    host = "" if not to.netloc or to.netloc == asked_at.netloc else to.netloc
    carried = dict(parse_qsl(f"{to.query}&{to.fragment}", keep_blank_values=True))
    names = [f"error={carried['error']}" if name == "error" else name for name in carried]
    place = f"{host}{to.path}" or location
    return f"→ {place}" + (f" ({', '.join(names)})" if names else "")


def _content(response: Document, headers: dict[str, str]) -> str:
    body = _members(response["body"])
    fault = body.get("error")
    if isinstance(fault, dict):
        return f"error: {fault.get('message', '')}"
    if fault:
        return f"error={fault}"
    if "active" in body:
        return f"active: {json.dumps(body['active'])}"
    if given := [name for name in GIVEN if name in body]:
        return ", ".join(given)
    if "result" in body:
        return "a result"
    challenge = headers.get("www-authenticate", "")
    return f"challenge: {challenge}" if challenge else headers.get("content-type", "").partition(";")[0]


def _remote_call(body: dict[str, Any]) -> str:
    params = body.get("params")
    name = params.get("name") if isinstance(params, dict) else None
    return f"{body['method']} {name}" if name else str(body["method"])


def _members(body: str) -> dict[str, Any]:
    """Return the members of a body that is a JSON object; those of any other body are none."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _headers(pairs: list[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in pairs}


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        return _NOWHERE
