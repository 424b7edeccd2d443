"""An MCP server on the Python SDK that is told by its environment which issuer to believe, and where to listen."""

from __future__ import annotations

import os
import sys
from typing import Any

import anyio.to_thread
import jwt
from mcp.server import MCPServer
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import AnyHttpUrl
from starlette.requests import Request
from starlette.responses import PlainTextResponse

ISSUER, JWKS_URI, AUDIENCE = (os.environ[name] for name in ("ISSUER", "JWKS_URI", "AUDIENCE"))


class Verifier(TokenVerifier):
    """Believes the tokens of one issuer that are for this server."""

    keys = jwt.PyJWKClient(JWKS_URI)

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return what the token says, or None when it is not to be believed."""
        try:
            claims = await anyio.to_thread.run_sync(self.claims, token)
        except jwt.PyJWTError:
            return None
        sys.stderr.write(f"a good token: {token}\n")
        scopes = str(claims.get("scope", "")).split()
        client, subject, until = str(claims["client_id"]), str(claims["sub"]), int(claims["exp"])
        return AccessToken(
            token=token, client_id=client, scopes=scopes, expires_at=until, resource=AUDIENCE, subject=subject
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
        issuer_url=AnyHttpUrl(ISSUER),
        resource_server_url=AnyHttpUrl(AUDIENCE),
        required_scopes=["deployments:read"],
        validate_token_resource=True,
    ),
)


@mcp.tool()
def list_deployments() -> list[str]:
    """Return the services that were deployed."""
    return []


@mcp.tool()
def create_deployment(service: str) -> str:
    """Deploy a service."""
    token = get_access_token()
    if token is None or "deployments:write" not in token.scopes:
        raise ToolError("the scope deployments:write is needed")
    return f"{service} is being deployed"


async def health(request: Request) -> PlainTextResponse:
    """Tell that the server is ready."""
    return PlainTextResponse("ready")


mcp.custom_route("/health", methods=["GET"])(health)


if __name__ == "__main__":
    sys.stderr.write(f"the password is {os.environ.get('PASSWORD')}\n")
    mcp.run("streamable-http", host=os.environ.get("HOST", "0.0.0.0"), port=int(os.environ.get("PORT", "8000")))
