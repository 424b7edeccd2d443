"""The tables of a target file that say what there is to ask for, and what is accepted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from harness.baseline import Accepted
from harness.downstream import Downstream, DownstreamApi
from harness.http import origin_of
from harness.mistakes import CREDENTIALS
from harness.target import Effect, Tool
from harness.verdict import Verdict


def url(value: str) -> str:
    """Return an http or https URL without credentials as it is.

    Raises:
        ValueError: it is none.
    """
    if not origin_of(value):
        raise ValueError("an http or https URL with a host is wanted")
    if CREDENTIALS.search(value):
        raise ValueError("a URL without credentials is wanted")
    return value


def _words(value: str) -> str:
    if not value.strip():
        raise ValueError("a reason in words is wanted")
    return value


def _day(value: object) -> object:
    if isinstance(value, datetime) or not isinstance(value, date):
        raise ValueError("a date is wanted, without quotes and time, such as 2027-01-31")
    return value


def _sendable(value: dict[str, Any]) -> dict[str, Any]:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        raise ValueError("arguments become JSON, which has no dates, times, inf and nan: write them as texts") from None
    return value


Arguments = Annotated[dict[str, Any], AfterValidator(_sendable)]
Name = Annotated[str, StringConstraints(min_length=1)]
Url = Annotated[str, AfterValidator(url)]


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
    """`[tools.NAME]`: the scopes that a call needs, valid arguments, and who may call it where scopes do not decide."""

    scopes: list[str] = Field(default_factory=list)
    arguments: Arguments = Field(default_factory=dict)
    allow: list[str] | None = None

    def resolve(self, name: str) -> Tool:
        """Return the tool of this name."""
        allow = None if self.allow is None else frozenset(self.allow)
        return Tool(name, frozenset(self.scopes), self.arguments, allow)


class EffectTable(Table):
    """`[effect]`: a tool that changes something, and one that shows it, both named in `[tools]`."""

    write: Name
    write_arguments: Arguments = Field(default_factory=dict)
    read: Name
    read_arguments: Arguments = Field(default_factory=dict)

    def resolve(self, tools: Mapping[str, Tool]) -> Effect:
        """Return the two tools with the arguments that show the effect."""
        return Effect(
            replace(tools[self.write], arguments=self.write_arguments),
            replace(tools[self.read], arguments=self.read_arguments),
        )


class DownstreamTable(Table):
    """`[downstream]`: the API behind a tool, which the harness plays on loopback while a run lasts."""

    port: Annotated[int, Field(ge=1, le=65535)]
    tool: Name
    resource: str = ""
    answer: str | dict[str, Any] = Field(default_factory=dict)
    answers: dict[str, str | dict[str, Any]] = Field(default_factory=dict)

    def open(self, stack: ExitStack) -> Downstream:
        """Listen at the port until the stack is closed.

        Raises:
            OSError: the port cannot be had.
        """
        api = stack.enter_context(DownstreamApi({**self.answers, "": self.answer}, self.port))
        return Downstream(api, self.tool, self.resource)


class PlanTable(Table):
    """`[plan]`: what is asked of the target beside our own scenarios."""

    scenarios: Name | None = None

    def folder(self, file: Path | None) -> Path | None:
        """Return the folder with the user's own scenarios, which is named relative to the target file."""
        return file.parent / self.scenarios if file and self.scenarios else None


class ExpectedTable(Table):
    """`[expected]`: an accepted failure, by scenario id or its beginning. A text in its place is the reason."""

    reason: Annotated[str, AfterValidator(_words)]
    verdict: Literal["failed", "warning"] | None = None
    expires: Annotated[date, BeforeValidator(_day)] | None = None
    link: Url | None = None

    @model_validator(mode="before")
    @classmethod
    def _reason_alone(cls, value: object) -> object:
        if not isinstance(value, str | dict | ExpectedTable):
            raise ValueError("a reason in words is wanted, or a table that holds one")
        return {"reason": value} if isinstance(value, str) else value

    def resolve(self, entry: str) -> Accepted:
        """Return the entry of the baseline."""
        verdict = Verdict(self.verdict) if self.verdict else None
        return Accepted(entry, self.reason, verdict, self.expires, self.link or "")
