"""Tenants: a token of one of them opens nothing of another one (docs/tenant-profile.md)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit, urlunsplit

from harness import Context, expect, expect_refused, scenario
from harness.discovery import well_known
from harness.exchange import Answer
from harness.keys import header_of
from harness.mcp_calls import McpConnection, open_session, succeeded
from harness.mcp_capability import MCP_TENANTS, TENANT_DATA
from harness.run import Site


@scenario("tenant-7-1", needs={MCP_TENANTS})
def a_token_of_another_tenant_is_refused(ctx: Context) -> None:
    """A token that is good at another tenant's resource is refused at this one.

    Why: the tenants share a server, so that only the token keeps them apart.
    Remedy: compare iss and aud with the issuer and the resource of the tenant whose URL was asked for.
    """
    expect_refused(ctx.guarded(token=ctx.mint(at=ctx.other)), what="a token of another tenant")


@scenario("tenant-7-1", needs={MCP_TENANTS})
def another_tenants_issuer_gives_no_tokens_for_this_one(ctx: Context) -> None:
    """A token that names this resource and this tenant, but comes from another tenant's issuer, is refused.

    Why: whoever runs one tenant could otherwise make themselves a user of all the others.
    Remedy: accept exactly one issuer for each tenant, not any issuer of a list.
    """
    token = ctx.mint(key_of=ctx.other, iss=ctx.other.tenant.authorization_server)
    expect_refused(ctx.guarded(token=token), what="a token of another tenant's issuer")


@scenario("rfc8725-3.8-1", needs={MCP_TENANTS})
def another_tenants_key_signs_nothing_for_this_one(ctx: Context) -> None:
    """A token that says it is from this tenant's issuer, and is signed with another one's key, is refused.

    Remedy: look the key up among those of the issuer that the token names; keep no common pool of keys.
    """
    token = ctx.mint(key_of=ctx.other)
    shared = any(key.get("kid") == header_of(token).get("kid") for key in ctx.jwks()["keys"])
    ctx.require(not shared, "the tenants share their keys")
    expect_refused(ctx.guarded(token=token), what="a token signed with another tenant's key")


@scenario("tenant-8-1", needs={MCP_TENANTS})
def the_tenant_of_the_token_is_held_against_the_resource(ctx: Context) -> None:
    """A token whose tenant claim names another tenant is refused, even if issuer and audience are right.

    Remedy: compare the tenant in the token with the tenant whose URL was asked for.
    """
    ctx.require(ctx.home.tenant.name and ctx.other.tenant.name, "tokens hold no tenant")
    token = ctx.mint(tenant=ctx.other.tenant.name)
    answer = ctx.guarded(token=token)
    if succeeded(answer):
        ignored = "the MCP server takes no notice of the claim tenant: issuer and audience say whose token it is"
        ctx.require(_goes_by_the_claim(ctx, token), ignored)
    expect_refused(answer, what="a token that names another tenant")


@scenario("tenant-8-1", needs={MCP_TENANTS})
def no_header_makes_up_for_the_wrong_tenant(ctx: Context) -> None:
    """A token of another tenant is refused also where headers and the query claim the right one.

    Why: whoever calls writes the headers.
    Remedy: take the tenant from the validated token and the URL's path, and believe nothing else.
    """
    name = ctx.home.tenant.name or "default"
    claiming = dict.fromkeys(("X-Tenant", "X-Tenant-ID", "X-Forwarded-Tenant", "Tenant"), name)
    answer = ctx.guarded(token=ctx.mint(at=ctx.other), headers=claiming, query=f"?tenant={name}")
    expect_refused(answer, what="a token of another tenant with headers that claim this one")


@scenario("tenant-8-1", needs={MCP_TENANTS})
def no_way_of_writing_the_path_makes_up_for_the_wrong_tenant(ctx: Context) -> None:
    """However the path to a tenant's resource is written, as far as it is served, another tenant's token is refused.

    Why: what compares paths and what serves them may read them differently.
    Remedy: decide about a request where it is dispatched, by the resource that will serve it.
    """
    own, foreign = ctx.mint(), ctx.mint(at=ctx.other)
    for url in _spellings(ctx.home.tenant.mcp_server, ctx.other.tenant.mcp_server):
        if not succeeded(_asks(ctx, url, own)):
            continue
        answer = _asks(ctx, url, foreign)
        if answer.status != 404:
            expect_refused(answer, what=f"a token of another tenant at {urlsplit(url).path}")


@scenario("tenant-8-1", needs={TENANT_DATA})
def a_tool_returns_the_callers_tenants_data(ctx: Context) -> None:
    """A tool that is asked by another tenant, with this tenant's arguments, returns nothing of this tenant's.

    Why: the token may be checked well, and the database asked without the tenant.
    Remedy: take the tenant of each query from the validated token.
    """
    ctx.own_data(ctx.home)
    answer = ctx.call_tool(ctx.world.tool_at(ctx.home), token=ctx.mint(at=ctx.other), at=ctx.other)
    expect(
        ctx.home.tenant.own_text not in answer.text, "nothing of another tenant's data", "the answer holds some", answer
    )


@scenario("rfc9728-3.3-1", "mcp-discovery.location-1", needs={MCP_TENANTS})
def each_tenant_has_metadata_of_its_own(ctx: Context) -> None:
    """Another tenant's metadata names that tenant's resource and that tenant's issuer.

    Why: a client that is led to the wrong issuer logs its user in at somebody else's.
    Remedy: build the metadata from the tenant whose URL was asked for.
    """
    tenant = ctx.other.tenant
    place = well_known(tenant.mcp_server, "oauth-protected-resource")
    answer = ctx.http.send("GET", place, headers={"accept": "application/json"})
    ctx.require(answer.status == 200, "the metadata of the other tenant is not at its well-known place")
    resource, issuers = answer.json.get("resource"), answer.json.get("authorization_servers")
    listed = [str(issuer) for issuer in issuers] if isinstance(issuers, list) else []
    for what, value, named in (
        ("resource", tenant.mcp_server, [str(resource)]),
        ("issuer", tenant.authorization_server, listed),
    ):
        close = value.rstrip("/") in {name.rstrip("/") for name in named}
        expect(close, f"the {what} {value}", f"the metadata names {named}", answer)
        if value not in named:
            answer.warn(f"the {what} {value}", f"the metadata names {named}: a slash makes the difference")


def _goes_by_the_claim(ctx: Context, token: str) -> bool:
    """Tell whether it matters which tenant a token names; unknown claims are ignored (RFC 7519 section 4).

    It matters where a token is refused that names none or nobody's, and where what a tool returns depends on it.

    Args:
        ctx: the scenario's context.
        token: one that names the other tenant, and is accepted.
    """
    for named in (None, f"assay-{secrets.token_hex(6)}"):
        if not succeeded(ctx.guarded(token=ctx.mint(tenant=named))):
            return True
    good = ctx.mint()
    telling = [site for site in (ctx.home, ctx.other) if ctx.world.scoped_tools and site.tenant.own_text]
    return any(_shows_data_of(ctx, site, good) is not _shows_data_of(ctx, site, token) for site in telling)


def _shows_data_of(ctx: Context, site: Site, token: str) -> bool:
    """Tell whether the home tenant's tool, asked for a tenant's record with a token, returns it."""
    return site.tenant.own_text in ctx.call_tool(ctx.world.tool_at(site), token=token).text


def _spellings(url: str, other: str) -> Iterator[str]:
    """Yield ways to write a URL: as it is, and as proxies, routers and file systems may read it too."""
    parts, elsewhere = urlsplit(url), urlsplit(other).path
    path = parts.path or "/"
    up = "/%2e%2e" * elsewhere.rstrip("/").count("/")
    encoded = f"{path[:1]}%{ord(path[1]):02x}{path[2:]}" if len(path) > 1 else path
    for spelling in (path, f"/{path}", f"{path}/", path.upper(), encoded, f"{path};x=y", f"{elsewhere}{up}{path}"):
        yield urlunsplit((parts.scheme, parts.netloc, spelling, "", ""))


def _asks(ctx: Context, url: str, token: str) -> Answer:
    """Send what needs a token to a URL, within a session of this token's own where there are sessions."""
    usual, _ = ctx.opened(ctx.mint())
    assert usual
    within: McpConnection | None = replace(usual, url=url, session="")
    if usual.session:
        within, refusal = open_session(ctx.http, url, token, usual.revision)
        if within is None:
            return refusal
    assert within
    return ctx.guarded(token=token, within=within)
