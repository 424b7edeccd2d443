"""The target: the implementation under test, with everything that the harness was told about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from harness.baseline import Expected

REDIRECT_URI = "http://127.0.0.1:8976/callback"
"""Where clients have codes sent unless the target file says otherwise; nothing has to listen there."""


@dataclass(frozen=True)
class OAuthClient:
    """A registered client. `auth_method` is what the server registered, whatever was asked for.

    `private_key` is a JWK with its private members; `registration` is the answer of the registration endpoint.
    """

    client_id: str
    auth_method: str = "none"
    secret: str | None = field(default=None, repr=False)
    private_key: Mapping[str, Any] | None = field(default=None, repr=False)
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
    """A tool of the MCP server: the scopes that a call needs, and arguments that are valid."""

    name: str
    scopes: frozenset[str] = frozenset()
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Effect:
    """A tool that changes something, and another one whose answer shows it.

    Args:
        write: its arguments hold `{marker}`, in whose place a text of our own is put.
        read: its answer holds that text once the change was made.
    """

    write: Tool
    read: Tool

    def marked(self, marker: str) -> Tool:
        """Return the changing tool with a text of our own in its arguments."""
        filled = {
            name: value.replace("{marker}", marker) if isinstance(value, str) else value
            for name, value in self.write.arguments.items()
        }
        return replace(self.write, arguments=filled)


class TokenSigner(Protocol):
    """Signs whatever it is given with the key of the issuer that the MCP server trusts."""

    def sign(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """Return the compact JWS of exactly these claims under exactly these header members, plus alg and kid."""
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
    """

    name: str = ""
    authorization_server: str = ""
    mcp_server: str = ""
    clients: Mapping[str, OAuthClient] = field(default_factory=dict)
    login: Login = field(default_factory=Login)
    subject: str = "alice"
    own_text: str = ""
    signer: TokenSigner | None = None


@dataclass(frozen=True)
class Target:
    """The implementation under test and the plan for it.

    Attributes:
        origins: further places off loopback that belong to it, such as a login page's.
        narrow_scope: a scope that clients and the user may have; `wide_scope` holds it and more; `forbidden_scope` is
            one that the user of `home` lacks.
        other_scope: a scope that means something at `other_resource`.
        tools: by name; `implied` maps a scope to one that it implies.
        expected: accepted failures, by scenario id or its beginning.
        capabilities: the user's word on what the target has or lacks, by capability name.
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
    other_resource: str = ""
    other_scope: str = ""
    exchange_scope: str = ""
    tools: Mapping[str, Tool] = field(default_factory=dict)
    implied: Mapping[str, str] = field(default_factory=dict)
    effect: Effect | None = None
    clock: ClockControl | None = None
    expected: Expected = field(default_factory=dict)
    capabilities: Mapping[str, bool] = field(default_factory=dict)
    limited_login: Login | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)
    file: str = ""
