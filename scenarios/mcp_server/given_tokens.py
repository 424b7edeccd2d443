"""Tokens that the user gives: where none can be minted, these show whether the server looks at what is in them."""

from __future__ import annotations

from harness import Context, expect, expect_not_called, expect_refused, expect_token_refused, scenario
from harness.given_tokens import closed_tools, given
from harness.mcp_calls import succeeded
from harness.mcp_capability import GIVEN_EXPIRED, GIVEN_LIMITED, GIVEN_OTHER_RESOURCE, GIVEN_OTHER_TENANT


@scenario("mcp-token-handling-3", "rfc9068-4-6", needs={GIVEN_EXPIRED})
def an_expired_token_is_refused(ctx: Context) -> None:
    """A token that the authorization server issued, and whose time is over, is refused with 401.

    Remedy: compare exp with the clock, or ask introspection about each token.
    """
    expect_token_refused(ctx.guarded(token=given(ctx, "expired")))


@scenario("mcp-token-handling-2", needs={GIVEN_OTHER_RESOURCE})
def a_token_for_another_resource_is_refused(ctx: Context) -> None:
    """A token that the same authorization server issued for another resource is refused.

    Why: whoever runs the other resource is shown such tokens, and could use them here.
    Remedy: compare the token's audience with your own resource identifier.
    """
    expect_token_refused(ctx.guarded(token=given(ctx, "other_resource")))


@scenario("oauth21-5.2-1", needs={GIVEN_LIMITED})
def a_limited_token_opens_no_more_than_it_covers(ctx: Context) -> None:
    """A good token does not open a tool whose scopes it lacks.

    Remedy: compare the token's scopes with what the called tool needs, before it is called.
    """
    token, closed = given(ctx, "limited"), closed_tools(ctx)
    for tool in closed:
        expect_not_called(ctx.call_tool(tool, token=token), what=f"a call of {tool.name} without its scopes")
    if not closed:  # the tokens do not say what they cover
        answers = [ctx.call_tool(tool, token=token) for tool in ctx.world.scoped_tools]
        everything = all(map(succeeded, answers))
        expect(not everything, "one tool at least to be refused", "the limited token opens them all", answers[-1])


@scenario("tenant-7-1", needs={GIVEN_OTHER_TENANT})
def a_token_of_another_tenant_is_refused(ctx: Context) -> None:
    """A token that was issued for another tenant is refused at this tenant's resource.

    Why: the tenants share a server, so that only the token keeps them apart.
    Remedy: compare iss, aud and the tenant in the token with those of the tenant whose URL was asked for.
    """
    expect_refused(ctx.guarded(token=given(ctx, "other_tenant")), what="a token of another tenant")
