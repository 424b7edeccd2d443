"""The tables of a target file that say what there is to ask for: scopes, resources and tools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from harness.target import Effect, Tool

Name = Annotated[str, StringConstraints(min_length=1)]


class Table(BaseModel):
    """A table in which every key is known and has its type."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ScopesTable(Table):
    """`[scopes]`: what clients may ask for."""

    narrow: str = ""
    wide: str = ""
    forbidden: str = ""
    exchange: str = ""
    implied: dict[str, str] = Field(default_factory=dict)


class ResourcesTable(Table):
    """`[resources]`: resource indicators that the authorization server issues tokens for."""

    primary: str = ""
    other: str = ""
    other_scope: str = ""


class ToolTable(Table):
    """`[tools.NAME]`: the scopes that a call needs, and valid arguments."""

    scopes: list[str] = Field(default_factory=list)
    arguments: dict[str, Any] = Field(default_factory=dict)


class EffectTable(Table):
    """`[effect]`: a tool that changes something, and one that shows it, both named in `[tools]`."""

    write: Name
    write_arguments: dict[str, Any] = Field(default_factory=dict)
    read: Name
    read_arguments: dict[str, Any] = Field(default_factory=dict)

    def resolve(self, tools: Mapping[str, Tool]) -> Effect:
        """Return the two tools with the arguments that show the effect."""
        return Effect(
            replace(tools[self.write], arguments=self.write_arguments),
            replace(tools[self.read], arguments=self.read_arguments),
        )
