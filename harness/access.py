"""The access matrix: who may call which tool at which tenant's MCP endpoint, by what the target file says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.target import Identity

if TYPE_CHECKING:
    from harness.target import Target, Tenant, Tool

MOST = 2_000
"""How many calls identities may cost that nobody declared; beyond that, some of them are left out."""


@dataclass(frozen=True)
class Cell:
    """One call of the matrix: whose token, at which tenant's endpoint, which tool, and whether it may be made."""

    identity: Identity
    tenant: Tenant
    tool: Tool
    allowed: bool

    def __str__(self) -> str:
        """Return the cell in words."""
        where = f" at {self.tenant.name}" if self.tenant.name else ""
        return f"{self.tool.name}{where} by {self.identity.name}"


def cells(target: Target) -> Iterator[Cell]:
    """Yield the matrix, an identity after the other and within it a tenant after the other.

    A call is allowed where the tool's scopes are all among those of the identity, or implied by them, the tenant is its
    own, and the tool's `allow`, where it has one, names it. Identities that follow from the tools are asked at another
    tenant only where they have all scopes, since the others would be refused there for two reasons; and they are not
    asked for tools of which the file says neither scopes nor names.
    """
    tools = [tool for tool in target.tools.values() if target.identities or tool.scopes or tool.allow is not None]
    for identity in identities(target):
        own = tenant_of(target, identity)
        scopes = effective(target.implied, identity.scopes)
        for tenant in filter(None, (target.home, target.other)):
            if not tenant.mcp_server or (tenant is not own and not _worth_asking(target, identity)):
                continue
            for tool in tools:
                named = tool.allow is None or identity.name in tool.allow
                yield Cell(identity, tenant, tool, tenant is own and named and tool.scopes <= scopes)


def identities(target: Target) -> tuple[Identity, ...]:
    """Return who calls: those of the target file whose token can be had, or else some that the tools' scopes call for.

    These are one without any scope, one for each scope, one with all, one without each, and of another tenant one with
    all and one without any. None where no token can be minted.
    """
    declared = target.identities or _generated(target)
    return tuple(item for item in declared.values() if item.token or _mints(tenant_of(target, item)))


def tenant_of(target: Target, identity: Identity) -> Tenant | None:
    """Return an identity's tenant; None where the target has none of this name."""
    if identity.tenant in ("", target.home.name):
        return target.home
    return target.other if target.other and identity.tenant == target.other.name else None


def effective(implied: Mapping[str, str], scopes: Iterable[str]) -> frozenset[str]:
    """Return scopes together with all that they imply; of one that implies several, these have spaces between them."""
    reached: set[str] = set()
    waiting = list(scopes)
    while waiting:
        scope = waiting.pop()
        if scope not in reached:
            reached.add(scope)
            waiting.extend(implied.get(scope, "").split())
    return frozenset(reached)


def _generated(target: Target) -> dict[str, Identity]:
    everything = frozenset().union(*(tool.scopes for tool in target.tools.values()))
    sets = {
        "somebody with all scopes": everything,
        "somebody without any scope": frozenset[str](),
        **{f"somebody with {scope} alone": frozenset({scope}) for scope in sorted(everything)},
        **{f"somebody with all but {scope}": everything - {scope} for scope in sorted(everything)},
    }
    distinct = {scopes: name for name, scopes in reversed(sets.items())}
    chosen = [name for name, scopes in sets.items() if distinct[scopes] == name]
    chosen = chosen[:: 1 + len(chosen) * len(target.tools) // MOST]
    made = {name: Identity(name, sets[name]) for name in chosen}
    other = target.other.name if target.other else ""
    if other:
        for words, scopes in (("with all scopes", everything), ("without any scope", frozenset[str]())):
            name = f"somebody of {other} {words}"
            made[name] = Identity(name, scopes, other)
    return made


def _mints(tenant: Tenant | None) -> bool:
    return tenant is not None and tenant.signer is not None


def _worth_asking(target: Target, identity: Identity) -> bool:
    """Whether an identity is asked at a tenant that is not its own."""
    return bool(target.identities) or all(tool.scopes <= identity.scopes for tool in target.tools.values())
