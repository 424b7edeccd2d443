"""The API behind a tool of the MCP server, played by the harness: what arrives there, and what it answers."""

from __future__ import annotations

import json
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from harness import keys
from harness.exchange import Answer, Exchange
from harness.known_secrets import spellings
from harness.listener import Listener, Received, Reply
from harness.mcp_calls import succeeded
from harness.verdict import Blocked

if TYPE_CHECKING:
    from harness.context import Context
    from harness.run import Site

SENDER = "mcp-server"
"""Who sends what arrives here, as evidence has it."""
_JSON = {"content-type": "application/json"}
_TOKEN = re.compile(r"(?i:bearer|dpop)[ \t]+(\S+)")


class DownstreamApi(Listener):
    """Answers whatever it is asked, with any token or none: it is there to see what arrives.

    Attributes:
        answers: by path, without the query, what is answered with: a text is sent as it is, a table as JSON. The one of
            the empty path is for all others. It may be replaced at any time.

    Args:
        answers: the same.
        port: where to listen on 127.0.0.1; 0 for a free port.
        sock: a socket that listens already, in the place of the port.
        tls: the certificate with which it speaks https in the place of http.

    Raises:
        OSError: the port is taken.
    """

    def __init__(
        self,
        answers: Mapping[str, Any] | None = None,
        port: int = 0,
        sock: socket.socket | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(self._answered, port, sock, tls)
        self.answers: Mapping[str, Any] = answers or {}
        self._heard: list[Exchange] | None = None

    @contextmanager
    def hearing(self) -> Iterator[list[Exchange]]:
        """Collect what arrives until the end of the block; what arrives at other times is answered and forgotten."""
        heard: list[Exchange] = []
        self._heard = heard
        try:
            yield heard
        finally:
            self._heard = None

    def take(self, request: Received) -> Reply:
        """Return what a request is answered with, and keep both while somebody wants to hear of them."""
        reply = self._answered(request)
        if (heard := self._heard) is not None:
            heard.append(_exchange(self.url, request, reply))
        return reply

    def _answered(self, request: Received) -> Reply:
        path = request.path.partition("?")[0]
        answer = self.answers.get(path, self.answers.get("", {}))
        return Reply(body=(answer if isinstance(answer, str) else json.dumps(answer)).encode(), headers=_JSON)


@dataclass(frozen=True)
class Downstream:
    """A tool, and the API behind it.

    Attributes:
        tool: the name of a tool whose calls lead to requests to the API.
        resource: the resource identifier of the API (RFC 8707), by which its tokens name it; empty where none is known.
    """

    api: DownstreamApi = field(repr=False, compare=False)
    tool: str
    resource: str = ""


@dataclass(frozen=True)
class Relayed:
    """What became of one call of the tool: its answer, and what arrived at the API meanwhile, in order."""

    answer: Answer
    arrived: tuple[Answer, ...]

    @property
    def tokens(self) -> dict[str, Answer]:
        """The tokens that came in Authorization headers, each with the first request that brought it."""
        found: dict[str, Answer] = {}
        for item in self.arrived:
            for name, value in item.exchange.request_headers:
                if name == "authorization" and (match := _TOKEN.fullmatch(value)):
                    found.setdefault(match[1], item)
        return found

    def holding(self, secret: str) -> Answer | None:
        """Return the first request in which a secret stands, in whatever spelling, in its head or in its body."""
        known = spellings(secret)
        return next((item for item in self.arrived if any(text in _everything(item.exchange) for text in known)), None)


def relay(ctx: Context, *, token: str | None, at: Site | None = None, **options: Any) -> Relayed:
    """Call the tool behind which the API stands. What arrives there becomes evidence, after the call.

    Only for scenarios that need the API, which are run alone: what others caused would be taken for theirs.
    """
    plan = ctx.target.downstream
    assert plan
    tool = ctx.target.tools[plan.tool]
    with plan.api.hearing() as heard:
        answer = ctx.call_tool(tool, token=token, at=at, **options)
    for exchange in heard:
        ctx.http.record(exchange)
    return Relayed(answer, tuple(Answer(exchange, ctx.evidence) for exchange in heard))


def relayed(ctx: Context, *, token: str, at: Site | None = None, **options: Any) -> Relayed:
    """Do the same for a call that has to lead to a request.

    Raises:
        Blocked: it does not.
    """
    plan = ctx.target.downstream
    assert plan
    found = relay(ctx, token=token, at=at, **options)
    if not found.arrived:
        how = "worked, and" if succeeded(found.answer) else "failed, and"
        reason = f"a call of {plan.tool} {how} led to no request to {plan.api.url}, where the harness plays the API"
        unlock = "let the MCP server ask that URL while it is judged, and ask it in each call"
        raise Blocked(reason, unlock, found.answer.exchange)
    return found


def claims_that_arrive(ctx: Context, found: Relayed) -> list[tuple[dict[str, Any], Answer]]:
    """Return the claims of the tokens that arrived, each with its request.

    Raises:
        NotApplicable: they cannot be read, or none came.
    """
    read = [(keys.claims_of(token), arrived) for token, arrived in found.tokens.items()]
    ctx.require(read, "the MCP server shows the API no bearer token")
    ctx.require(all(claims for claims, _ in read), "the tokens for the API are opaque")
    return read


def _exchange(url: str, request: Received, reply: Reply) -> Exchange:
    return Exchange(
        method=request.method,
        url=f"{url}{request.path}",
        request_headers=tuple((name, value) for name, values in request.headers.items() for value in values),
        request_body=request.body,
        status=reply.status,
        headers=httpx.Headers(dict(reply.headers)),
        body=reply.body,
        sender=SENDER,
        started=time.time(),
    )


def _everything(exchange: Exchange) -> str:
    lines = [exchange.url, *(f"{name}: {value}" for name, value in exchange.request_headers)]
    return "\n".join([*lines, exchange.request_body.decode("utf-8", errors="replace")])
