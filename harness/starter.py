"""A first target file: what discovery finds at a URL, and the file that says so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from harness import discovery
from harness.clients import TOKEN_EXCHANGE_GRANT
from harness.http import Client, is_loopback, origin_of
from harness.mcp_calls import McpConnection, result_of
from harness.requirement import REVISIONS
from harness.run import OUT_OF_BAND
from harness.starter_tools import FoundTool, find_tools
from harness.verdict import Blocked

_UNSAFE = re.compile(r'["\\]|[^\x20-\x7e]')
TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True)
class Found:
    """What discovery found at a URL: an MCP server, or an authorization server. Metadata is as it was published."""

    mcp_server: str = ""
    authorization_server: str = ""
    resource_metadata: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    tools: tuple[FoundTool, ...] = ()

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes that the resource, or else its authorization server, supports; those about identity left out."""
        for document in (self.resource_metadata, self.metadata):
            if names := tuple(filter(_is_resources, discovery.scopes_of(document))):
                return tuple(dict.fromkeys(names))
        return ()

    @property
    def resource(self) -> str:
        """The resource identifier that the MCP server's metadata names, or its URL; empty without an MCP server."""
        named = self.resource_metadata.get("resource")
        return named if isinstance(named, str) and named.isprintable() and origin_of(named) else self.mcp_server


def discover(client: Client, url: str, token: str | None = None) -> Found:
    """Find out whether a URL is an MCP server or an issuer, and what is published there.

    The authorization server that the metadata names is asked for its own. An MCP server is asked for its tools, with
    the token where there is one. Off loopback nothing else is asked for.

    Raises:
        Blocked: nothing answers, or what answers is neither.
    """
    client.send("GET", url)
    metadata = _or_nothing(discovery.authorization_server_metadata, client, url)
    if _same(metadata.get("issuer"), url):
        return Found(authorization_server=url, metadata=metadata)
    resource = _or_nothing(discovery.resource_metadata, client, url)
    if resource or _speaks_mcp(client, url):
        issuer = discovery.authorization_server_of(resource)
        if is_loopback(url) or not is_loopback(issuer):  # a far server leads to nothing on this machine
            client.wire.origins.add(origin_of(issuer))
        own = _or_nothing(discovery.authorization_server_metadata, client, issuer) if issuer else {}
        return Found(url, issuer, resource, own, find_tools(client, url, token))
    if metadata:
        return Found(authorization_server=url, metadata=metadata)
    raise Blocked(f"{url} publishes neither authorization server metadata nor protected resource metadata")


def target_file_text(found: Found) -> str:
    """Return the text of a target file, with comments for what only its reader can know."""
    far = not is_loopback(found.mcp_server or found.authorization_server)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        trim_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701
    )
    environment.filters |= {"toml": _toml, "key": _key}
    return environment.get_template("mcp-assay.toml.j2").render(
        mcp_server=found.mcp_server,
        authorization_server=found.authorization_server,
        far=far,
        elsewhere=is_loopback(found.authorization_server) is far,
        scopes=found.scopes,
        resource=found.resource,
        registration=found.metadata.get("registration_endpoint"),
        clients=[] if found.metadata.get("registration_endpoint") else list(_clients(found.metadata)),
        revisions=REVISIONS,
        tools=[replace(tool, scopes=tuple(filter(_is_resources, tool.scopes))) for tool in found.tools],
    )


def _or_nothing(fetch: Callable[[Client, str], dict[str, Any]], client: Client, url: str) -> dict[str, Any]:
    try:
        return fetch(client, url)
    except Blocked:
        return {}


def _same(issuer: object, url: str) -> bool:
    return isinstance(issuer, str) and issuer.rstrip("/") == url.rstrip("/")


def _speaks_mcp(client: Client, url: str) -> bool:
    try:
        answer = McpConnection(url, REVISIONS[0]).send(client, "tools/list", token=None)
    except Blocked:
        return False
    return bool(result_of(answer)) or (answer.status == 401 and discovery.has_bearer_challenge(answer))


def _is_resources(scope: str) -> bool:
    """Whether it is a scope, and about a resource rather than about identity."""
    return discovery.is_scope(scope) and scope not in OUT_OF_BAND


def _clients(metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name the kinds of client that are worth a table, and the variable for the secret of those that have one."""
    grants = metadata.get("grant_types_supported")
    offered = grants if isinstance(grants, list) else []
    yield "first", ""
    yield "second", ""
    if "client_credentials" in offered:
        yield "machine", "MACHINE_SECRET"
    if TOKEN_EXCHANGE_GRANT in offered:
        yield "exchanger", "EXCHANGER_SECRET"
    if metadata.get("introspection_endpoint"):
        yield "resource_server", "RESOURCE_SERVER_SECRET"


def _toml(text: str) -> str:
    """Return a TOML basic string; half of a surrogate pair, which TOML cannot hold, becomes a question mark."""
    return f'"{_UNSAFE.sub(_escape, text.encode("utf-8", "replace").decode())}"'


def _key(text: str) -> str:
    """Return a TOML key, quoted where it has to be."""
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else _toml(text)


def _escape(match: re.Match[str]) -> str:
    sign = match[0]
    return f"\\{sign}" if sign in '"\\' else f"\\U{ord(sign):08X}"
