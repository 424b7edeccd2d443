"""An MCP server on the Python SDK, protected by the JWT access tokens of an authorization server that it is told of."""

from __future__ import annotations

import argparse
from typing import Any

import anyio.to_thread
import jwt
from mcp.server import MCPServer
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import ValidationError

from tests.targets.loopback import listen, origin, serve

READ = "urn:infra:monitoring:read"
DEPLOY = "urn:infra:deploy:create"


class JwtVerifier(TokenVerifier):
    """Accepts access tokens as RFC 9068 section 4 says; the SDK compares the resource that is reported to it."""

    def __init__(self, *, issuer: str, jwks_uri: str, resource: str) -> None:
        self._issuer = issuer
        self._resource = resource
        self._keys = jwt.PyJWKClient(jwks_uri, cooldown_duration=2)

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return what the token says, or None when it is not to be believed."""
        try:
            return self._access_token(token, await anyio.to_thread.run_sync(self._claims, token))
        except (jwt.PyJWTError, ValidationError):
            return None

    def _access_token(self, token: str, claims: dict[str, Any]) -> AccessToken:
        audience, scope = claims["aud"], claims.get("scope")
        return AccessToken(
            token=token,
            client_id=claims["client_id"],
            scopes=scope.split(" ") if isinstance(scope, str) else [],
            expires_at=int(claims["exp"]),
            resource=self._own_entry(audience) if isinstance(audience, list) else audience,
            subject=claims["sub"],
            claims=claims,
        )

    def _claims(self, token: str) -> dict[str, Any]:
        decoded = jwt.decode_complete(
            token,
            self._keys.get_signing_key_from_jwt(token),
            algorithms=["RS256"],
            issuer=self._issuer,
            options={"require": ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"], "verify_aud": False},
        )
        if str(decoded["header"].get("typ")).lower() not in {"at+jwt", "application/at+jwt"}:
            raise jwt.InvalidTokenError("the token is not an access token")
        claims: dict[str, Any] = decoded["payload"]
        return claims

    def _own_entry(self, audience: list[object]) -> str | None:
        return self._resource if self._resource in audience else None


def create_server(*, issuer: str, jwks_uri: str, resource: str, validate_token_resource: bool | None) -> MCPServer:
    """Return the server: one tool for every caller, one for those who may deploy.

    Args:
        issuer: the authorization server's identifier.
        jwks_uri: where its keys are.
        resource: this server's own identifier.
        validate_token_resource: the SDK's setting of that name, which is not set, and off, unless it is asked for.
    """
    server = MCPServer(
        "Operations",
        token_verifier=JwtVerifier(issuer=issuer, jwks_uri=jwks_uri, resource=resource),
        auth=AuthSettings.model_validate(
            {
                "issuer_url": issuer,
                "resource_server_url": resource,
                "required_scopes": [READ],
                "validate_token_resource": validate_token_resource,
            }
        ),
    )

    deployments: list[str] = []

    @server.tool()
    def list_deployments() -> list[str]:
        """Return the services that were deployed."""
        return deployments

    @server.tool()
    def create_deployment(service: str) -> str:
        """Deploy a service."""
        token = get_access_token()
        if token is None or DEPLOY not in token.scopes:
            raise ToolError(f"The scope {DEPLOY} is needed")
        deployments.append(service)
        return f"{service} is being deployed"

    return server


def main() -> None:
    """Serve it until standard input closes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--issuer", required=True, help="issuer identifier of the authorization server")
    parser.add_argument("--jwks", required=True, help="URL of its key set")
    parser.add_argument("--validate-token-resource", action="store_const", const=True, help="set what the SDK calls so")
    parser.add_argument("--port", type=int, default=0, help="loopback port; a free one by default")
    options = parser.parse_args()
    listener = listen(options.port)
    resource = f"{origin(listener)}/mcp"
    server = create_server(
        issuer=options.issuer,
        jwks_uri=options.jwks,
        resource=resource,
        validate_token_resource=options.validate_token_resource,
    )
    serve(server.streamable_http_app(), listener, {"mcp_server": resource})


if __name__ == "__main__":
    main()
