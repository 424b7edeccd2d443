"""Every way in: without a token no method, no revision, no HTTP method and no spelling of the endpoint is served.

MCP leaves it to a server whether it protects itself, and some that do answer `initialize`, `ping`, `server/discover` or
even `tools/list` for everybody. Nothing in what they send tells this from an oversight, so that their owner has to: the
methods that the target file names under `public` are not asked for here, and whatever else is answered fails.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from harness import Context, Fault, expect, fault, scenario
from harness.exchange import Answer
from harness.mcp_calls import McpConnection, data_of, message_of
from harness.mcp_capability import GOOD_TOKEN, MCP_SERVER, MINTED_TOKENS
from harness.mcp_wire import Dialect
from harness.minting import Beyond
from harness.verdict import Blocked
from scenarios.mcp_server.methods import METHODS

NOTIFICATIONS = ("notifications/initialized", "notifications/cancelled", "tools/call")
"""What comes without an id; of the last one nobody would see the answer, though it may have been carried out."""

HEARD = 1.0
"""Seconds within which a stream that is opened says whether it is one, or an error."""

_MISSING = "mcp-security.privilege-2"


def _row(method: str) -> Fault:
    remedy = (
        f"Look for the token before anything is dispatched. Where everybody may call {method}, "
        "name it under public in [target]."
    )
    return fault(method.replace("/", "-").lower(), _MISSING, remedy=remedy)


ROWS = {row.name: method for method in METHODS for row in [_row(method)]}


@scenario.each([_row(method) for method in METHODS], needs={MCP_SERVER})
def no_method_is_answered_without_a_token(ctx: Context, row: Fault) -> None:
    """A JSON-RPC method brings nothing without a token, in no revision that the server speaks, in a session or not."""
    method = ROWS[row.name]
    ctx.require(method not in ctx.target.public, f"the target file says that {method} is public")
    ways = [way for way in _ways(ctx) if way.revision in METHODS[method].revisions]
    ctx.require(ways, f"the MCP server speaks no revision that has {method}")
    for way in ways:
        _expect_turned_away(_sent(ctx, way, method, None), f"{method} without a token")


@scenario("mcp-token-handling-3", needs={MINTED_TOKENS})
def no_method_is_answered_for_an_expired_token(ctx: Context) -> None:
    """No JSON-RPC method is answered for a token that has expired, in any revision.

    Remedy: validate the token of every request in the same place, before anything is dispatched.
    """
    _expect_nothing_anywhere(ctx, ctx.mint(iat=Beyond(-7200), exp=Beyond(-3600)), "an expired token")


@scenario("mcp-security.privilege-2", needs={GOOD_TOKEN})
def no_method_is_answered_for_a_forged_token(ctx: Context) -> None:
    """No JSON-RPC method is answered for a token that only looks like a good one, in any revision.

    Remedy: validate the token of every request in the same place, before anything is dispatched.
    """
    good = ctx.good_token()
    middle = len(good) // 2
    forged = good[:middle] + ("A" if good[middle] != "A" else "B") + good[middle + 1 :]
    _expect_nothing_anywhere(ctx, forged, "a token with one character changed")


@scenario("mcp-security.privilege-2", needs={MCP_SERVER})
def no_revision_is_a_back_door(ctx: Context) -> None:
    """A request without a token brings nothing, whatever revision it says it is of: an old one, one to come, or none.

    Remedy: look for the token before you look at MCP-Protocol-Version.
    """
    _require_guarded(ctx)
    for way in ctx.spoken():
        for revision in ("2024-11-05", "2025-03-26", "2099-01-01", "DRAFT-2025-v2", ""):
            answer = way.send(ctx.http, "tools/list", token=None, headers={"mcp-protocol-version": revision})
            _expect_nothing(answer, f"tools/list without a token, said to be of the revision {revision!r},")


@scenario("mcp-security.privilege-2", needs={MCP_SERVER})
def no_batch_gets_past_the_check(ctx: Context) -> None:
    """A batch without a token brings nothing, whatever comes first in it: no server has to take batches at all.

    Why: 2025-03-26 had batches. A check that expects one message finds no method in a list, and may let it through.
    Remedy: look for the token before the body is read; refuse a list where you take no batches.
    """
    _require_guarded(ctx)
    for way in _ways(ctx):
        for methods in (("tools/list",), ("ping", "tools/call"), ("initialize", "tools/list")):
            if ctx.target.public.intersection(methods):
                continue
            batch = [_message(ctx, way, method, number) for number, method in enumerate(methods, 1)]
            for revision in (way.revision, "2025-03-26"):
                headers = {"mcp-protocol-version": revision}
                answer = way.post(ctx.http, json.dumps(batch), token=None, headers=headers)
                _expect_nothing(answer, f"a batch of {' and '.join(methods)} without a token")


@scenario("mcp-errors-1", needs={MCP_SERVER})
def a_notification_needs_a_token_too(ctx: Context) -> None:
    """A message without an id is not accepted without a token, though nothing would be answered to it.

    Why: what it asks for may be carried out, and only the answer is left out.
    Remedy: look for the token before anything is dispatched. Where everybody may send a notification, name it under
    public in [target].
    """
    for way in _ways(ctx):
        for method in (name for name in NOTIFICATIONS if name not in ctx.target.public):
            message = {name: value for name, value in _message(ctx, way, method).items() if name != "id"}
            answer = way.post(ctx.http, json.dumps(message), token=None, headers={"mcp-method": method})
            what = f"{method} without an id and without a token"
            _expect_turned_away(answer, what)
            expect(answer.status != 202, f"{what} to be refused", answer.summary(), answer)


@scenario("mcp-security.privilege-2", needs={MCP_SERVER})
def no_disguise_of_a_message_gets_past_the_check(ctx: Context) -> None:
    """A listing of the tools brings nothing without a token, however its body is written, typed or broken.

    Why: a check and the server behind it may read the same body in two ways.
    Remedy: look for the token before the body is read.
    """
    _require_guarded(ctx)
    for way in ctx.spoken():
        plain = json.dumps(_message(ctx, way, "tools/list"))
        for kind in ("text/plain", "application/json; charset=utf-16", "application/x-www-form-urlencoded", ""):
            answer = way.post(ctx.http, plain, token=None, headers={"content-type": kind})
            _expect_nothing(answer, f"tools/list without a token, typed as {kind or 'nothing'},")
        for what, body in _disguised(plain):
            _expect_nothing(way.post(ctx.http, body, token=None), f"{what} without a token")


@scenario("mcp-security.privilege-2", needs={MCP_SERVER})
def no_http_method_is_served_without_a_token(ctx: Context) -> None:
    """No HTTP method brings anything of the server's without a token: neither a stream by GET nor a result by PUT.

    Why: a check that knows POST only leaves the stream of a session open to everybody.
    Remedy: protect the endpoint's path for all methods, not one of them.
    """
    _require_guarded(ctx)
    for way in _ways(ctx):
        for method in ("GET", "HEAD", "OPTIONS", "DELETE"):
            if method != "DELETE" or not way.session:  # it would end the session, which others of this run use
                answer = way.request(ctx.http, method, token=None)
                _expect_nothing(answer, f"{method} without a token")
        for method in ("PUT", "PATCH", "QUERY", "GET"):
            answer = way.post(ctx.http, json.dumps(_message(ctx, way, "tools/list")), token=None, verb=method)
            _expect_nothing(answer, f"tools/list by {method} without a token")


@scenario("mcp-security.privilege-2", needs={MCP_SERVER})
def no_override_of_the_http_method_gets_past_the_check(ctx: Context) -> None:
    """A request without a token brings nothing where a header or the query says that it is of another method.

    Why: a framework may obey what a gateway in front of it did not look at.
    Remedy: switch method overrides off, and look for the token whatever the method is.
    """
    _require_guarded(ctx)
    way = ctx.spoken()[0]
    body = json.dumps(_message(ctx, way, "tools/list"))
    for name in ("x-http-method-override", "x-http-method", "x-method-override"):
        for real, claimed in (("OPTIONS", "POST"), ("GET", "POST"), ("POST", "OPTIONS")):
            answer = way.post(ctx.http, body, token=None, verb=real, headers={name: claimed})
            _expect_nothing(answer, f"{real} with {name}: {claimed} without a token")
    aside = replace(way, url=f"{way.url}?_method=OPTIONS")
    _expect_nothing(aside.post(ctx.http, body, token=None), "POST with _method=OPTIONS without a token")


@scenario("mcp-security.privilege-2", needs={MCP_SERVER})
def no_spelling_of_the_endpoint_gets_past_the_check(ctx: Context) -> None:
    """Another spelling of the endpoint's path brings nothing without a token; it may well lead nowhere.

    Why: a check is bound to a path as it is written, and a router may serve others that it holds for the same.
    Remedy: put the check into what serves the endpoint, rather than beside it by the path.
    """
    _require_guarded(ctx)
    for way in ctx.spoken():
        for url in _spellings(way.url):
            answer = replace(way, url=url).send(ctx.http, "tools/list", token=None)
            _expect_nothing(answer, f"tools/list at {url} without a token")


# -- what is sent ----------------------------------------------------------------------------------------------------


def _ways(ctx: Context) -> Iterator[McpConnection]:
    """Yield each way of speaking to the server: in each revision, without a session, and in one where it has some."""
    for connection in ctx.spoken():
        yield replace(connection, session="")
        if connection.session:
            yield connection


def _params(ctx: Context, method: str) -> Mapping[str, Any]:
    if method == "tools/call" and ctx.target.tools:
        tool = next(iter(ctx.target.tools.values()))
        return {"name": tool.name, "arguments": dict(tool.arguments)}
    return METHODS[method].params if method in METHODS else {}


def _message(ctx: Context, way: McpConnection, method: str, number: int = 1) -> dict[str, Any]:
    return Dialect(way.revision).request(method, _params(ctx, method), number)[1]


def _sent(ctx: Context, way: McpConnection, method: str, token: str | None) -> Answer:
    """Send a request, and return what has come of it; of a stream that stays open, that it was opened."""
    if method != "subscriptions/listen":
        return way.send(ctx.http, method, _params(ctx, method), token=token)
    with way.listen(ctx.http, token=token) as stream:
        stream.wait(lambda stream: stream.messages or stream.ended, HEARD if stream.opened else ctx.http.wire.timeout)
        return stream.answer


def _disguised(plain: str) -> Iterator[tuple[str, bytes]]:
    yield "half a message", plain[: len(plain) // 2].encode()
    yield "an empty body", b""
    yield "a message after a byte order mark", b"\xef\xbb\xbf" + plain.encode()
    yield "a message in UTF-16", plain.encode("utf-16")
    yield "a message with two methods", plain.replace('"method"', '"method": "ping", "method"').encode()
    yield "a message with an escaped method", plain.replace("tools", "\\u0074ools").encode()
    yield "two messages in a row", f"{plain}\n{plain}".encode()
    yield "a message in a form", b"jsonrpc=2.0&id=1&method=tools%2Flist"


def _spellings(url: str) -> Iterator[str]:
    """Yield URLs that a router may hold for the endpoint's."""
    origin, _, path = url.partition("://")[2].partition("/")
    base, last = f"{url.partition('://')[0]}://{origin}", path.rpartition("/")[2]
    before = f"/{path.removesuffix(last)}"
    yield from (f"{base}/{path}{end}" for end in ("/", "//", ";x=1", ".json", "%20", "%00", "?", "/%2e"))
    yield from (f"{base}/{start}{path}" for start in ("/", "%2e/", "x/%2e%2e/", "x/..;/", "%2f"))
    if last:
        yield f"{base}{before}{last.upper()}"
        yield f"{base}{before}%{ord(last[0]):02x}{last[1:]}"
        yield f"{base}{before}/{last}"


