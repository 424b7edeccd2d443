"""Where everything in a running sandbox is, and who is in it, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fixtures.world import Agent, World
    from harness.sandbox.layout import Layout
    from harness.sandbox.runtime import StartedSandbox

Table = tuple[Sequence[str], list[Sequence[str]]]


def directory(sandbox: StartedSandbox) -> list[Table]:
    """Return headers and rows: what can be pasted, the control planes, the audit trails, the users, the agents.

    The agents' secrets are those of the world file, which every copy of the sandbox has.
    """
    from fixtures.world import load_world

    world = load_world()
    return [_places(sandbox.layout, world), _controls(sandbox.layout), _trails(sandbox), _users(world), _agents(world)]


def _places(layout: Layout, world: World) -> Table:
    kinds = (
        ("MCP server", layout.resource),
        ("authorization server", layout.issuer),
        ("OpenID provider", layout.idp_issuer),
    )
    rows = [(name, tenant, place(tenant)) for name, place in kinds for tenant in world.tenants]
    return ("service", "tenant", "URL"), list(rows)


def _controls(layout: Layout) -> Table:
    from harness.sandbox.layout import SERVICES

    rows = [(service.replace("_", " "), layout.place(service).control_url) for service in SERVICES]
    return ("service", "control plane"), list(rows)


def _trails(sandbox: StartedSandbox) -> Table:
    rows = [(service.replace("_", " "), str(path)) for service, path in sandbox.audit_files.items()]
    return ("service", "audit trail"), list(rows)


def _users(world: World) -> Table:
    rows = [
        (tenant.id, user.sub, user.name, " ".join(user.groups), " ".join(user.scopes))
        for tenant in world.tenants.values()
        for user in tenant.users.values()
    ]
    return ("tenant", "user", "name", "groups", "scopes"), list(rows)


def _agents(world: World) -> Table:
    rows = [
        (tenant.id, agent.client_id, agent.auth_method, agent.secret or "", _grants(agent))
        for tenant in world.tenants.values()
        for agent in tenant.agents.values()
    ]
    return ("tenant", "client_id", "authentication", "client_secret", "grants"), list(rows)


def _grants(agent: Agent) -> str:
    return " ".join(grant.rpartition(":")[2] for grant in agent.grants)
