"""An MCP server on FastMCP that believes the access tokens of one issuer."""

from fastmcp import FastMCP
from fastmcp.server.auth import JWTVerifier, RemoteAuthProvider, require_scopes

ISSUER = "http://127.0.0.1:7401/acme"
JWKS = "http://127.0.0.1:7401/acme/jwks"
AUDIENCE = "http://127.0.0.1:8000/mcp"

auth = RemoteAuthProvider(
    token_verifier=JWTVerifier(jwks_uri=JWKS, issuer=ISSUER, audience=AUDIENCE, required_scopes=["deployments:read"]),
    authorization_servers=[ISSUER],
    base_url="http://127.0.0.1:8000",
)
mcp = FastMCP("deployments", auth=auth)
deployments: list[str] = []


@mcp.tool
def list_deployments() -> list[str]:
    """Return the services that were deployed."""
    return deployments


@mcp.tool(auth=require_scopes("deployments:read", "deployments:write"))
def create_deployment(service: str) -> str:
    """Deploy a service."""
    deployments.append(service)
    return f"{service} is being deployed"


if __name__ == "__main__":
    mcp.run("http", port=8000, host_origin_protection=True)
