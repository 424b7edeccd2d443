"""The table of a target file that says where the MCP server's audit log is."""

from __future__ import annotations

from pydantic import Field, model_validator

from harness.audit_log import AuditLog
from harness.target_tables import Name, Table, Url


class AuditFieldsTable(Table):
    """`[audit.fields]`: what the members of an entry are called; those of nested objects with dots, as `user.id`."""

    agent: Name = "agent"
    subject: Name = "subject"
    scopes: Name = "scopes"
    resource: Name = "resource"
    outcome: Name = "outcome"
    tenant: Name = "tenant"


class AuditTable(Table):
    """`[audit]`: the log in which the MCP server writes its decisions down, as JSON lines."""

    file: Name | None = None
    url: Url | None = None
    fields: AuditFieldsTable = Field(default_factory=AuditFieldsTable)

    @model_validator(mode="after")
    def _one_place(self) -> AuditTable:
        if (self.file is None) is (self.url is None):
            raise ValueError("either file or url is wanted")
        return self

    def resolve(self) -> AuditLog:
        """Return the log, its file as it is named."""
        return AuditLog(self.file or "", self.url or "", self.fields.model_dump())
