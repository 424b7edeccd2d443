"""The authorization server and its OpenID provider on free ports, and a client of a tenant with a browser."""

from __future__ import annotations

import re
import secrets
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt

from fixtures.authorization_server.app import AuthorizationServerApp, create_app
from fixtures.authorization_server.control import create_control
from fixtures.authorization_server.settings import Settings
from fixtures.service.audit import AuditTrail
from fixtures.service.clock import Clock
from fixtures.service.faults import FaultQueue
from fixtures.service.log import RequestLog
from fixtures.service.observed import Observed
from fixtures.service.surroundings import Surroundings
from fixtures.service.threaded import ThreadedServer
from fixtures.world import load_world
from harness.sandbox.control import ControlPlane
from mock_idp import app as idp
from mock_idp.settings import Settings as IdpSettings

CONTROL_TOKEN = "control"
MCP_SERVER = "http://127.0.0.1:7402"
REDIRECT_URI = "http://127.0.0.1:43210/callback"
BALANCE = "urn:ledger:balance:read"
FX = "urn:fx:convert"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"

_TLS = ssl.create_default_context()
_HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]+)">')


def new_http() -> httpx.Client:
    return httpx.Client(trust_env=False, verify=_TLS)


@dataclass
class Trio:
    base_url: str
    control_url: str
    idp_control_url: str
    clock: Clock
    app: AuthorizationServerApp
    surroundings: Surroundings
    audit: Path
    clients: list[Client] = field(default_factory=list)
    http: httpx.Client = field(default_factory=new_http)

    def client(self, tenant: str = "acme", client_id: str = "console", secret: str | None = None) -> Client:
        self.clients.append(Client(self, tenant, client_id, secret))
        return self.clients[-1]

    def close_clients(self) -> None:
        while self.clients:
            self.clients.pop().close()

    def issuer(self, tenant: str = "acme") -> str:
        return f"{self.base_url}/{tenant}"

    def claims(self, token: str, tenant: str = "acme") -> dict[str, Any]:
        return jwt.decode(token, self.app.tenants[tenant].issuer.keys.key_set(), algorithms=["RS256"]).claims

    def control(self, path: str, body: dict[str, Any] | None = None, *, idp: bool = False) -> httpx.Response:
        headers = {"Authorization": f"Bearer {CONTROL_TOKEN}"}
        return self.http.post(f"{self.idp_control_url if idp else self.control_url}{path}", json=body, headers=headers)

    def sign(self, claims: dict[str, Any], header: dict[str, Any], tenant: str = "acme") -> str:
        with self.control_plane() as control:
            return control.sign(tenant, header, claims)

    def control_plane(self) -> ControlPlane:
        return ControlPlane(self.control_url, CONTROL_TOKEN)


class Client:
    """A client of one tenant, and the browser of its user."""

    def __init__(self, trio: Trio, tenant: str, client_id: str, secret: str | None) -> None:
        self.trio = trio
        self.issuer = trio.issuer(tenant)
        self.client_id = client_id
        self.auth = httpx.BasicAuth(client_id, secret) if secret else None
        self.browser = new_http()
        self.back_channel = trio.http
        self.verifier = secrets.token_urlsafe(48)

    def close(self) -> None:
        self.browser.close()

    def authorization_parameters(self, **changes: str | None) -> dict[str, str]:
        parameters = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": REDIRECT_URI,
            "state": "a state/with +&= signs",
            "code_challenge": create_s256_code_challenge(self.verifier),
            "code_challenge_method": "S256",
            "login_hint": "alice" if self.issuer.endswith("acme") else "gina",
            **changes,
        }
        return {name: value for name, value in parameters.items() if value is not None}

    def start(self, **changes: Any) -> httpx.Response:
        """Send the browser off, and follow it until it meets a page or leaves for the client."""
        parameters = self.authorization_parameters(**changes)
        return self.follow(self.browser.get(f"{self.issuer}/authorize", params=parameters))

    def follow(self, answer: httpx.Response) -> httpx.Response:
        while answer.has_redirect_location and not answer.headers["location"].startswith("http://127.0.0.1:43210"):
            answer = self.browser.get(answer.headers["location"])
        return answer

    def decide(self, page: httpx.Response, decision: str = "allow", **changes: str) -> httpx.Response:
        form = {**dict(_HIDDEN.findall(page.text)), "decision": decision, **changes}
        return self.browser.post(f"{self.issuer}/consent", data=form)

    def authorize(self, **changes: Any) -> dict[str, str]:
        answer = self.start(**changes)
        return response_parameters(self.decide(answer) if answer.status_code == 200 else answer)

    def post(self, endpoint: str, **form: Any) -> httpx.Response:
        if not self.auth:
            form = {"client_id": self.client_id, **form}
        data = {name: value for name, value in form.items() if value is not None}
        return self.back_channel.post(
            f"{self.issuer}/{endpoint}", data=data, auth=self.auth or httpx.USE_CLIENT_DEFAULT
        )

    def redeem(self, code: str, **changes: Any) -> httpx.Response:
        form = {"code": code, "redirect_uri": REDIRECT_URI, "code_verifier": self.verifier, **changes}
        return self.post("token", grant_type="authorization_code", **form)

    def tokens(self, **changes: Any) -> dict[str, Any]:
        answer = self.redeem(self.authorize(**changes)["code"])
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def refresh(self, token: str, **changes: Any) -> httpx.Response:
        return self.post("token", grant_type="refresh_token", refresh_token=token, **changes)

    def exchange(self, token: str, **changes: Any) -> httpx.Response:
        form = {"subject_token": token, "subject_token_type": ACCESS_TOKEN, **changes}
        return self.post("token", grant_type=EXCHANGE, **form)


def response_parameters(answer: httpx.Response) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query, keep_blank_values=True))


def refused(answer: httpx.Response, error: str, status: int = 400) -> None:
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text
    assert answer.headers["cache-control"] == "no-store"


@contextmanager
def running(audit: Path) -> Iterator[Trio]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
    idp_url, as_url, idp_control_url, control_url = (f"http://127.0.0.1:{sock.getsockname()[1]}" for sock in sockets)
    clock, world = Clock(), load_world()
    around_idp = Surroundings(clock, world, RequestLog(), FaultQueue(), AuditTrail(None, clock))
    around = Surroundings(clock, world, RequestLog(), FaultQueue(), AuditTrail(audit, clock))
    provider = idp.create_app(IdpSettings(idp_url, (as_url,)), around_idp)
    app = create_app(Settings(as_url, idp_url, MCP_SERVER), around)
    idp_control = idp.create_control(provider, around_idp, CONTROL_TOKEN)
    control = create_control(app, around, CONTROL_TOKEN)
    servers = (
        ThreadedServer(Observed(provider, around_idp), idp_control, sockets[0], sockets[2]),
        ThreadedServer(Observed(app, around), control, sockets[1], sockets[3]),
    )
    for server in servers:
        server.start()
    trio = Trio(as_url, control_url, idp_control_url, clock, app, around, audit)
    yield trio
    trio.http.close()
    for server in servers:
        server.stop()
    for sock in sockets:
        sock.close()
    around.audit.close()