# -- how it is judged ------------------------------------------------------------------------------------------------


def _require_guarded(ctx: Context) -> None:
    ctx.require("tools/list" not in ctx.target.public, "the target file says that tools/list is public")


def _expect_nothing_anywhere(ctx: Context, token: str, what: str) -> None:
    for method, about in METHODS.items():
        if method in ctx.target.public:
            continue
        for way in (way for way in ctx.spoken() if way.revision in about.revisions):
            _expect_turned_away(_sent(ctx, way, method, token), f"{method} with {what}")


def _expect_turned_away(answer: Answer, what: str) -> None:
    """Nothing of the server's came, and it did not just break."""
    _expect_nothing(answer, what)
    if answer.status >= 500:
        raise Blocked(f"{what} was neither refused nor answered: {answer.summary()}", exchange=answer.exchange)


def _expect_nothing(answer: Answer, what: str) -> None:
    """Nothing of the server's came: any refusal does, a missing route, a redirect, a page for people, or an error.

    An error that JSON-RPC tells with status 200 is a warning: it was dispatched.
    """
    data = data_of(answer)
    expect(not data, f"nothing to come of {what}", f"{data} came: {answer.summary()}", answer)
    if answer.status == 200 and "error" in message_of(answer):
        answer.warn("status 401", f"{what}: {answer.summary()}, and it holds a JSON-RPC error")
