"""How a token comes: in one Authorization header, as a bearer token, and in no other way (OAuth 2.1 section 5.1).

OAuth 2.1 forbids the query only. A server that reads tokens elsewhere, or that is generous about the header, is warned.
"""

from __future__ import annotations

from harness import Context, Fault, expect_accepted, expect_refused, fault, scenario
from harness.exchange import Answer
from harness.expect import REFUSALS
from harness.mcp_capability import GOOD_TOKEN, MCP_SERVER

HEADER_ONLY = (
    "Read the token from the Authorization header only: whoever can set anything else is not always the client."
)
ONE_FORM = "Match the header as a whole: Bearer, a space, and one token of the signs that RFC 6750 section 2.1 allows."
BEARER_ONLY = "Compare the scheme with Bearer before you look at what comes behind it."
LOST = "Answer 401 to a header that holds no token, as if there were none."

FAILURES = (500, 501)
"""By which nobody is let in: a control has shown that the server works."""

ELSEWHERE = (
    fault("in-a-cookie", "oauth21-5.1-1", header={"cookie": "access_token={token}"}, remedy=HEADER_ONLY),
    fault("in-x-access-token", "oauth21-5.1-1", header={"x-access-token": "{token}"}, remedy=HEADER_ONLY),
    fault("in-x-authorization", "oauth21-5.1-1", header={"x-authorization": "Bearer {token}"}, remedy=HEADER_ONLY),
    fault("in-x-forwarded", "oauth21-5.1-1", header={"x-forwarded-access-token": "{token}"}, remedy=HEADER_ONLY),
    fault("in-proxy", "oauth21-5.1-1", header={"proxy-authorization": "Bearer {token}"}, remedy=HEADER_ONLY),
)

SCHEMES = (
    fault("basic", "oauth21-5.1.1-2", header={"authorization": "Basic {token}"}, remedy=BEARER_ONLY),
    fault("token", "oauth21-5.1.1-2", header={"authorization": "Token {token}"}, remedy=BEARER_ONLY),
    fault("dpop", "oauth21-5.1.1-2", header={"authorization": "DPoP {token}"}, remedy=BEARER_ONLY),
    fault("begins-alike", "oauth21-5.1.1-2", header={"authorization": "Bearers {token}"}, remedy=BEARER_ONLY),
    fault("none", "oauth21-5.1.1-2", header={"authorization": "{token}"}, remedy=BEARER_ONLY),
)

MALFORMED = (
    fault("with-a-colon", "rfc6750-3.1-1", header={"authorization": "Bearer: {token}"}, remedy=ONE_FORM),
    fault("without-a-space", "rfc6750-3.1-1", header={"authorization": "Bearer{token}"}, remedy=ONE_FORM),
    fault("in-quotation-marks", "rfc6750-3.1-1", header={"authorization": 'Bearer "{token}"'}, remedy=ONE_FORM),
    fault("as-a-parameter", "rfc6750-3.1-1", header={"authorization": 'Bearer token="{token}"'}, remedy=ONE_FORM),
    fault("before-another", "rfc6750-3.1-1", header={"authorization": "Bearer {token}, Bearer x"}, remedy=ONE_FORM),
    fault("behind-another", "rfc6750-3.1-1", header={"authorization": "Bearer x, Bearer {token}"}, remedy=ONE_FORM),
    fault("before-a-word", "rfc6750-3.1-1", header={"authorization": "Bearer {token} x"}, remedy=ONE_FORM),
    fault("beyond-ascii", "rfc6750-3.1-1", header={"authorization": "Bearer {token}\xff"}, remedy=ONE_FORM),
)

