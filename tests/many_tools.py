"""An MCP server with many tools, on the official SDK, that trusts one issuer: the access matrix is measured with it."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import jwt
import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.targets.loopback import listen, origin, serve

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOOLS, SCOPES = 100, 10
METADATA = "/.well-known/oauth-protected-resource/mcp"


def needs() -> dict[str, frozenset[str]]:
    """Return the scopes that each tool needs: one of ten, and each third tool another one beside it."""
    return {
        f"tool_{number}": frozenset({_scope(number), *([_scope(number // SCOPES)] if number % 3 == 0 else [])})
        for number in range(TOOLS)
    }


def _scope(number: int) -> str:
    return f"urn:many:{number % SCOPES}"


class Gate:
    """Lets a request in whose token is good, and covers the tool that is called."""

    def __init__(self, inner: ASGIApp, issuer: str, resource: str) -> None:
        self._inner, self._issuer, self._resource = inner, issuer, resource
        self._keys = jwt.PyJWKClient(f"{issuer}/jwks")
        self._needs = needs()
        self._metadata = resource.replace("/mcp", METADATA)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Decide about one request."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        request = Request(scope, receive)
        body = await request.body()
        refusal = await self._refusal(request.headers.get("authorization", ""), body)

        async def again() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        await (refusal or self._inner)(scope, again, send)

    async def _refusal(self, authorization: str, body: bytes) -> Response | None:
        try:
            claims = await self._claims(authorization.removeprefix("Bearer "))
        except jwt.PyJWTError:
            return self._challenge(401, "invalid_token" if authorization else "", ())
        message = json.loads(body or b"{}")
        called = message["params"]["name"] if message.get("method") == "tools/call" else ""
        needed = self._needs.get(called, frozenset())
        held = str(claims.get("scope", "")).split(" ")
        return None if needed <= set(held) else self._challenge(403, "insufficient_scope", needed)

    async def _claims(self, token: str) -> dict[str, Any]:
        key = await anyio.to_thread.run_sync(self._keys.get_signing_key_from_jwt, token)
        required = ["iss", "aud", "exp", "sub"]
        claims: dict[str, Any] = jwt.decode(
            token, key, ["RS256"], {"require": required}, audience=self._resource, issuer=self._issuer
        )
        return claims

    def _challenge(self, status: int, error: str, scopes: Any) -> Response:
        members = {"resource_metadata": self._metadata, "error": error, "scope": " ".join(sorted(scopes))}
        value = ", ".join(f'{name}="{text}"' for name, text in members.items() if text)
        return JSONResponse({"error": error}, status, {"WWW-Authenticate": f"Bearer {value}"})


def create_app(issuer: str, url: str) -> Starlette:
    """Return the server as an ASGI app; its endpoint is `url`/mcp."""
    tools = [types.Tool(name=name, input_schema={"type": "object", "properties": {}}) for name in needs()]

    async def list_tools(_: Any, __: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=tools)

    async def call_tool(_: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        return types.CallToolResult(content=[types.TextContent(text=f"{params.name} was called")])

    async def metadata(_: Request) -> Response:
        return JSONResponse({"resource": f"{url}/mcp", "authorization_servers": [issuer]})

    server: Server[Any] = Server("many-tools", on_list_tools=list_tools, on_call_tool=call_tool)
    sessions = StreamableHTTPSessionManager(server, json_response=True, stateless=True)
    gate = Gate(sessions.handle_request, issuer, f"{url}/mcp")
    return Starlette(routes=[Route(METADATA, metadata), Route("/mcp", gate)], lifespan=lambda _: sessions.run())


def main() -> None:
    """Serve it until standard input closes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--issuer", required=True, help="issuer identifier of the authorization server")
    options = parser.parse_args()
    listener = listen(0)
    url = origin(listener)
    serve(create_app(options.issuer, url), listener, {"mcp_server": f"{url}/mcp"})


if __name__ == "__main__":
    main()
