"""Where the services of a sandbox are: ports, URLs, and the identifiers that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SERVICES = ("mcp_server", "authorization_server", "mock_idp")
"""The services by name, the one that takes longest to start first."""

ISSUER = ("authorization_server", "mock_idp")
"""What issues tokens, without an MCP server."""


@dataclass(frozen=True)
class Place:
    """The base URLs of one service and of its control plane, without a slash at the end."""

    url: str
    control_url: str


@dataclass(frozen=True)
class Layout:
    """Where the three services are, as seen by everybody: browser, harness, and the services themselves."""

    mock_idp: Place
    authorization_server: Place
    mcp_server: Place

    def place(self, service: str) -> Place:
        """Return the place of a service of `SERVICES`."""
        places: Mapping[str, Place] = {name: getattr(self, name) for name in SERVICES}
        return places[service]

    def issuer(self, tenant: str) -> str:
        """Return the authorization server's issuer identifier for a tenant (RFC 8414 section 2)."""
        return f"{self.authorization_server.url}/{tenant}"

    def resource(self, tenant: str, path: str = "/mcp") -> str:
        """Return the resource identifier of a tenant's MCP endpoint, or of another path (RFC 8707 section 2)."""
        return f"{self.mcp_server.url}/{tenant}{path}"

    def idp_issuer(self, tenant: str) -> str:
        """Return the OpenID provider's issuer identifier for a tenant."""
        return f"{self.mock_idp.url}/{tenant}"
