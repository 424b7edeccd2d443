"""How the revisions of the Model Context Protocol are spoken over HTTP: what to send, and how to read the answer."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.requirement import REVISIONS
from harness.strange_json import parse_json

STATELESS_REVISIONS = frozenset({"2026-07-28"})
"""The revisions without a handshake: each request says all about itself."""

EVENTS = "text/event-stream"
"""The media type of server-sent events."""

Headers = dict[str, str]
Message = dict[str, Any]

_BASE_HEADERS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
_META = "io.modelcontextprotocol/"
_CLIENT = {"name": "mcp-assay", "version": "1"}
_NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_PLAIN = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_WRAPPED = re.compile(r"=\?base64\?.*\?=")
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Dialect:
    """One revision's way of writing a message.

    Args:
        revision: one of `REVISIONS`.

    Raises:
        ValueError: the revision is not spoken here.
    """

    revision: str

    def __post_init__(self) -> None:
        if self.revision not in REVISIONS:
            raise ValueError(f"{self.revision!r} is no revision that is spoken here: {', '.join(REVISIONS)}")

    @property
    def stateless(self) -> bool:
        """Whether the revision has neither handshake nor sessions."""
        return self.revision in STATELESS_REVISIONS

    def request(
        self, method: str, params: Mapping[str, Any] | None = None, request_id: int | str = 1
    ) -> tuple[Headers, Message]:
        """Return the headers and the JSON body of a request (JSON-RPC 2.0 section 4).

        Args:
            method: such as `tools/call`.
            params: its parameters; what the revision demands in `_meta` is added.
            request_id: what the answer will repeat.
        """
        body = {"jsonrpc": "2.0", "id": request_id, **self._call(method, params)}
        return self._headers(method, body.get("params", {})), body

    def initialize(self) -> tuple[Headers, Message]:
        """Return the request that opens a session. There is no session yet, and no revision agreed on.

        Raises:
            ValueError: the revision has no handshake.
        """
        self._demand_handshake()
        params = {"protocolVersion": self.revision, "capabilities": {}, "clientInfo": _CLIENT}
        return dict(_BASE_HEADERS), {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}

    def initialized(self) -> tuple[Headers, Message]:
        """Return the notification that ends the handshake.

        Raises:
            ValueError: the revision has no handshake.
        """
        self._demand_handshake()
        method = "notifications/initialized"
        return self._headers(method, {}), {"jsonrpc": "2.0", "method": method}

    def _demand_handshake(self) -> None:
        if self.stateless:
            raise ValueError(f"revision {self.revision} has no handshake")

    def _call(self, method: str, params: Mapping[str, Any] | None) -> Message:
        if not self.stateless:
            return {"method": method} if params is None else {"method": method, "params": dict(params)}
        given = dict(params or {})
        meta = {
            f"{_META}protocolVersion": self.revision,
            f"{_META}clientInfo": _CLIENT,
            f"{_META}clientCapabilities": {},
            **given.get("_meta", {}),
        }
        return {"method": method, "params": {**given, "_meta": meta}}

    def _headers(self, method: str, params: Mapping[str, Any]) -> Headers:
        headers = {**_BASE_HEADERS, "MCP-Protocol-Version": self.revision}
        if self.stateless:
            headers["Mcp-Method"] = _header_value(method)
            name = params.get(_NAMED.get(method, ""))
            if isinstance(name, str):
                headers["Mcp-Name"] = _header_value(name)
        return headers


def parse(content_type: str | None, body: bytes) -> Message | None:
    """Return the JSON-RPC response in a body of JSON or of server-sent events; None where there is none.

    Nothing that a server sends makes this raise. In a stream, requests and notifications before the response are
    passed over.
    """
    media_type = (content_type or "").split(";")[0].strip().lower()
    if media_type == "application/json":
        return _response(body)
    if media_type == EVENTS:
        return next((message for message in map(_response, events(body)) if message is not None), None)
    return None


def messages(content_type: str | None, body: bytes) -> list[Message]:
    """Return every JSON-RPC message in a body, in order: of an object, a batch, or server-sent events.

    JSON is read whatever media type it comes with, for it is data all the same. Nothing that a server sends makes this
    raise.
    """
    stream = (content_type or "").strip().lower().startswith(EVENTS)
    parsed = [parse_json(data) for data in (events(body) if stream else (body,))]
    listed = [item for value in parsed for item in (value if isinstance(value, list) else [value])]
    return [item for item in listed if isinstance(item, dict) and item.get("jsonrpc") == "2.0"]


def event_ids(body: bytes) -> list[str]:
    """Return the ids of server-sent events, in order: each is a place from which a stream can be resumed."""
    fields = (line.partition(":") for line in _LINE_END.split(body.decode("utf-8-sig", errors="replace")))
    return [value.removeprefix(" ") for name, _, value in fields if name == "id" and value.strip()]


def _response(data: bytes | str) -> Message | None:
    message = parse_json(data)
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        return None
    return message if "result" in message or "error" in message else None


def events(body: bytes) -> Iterator[str]:
    """Yield the data of each server-sent event (HTML Living Standard section 9.2.6), an unfinished last one too."""
    data: list[str] = []
    for line in [*_LINE_END.split(body.decode("utf-8-sig", errors="replace")), ""]:
        name, _, value = line.partition(":")
        if name == "data":
            data.append(value.removeprefix(" "))
        elif not line and data:
            yield "\n".join(data)
            data = []


def _header_value(text: str) -> str:
    """Return a value as it may stand in a header: wrapped in base64 where it could not travel as it is."""
    if _PLAIN.fullmatch(text) and not _WRAPPED.fullmatch(text):
        return text
    return f"=?base64?{base64.b64encode(text.encode('utf-8', errors='replace')).decode()}?="