EMPTY = (
    fault("nothing-at-all", "mcp-errors-1", header={"authorization": ""}, remedy=LOST),
    fault("a-scheme-alone", "mcp-errors-1", header={"authorization": "Bearer"}, remedy=LOST),
    fault("the-word-null", "mcp-errors-1", header={"authorization": "Bearer null"}, remedy=LOST),
    fault("the-word-undefined", "mcp-errors-1", header={"authorization": "Bearer undefined"}, remedy=LOST),
    fault("an-empty-user", "mcp-errors-1", header={"authorization": "Basic Og=="}, remedy=LOST),
)


@scenario.each(ELSEWHERE, needs={GOOD_TOKEN})
def a_token_elsewhere_is_ignored(ctx: Context, fault: Fault) -> None:
    """A good token that comes in another header, or in a cookie, opens nothing.

    Why: proxies and pages of others can set these, and logs keep them.
    """
    _warn_if_served(_sent(ctx, fault, ctx.good_token()))


@scenario("oauth21-5.1-1", needs={GOOD_TOKEN})
def a_token_in_the_message_is_ignored(ctx: Context) -> None:
    """A good token among the parameters of the JSON-RPC message, and nowhere else, opens nothing.

    Why: messages are logged, and handed on to tools.
    Remedy: read the token from the Authorization header only.
    """
    token = ctx.good_token()
    params = {"access_token": token, "_meta": {"access_token": token, "authorization": f"Bearer {token}"}}
    tool = ctx.world.tool
    if ctx.world.scoped_tools:
        called = {**params, "name": tool.name, "arguments": dict(tool.arguments)}
        _warn_if_served(ctx.mcp_request("tools/call", called, token=None))
    else:
        ctx.require(ctx.guarded(token=None).status in REFUSALS, "everybody may list the tools")
        _warn_if_served(ctx.mcp_request("tools/list", params, token=None))


@scenario.each(SCHEMES, needs={GOOD_TOKEN})
def another_scheme_is_no_bearer(ctx: Context, fault: Fault) -> None:
    """A good token opens nothing under the name of another scheme.

    Why: another scheme promises other checks, such as the proof of DPoP, and they were not made.
    """
    _warn_if_served(_sent(ctx, fault, ctx.good_token()))


@scenario.each(MALFORMED, needs={GOOD_TOKEN})
def a_malformed_header_is_refused(ctx: Context, fault: Fault) -> None:
    """A header that holds a good token, and is not of the form that bearer tokens have, is refused.

    Why: a proxy in front of the server may read another token in it, or none.
    """
    _warn_if_served(_sent(ctx, fault, ctx.good_token()))


@scenario.each(EMPTY, needs={MCP_SERVER})
def a_header_without_a_token_is_refused(ctx: Context, fault: Fault) -> None:
    """A header that holds nothing, or what programs put there in the place of nothing, is refused."""
    answer = _sent(ctx, fault, "")
    if answer.status in FAILURES:
        answer.warn("status 401", answer.summary())
    else:
        expect_refused(answer, what="a request without a token")


@scenario("rfc6750-3.1-1", needs={GOOD_TOKEN})
def several_spaces_are_one(ctx: Context) -> None:
    """A good token is accepted also where more than one space stands before it, as the grammar has it.

    Remedy: skip all spaces between the scheme and the token.
    """
    token = ctx.good_token()
    answer = ctx.guarded(token=token, headers={"authorization": f"Bearer   {token}"})
    if answer.status in REFUSALS:
        answer.warn("three spaces to do for one (OAuth 2.1 section 5.1.1)", answer.summary())
    else:
        expect_accepted(answer, what="three spaces before the token")


def _sent(ctx: Context, row: Fault, token: str) -> Answer:
    headers = {name: value.replace("{token}", token) for name, value in row.header.items()}
    return ctx.guarded(token=None, headers=headers)


def _warn_if_served(answer: Answer) -> None:
    """No RFC forbids to serve it, so that it is a warning; that the server fails on it is one, too.

    Raises:
        Blocked: it was neither served nor refused.
    """
    if answer.status < 400 or answer.status in FAILURES:
        answer.warn("the request to be refused", answer.summary())
    else:
        expect_refused(answer)
