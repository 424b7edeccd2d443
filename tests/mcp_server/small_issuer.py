"""A small authorization server for these tests: it signs anything, forgets nothing that it revoked, and exchanges."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fixtures.service.clock import Clock
from fixtures.service.keys import KeyRing
from fixtures.world import World

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


class SmallIssuer:
    """One issuer for each tenant, below `origin`."""

    def __init__(self, origin: str, world: World, clock: Clock) -> None:
        self._origin = origin
        self._world = world
        self._clock = clock
        self.keys = {tenant: KeyRing(clock, retention=900) for tenant in world.tenants}
        self.reset()
        self.app = Starlette(
            routes=[
                Route("/.well-known/oauth-authorization-server/{tenant}", self._metadata),
                Route("/{tenant}/jwks", self._jwks),
                Route("/{tenant}/introspect", self._introspect, methods=["POST"]),
                Route("/{tenant}/token", self._token, methods=["POST"]),
            ]
        )

    def reset(self) -> None:
        self.revoked: set[str] = set()
        self.requests: list[str] = []
        self.exchanges: list[dict[str, Any]] = []
        self.named_issuer: str | None = None
        self.introspection: Any = None
        self.exchange_error = ""

    def claims(self, issuer: str, audience: str, **changes: Any) -> dict[str, Any]:
        """The claims of a good token of a human and an agent; a change to None leaves the claim out."""
        now = self._clock.seconds()
        claims = {
            "iss": f"{self._origin}/{issuer}",
            "sub": "alice",
            "aud": audience,
            "exp": now + 900,
            "iat": now,
            "jti": uuid.uuid4().hex,
            "client_id": "ledger-agent",
            "scope": "",
            "tenant": issuer,
            "act": {"sub": "ledger-agent"},
        }
        return {name: value for name, value in {**claims, **changes}.items() if value is not None}

    def sign(self, tenant: str, claims: Mapping[str, Any], header: Mapping[str, Any] | None = None) -> str:
        return self.keys[tenant].sign(claims, header={"typ": "at+jwt", **(header or {})})

    async def _metadata(self, request: Request) -> Response:
        issuer = f"{self._origin}/{request.path_params['tenant']}"
        self.requests.append("metadata")
        return JSONResponse(
            {
                "issuer": self.named_issuer or issuer,
                "jwks_uri": f"{issuer}/jwks",
                "token_endpoint": f"{issuer}/token",
                "introspection_endpoint": f"{issuer}/introspect",
            }
        )

    async def _jwks(self, request: Request) -> Response:
        self.requests.append("jwks")
        return JSONResponse(self.keys[request.path_params["tenant"]].jwks())

    async def _introspect(self, request: Request) -> Response:
        self.requests.append("introspect")
        if not self._authenticated(request):
            return JSONResponse({"error": "invalid_client"}, 401)
        if self.introspection is not None:
            return JSONResponse(self.introspection)
        token = str((await request.form())["token"])
        return JSONResponse({"active": payload(token).get("jti") not in self.revoked})

    async def _token(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        self.exchanges.append(form)
        if not self._authenticated(request) or form["grant_type"] != EXCHANGE:
            return JSONResponse({"error": "invalid_client"}, 401)
        if self.exchange_error:
            return JSONResponse({"error": self.exchange_error}, 400)
        tenant = request.path_params["tenant"]
        subject = payload(form["subject_token"])
        act = {"sub": "mcp-server", "act": subject.get("act")}
        changes = {"sub": subject["sub"], "client_id": "mcp-server", "scope": form["scope"], "act": act}
        token = self.sign(tenant, self.claims(tenant, form["resource"], **changes))
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": 900})

    def _authenticated(self, request: Request) -> bool:
        secret = self._world.tenants[request.path_params["tenant"]].agents["mcp-server"].secret
        expected = base64.b64encode(f"mcp-server:{secret}".encode()).decode()
        return request.headers.get("authorization") == f"Basic {expected}"


def payload(token: str) -> dict[str, Any]:
    """The claims of a JWT, unverified; nothing for what is none."""
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
