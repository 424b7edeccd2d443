"""Reading a response's body: never more than the limit, whatever its content encoding unfolds to."""

from __future__ import annotations

import zlib

import httpx

from harness.mcp_wire import parse

BODY_LIMIT = 2 * 1024 * 1024
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_KNOWN = ("identity", "gzip", "x-gzip", "deflate")
_EVENTS = "text/event-stream"


def read_body(response: httpx.Response) -> bytes:
    """Read a body to its end; of an event stream, which may stay open, to the JSON-RPC response.

    The event stream that answers a GET answers no request of ours (MCP transports, Streamable HTTP), so nothing of it
    is read.

    Raises:
        ValueError: it is larger than the limit, or in a content encoding that nobody asked for, or not wholly there.
        httpx.HTTPError: the connection failed, or the deadline passed.
    """
    kind = response.headers.get("content-type", "")
    stream = kind.startswith(_EVENTS)
    if stream and response.request.method == "GET":
        return b""
    coding = _Coding(response.headers.get("content-encoding", ""))
    body = bytearray()
    for chunk in response.iter_raw():
        body += coding.decode(chunk, BODY_LIMIT + 1 - len(body))
        if len(body) > BODY_LIMIT:
            raise ValueError(f"the body is larger than {BODY_LIMIT // 1024} KiB")
        if stream and parse(kind, bytes(body)):
            return bytes(body)
    coding.finish()
    return bytes(body)


class _Coding:
    """A content encoding (RFC 9110 section 8.4.1)."""

    def __init__(self, name: str) -> None:
        self._name = name.strip().lower() or "identity"
        if self._name not in _KNOWN:
            raise ValueError(f"the body came in the content encoding {name[:40]!r}, which was not asked for")
        self._unfold = None if self._name == "identity" else zlib.decompressobj(_GZIP_OR_ZLIB)
        self._begun = False

    def decode(self, data: bytes, most: int) -> bytes:
        """Decode the next bytes, into at most so many."""
        if self._unfold is None:
            return data
        self._begun = True
        try:
            return self._unfold.decompress(data, most)
        except zlib.error as fault:
            raise ValueError(f"the body is no {self._name}: {fault}") from fault

    def finish(self) -> None:
        """Make sure that what was decoded was all of it."""
        if self._unfold and self._begun and not self._unfold.eof:
            raise ValueError(f"the body is no whole {self._name}")
