"""An MCP server on the Python SDK that believes the access tokens of one issuer."""

from typing import Any

import anyio.to_thread
import jwt
from mcp.server import MCPServer
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver.exceptions import ToolError

ISSUER = "http://127.0.0.1:7401/acme"
JWKS = "http://127.0.0.1:7401/acme/jwks"
AUDIENCE = "http://127.0.0.1:8000/mcp"


class Verifier(TokenVerifier):
    """The part that the SDK leaves to you: whether a token is to be believed."""

    keys = jwt.PyJWKClient(JWKS)

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return what the token says, or None when it is not to be believed."""
        try:
            claims = await anyio.to_thread.run_sync(self.claims, token)
        except jwt.PyJWTError:
            return None
        scope = claims.get("scope")
        return AccessToken(
            token=token,
            client_id=str(claims["client_id"]),
            scopes=scope.split(" ") if isinstance(scope, str) else [],
            expires_at=int(claims["exp"]),
            resource=AUDIENCE,
            subject=str(claims["sub"]),
        )

    def claims(self, token: str) -> dict[str, Any]:
        """Return the claims; an error of PyJWT where anything is wrong with the token."""
        return jwt.decode(
            token,
            self.keys.get_signing_key_from_jwt(token),
            algorithms=["RS256"],
            issuer=ISSUER,
            audience=AUDIENCE,
            options={"require": ["iss", "exp", "aud", "sub", "client_id"]},
        )


mcp = MCPServer(
    "deployments",
    token_verifier=Verifier(),
    auth=AuthSettings(
        issuer_url=ISSUER,
        resource_server_url=AUDIENCE,
        required_scopes=["deployments:read"],
        validate_token_resource=True,
    ),
)
deployments: list[str] = []


@mcp.tool()
def list_deployments() -> list[str]:
    """Return the services that were deployed."""
    return deployments


@mcp.tool()
def create_deployment(service: str) -> str:
    """Deploy a service."""
    token = get_access_token()
    if token is None or "deployments:write" not in token.scopes:
        raise ToolError("the scope deployments:write is needed")
    deployments.append(service)
    return f"{service} is being deployed"


if __name__ == "__main__":
    mcp.run("streamable-http", port=8000)
