"""The sandbox as a target: what the world says of its clients, people, scopes and tools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from fixtures.service.clock import Clock
from fixtures.world import Agent, World
from fixtures.world import Tenant as WorldTenant
from harness.requirement import REVISIONS
from harness.sandbox.control import ControlPlane
from harness.sandbox.layout import Layout
from harness.target import Effect, Login, LoginPage, OAuthClient, Target, Tenant, Tool

CLIENTS = {
    "first": "console",
    "confidential": "ledger-agent",
    "machine": "ledger-agent",
    "keyed": "infra-bot",
    "exchanger": "ledger-agent",
    "resource_server": "mcp-server",
}
OPERATOR, VIEWER = "operators", "viewers"
ALLOW, DENY = LoginPage(press="decision=allow"), LoginPage(press="decision=deny")
NOBODY = LoginPage(press="decision=refuse")
NARROW, WIDE = "urn:ledger:balance:read", "urn:ledger:balance:read urn:fx:convert"
FORBIDDEN = "urn:infra:deploy:delete"


class Sandbox(Protocol):
    """A running sandbox, in whatever runtime."""

    @property
    def clock(self) -> Clock:
        """The clock of all three services."""
        ...

    @property
    def layout(self) -> Layout:
        """Where the services are."""
        ...

    def control(self, service: str) -> ControlPlane:
        """Return a client of a service's control plane."""
        ...


class Signer:
    """Signs with the key of one tenant's issuer, through the control plane."""

    def __init__(self, control: ControlPlane, tenant: str) -> None:
        self._control, self._tenant = control, tenant

    def sign(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """Return the compact JWS of these claims under these header members, plus alg and kid."""
        return self._control.sign(self._tenant, header, claims)


def sandbox_target(sandbox: Sandbox, world: World, spec: str = REVISIONS[0]) -> Target:
    """Return the target that `mcp-assay run` judges when it is told none: tenant acme, with globex beside it."""
    control = sandbox.control("authorization_server")
    home, other = (sandbox_tenant(sandbox, world, name, control) for name in ("acme", "globex"))
    acme = world.tenants["acme"]
    return Target(
        name="sandbox",
        home=home,
        other=other,
        spec=spec,
        narrow_scope=NARROW,
        wide_scope=WIDE,
        forbidden_scope=FORBIDDEN,
        resource=home.mcp_server,
        other_resource=sandbox.layout.resource("acme", world.resources["fx"].path),
        other_scope="urn:fx:convert",
        tools={name: Tool(name, needs, _arguments(name, acme)) for name, needs in world.tools.items()},
        effect=_effect(world),
        implied={name: next(iter(scope.implies)) for name, scope in world.scopes.items() if scope.implies},
        clock=sandbox.clock,
        capabilities={"jwt-access-tokens": True, "jwt-profile": True, "revocation-promised": True},
        limited_login=Login("form", hint=_user(acme, VIEWER), pages=(ALLOW,)),
    )


def sandbox_tenant(sandbox: Sandbox, world: World, name: str, control: ControlPlane) -> Tenant:
    """Return one tenant of the sandbox."""
    tenant = world.tenants[name]
    return Tenant(
        name=name,
        authorization_server=sandbox.layout.issuer(name),
        mcp_server=sandbox.layout.resource(name),
        clients={kind: _client(tenant.agents[agent]) for kind, agent in CLIENTS.items()},
        login=Login("form", True, _user(tenant, OPERATOR), pages=(ALLOW,), refusal=(DENY, NOBODY)),
        subject=_user(tenant, OPERATOR),
        own_text=next(iter(tenant.records["balances"].values()))["amount"],
        signer=Signer(control, name),
    )


def _effect(world: World) -> Effect:
    write, read = "create_deployment", "read_dashboard"
    return Effect(
        Tool(write, world.tools[write], {"service": "{marker}"}),
        Tool(read, world.tools[read], {"dashboard": "deployments"}),
    )


def _user(tenant: WorldTenant, group: str) -> str:
    return next(user.sub for user in tenant.users.values() if group in user.groups)


def _client(agent: Agent) -> OAuthClient:
    redirect = agent.redirect_uris[0].replace("127.0.0.1", "127.0.0.1:8976") if agent.redirect_uris else ""
    return OAuthClient(agent.client_id, agent.auth_method, agent.secret, agent.private_key, redirect)


def _arguments(tool: str, tenant: WorldTenant) -> dict[str, str]:
    records = tenant.records
    return {
        "get_balance": {"account": next(iter(records["balances"]))},
        "convert_currency": {"amount": "100.00", "source": "EUR", "target": "AUD"},
        "read_dashboard": {"dashboard": next(iter(records["dashboards"]))},
        "create_deployment": {"service": "assay"},
        "delete_deployment": {"deployment": "assay-1"},
    }[tool]
