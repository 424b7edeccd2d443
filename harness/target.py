"""The target: the implementation under test, with everything that the harness was told about it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from harness.audit_log import AuditLog
    from harness.baseline import Expected
    from harness.client_documents import ClientDocuments
    from harness.downstream import Downstream
    from harness.id_jag import IdentityProvider

REDIRECT_URI = "http://127.0.0.1:8976/callback"
"""Where clients have codes sent unless the target file says otherwise; nothing has to listen there."""


@dataclass(frozen=True)
class OAuthClient:
    """A registered client. `auth_method` is what the server registered, whatever was asked for.

    `private_key` is a JWK with its private members; `registration` is the answer of the registration endpoint.
    `assertion_audience` is whom its assertions are for: the `issuer`, or the `token_endpoint` (RFC 7523 section 3).
    `assertion_type` is the `typ` in their header: some servers demand the one of RFC 7523bis, others know `JWT` only.
    """

    client_id: str
    auth_method: str = "none"
    secret: str | None = field(default=None, repr=False)
    private_key: Mapping[str, Any] | None = field(default=None, repr=False)
    assertion_audience: str = "issuer"
    assertion_type: str = "client-authentication+jwt"
    redirect_uri: str = REDIRECT_URI
    scope: str = ""
    registration: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def public(self) -> bool:
        """Whether it has no credential to authenticate with."""
        return self.auth_method == "none"


@dataclass(frozen=True)
class LoginPage:
    """What to do with a page that comes during authorization.

    Args:
        fill: values by field name; the page fits when one of its forms has all of them.
        press: the button or link, as `name=value` or by its text; empty for the form's only button.
    """

    fill: Mapping[str, str] = field(default_factory=dict, repr=False)
    press: str = ""


@dataclass(frozen=True)
class Login:
    """How the human is replaced: `auto` follows redirects, `form` fills pages in, `manual` prints the URL and waits.

    With `remember` they sign in once in a run, and every other browser of theirs begins with that session's cookies.
    """

    method: str = "auto"
    remember: bool = False
    hint: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    pages: tuple[LoginPage, ...] = ()
    refusal: tuple[LoginPage, ...] = ()


@dataclass(frozen=True)
class Tool:
    """A tool of the MCP server: the scopes that a call needs, and arguments that are valid.

    `allow` names the identities that may call it, where scopes alone do not decide that; None where they do.
    """

    name: str
    scopes: frozenset[str] = frozenset()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    allow: frozenset[str] | None = None


@dataclass(frozen=True)
class Identity:
    """Somebody who calls the MCP server: a row of the access matrix.

    Args:
        name: what the target file calls them.
        scopes: what their token covers, without what these scopes imply.
        tenant: the name of their tenant; empty for the tenant that is judged.
        subject: the user (`sub`) that their token is about; empty for the tenant's own.
        token: the token, where the user gives it; empty where it is minted.
    """

    name: str
    scopes: frozenset[str] = frozenset()
    tenant: str = ""
    subject: str = ""
    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class Effect:
    """A tool that changes something, and another one whose answer shows it.

    Args:
        write: its arguments hold `{marker}`, in whose place a text of our own is put.
        read: its answer holds that text once the change was made.
    """

    write: Tool
    read: Tool

    @property
    def by_scopes(self) -> bool:
        """Whether scopes alone decide who may call the two."""
        return self.write.allow is None and self.read.allow is None

    def marked(self, marker: str) -> Tool:
        """Return the changing tool with a text of our own in its arguments."""
        filled = {
            name: value.replace("{marker}", marker) if isinstance(value, str) else value
            for name, value in self.write.arguments.items()
        }
        return replace(self.write, arguments=filled)


class TokenSigner(Protocol):
    """Signs whatever it is given with the keys of the issuer that the MCP server trusts."""

    def sign(self, header: Mapping[str, Any], claims: Mapping[str, Any], *, alg: str = "", kid: str = "") -> str:
        """Return the compact JWS of exactly these claims under exactly these header members, plus alg and kid.

        Args:
            header: members of the JOSE header; they override alg and kid, whatever it is signed with.
            claims: the payload.
            alg: the algorithm, where it is not the header's or the issuer's usual one.
            kid: the key, where it is not the issuer's current one for this algorithm.
        """
        ...

    def seal(self, message: str) -> str:
        """Return the first two parts of a JWS, as they are, with the signature of the issuer's current key over them.

        Args:
            message: header and payload with a dot between them (RFC 7515 section 5.1), whatever they are; ASCII.
        """
        ...


class IssuerControl(Protocol):
    """What can be done to the issuer that the MCP server trusts. Whoever does it undoes it, apart from new keys."""

    def publish_key(self, alg: str) -> str:
        """Publish another key beside those that the issuer signs with, and return its kid."""
        ...

    def withdraw_key(self, kid: str) -> None:
        """Publish such a key no longer."""
        ...

    def rotate_keys(self) -> None:
        """Sign with new keys from now on; the old ones stay published as long as the issuer thinks right."""
        ...

    def outage(self, paths: Collection[str], *, drop: bool = False) -> AbstractContextManager[None]:
        """Let requests whose path begins with one of these fail for a while.

        They are answered with 503, or not at all with `drop`.
        """
        ...

    def fetches(self, path: str, since: float) -> int:
        """Return how often a path was asked for since a time of the target's clock."""
        ...


