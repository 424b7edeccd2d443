"""The target file `mcp-assay.toml`: read, validated before anything is sent, and turned into a target."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError, model_validator

from harness.audit_table import AuditTable
from harness.capabilities import CAPABILITIES
from harness.client_tables import ClientKind, ClientTable, LoginTable
from harness.container_table import with_container
from harness.documents_table import ClientDocumentsTable
from harness.id_jag_table import IdJagTable
from harness.identity_table import IdentityTable, check_identities, widest_token
from harness.mistakes import mistakes
from harness.redaction import secretive
from harness.request import TargetFileError
from harness.sandbox.sockets import DEFAULT_PORT, HIGHEST_BASE
from harness.target import OAuthClient, Target, Tenant
from harness.target_table import TargetTable
from harness.target_tables import (
    Arguments,
    DownstreamTable,
    EffectTable,
    ExpectedTable,
    Name,
    PlanTable,
    ResourcesTable,
    ScopesTable,
    Table,
    ToolTable,
    Url,
)
from harness.token_table import TokensTable
from harness.variables import WITHOUT_SECRETS


class TenantTable(Table):
    """`[other_tenant]`: a second tenant of the same target."""

    name: str = ""
    mcp_server: Url | None = None
    authorization_server: Url | None = None
    subject: str = "alice"
    own_text: str = ""
    arguments: Arguments = Field(default_factory=dict)
    clients: dict[ClientKind, ClientTable] = Field(default_factory=dict)
    login: LoginTable = Field(default_factory=LoginTable)
    id_jag: IdJagTable | None = None


class SandboxTable(Table):
    """`[sandbox]`: where the sandbox that the target trusts is started."""

    port: Annotated[int, Field(ge=1024, le=HIGHEST_BASE)] = DEFAULT_PORT
    tenant: str = "acme"


def _known_capability(value: str) -> str:
    if value not in CAPABILITIES:
        raise ValueError(f"no capability is called {value}; there are: {', '.join(CAPABILITIES)}")
    return value


class TargetFile(Table):
    """A whole target file."""

    target: TargetTable
    clients: dict[ClientKind, ClientTable] = Field(default_factory=dict)
    login: LoginTable = Field(default_factory=LoginTable)
    limited_login: LoginTable | None = None
    id_jag: IdJagTable | None = None
    scopes: ScopesTable = Field(default_factory=ScopesTable)
    resources: ResourcesTable = Field(default_factory=ResourcesTable)
    identities: dict[Name, IdentityTable] = Field(default_factory=dict)
    tools: dict[str, ToolTable] = Field(default_factory=dict)
    effect: EffectTable | None = None
    other_tenant: TenantTable | None = None
    tokens: TokensTable = Field(default_factory=TokensTable)
    sandbox: SandboxTable = Field(default_factory=SandboxTable)
    capabilities: dict[Annotated[str, AfterValidator(_known_capability)], bool] = Field(default_factory=dict)
    downstream: DownstreamTable | None = None
    client_documents: ClientDocumentsTable | None = None
    plan: PlanTable = Field(default_factory=PlanTable)
    audit: AuditTable | None = None
    expected: dict[Name, ExpectedTable] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _tools_of_the_effect(self) -> TargetFile:
        named = {self.effect.write, self.effect.read} if self.effect else set()
        if unknown := sorted(named - self.tools.keys()):
            raise ValueError(f"effect names {', '.join(unknown)}: its tools are to be listed under [tools]")
        return self

    @model_validator(mode="after")
    def _known_identities(self) -> TargetFile:
        trusts = self.target.trusts is not None
        tenants = {self.target.tenant, self.sandbox.tenant if trusts else "", getattr(self.other_tenant, "name", "")}
        check_identities(self.identities, self.tools, tenants, minted=trusts)
        return self

    @model_validator(mode="after")
    def _tool_of_the_downstream(self) -> TargetFile:
        if self.downstream and self.downstream.tool not in self.tools:
            raise ValueError(f"downstream.tool names {self.downstream.tool}: it is to be listed under [tools]")
        if self.target.trusts and self.capabilities.get("static-upstream-client"):
            raise ValueError(
                'capabilities.static-upstream-client: has no effect with trusts = "sandbox", which issues all tokens'
            )
        return self

    @model_validator(mode="after")
    def _ports_of_the_container(self) -> TargetFile:
        played = {"downstream": self.downstream, "client_documents": self.client_documents}
        for key, table in played.items():
            if table and table.port in self.target.published:
                raise ValueError(f"target.container.ports: {table.port} is taken already by what {key}.port names")
        return self

    @model_validator(mode="after")
    def _one_issuer(self) -> TargetFile:
        """With a trusted sandbox all tokens are its own: what says how to get others would have no effect."""
        if not self.target.trusts:
            return self
        own = {"clients", "login", "limited_login", "id_jag", "tokens", "client_documents"} & self.model_fields_set
        if other := self.other_tenant:
            issuing = {"authorization_server", "clients", "login", "id_jag"} & other.model_fields_set
            own |= {f"other_tenant.{key}" for key in issuing}
        if own:
            raise ValueError(
                f'{", ".join(sorted(own))}: has no effect with trusts = "sandbox", which issues all tokens'
            )
        if other and not (other.name and other.mcp_server):
            wanted = "name, a tenant of the sandbox, and mcp_server"
            raise ValueError(f'other_tenant wants {wanted}, with trusts = "sandbox"')
        return self

    @property
    def tokens_given(self) -> bool:
        """Whether the tokens that the user gives are the way in, and no authorization server is to be judged."""
        told = {"clients", "login"} & self.model_fields_set
        return bool(self.tokens.good_env) and not self.target.authorization_server and not told

    @property
    def name(self) -> str:
        """What reports call the target."""
        table = self.target
        return table.name or table.mcp_server or table.authorization_server or ""

    def resolve(self) -> Target:
        """Return the target, its secrets read from the environment.

        Raises:
            TargetFileError: a private key is no JWK.
        """
        table, other = self.target, self.other_tenant
        identities = {name: identity.resolve(name) for name, identity in self.identities.items()}
        tokens = {**widest_token(identities, table.tenant), **self.tokens.resolve()}
        tools = {name: tool.resolve(name) for name, tool in self.tools.items()}
        return Target(
            name=self.name,
            home=replace(_tenant(table, self.clients, self.login, self.id_jag), tokens=tokens),
            other=_other_tenant(other, tokens) if other else None,
            spec=table.spec,
            authorized=table.authorized,
            origins=tuple(table.origins),
            narrow_scope=self.scopes.narrow,
            wide_scope=self.scopes.wide,
            forbidden_scope=self.scopes.forbidden,
            public=frozenset(table.public),
            leeway=table.leeway,
            keys_within=table.keys_within,
            withdrawn_within=table.withdrawn_within,
            exchange_scope=self.scopes.exchange,
            resource=self.resources.primary or table.mcp_server or "",
            other_resource=self.resources.other,
            other_scope=self.resources.other_scope,
            identities=identities,
            tools=tools,
            effect=self.effect.resolve(tools) if self.effect else None,
            implied=self.scopes.implied,
            expected={entry: table.resolve(entry) for entry, table in self.expected.items()},
            capabilities=self.capabilities,
            limited_login=self.limited_login.resolve() if self.limited_login else None,
            audit=self.audit.resolve() if self.audit else None,
            secrets=tuple(sorted(self._secrets())),
        )

    def _secrets(self) -> set[str]:
        """Return what the named variables hold, and what is filled into fields that are called like a secret."""
        tenants: list[TargetFile | TenantTable] = [self, *([self.other_tenant] if self.other_tenant else [])]
        logins = [*(tenant.login for tenant in tenants), *([self.limited_login] if self.limited_login else [])]
        clients = [client for tenant in tenants for client in tenant.clients.values()]
        pages = [page for login in logins for page in (*login.pages, *login.refusal)]
        variables = [variable for page in pages for variable in page.fill_env.values()]
        variables += [client.secret_env for client in clients if client.secret_env]
        container = self.target.container
        variables += [identity.token_env for identity in self.identities.values() if identity.token_env]
        filled = {text for page in pages for name, text in page.fill.items() if secretive(name)}
        filled |= container.secrets() if container else set()
        return filled | {os.environ[variable] for variable in variables} | set(self.tokens.resolve().values())


def read_target_file(path: Path | None, told: Mapping[str, Any] | None = None) -> TargetFile:
    """Read and validate a target file.

    Args:
        path: the file; None for one that says nothing.
        told: members of `[target]` from the command line, which take the place of the file's.

    Raises:
        TargetFileError: it is missing, no TOML, or has mistakes; the message names each.
    """
    data = read_toml(path) if path else {}
    table = data.get("target", {})
    if isinstance(table, dict) and told:
        data["target"] = with_container(table, told)
    return checked_target_file(data, str(path) if path else "the command line")


def checked_target_file(data: Mapping[str, Any], place: str, *, secrets: bool = True) -> TargetFile:
    """Validate what a target file says.

    Args:
        data: the file's tables.
        place: what mistakes call it.
        secrets: whether the variables that hold secrets have to be set, which a file that is judged by needs.

    Raises:
        TargetFileError: it has mistakes; the message names each.
    """
    try:
        return TargetFile.model_validate(data, context=None if secrets else WITHOUT_SECRETS)
    except ValidationError as fault:
        raise TargetFileError("\n".join(f"{place}: {line}" for line in mistakes(fault, TargetFile))) from fault


def read_toml(path: Path) -> dict[str, Any]:
    """Return what is in a file, whatever it says.

    Raises:
        TargetFileError: it cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise TargetFileError(f"{path}: cannot be read: {fault.strerror}") from fault
    except UnicodeDecodeError as fault:
        raise TargetFileError(f"{path}: is no UTF-8 text") from fault
    except tomllib.TOMLDecodeError as fault:
        raise TargetFileError(f"{path}: is no TOML: {fault}") from fault


def _tenant(
    table: TargetTable | TenantTable,
    clients: Mapping[ClientKind, ClientTable],
    login: LoginTable,
    id_jag: IdJagTable | None,
) -> Tenant:
    return Tenant(
        name=table.tenant if isinstance(table, TargetTable) else table.name,
        authorization_server=table.authorization_server or "",
        mcp_server=table.mcp_server or "",
        clients=_clients(clients),
        login=login.resolve(),
        subject=table.subject,
        own_text=table.own_text,
        arguments=table.arguments if isinstance(table, TenantTable) else {},
        identity_provider=id_jag.resolve() if id_jag else None,
    )


def _other_tenant(table: TenantTable, tokens: Mapping[str, str]) -> Tenant:
    """Return the other tenant; the token of it that is given is a good one there."""
    given = {"good": tokens["other_tenant"]} if "other_tenant" in tokens else {}
    return replace(_tenant(table, table.clients, table.login, table.id_jag), tokens=given)


def _clients(tables: Mapping[ClientKind, ClientTable]) -> dict[str, OAuthClient]:
    try:
        return {kind: table.resolve(kind) for kind, table in tables.items()}
    except ValueError as fault:
        raise TargetFileError(str(fault)) from fault
