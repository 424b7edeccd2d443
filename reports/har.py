"""The evidence as an HTTP archive (HAR 1.2), for the developer tools of browsers and other readers of traffic.

A scenario that sent anything is a page, and its exchanges are the entries of that page. What the format has no place
for is in members that begin with an underscore, as section 4 of the format provides.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, quote

from reports.document import Document

COMMENT = (
    "Secrets are replaced by labels such as <access_token:1a2b3c4d>; equal digits stand for equal secrets. "
    "Of long bodies the beginning is shown, of HTML pages the size."
)
FORM = "application/x-www-form-urlencoded"
_URL_SIGNS = "!#$%&'()*+,/:;=?@[]~"
HTTP = "HTTP/1.1"
LONGEST = 15
"""Digits of a length that is worth believing."""
_UNKNOWN = -1
_PHRASES = {status.value: status.phrase for status in HTTPStatus}

Header = Sequence[str]


def render(document: Document) -> str:
    """Return the exchanges of a run as an HTTP archive, in the order in which they began."""
    name, _, version = document["tool"].partition(" ")
    results = [result for result in document["results"] if result["exchanges"]]
    entries = [entry for result in results for entry in _entries(result)]
    log = {
        "version": "1.2",
        "creator": {"name": name, "version": version},
        "pages": [_page(result) for result in results],
        "entries": sorted(entries, key=lambda entry: str(entry["startedDateTime"])),
        "comment": f"{document['target']} by MCP {document['spec']}. {COMMENT}",
    }
    text = json.dumps({"log": log}, indent=1, ensure_ascii=False) + "\n"
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # half surrogates are no Unicode


def _page(result: Document) -> dict[str, Any]:
    said = [f"expected {result['expected']}"] * bool(result["expected"]) + [result["actual"]] * bool(result["actual"])
    return {
        "startedDateTime": min(exchange["started"] for exchange in result["exchanges"]),
        "id": result["scenario"],
        "title": f"{result['scenario']}: {result['verdict']}",
        "pageTimings": {"onContentLoad": _UNKNOWN, "onLoad": _UNKNOWN},
        "comment": "; ".join([result["title"], *said]),
        "_verdict": result["verdict"],
    }


def _entries(result: Document) -> Iterable[dict[str, Any]]:
    for place, exchange in enumerate(result["exchanges"]):
        elapsed = exchange["response"]["elapsed_ms"]
        culprit = place == result["culprit"]
        yield {
            "pageref": result["scenario"],
            "startedDateTime": exchange["started"],
            "time": elapsed,
            "request": _request(exchange["request"]),
            "response": _response(exchange["response"]),
            "cache": {},
            "timings": {"send": 0, "wait": elapsed, "receive": 0},
            "comment": f"{result['scenario']}: {result['verdict']}{', which this exchange shows' if culprit else ''}",
            "_scenario": result["scenario"],
            "_verdict": result["verdict"],
            "_culprit": culprit,
            "_sender": exchange["sender"],
            "_recipient": exchange["recipient"],
        }


def _request(request: Document) -> dict[str, Any]:
    headers, body = request["headers"], request["body"]
    url = request["url"].partition("#")[0]
    declared = _declared(headers)
    sent = {
        "method": request["method"],
        "url": quote(url.encode(errors="replace"), safe=_URL_SIGNS),
        "httpVersion": HTTP,
        "cookies": [_named(part) for value in _values(headers, "cookie") for part in value.split("; ")],
        "headers": _pairs(headers),
        "queryString": _pairs(parse_qsl(url.partition("?")[2], keep_blank_values=True)),
        "headersSize": _UNKNOWN,
        "bodySize": (_UNKNOWN if body else 0) if declared is None else declared,
    }
    return {**sent, "postData": _posted(headers, body)} if body else sent


def _posted(headers: Iterable[Header], body: str) -> dict[str, Any]:
    """Return the body; a form has its text too, without which browsers show nothing of it."""
    kind = _value(headers, "content-type")
    form = _pairs(parse_qsl(body, keep_blank_values=True)) if kind.lower().startswith(FORM) else []
    return {"mimeType": kind, "text": body, **({"params": form} if form else {})}


def _response(response: Document) -> dict[str, Any]:
    headers, body, status = response["headers"], response["body"], response["status"]
    declared = _declared(headers)
    whole = None if _value(headers, "content-encoding") else declared
    received = {
        "status": status or 0,
        "statusText": _PHRASES.get(status, ""),
        "httpVersion": HTTP if status else "",
        "cookies": [_cookie(value) for value in _values(headers, "set-cookie")],
        "headers": _pairs(headers),
        "content": {
            "size": len(body.encode(errors="replace")) if whole is None else whole,
            "mimeType": _value(headers, "content-type"),
            "text": body,
        },
        "redirectURL": _value(headers, "location"),
        "headersSize": _UNKNOWN,
        "bodySize": _UNKNOWN if declared is None else declared,
    }
    return {**received, "_error": response["fault"]} if response["fault"] else received


def _cookie(header: str) -> dict[str, Any]:
    """Return a cookie with those of its attributes that the format has a place for."""
    pair, *attributes = (part.strip() for part in header.split(";"))
    said = {name.strip().lower(): value.strip() for name, _, value in (part.partition("=") for part in attributes)}
    cookie = _named(pair)
    cookie |= {name: said[name] for name in ("path", "domain") if name in said}
    with suppress(ValueError, OverflowError):
        cookie["expires"] = parsedate_to_datetime(said.get("expires", "")).astimezone(UTC).isoformat()
    return {**cookie, "httpOnly": "httponly" in said, "secure": "secure" in said}


def _named(pair: str) -> dict[str, Any]:
    name, _, value = pair.partition("=")
    return {"name": name, "value": value}


def _pairs(pairs: Iterable[Header]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def _values(headers: Iterable[Header], wanted: str) -> list[str]:
    return [value for name, value in headers if name.lower() == wanted]


def _value(headers: Iterable[Header], wanted: str) -> str:
    return next(iter(_values(headers, wanted)), "")


def _declared(headers: Iterable[Header]) -> int | None:
    """Return the length of the body in bytes as its header has it, which may be longer than what is shown."""
    length = _value(headers, "content-length")
    return int(length) if length.isascii() and length.isdigit() and len(length) < LONGEST else None
