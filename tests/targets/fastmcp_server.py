"""An MCP server on FastMCP, protected by its JWT verifier, alone or behind its remote-auth provider.

It runs in an environment of its own, `fastmcp/.venv`, which mypy does not see.
"""
# mypy: disable-error-code="import-not-found, untyped-decorator"

from __future__ import annotations

import argparse

from fastmcp import FastMCP
from fastmcp.server.auth import JWTVerifier, RemoteAuthProvider, require_scopes
from pydantic import AnyHttpUrl

from tests.targets.loopback import listen, origin, serve

READ = "urn:infra:monitoring:read"
DEPLOY = "urn:infra:deploy:create"


def create_server(*, issuer: str, jwks_uri: str, base_url: str, remote: bool) -> FastMCP:
    """Return the server: one tool for every caller, one for those who may deploy.

    Args:
        issuer: the authorization server's identifier.
        jwks_uri: where its keys are.
        base_url: where this server is; its resource identifier is that with the path of its endpoint.
        remote: whether clients are told of the authorization server, by `RemoteAuthProvider`.
    """
    verifier = JWTVerifier(
        jwks_uri=jwks_uri, issuer=issuer, audience=f"{base_url}/mcp", required_scopes=[READ], base_url=base_url
    )
    provider = RemoteAuthProvider(
        token_verifier=verifier, authorization_servers=[AnyHttpUrl(issuer)], base_url=base_url
    )
    server = FastMCP("Operations", auth=provider if remote else verifier)
    deployments: list[str] = []

    @server.tool
    def list_deployments() -> list[str]:
        """Return the services that were deployed."""
        return deployments

    @server.tool(auth=require_scopes(READ, DEPLOY))
    def create_deployment(service: str) -> str:
        """Deploy a service."""
        deployments.append(service)
        return f"{service} is being deployed"

    return server


def main() -> None:
    """Serve it until standard input closes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--issuer", required=True, help="issuer identifier of the authorization server")
    parser.add_argument("--jwks", required=True, help="URL of its key set")
    parser.add_argument("--remote-auth", action="store_true", help="wrap the verifier in RemoteAuthProvider")
    parser.add_argument("--port", type=int, default=0, help="loopback port; a free one by default")
    options = parser.parse_args()
    listener = listen(options.port)
    base_url = origin(listener)
    server = create_server(issuer=options.issuer, jwks_uri=options.jwks, base_url=base_url, remote=options.remote_auth)
    serve(server.http_app(), listener, {"mcp_server": f"{base_url}/mcp"})


if __name__ == "__main__":
    main()