class RightsControl(Protocol):
    """What the users may do, where the target lets that be changed."""

    def limited(self, subject: str, scopes: str) -> AbstractContextManager[None]:
        """Leave a user no rights but these, with spaces between them, until the end of the block."""
        ...


class ClockControl(Protocol):
    """The target's clock, where the target lets it be moved."""

    def now(self) -> float:
        """Return the target's time in seconds since the epoch."""
        ...

    def advance(self, seconds: float) -> None:
        """Move the target's clock."""
        ...


@dataclass(frozen=True)
class Tenant:
    """One tenant of the target: its issuer, its MCP server, and what is known of its clients, people and data.

    `own_text` stands in what the first tool that needs a scope returns to this tenant, and must be nobody else's.
    `arguments` are what this tool is called with at this tenant, where they are not those of the tool.
    `identity_provider` is one that the issuer trusts, and in whose name ID-JAGs can be signed.
    `tokens` are access tokens that are given by kind: good, expired, other_resource, limited, other_tenant.
    """

    name: str = ""
    authorization_server: str = ""
    mcp_server: str = ""
    clients: Mapping[str, OAuthClient] = field(default_factory=dict)
    login: Login = field(default_factory=Login)
    subject: str = "alice"
    own_text: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    signer: TokenSigner | None = None
    issuer_control: IssuerControl | None = None
    identity_provider: IdentityProvider | None = None
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Target:
    """The implementation under test and the plan for it.

    Attributes:
        origins: further places off loopback that belong to it, such as a login page's.
        narrow_scope: a scope that clients and the user may have; `wide_scope` holds it and more; `forbidden_scope` is
            one that the user of `home` lacks.
        resource_scopes: the scopes that the MCP server's metadata names, which let in whoever has them.
        other_scope: a scope that means something at `other_resource`.
        identities: who calls the tools, by name; none where they follow from the tools' scopes.
        public: the JSON-RPC methods that everybody may call, without a token.
        leeway: how many seconds the MCP server may add to a token's times, for clocks that differ.
        tools: by name; `implied` maps a scope to those that it implies, with spaces between them.
        expected: accepted failures, by scenario id or its beginning.
        keys_within: how many seconds the MCP server may take until it accepts a key that its issuer has published, and
            `withdrawn_within` until it refuses one that is published no longer; None where that is not stated.
        capabilities: the user's word on what the target has or lacks, by capability name.
        audit: the log in which the MCP server writes its decisions down.
        downstream: the API behind one of the tools, where the harness plays it.
        client_documents: gives the place where the harness serves client ID metadata documents that the target can
            fetch; None where there is none.
        secrets: what the user keeps in the environment, which no report may hold.
        file: the target file's path, as a reader in the same folder knows it; empty where none was named.
    """

    name: str
    home: Tenant
    other: Tenant | None = None
    spec: str = ""
    authorized: bool = False
    origins: tuple[str, ...] = ()
    narrow_scope: str = ""
    wide_scope: str = ""
    forbidden_scope: str = ""
    resource: str = ""
    resource_scopes: tuple[str, ...] = ()
    other_resource: str = ""
    other_scope: str = ""
    exchange_scope: str = ""
    identities: Mapping[str, Identity] = field(default_factory=dict)
    tools: Mapping[str, Tool] = field(default_factory=dict)
    public: frozenset[str] = frozenset()
    leeway: int = 600
    implied: Mapping[str, str] = field(default_factory=dict)
    effect: Effect | None = None
    clock: ClockControl | None = None
    rights: RightsControl | None = None
    keys_within: int | None = None
    withdrawn_within: int | None = None
    expected: Expected = field(default_factory=dict)
    capabilities: Mapping[str, bool] = field(default_factory=dict)
    limited_login: Login | None = None
    audit: AuditLog | None = None
    downstream: Downstream | None = None
    client_documents: Callable[[], ClientDocuments] | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)
    file: str = ""
