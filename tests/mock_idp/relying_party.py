"""What the tests of the provider need: one that runs on real sockets, and a relying party with a browser."""

from __future__ import annotations

import base64
import hashlib
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
from lxml import html

from fixtures.service.audit import AuditTrail
from fixtures.service.clock import Clock
from fixtures.service.faults import FaultQueue
from fixtures.service.log import RequestLog
from fixtures.service.observed import Observed
from fixtures.service.surroundings import Surroundings
from fixtures.service.threaded import ThreadedServer
from fixtures.world import load_world
from mock_idp.app import create_app, create_control
from mock_idp.settings import Settings

RP = "http://127.0.0.1:7401"
CONTROL_TOKEN = "control"
DISCOVERY = "/.well-known/openid-configuration"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


def plain_client() -> httpx.Client:
    """Return a client for plain http: it loads no certificates, which would take longer than the tests."""
    return httpx.Client(verify=False)


@dataclass
class Provider:
    """A provider that runs: where it is, its clock, and its control plane."""

    url: str
    control_url: str
    surroundings: Surroundings
    client: httpx.Client

    @property
    def clock(self) -> Clock:
        return self.surroundings.clock

    def control(self, method: str, path: str) -> httpx.Response:
        return self.client.request(
            method, f"{self.control_url}{path}", headers={"Authorization": f"Bearer {CONTROL_TOKEN}"}
        )


@contextmanager
def running(**settings: Any) -> Iterator[Provider]:
    clock = Clock()
    surroundings = Surroundings(clock, load_world(), RequestLog(), FaultQueue(), AuditTrail(None, clock))
    with socket.create_server(("127.0.0.1", 0)) as sock, socket.create_server(("127.0.0.1", 0)) as control_sock:
        url, control_url = (f"http://127.0.0.1:{each.getsockname()[1]}" for each in (sock, control_sock))
        app = create_app(Settings(url, (RP,), **settings), surroundings)
        control = create_control(app, surroundings, CONTROL_TOKEN)
        server = ThreadedServer(Observed(app, surroundings), control, sock, control_sock)
        server.start()
        try:
            with plain_client() as client:
                yield Provider(url, control_url, surroundings, client)
        finally:
            server.stop()


@dataclass
class RelyingParty:
    """A relying party of one tenant, with one browser. What it sends is right unless a test says otherwise."""

    provider: Provider
    tenant: str = "acme"
    browser: httpx.Client = field(default_factory=plain_client)
    back_channel: httpx.Client = field(default_factory=plain_client)

    def close(self) -> None:
        self.browser.close()
        self.back_channel.close()

    @property
    def issuer(self) -> str:
        return f"{self.provider.url}/{self.tenant}"

    @property
    def redirect_uri(self) -> str:
        return f"{RP}/{self.tenant}/callback"

    def request(self, **changes: str | None) -> dict[str, str]:
        """Return an authentication request; None leaves a parameter out."""
        parameters: dict[str, str | None] = {
            "response_type": "code",
            "client_id": "reference-as",
            "redirect_uri": self.redirect_uri,
            "scope": "openid profile email groups",
            "state": "state-1",
            "nonce": "nonce-1",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **changes,
        }
        return {name: value for name, value in parameters.items() if value is not None}

    def authorize(self, **changes: str | None) -> httpx.Response:
        return self.browser.get(f"{self.issuer}/authorize", params=self.request(**changes))

    def code(self, login_hint: str = "alice", **changes: str | None) -> str:
        return answer_of(self.authorize(login_hint=login_hint, **changes))["code"]

    def press(self, shown: httpx.Response, button: str, value: str, **changes: str) -> httpx.Response:
        """Press a button of the page's only form."""
        form = form_of(shown)
        assert form.method == "POST"
        assert form.xpath(".//button[@name=$name and @value=$value]", name=button, value=value)
        fields = {**dict(form.form_values()), button: value, **changes}
        return self.browser.post(form.action, data=fields)

    def redeem(self, code: str, **changes: str | None) -> httpx.Response:
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": VERIFIER,
            **changes,
        }
        body = {name: value for name, value in form.items() if value is not None}
        return self.back_channel.post(f"{self.issuer}/token", data=body, auth=("reference-as", "reference-as-secret"))

    def tokens(self, login_hint: str = "alice", **changes: str | None) -> dict[str, Any]:
        answer = self.redeem(self.code(login_hint, **changes))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def userinfo(self, access_token: str, method: str = "GET") -> httpx.Response:
        headers = {"Authorization": f"Bearer {access_token}"}
        return self.back_channel.request(method, f"{self.issuer}/userinfo", headers=headers)

    def logout(self, **parameters: str) -> httpx.Response:
        return self.browser.get(f"{self.issuer}/logout", params=parameters)

    def jwks(self) -> list[dict[str, Any]]:
        return list(self.back_channel.get(f"{self.issuer}/jwks").json()["keys"])

    def validated(self, id_token: str, alg: str = "RS256") -> dict[str, Any]:
        """Validate an ID token as OpenID Connect Core section 3.1.3.7 asks, at the provider's time."""
        kid = jwt.get_unverified_header(id_token)["kid"]
        jwk = next(key for key in self.jwks() if key["kid"] == kid)
        late: Any = {"verify_exp": False, "verify_iat": False, "require": ["iss", "sub", "aud", "exp", "iat"]}
        claims = jwt.decode(id_token, jwt.PyJWK(jwk), [alg], options=late, audience="reference-as", issuer=self.issuer)
        now = self.provider.clock.now()
        assert claims["iat"] <= now < claims["exp"]
        return dict(claims)

    def is_signed_in(self) -> bool:
        return "code" in answer_of(self.authorize(prompt="none"))


def answer_of(response: httpx.Response) -> dict[str, str]:
    """Return the parameters of an authorization response that came to the relying party."""
    assert response.status_code == 303, response.text
    target = urlsplit(response.headers["location"])
    assert f"{target.scheme}://{target.netloc}" == RP
    return {name: values[0] for name, values in parse_qs(target.query, strict_parsing=True).items()}


def form_of(shown: httpx.Response) -> Any:
    """Return the only form of a page, as lxml has it."""
    document: Any = html.fromstring(shown.text)
    (form,) = document.forms
    return form


def random_verifier() -> str:
    return secrets.token_urlsafe(32)
