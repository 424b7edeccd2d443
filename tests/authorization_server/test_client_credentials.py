"""The client credentials grant, and how clients authenticate."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, import_key

from tests.authorization_server.trio import BALANCE, MCP_SERVER, Client, Trio, refused

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class InfraBot:
    def __init__(self, trio: Trio) -> None:
        self.trio = trio
        self.client = trio.client(client_id="infra-bot")
        self.private_key = trio.surroundings.world.tenants["acme"].agents["infra-bot"].private_key or {}

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = self.trio.clock.seconds()
        claims = {"iss": "infra-bot", "sub": "infra-bot", "aud": self.client.issuer, "exp": now + 60, "jti": "one"}
        return {name: value for name, value in {**claims, **changes}.items() if value is not None}

    def token(self, assertion: str, **changes: Any) -> httpx.Response:
        form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE, **changes}
        return self.client.post("token", client_assertion=assertion, **form)

    def signed(self, **changes: Any) -> str:
        key = import_key(dict(self.private_key))
        return jwt.encode({"alg": "ES256", "kid": self.private_key["kid"]}, self.claims(**changes), key)


@pytest.fixture
def infra_bot(trio: Trio) -> InfraBot:
    return InfraBot(trio)


def test_an_agent_gets_a_token_in_its_own_name(ledger_agent: Client, trio: Trio) -> None:
    tokens = ledger_agent.post("token", grant_type="client_credentials", scope=BALANCE).json()
    claims = trio.claims(tokens["access_token"])
    assert (claims["sub"], claims["client_id"], claims["scope"]) == ("ledger-agent", "ledger-agent", BALANCE)
    assert "act" not in claims
    assert "refresh_token" not in tokens


def test_a_secret_works_in_the_form_too(trio: Trio) -> None:
    form = {"client_id": "ledger-agent", "client_secret": "acme-ledger-agent-secret"}
    assert trio.client().post("token", grant_type="client_credentials", **form).status_code == 200
    refused(trio.client("globex").post("token", grant_type="client_credentials", **form), "invalid_client", 401)


def test_an_assertion_works_once(infra_bot: InfraBot) -> None:
    assertion = infra_bot.signed()
    assert infra_bot.token(assertion).status_code == 200
    refused(infra_bot.token(assertion), "invalid_client", 401)


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": None},
        {"exp": 1},
        {"exp": float("nan")},
        {"exp": 10**400},
        {"exp": "tomorrow"},
        {"nbf": 32503680000},
        {"nbf": 10**400},
        {"aud": "https://other.example"},
        {"aud": None},
        {"aud": []},
        {"aud": {}},
        {"iss": "console"},
        {"sub": "console"},
        {"sub": 7},
        {"jti": None},
        {"jti": 7},
    ],
    ids=lambda changes: str(changes)[:40],
)
def test_a_faulty_assertion_is_refused(infra_bot: InfraBot, changes: dict[str, Any]) -> None:
    refused(infra_bot.token(infra_bot.signed(**changes)), "invalid_client", 401)
    assert infra_bot.token(infra_bot.signed()).status_code == 200


def test_another_key_or_algorithm_is_refused(infra_bot: InfraBot) -> None:
    header = {"kid": infra_bot.private_key["kid"]}
    other = jwt.encode({**header, "alg": "ES256"}, infra_bot.claims(), ECKey.generate_key("P-256"))
    mac = jwt.encode({**header, "alg": "HS256"}, infra_bot.claims(), OctKey.import_key(infra_bot.private_key["x"] * 2))
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    unsigned = f"{none}.{infra_bot.signed().split('.')[1]}."
    for assertion in (other, mac, unsigned, "not.a.jwt", "ä", "a" * 5000, "[" * 9000 + "." + "[" * 9000 + "."):
        refused(infra_bot.token(assertion), "invalid_client", 401)


def test_two_methods_and_secrets_in_the_uri_are_refused(infra_bot: InfraBot, ledger_agent: Client) -> None:
    form = {"grant_type": "client_credentials"}
    refused(infra_bot.token(infra_bot.signed(), client_secret="x"), "invalid_request")
    refused(ledger_agent.post("token?client_secret=acme-ledger-agent-secret", **form), "invalid_request")
    refused(ledger_agent.post("token", client_id="infra-bot", **form), "invalid_client", 401)


@pytest.mark.parametrize("header", ["Basic", "Basic !", "Basic Og", "Basic /////w==", "Bearer x", "Basic bm9ib2R5Ong="])
def test_malformed_credentials_are_answered_401(trio: Trio, header: str) -> None:
    answer = trio.http.post(
        f"{trio.issuer()}/token",
        data={"grant_type": "client_credentials"},
        headers={"Authorization": header},
    )
    refused(answer, "invalid_client", 401)
    assert answer.headers["www-authenticate"].startswith("Basic realm=")


def test_what_a_client_may_not_ask_for_is_refused(ledger_agent: Client, console: Client) -> None:
    form = {"grant_type": "client_credentials"}
    refused(ledger_agent.post("token", **form, scope="urn:infra:deploy:delete"), "invalid_scope")
    refused(ledger_agent.post("token", **form, scope="urn:unknown"), "invalid_scope")
    refused(ledger_agent.post("token", **form, resource=f"{MCP_SERVER}/acme/fx"), "invalid_target")
    refused(ledger_agent.post("token", **form, resource=f"{MCP_SERVER}/globex/mcp"), "invalid_target")
    refused(ledger_agent.post("token", **form, resource="mcp"), "invalid_target")
    refused(console.post("token", **form), "unauthorized_client")
    refused(ledger_agent.post("token"), "invalid_request")
    refused(ledger_agent.post("token", grant_type="password"), "unsupported_grant_type")
