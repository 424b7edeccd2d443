"""The MCP server and a small authorization server, each on a real socket, and what tests do with them."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from fixtures.mcp_server.app import McpServer, create_app, create_control
from fixtures.mcp_server.settings import Settings
from fixtures.service.audit import AuditTrail
from fixtures.service.clock import Clock
from fixtures.service.faults import FaultQueue
from fixtures.service.log import RequestLog
from fixtures.service.observed import Observed
from fixtures.service.surroundings import Surroundings
from fixtures.service.threaded import ThreadedServer
from fixtures.world import load_world
from harness.mcp_wire import Dialect, parse
from tests.mcp_server.small_issuer import SmallIssuer

CONTROL_TOKEN = "control"
NEWEST = "2026-07-28"
NO_TOKEN = object()


class Stage:
    """What a test sees: the base URL, the issuer, the clock, the audit trail, and requests that are good by default."""

    def __init__(self, base_url: str, control_url: str, issuer_url: str, audit: Path) -> None:
        self.base_url = base_url
        self.control_url = control_url
        self.audit_path = audit
        self.clock = Clock()
        self.world = load_world()
        self.issuer = SmallIssuer(issuer_url, self.world, self.clock)
        self.around = Surroundings(self.clock, self.world, RequestLog(), FaultQueue(), AuditTrail(audit, self.clock))
        self.server: McpServer = create_app(Settings(base_url, issuer_url), self.around)
        self.http = httpx.Client(trust_env=False, timeout=10)

    def reset(self) -> None:
        self.clock.reset()
        self.issuer.reset()
        self.server.reset()
        self.around.log.clear()

    def mcp(self, tenant: str = "acme") -> str:
        return f"{self.base_url}/{tenant}/mcp"

    def fx(self, tenant: str = "acme") -> str:
        return f"{self.base_url}/{tenant}/fx"

    def token(self, *scopes: str, issuer: str = "acme", header: Mapping[str, Any] | None = None, **changes: Any) -> str:
        """A good token of an issuer's tenant, but for the changes."""
        claims = self.issuer.claims(issuer, self.mcp(issuer), **{"scope": " ".join(scopes), **changes})
        return self.issuer.sign(issuer, claims, header)

    def send(
        self, method: str, params: Mapping[str, Any] | None = None, *, token: Any = NO_TOKEN, tenant: str = "acme"
    ) -> httpx.Response:
        """One request of the newest revision."""
        headers, body = Dialect(NEWEST).request(method, params)
        if token is not NO_TOKEN:
            headers["Authorization"] = f"Bearer {token}"
        return self.http.post(self.mcp(tenant), headers=headers, content=json.dumps(body))

    def call(self, tool: str, arguments: Mapping[str, Any] | None = None, **options: Any) -> httpx.Response:
        return self.send("tools/call", {"name": tool, "arguments": arguments or {}}, **options)

    def decisions(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.audit_path.read_text().splitlines()]


def result(response: httpx.Response) -> dict[str, Any]:
    """The result of a JSON-RPC answer."""
    message = parse(response.headers.get("content-type"), response.content)
    assert response.status_code == 200, response.text
    assert message is not None
    found: dict[str, Any] = message["result"]
    return found


def structured(response: httpx.Response) -> dict[str, Any]:
    """The structured content of a tool's result."""
    found: dict[str, Any] = result(response)["structuredContent"]
    return found


def challenge(response: httpx.Response) -> dict[str, str]:
    """The members of the one Bearer challenge of a response."""
    (value,) = response.headers.get_list("www-authenticate")
    scheme, _, rest = value.partition(" ")
    assert scheme == "Bearer"
    pairs = [pair.partition("=") for pair in rest.split(", ")]
    members = {name: text.strip('"') for name, _, text in pairs}
    assert len(members) == len(pairs)
    return members


@contextmanager
def open_stage(folder: Path) -> Iterator[Stage]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
    urls = [f"http://127.0.0.1:{sock.getsockname()[1]}" for sock in sockets]
    stage = Stage(urls[0], urls[1], urls[2], folder / "audit.jsonl")
    control = create_control(stage.server, stage.around, CONTROL_TOKEN)
    servers = [
        ThreadedServer(Observed(stage.server, stage.around), control, sockets[0], sockets[1]),
        ThreadedServer(stage.issuer.app, stage.issuer.app, sockets[2], sockets[3]),
    ]
    for server in servers:
        server.start()
    try:
        yield stage
    finally:
        stage.http.close()
        for server in servers:
            server.stop()
        stage.around.audit.close()
        for sock in sockets:
            sock.close()
