"""The Python SDK's own authorization server: its routes, over a provider that keeps everything in memory."""

from __future__ import annotations

import argparse

from mcp.server.auth.routes import create_auth_routes
from mcp.server.auth.settings import AuthSettings
from starlette.applications import Starlette

from tests.targets.in_memory_provider import InMemoryProvider
from tests.targets.loopback import listen, origin, serve

RESOURCES = ("https://mcp.example/mcp", "https://other.example/mcp")
SCOPES = ["tools:read", "tools:write"]
SUBJECT = "alice"


def create_app(issuer: str) -> Starlette:
    """Return the authorization server, with registration and revocation, as the SDK's simple-auth example wires it."""
    settings = AuthSettings.model_validate(
        {
            "issuer_url": issuer,
            "resource_server_url": None,
            "client_registration_options": {"enabled": True, "valid_scopes": SCOPES, "default_scopes": SCOPES},
            "revocation_options": {"enabled": True},
        }
    )
    return Starlette(
        routes=create_auth_routes(
            provider=InMemoryProvider(resources=RESOURCES, default_scopes=SCOPES, subject=SUBJECT),
            issuer_url=settings.issuer_url,
            client_registration_options=settings.client_registration_options,
            revocation_options=settings.revocation_options,
        )
    )


def main() -> None:
    """Serve it until standard input closes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="loopback port; a free one by default")
    listener = listen(parser.parse_args().port)
    issuer = origin(listener)
    serve(create_app(issuer), listener, {"issuer": issuer})


if __name__ == "__main__":
    main()
