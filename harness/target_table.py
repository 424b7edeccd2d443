"""The table of a target file that says what is judged."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from harness.container_table import ContainerTable, port_of
from harness.http import is_loopback
from harness.requirement import REVISIONS
from harness.target_tables import Name, Table, Url

Seconds = Annotated[int, Field(ge=0, le=3600)]


class TargetTable(Table):
    """`[target]`: what is judged."""

    name: str = ""
    mcp_server: Url | None = None
    authorization_server: Url | None = None
    authorized: bool = False
    origins: list[Url] = Field(default_factory=list)
    spec: Literal[REVISIONS] = REVISIONS[0]  # type: ignore[valid-type]
    trusts: Literal["sandbox"] | None = None
    tenant: str = ""
    subject: str = "alice"
    own_text: str = ""
    public: list[Name] = Field(default_factory=list)
    leeway: Seconds = 600
    keys_within: Seconds | None = None
    withdrawn_within: Seconds | None = None
    container: ContainerTable | None = None

    @model_validator(mode="after")
    def _something_to_judge(self) -> TargetTable:
        if not (urls := self.urls):
            raise ValueError("mcp_server or authorization_server is wanted")
        if self.trusts and not self.mcp_server:
            raise ValueError("mcp_server is wanted, with trusts: an MCP server is what can trust an issuer")
        far = [url for url in urls if not is_loopback(url)]
        if far and not self.authorized:
            raise ValueError(f"{far[0]} is off loopback: set authorized = true if its owner lets you test it")
        if self.container:
            self.container.check_urls(urls)
        return self

    @property
    def urls(self) -> list[str]:
        """The URLs of what is judged, the MCP server's first."""
        return [url for url in (self.mcp_server, self.authorization_server) if url]

    @property
    def published(self) -> tuple[int, ...]:
        """The ports of the target's container; empty where it lives in none. Those of its URLs need not be named."""
        if self.container is None:
            return ()
        return tuple(self.container.ports or dict.fromkeys(map(port_of, self.urls)))
