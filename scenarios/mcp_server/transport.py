"""Streamable HTTP, as far as it keeps others out: the origin of a page, and headers that say what the body says."""

from __future__ import annotations

from harness import Context, expect, expect_accepted, expect_status, scenario
from harness.exchange import Answer
from harness.mcp_calls import result_of, succeeded
from harness.mcp_capability import GOOD_TOKEN, ORIGIN_VALIDATION, SCOPED_TOOLS
from harness.mcp_wire import STATELESS_REVISIONS
from harness.requirement import REVISIONS
from harness.target import Tool

FOREIGN = "https://attacker.example"
"""An origin that no MCP server of anybody's has reason to expect."""


@scenario("mcp-transport.origin-1", needs={ORIGIN_VALIDATION})
def a_foreign_origin_is_refused(ctx: Context) -> None:
    """A request with a good token that a page of a foreign origin sends is refused with 403.

    Why: a web page can reach servers on its visitor's machine and network under a name of its own (DNS rebinding).
    Remedy: compare the Origin header, where there is one, with a list of origins that you expect. A server that is
    meant for the pages of any origin says origin-validation = false under [capabilities] in the target file.
    """
    token = ctx.good_token()
    expect_accepted(ctx.mcp_request(token=token), what="the same request without an Origin header")
    answer = ctx.mcp_request(token=token, headers={"origin": FOREIGN})
    expect(not result_of(answer), f"a request of the origin {FOREIGN} to be refused", "it was served", answer)
    if answer.status != 403:
        answer.warn("status 403", answer.summary())


@scenario("mcp-transport.headers-1", needs={GOOD_TOKEN})
def the_method_in_the_header_is_that_of_the_body(ctx: Context) -> None:
    """A request whose Mcp-Method header names another method than its body is refused with 400.

    Why: a gateway that decides by the header would let through what the body then asks for.
    Remedy: compare Mcp-Method with the body's method before anything is dispatched.
    """
    _require_headers(ctx)
    answer = ctx.mcp_request("tools/list", token=ctx.good_token(), headers={"mcp-method": "prompts/list"})
    _expect_mismatch(answer, "tools/list, announced as prompts/list,")


@scenario("mcp-transport.headers-1", needs={SCOPED_TOOLS})
def the_tool_in_the_header_is_that_of_the_body(ctx: Context) -> None:
    """A call whose Mcp-Name header names another tool than its body is refused with 400.

    Why: a gateway that looks at scopes by the header would let through a tool that needs more.
    Remedy: compare Mcp-Name with the name in the body, decoded where it is encoded, before anything is dispatched.
    """
    _require_headers(ctx)
    called = ctx.world.tool
    ctx.accepted(ctx.mint(), tool=called)
    announced = _another_tool(ctx, called)
    answer = ctx.call_tool(called, token=ctx.mint(), headers={"mcp-name": announced})
    expect(not succeeded(answer), "the call to be refused", f"{called.name} was called", answer)
    _expect_mismatch(answer, f"a call of {called.name}, announced as {announced},")


@scenario("mcp-transport.version-1", needs={GOOD_TOKEN})
def the_revision_in_the_header_is_that_of_the_body(ctx: Context) -> None:
    """A request whose MCP-Protocol-Version header names another revision than its body is refused with 400.

    Remedy: compare MCP-Protocol-Version with io.modelcontextprotocol/protocolVersion in the body's _meta.
    """
    _require_headers(ctx)
    older = next(revision for revision in REVISIONS if revision not in STATELESS_REVISIONS)
    answer = ctx.mcp_request(token=ctx.good_token(), headers={"mcp-protocol-version": older})
    _expect_mismatch(answer, f"a request announced as one of {older}")


def _require_headers(ctx: Context) -> None:
    revision = ctx.revision()
    ctx.require(revision in STATELESS_REVISIONS, f"the MCP server speaks {revision}, which has no such headers")


def _another_tool(ctx: Context, called: Tool) -> str:
    return next((tool.name for tool in ctx.world.scoped_tools if tool.name != called.name), f"not-{called.name}")


def _expect_mismatch(answer: Answer, what: str) -> None:
    """The request was not served; any status of refusal but 400 is a warning."""
    expect(not result_of(answer), f"{what} to be refused", "it was served", answer)
    if answer.status == 200:
        answer.warn("status 400", f"{answer.summary()}, which holds an error")
    elif answer.status != 400:
        expect_status(answer, 401, 403, 404, 409, 415, 421, 422)
        answer.warn("status 400", answer.summary())
