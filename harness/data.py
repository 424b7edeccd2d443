"""The values that scenarios use in requests that are valid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness import access
from harness.access import Cell
from harness.target import Tool

if TYPE_CHECKING:
    from harness.run import Run, Site


@dataclass(frozen=True)
class TestData:
    """The values that scenarios use in valid requests, from the target file or from what discovery found."""

    __test__ = False

    run: Run

    @property
    def narrow_scope(self) -> str:
        """A scope that clients and the user may have; empty where none is known."""
        return self.run.narrow_scope

    @property
    def wide_scope(self) -> str:
        """The narrow scope and more."""
        return self.run.wide_scope

    @property
    def forbidden_scope(self) -> str:
        """A scope that the limited user lacks."""
        return self.run.target.forbidden_scope

    @property
    def exchange_scope(self) -> str:
        """A scope that the user's token and the exchanging agent may both have."""
        return self.run.target.exchange_scope or self.narrow_scope

    @property
    def resource(self) -> str:
        """The resource indicator of the MCP server; empty where none is known."""
        return self.run.target.resource

    @property
    def other_resource(self) -> str:
        """Another resource that the authorization server issues tokens for."""
        return self.run.target.other_resource

    @property
    def scoped_tools(self) -> tuple[Tool, ...]:
        """The tools that need a scope, and nothing else."""
        return tuple(tool for tool in self.run.target.tools.values() if tool.scopes and tool.allow is None)

    @property
    def tool(self) -> Tool:
        """A tool that needs a scope."""
        return self.scoped_tools[0]

    def tool_at(self, site: Site) -> Tool:
        """Return this tool with the arguments that are valid at a site."""
        return replace(self.tool, arguments=site.tenant.arguments or self.tool.arguments)

    @property
    def tool_scopes(self) -> frozenset[str]:
        """The scopes that the tools need, all together."""
        return frozenset().union(*(tool.scopes for tool in self.run.target.tools.values()))

    def effective(self, scopes: Iterable[str]) -> frozenset[str]:
        """Return scopes together with all that they imply, as far as the target says so."""
        return access.effective(self.run.target.implied, scopes)

    @property
    def cells(self) -> Iterator[Cell]:
        """The access matrix of the target."""
        return access.cells(self.run.target)

    @property
    def other_scope(self) -> str:
        """A scope that means something at the other resource."""
        return self.run.target.other_scope or self.narrow_scope

    def resource_of(self, site: Site) -> str:
        """Return the resource indicator to ask for at a site."""
        if site is self.run.home:
            return self.resource
        return site.tenant.mcp_server if self.resource else ""
