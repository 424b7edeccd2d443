"""`[identities]`: who calls the tools."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

from pydantic import Field

from harness.target import Identity
from harness.target_tables import Table, ToolTable
from harness.token_table import TokenVariable


class IdentityTable(Table):
    """`[identities.NAME]`: somebody who calls the tools. Their token is minted, or comes from the environment."""

    scopes: list[str] = Field(default_factory=list)
    tenant: str = ""
    subject: str = ""
    token_env: TokenVariable | None = None

    def resolve(self, name: str) -> Identity:
        """Return the identity of this name, with its token where that is given."""
        token = os.environ[self.token_env] if self.token_env else ""
        return Identity(name, frozenset(self.scopes), self.tenant, self.subject, token)


def check_identities(
    identities: Mapping[str, IdentityTable], tools: Mapping[str, ToolTable], tenants: Collection[str], *, minted: bool
) -> None:
    """Find what identities and tools say that cannot be.

    Args:
        identities: by name.
        tools: by name.
        tenants: the names of the target's tenants.
        minted: whether tokens can be minted, so that none need be given.

    Raises:
        ValueError: a tool allows somebody unknown; an identity is of an unknown tenant, or there is no token for it.
    """
    for name, tool in tools.items():
        if unknown := sorted(set(tool.allow or ()) - identities.keys()):
            raise ValueError(f"tools.{name}.allow names {', '.join(unknown)}: to be described under [identities]")
    for name, table in identities.items():
        if table.tenant and table.tenant not in tenants:
            known = ", ".join(sorted(filter(None, tenants))) or "none"
            raise ValueError(f"identities.{name}.tenant: there is no tenant {table.tenant!r}; there are: {known}")
        if not minted and not table.token_env:
            raise ValueError(f'identities.{name} wants token_env: without trusts = "sandbox" no token can be minted')


def widest_token(identities: Mapping[str, Identity], home: str) -> dict[str, str]:
    """Return the given token that covers most scopes as the good one of the home tenant; empty where none is given."""
    given = [identity for identity in identities.values() if identity.token and identity.tenant in ("", home)]
    widest = max(given, key=lambda identity: len(identity.scopes), default=None)
    return {"good": widest.token} if widest else {}
