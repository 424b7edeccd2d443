"""Who was asked in each exchange: told from the URLs that the user named, and from who asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from harness.exchange import Exchange
from harness.http import origin_of
from harness.requirement import Role
from harness.target import Target

API = "downstream-api"
RESOURCE_METADATA = "/.well-known/oauth-protected-resource"


def recipients(exchanges: Sequence[Exchange], target: Target) -> list[str]:
    """Return the role of whoever received each request, or `API` for the API behind the MCP server.

    The back channel speaks to MCP servers and authorization servers only, and a browser begins at the authorization
    server; where it is sent besides is the identity provider.
    """
    servers = [place for tenant in (target.home, target.other) if tenant and (place := tenant.mcp_server)]
    ours = [tenant.authorization_server for tenant in (target.home, target.other) if tenant]
    known = {origin_of(url) for url in ours} | set(_begun(exchanges, servers))
    return [API if item.sender == Role.MCP_SERVER else _recipient(item, servers, known).value for item in exchanges]


def _recipient(exchange: Exchange, servers: Iterable[str], known: Iterable[str]) -> Role:
    if any(_belongs(exchange.url, server) for server in servers):
        return Role.MCP_SERVER
    if exchange.sender == "client" or origin_of(exchange.url) in known:
        return Role.AUTHORIZATION_SERVER
    return Role.IDENTITY_PROVIDER


def _begun(exchanges: Iterable[Exchange], servers: Iterable[str]) -> Iterable[str]:
    browsed = False
    for exchange in exchanges:
        first = exchange.sender == "browser" and not browsed
        browsed = browsed or first
        if first or (exchange.sender == "client" and not any(_belongs(exchange.url, server) for server in servers)):
            yield origin_of(exchange.url)


def _belongs(url: str, server: str) -> bool:
    """Tell whether a URL is an MCP server's endpoint, or its protected resource metadata (RFC 9728 section 3.1)."""
    if origin_of(url) != origin_of(server):
        return False
    path, endpoint = urlsplit(url).path, urlsplit(server).path.rstrip("/")
    return path.rstrip("/") == endpoint or path.startswith((RESOURCE_METADATA, f"{endpoint}/" if endpoint else "\n"))
