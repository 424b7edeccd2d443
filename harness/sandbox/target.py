"""The sandbox as a target: what the world says of its clients, people, scopes and tools."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from fixtures.mcp_server.settings import FRESH
from fixtures.service.clock import Clock
from fixtures.world import Agent, World
from fixtures.world import Tenant as WorldTenant
from harness.audit_log import AuditLog
from harness.downstream import Downstream
from harness.id_jag import IdentityProvider, KeySigner
from harness.requirement import REVISIONS
from harness.sandbox.authority import TrustedRoot
from harness.sandbox.control import ControlPlane
from harness.sandbox.documents import DocumentsPlace
from harness.sandbox.given import GivenTokens
from harness.sandbox.layout import Layout
from harness.sandbox.rates import RatesPlace
from harness.target import Effect, Login, LoginPage, OAuthClient, Target, Tenant, Tool

CLIENTS = {
    "first": "console",
    "confidential": "ledger-agent",
    "machine": "ledger-agent",
    "keyed": "infra-bot",
    "exchanger": "ledger-agent",
    "id_jag": "ledger-agent",
    "resource_server": "mcp-server",
}
OPERATOR, VIEWER = "operators", "viewers"
ALLOW, DENY = LoginPage(press="decision=allow"), LoginPage(press="decision=deny")
NOBODY = LoginPage(press="decision=refuse")
NARROW, WIDE = "urn:ledger:balance:read", "urn:ledger:balance:read urn:fx:convert"
FORBIDDEN = "urn:infra:deploy:delete"
PROMISED = (
    "jwt-access-tokens",
    "jwt-profile",
    "revocation-promised",
    "single-use-assertions",
    "actor-chain",
    "static-upstream-client",
    "actor-tokens",
    "delegation-only",
    "exchange-keeps-audience",
    "single-use-id-jag",
)
RATE = "EUR/AUD"
WITHOUT_END = 1_000_000
"""How often a fault is played that lasts until it is cleared; more than a control plane takes is refused."""


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

    @property
    def rates(self) -> RatesPlace | None:
        """Where the harness plays the rates API that the MCP server asks; None where it does not."""
        ...

    @property
    def documents(self) -> DocumentsPlace | None:
        """Where the harness serves client ID metadata documents; None where it does not."""
        ...

    @property
    def authority(self) -> TrustedRoot | None:
        """The root of its certificates; None where it speaks plain http."""
        ...

    @property
    def audit_files(self) -> Mapping[str, Path]:
        """The audit trails, by service; empty where none are written."""
        ...

    @property
    def ended(self) -> Sequence[str]:
        """The services that ended of themselves."""
        ...

    def control(self, service: str) -> ControlPlane:
        """Return a client of a service's control plane."""
        ...


class Signer:
    """One tenant's issuer through the control plane: it signs, changes its keys, and fails, as it is told."""

    def __init__(self, control: ControlPlane, tenant: str) -> None:
        self._control, self._tenant = control, tenant

    def sign(self, header: Mapping[str, Any], claims: Mapping[str, Any], *, alg: str = "", kid: str = "") -> str:
        """Return the compact JWS of these claims under these header members, plus alg and kid."""
        return self._control.sign(self._tenant, header, claims, alg=alg, kid=kid)

    def seal(self, message: str) -> str:
        """Return the first two parts of a JWS, as they are, with the issuer's signature over them."""
        return self._control.seal(self._tenant, message)

    def publish_key(self, alg: str) -> str:
        """Publish another key beside those that the issuer signs with, and return its kid."""
        return self._control.publish_key(self._tenant, alg)

    def withdraw_key(self, kid: str) -> None:
        """Publish such a key no longer."""
        self._control.withdraw_key(self._tenant, kid)

    def rotate_keys(self) -> None:
        """Sign with new keys from now on; the old ones stay published until their tokens are gone."""
        self._control.rotate_keys(self._tenant)

    @contextmanager
    def outage(self, paths: Collection[str], *, drop: bool = False) -> Iterator[None]:
        """Let requests whose path begins with one of these fail until the end of the block, for every tenant."""
        try:
            for path in paths:
                self._control.fault(path, status=None if drop else 503, drop=drop, times=WITHOUT_END)
            yield
        finally:
            self._control.clear_faults()

    def fetches(self, path: str, since: float) -> int:
        """Return how often a path was asked for since a time of the sandbox's clock."""
        return sum(entry["path"] == path and entry["time"] >= since for entry in self._control.requests())


