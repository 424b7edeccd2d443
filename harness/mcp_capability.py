"""The capabilities of MCP servers: what is optional, and for each the control that shows that it works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import given_tokens
from harness.access import cells
from harness.capability import AUTHORIZATION_CODE, REGISTRATION
from harness.downstream import claims_that_arrive, relayed
from harness.support import Capability, configured

if TYPE_CHECKING:
    from harness.mcp_context import McpContext
    from harness.target import Identity


def _allowed_at_home(ctx: McpContext) -> Identity:
    return next(cell.identity for cell in ctx.world.cells if cell.allowed and cell.tenant is ctx.home.tenant)


MCP_SERVER = Capability(
    "mcp-server",
    "An MCP server that answers over Streamable HTTP.",
    configured(lambda run: run.target.home.mcp_server),
    lambda ctx: ctx.mcp_request(token=None),
    unlock="name mcp_server in the target file",
)
GOOD_TOKEN = Capability(
    "good-token",
    "A token that the MCP server accepts.",
    configured(
        lambda run: run.target.home.signer or run.target.home.tokens.get("good") or run.target.home.authorization_server
    ),
    lambda ctx: ctx.accepted(ctx.good_token()),
    unlock='let the server trust the sandbox (trusts = "sandbox"), describe how its own server gives tokens, or give '
    "one with good_env under [tokens]",
    requires=(MCP_SERVER,),
)
ORIGIN_VALIDATION = Capability(
    "origin-validation",
    "The MCP server expects requests of some web origins only, as it must unless it is meant for all of them.",
    configured(lambda run: run.target.home.mcp_server),
    lambda ctx: ctx.accepted(ctx.good_token()),
    requires=(GOOD_TOKEN,),
)
MINTED_TOKENS = Capability(
    "minted-tokens",
    "The MCP server trusts an issuer that can be told to sign anything.",
    configured(lambda run: run.target.home.signer),
    lambda ctx: ctx.accepted(ctx.mint()),
    unlock='let the server trust the sandbox: trusts = "sandbox"',
    requires=(MCP_SERVER,),
)
ISSUER_CONTROL = Capability(
    "issuer-control",
    "The issuer that the MCP server trusts can be told to publish keys, to withdraw them, and to fail.",
    configured(lambda run: run.target.home.issuer_control),
    lambda ctx: ctx.accepted(ctx.mint()),
    unlock='let the server trust the sandbox (trusts = "sandbox"), and judge it in one process, without pytest-xdist',
    requires=(MINTED_TOKENS,),
    alone=True,
)
NEW_KEYS = Capability(
    "new-keys",
    "The MCP server follows its issuer to new keys, within a time that is stated.",
    configured(lambda run: run.target.keys_within is not None),
    lambda ctx: ctx.accepted(ctx.mint()),
    unlock="state keys_within under [target], in seconds",
    requires=(ISSUER_CONTROL,),
)
WITHDRAWN_KEYS = Capability(
    "withdrawn-keys",
    "The MCP server gives up keys that its issuer has withdrawn, within a time that is stated.",
    configured(lambda run: run.target.withdrawn_within is not None),
    lambda ctx: ctx.accepted(ctx.mint()),
    unlock="state withdrawn_within under [target], in seconds",
    requires=(ISSUER_CONTROL,),
)
JWT_PROFILE = Capability(
    "jwt-profile",
    "The MCP server validates its tokens as RFC 9068 says, which MCP leaves open.",
    configured(lambda run: run.target.capabilities.get("jwt-profile")),
    lambda ctx: ctx.accepted(ctx.mint()),
    unlock="promise it under [capabilities]",
    requires=(MINTED_TOKENS,),
)
SCOPED_TOOLS = Capability(
    "scoped-tools",
    "Tools that need different scopes.",
    configured(lambda run: any(tool.scopes and tool.allow is None for tool in run.target.tools.values())),
    lambda ctx: ctx.accepted(ctx.mint(), tool=ctx.world.tool),
    unlock="list tools with their scopes under [tools]",
    requires=(MINTED_TOKENS,),
)
ACCESS_MATRIX = Capability(
    "access-matrix",
    "Tools that some callers may use and others may not.",
    configured(
        lambda run: {cell.allowed for cell in cells(run.target) if cell.tenant is run.target.home} == {True, False}
    ),
    lambda ctx: ctx.accepted(ctx.token_of(_allowed_at_home(ctx))),
    unlock='list tools with their scopes under [tools], and let the server trust the sandbox (trusts = "sandbox") or '
    "give tokens under [identities]",
    requires=(MCP_SERVER,),
)
SCOPE_HIERARCHY = Capability(
    "scope-hierarchy",
    "A scope that implies another.",
    configured(lambda run: run.target.implied),
    lambda ctx: ctx.accepted(ctx.mint()),
    unlock="name the pair under [scopes.implied]",
    requires=(SCOPED_TOOLS,),
)
VISIBLE_EFFECT = Capability(
    "visible-effect",
    "A tool that changes something, and another one that shows it.",
    configured(lambda run: run.target.effect),
    lambda ctx: ctx.accepted(ctx.mint()),
    unlock="describe the two under [effect]",
    requires=(SCOPED_TOOLS,),
)
MCP_TENANTS = Capability(
    "mcp-tenants",
    "A second tenant with a resource of its own at the MCP server.",
    configured(lambda run: run.other and run.other.tenant.mcp_server and run.other.tenant.signer),
    lambda ctx: ctx.accepted(ctx.mint(at=ctx.other), at=ctx.other),
    unlock="add [other_tenant] with mcp_server",
    requires=(MINTED_TOKENS,),
)
TENANT_DATA = Capability(
    "tenant-data",
    "Tools that return data of the caller's tenant.",
    configured(lambda run: run.target.home.own_text),
    lambda ctx: ctx.accepted(ctx.mint(), tool=ctx.world.tool),
    unlock="give own_text under [target]",
    requires=(MCP_TENANTS, SCOPED_TOOLS),
)
OTHER_RECORDS = Capability(
    "other-records",
    "Data of another tenant, by which it is seen whether it shows where it must not.",
    configured(lambda run: run.other and run.other.tenant.own_text),
    lambda ctx: ctx.own_data(ctx.other),
    unlock="give own_text, and where it is needed arguments, under [other_tenant]",
    requires=(TENANT_DATA,),
)
AUDIT_LOG = Capability(
    "audit-log",
    "A log in which the MCP server writes its decisions down.",
    configured(lambda run: run.target.audit),
    lambda ctx: ctx.audit.check(lambda: ctx.accepted(ctx.mint(), tool=ctx.world.tool)),
    unlock="name its file or url under [audit]",
    requires=(SCOPED_TOOLS,),
    alone=True,
)
REVOCATION_PROMISED = Capability(
    "revocation-promised",
    "The MCP server promises to refuse revoked tokens.",
    configured(lambda run: run.target.capabilities.get("revocation-promised")),
    lambda ctx: ctx.accepted(ctx.revocable()[0]),
    unlock="promise it under [capabilities]",
    requires=(GOOD_TOKEN, AUTHORIZATION_CODE),
)

DOWNSTREAM = Capability(
    "downstream",
    "A tool that asks an API in whose place the harness listens.",
    configured(lambda run: run.target.downstream),
    lambda ctx: relayed(ctx, token=ctx.good_token()),
    unlock="name a port and a tool under [downstream], and let the MCP server ask the API there",
    requires=(GOOD_TOKEN,),
    alone=True,
)
ACTOR_CHAIN = Capability(
    "actor-chain",
    "The tokens for the API behind a tool name the human and all agents that act (RFC 8693 section 4.1).",
    configured(lambda run: run.target.capabilities.get("actor-chain")),
    lambda ctx: claims_that_arrive(ctx, relayed(ctx, token=ctx.good_token())),
    unlock="promise it under [capabilities]",
    requires=(DOWNSTREAM,),
    alone=True,
)
STATIC_UPSTREAM_CLIENT = Capability(
    "static-upstream-client",
    "The authorization server of the MCP server registers clients, and is one and the same client of another one.",
    configured(lambda run: run.target.capabilities.get("static-upstream-client")),
    lambda ctx: ctx.registered_client(),
    unlock="say so under [capabilities] if it is such a proxy",
    requires=(AUTHORIZATION_CODE, REGISTRATION),
)
GIVEN_EXPIRED = Capability(
    "given-expired-token",
    "A token that has expired, given by the user.",
    configured(lambda run: run.target.home.tokens.get("expired")),
    given_tokens.check_expired,
    unlock="where none can be minted, give one with expired_env under [tokens]",
    requires=(GOOD_TOKEN,),
)
GIVEN_OTHER_RESOURCE = Capability(
    "given-token-for-another-resource",
    "A token of the same authorization server for another resource, given by the user.",
    configured(lambda run: run.target.home.tokens.get("other_resource")),
    given_tokens.check_for_another_resource,
    unlock="where none can be minted, give one with other_resource_env under [tokens]",
    requires=(GOOD_TOKEN,),
)
GIVEN_LIMITED = Capability(
    "given-limited-token",
    "A token without the scopes of some tool, given by the user.",
    configured(lambda run: run.target.home.tokens.get("limited") and run.target.tools),
    given_tokens.check_limited,
    unlock="where none can be minted, give one with limited_env under [tokens], and list tools with their scopes",
    requires=(GOOD_TOKEN,),
)
GIVEN_OTHER_TENANT = Capability(
    "given-token-of-another-tenant",
    "A token of another tenant, given by the user.",
    configured(lambda run: run.target.home.tokens.get("other_tenant")),
    given_tokens.check_of_another_tenant,
    unlock="where none can be minted, give one with other_tenant_env under [tokens]",
    requires=(GOOD_TOKEN,),
)
