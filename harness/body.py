"""Reading a response's body: never more than the limit, whatever its content encoding unfolds to."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import httpx

from harness.mcp_wire import parse

BODY_LIMIT = 2 * 1024 * 1024
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_EVENTS = "text/event-stream"

Decoder = Callable[[bytes, int], bytes]


def read_body(response: httpx.Response) -> bytes:
    """Read a body to its end; of an event stream, which may stay open, to the JSON-RPC response.

    The event stream that answers a GET answers no request of ours (MCP transports, Streamable HTTP), so nothing of it
    is read.

    Raises:
        ValueError: it is larger than the limit, or in a content encoding that nobody asked for.
        httpx.HTTPError: the connection failed, or the deadline passed.
    """
    kind = response.headers.get("content-type", "")
    stream = kind.startswith(_EVENTS)
    if stream and response.request.method == "GET":
        return b""
    decode = _decoder(response.headers.get("content-encoding", ""))
    body = bytearray()
    for chunk in response.iter_raw():
        body += decode(chunk, BODY_LIMIT + 1 - len(body))
        if len(body) > BODY_LIMIT:
            raise ValueError(f"the body is larger than {BODY_LIMIT // 1024} KiB")
        if stream and parse(kind, bytes(body)):
            break
    return bytes(body)


def _decoder(coding: str) -> Decoder:
    """Return what decodes the next bytes into at most so many (RFC 9110 section 8.4)."""
    name = coding.strip().lower()
    if name in ("", "identity"):
        return lambda data, _most: data
    if name not in ("gzip", "x-gzip", "deflate"):
        raise ValueError(f"the body came in the content encoding {coding[:40]!r}, which was not asked for")
    unfold = zlib.decompressobj(_GZIP_OR_ZLIB)

    def decode(data: bytes, most: int) -> bytes:
        try:
            return unfold.decompress(data, most)
        except zlib.error as fault:
            raise ValueError(f"the body is no {name}: {fault}") from fault

    return decode