class Rights:
    """What one tenant's users may do, through the control plane."""

    def __init__(self, control: ControlPlane, tenant: str) -> None:
        self._control, self._tenant = control, tenant

    @contextmanager
    def limited(self, subject: str, scopes: str) -> Iterator[None]:
        """Leave a user no rights but these until the end of the block."""
        self._control.limit_rights(self._tenant, subject, scopes.split())
        try:
            yield
        finally:
            self._control.restore_rights(self._tenant, subject)


def sandbox_target(
    sandbox: Sandbox, world: World, spec: str = REVISIONS[0], control: ControlPlane | None = None
) -> Target:
    """Return the target that `mcp-assay run` judges when it is told none: tenant acme, with globex beside it.

    `control` is the control plane of its authorization server, where the caller wants to close that in the end.
    """
    control = control or sandbox.control("authorization_server")
    home, other = (sandbox_tenant(sandbox, world, name, control) for name in ("acme", "globex"))
    elsewhere = sandbox.layout.resource("acme", world.resources["fx"].path)
    home = replace(home, tokens=GivenTokens(sandbox, home, other, elsewhere))
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
        other_resource=elsewhere,
        other_scope="urn:fx:convert",
        tools={name: Tool(name, needs, _arguments(name, acme)) for name, needs in world.tools.items()},
        effect=_effect(world),
        implied={name: " ".join(sorted(scope.implies)) for name, scope in world.scopes.items() if scope.implies},
        clock=sandbox.clock,
        rights=Rights(control, "acme"),
        leeway=0,
        keys_within=10,
        withdrawn_within=int(FRESH),
        capabilities=dict.fromkeys(PROMISED, True),
        downstream=_downstream(sandbox, world),
        client_documents=sandbox.documents.serve if sandbox.documents else None,
        limited_login=Login("form", hint=_user(acme, VIEWER), pages=(ALLOW,)),
        audit=sandbox_audit(sandbox),
    )


def sandbox_audit(sandbox: Sandbox) -> AuditLog | None:
    """Return the audit trail of the sandbox's MCP server; None where none is written."""
    file = sandbox.audit_files.get("mcp_server")
    return AuditLog(str(file), fields={"agent": "actor"}) if file else None


def sandbox_tenant(sandbox: Sandbox, world: World, name: str, control: ControlPlane) -> Tenant:
    """Return one tenant of the sandbox."""
    tenant = world.tenants[name]
    signer = Signer(control, name)
    return Tenant(
        name=name,
        authorization_server=sandbox.layout.issuer(name),
        mcp_server=sandbox.layout.resource(name),
        clients={kind: _client(tenant.agents[agent]) for kind, agent in CLIENTS.items()},
        login=Login("form", True, _user(tenant, OPERATOR), pages=(ALLOW,), refusal=(DENY, NOBODY)),
        subject=_user(tenant, OPERATOR),
        own_text=next(iter(tenant.records["balances"].values()))["amount"],
        arguments=_arguments("get_balance", tenant),
        signer=signer,
        issuer_control=signer,
        identity_provider=_provider(sandbox, tenant),
    )


def _provider(sandbox: Sandbox, tenant: WorldTenant) -> IdentityProvider:
    """Return the mock OpenID provider, with the key that it signs with; that is asked for when it is needed."""

    def key() -> Mapping[str, Any]:
        with sandbox.control("mock_idp") as control:
            current: list[dict[str, Any]] = control.signing_keys(tenant.id).private_keys()["current"]
        return current[0]

    issuer = sandbox.layout.idp_issuer(tenant.id)
    return IdentityProvider(issuer, _user(tenant, OPERATOR), KeySigner(key), tenant.id)


def _downstream(sandbox: Sandbox, world: World) -> Downstream | None:
    """Return the rates API, with the rates of each tenant by source and target, as its own MCP server would give."""
    if sandbox.rates is None:
        return None
    path = world.resources["fx"].path
    source, target = RATE.split("/")
    sandbox.rates.api.answers = {
        f"/{name}{path}/rates": {"source": source, "target": target, "rate": tenant.records["rates"][RATE]}
        for name, tenant in world.tenants.items()
    }
    return Downstream(sandbox.rates.api, "convert_currency", sandbox.layout.resource("acme", path))


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
    return OAuthClient(agent.client_id, agent.auth_method, agent.secret, agent.private_key, redirect_uri=redirect)


def _arguments(tool: str, tenant: WorldTenant) -> dict[str, str]:
    records = tenant.records
    return {
        "get_balance": {"account": next(iter(records["balances"]))},
        "convert_currency": {"amount": "100.00", **dict(zip(("source", "target"), RATE.split("/"), strict=True))},
        "read_dashboard": {"dashboard": next(iter(records["dashboards"]))},
        "create_deployment": {"service": "assay"},
        "delete_deployment": {"deployment": "assay-1"},
    }[tool]
