"""Token exchange."""

from __future__ import annotations

from typing import Any

import pytest

from tests.authorization_server.trio import ACCESS_TOKEN, BALANCE, EXCHANGE, FX, MCP_SERVER, Client, Trio, refused


@pytest.fixture
def subject_token(console: Client) -> str:
    return str(console.tokens()["access_token"])


def test_an_agent_acts_for_the_user_with_less(ledger_agent: Client, subject_token: str, trio: Trio) -> None:
    answer = ledger_agent.exchange(subject_token, scope=BALANCE).json()
    claims = trio.claims(answer["access_token"])
    assert (claims["sub"], claims["client_id"], claims["scope"]) == ("alice", "ledger-agent", BALANCE)
    assert claims["act"] == {"sub": "ledger-agent", "act": {"sub": "console"}}
    assert (answer["issued_token_type"], answer["token_type"]) == (ACCESS_TOKEN, "Bearer")
    assert "refresh_token" not in answer
    assert "may_act" not in claims


def test_the_new_token_ends_with_the_old_one(ledger_agent: Client, console: Client, trio: Trio) -> None:
    tokens = console.tokens()
    trio.clock.advance(600)
    answer = ledger_agent.exchange(tokens["access_token"]).json()
    old, new = trio.claims(tokens["access_token"]), trio.claims(answer["access_token"])
    assert new["exp"] == old["exp"]
    assert 0 < answer["expires_in"] <= 300
    console.post("revoke", token=tokens["refresh_token"])
    refused(ledger_agent.exchange(answer["access_token"]), "invalid_request")


def test_a_resource_server_calls_another(
    mcp_server: Client, ledger_agent: Client, subject_token: str, trio: Trio
) -> None:
    exchanged = ledger_agent.exchange(subject_token).json()["access_token"]
    for token in (subject_token, exchanged):
        answer = mcp_server.exchange(token, resource=f"{MCP_SERVER}/acme/fx").json()
        claims = trio.claims(answer["access_token"])
        assert (claims["aud"], claims["scope"], claims["act"]["sub"]) == (f"{MCP_SERVER}/acme/fx", FX, "mcp-server")
    assert claims["act"]["act"] == {"sub": "ledger-agent", "act": {"sub": "console"}}
    assert mcp_server.exchange(subject_token, audience="fx").status_code == 200


def test_an_actor_token_is_the_agents_own(ledger_agent: Client, mcp_server: Client, subject_token: str) -> None:
    own = ledger_agent.post("token", grant_type="client_credentials").json()["access_token"]
    assert ledger_agent.exchange(subject_token, actor_token=own, actor_token_type=ACCESS_TOKEN).status_code == 200
    for client, token in ((ledger_agent, subject_token), (mcp_server, own), (ledger_agent, "forged")):
        refused(client.exchange(subject_token, actor_token=token, actor_token_type=ACCESS_TOKEN), "invalid_request")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"subject_token": None}, "invalid_request"),
        ({"subject_token_type": None}, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
        ({"actor_token_type": ACCESS_TOKEN}, "invalid_request"),
        ({"actor_token": "x"}, "invalid_request"),
        ({"scope": "urn:infra:deploy:delete"}, "invalid_scope"),
        ({"resource": f"{MCP_SERVER}/acme/fx"}, "invalid_target"),
        ({"resource": f"{MCP_SERVER}/acme/mcp#x"}, "invalid_target"),
        ({"audience": "elsewhere"}, "invalid_target"),
    ],
    ids=str,
)
def test_a_faulty_exchange_is_refused(
    ledger_agent: Client, subject_token: str, changes: dict[str, Any], error: str
) -> None:
    refused(ledger_agent.exchange(subject_token, **changes), error)


def test_nobody_acts_who_is_not_named(trio: Trio, console: Client, subject_token: str) -> None:
    claims = {**trio.claims(subject_token), "may_act": {"sub": "somebody-else"}, "jti": "minted"}
    minted = trio.sign(claims, {"typ": "at+jwt"})
    ledger_agent = trio.client(client_id="ledger-agent", secret="acme-ledger-agent-secret")
    refused(ledger_agent.exchange(minted), "invalid_request")
    del claims["may_act"]
    assert ledger_agent.exchange(trio.sign(claims, {"typ": "at+jwt"})).status_code == 200


def test_a_registered_client_gets_no_further_than_the_subject_token(
    trio: Trio, console: Client, subject_token: str
) -> None:
    registered = trio.http.post(f"{console.issuer}/register", json={"grant_types": [EXCHANGE]}).json()
    client = trio.client(client_id=registered["client_id"], secret=registered["client_secret"])
    claims = {name: value for name, value in trio.claims(subject_token).items() if name != "may_act"}
    assert client.exchange(trio.sign(claims, {"typ": "at+jwt"})).status_code == 200
    refused(client.exchange(trio.sign(claims, {"typ": "at+jwt"}), audience="fx"), "invalid_target")
    refused(client.exchange(trio.sign({**claims, "aud": "https://other.example"}, {"typ": "at+jwt"})), "invalid_target")


@pytest.mark.parametrize(
    ("changes", "header"),
    [
        ({"exp": 1}, {"typ": "at+jwt"}),
        ({"exp": None}, {"typ": "at+jwt"}),
        ({"nbf": 32503680000}, {"typ": "at+jwt"}),
        ({"iss": "https://other.example"}, {"typ": "at+jwt"}),
        ({"sub": "mallory"}, {"typ": "at+jwt"}),
        ({}, {"typ": "JWT"}),
        ({}, {"typ": "at+jwt", "kid": "../../etc/passwd"}),
        ({}, {"typ": "at+jwt", "kid": [1]}),
        ({}, {"typ": "at+jwt", "alg": "none"}),
        ({}, {"typ": "at+jwt", "alg": "HS256"}),
    ],
    ids=str,
)
def test_a_faulty_subject_token_is_refused(
    trio: Trio, ledger_agent: Client, subject_token: str, changes: dict[str, Any], header: dict[str, Any]
) -> None:
    claims = {**trio.claims(subject_token), **changes}
    minted = trio.sign({name: value for name, value in claims.items() if value is not None}, header)
    refused(ledger_agent.exchange(minted), "invalid_request")


def test_a_token_of_another_tenant_is_refused(trio: Trio, ledger_agent: Client) -> None:
    foreign = trio.client("globex").tokens()["access_token"]
    refused(ledger_agent.exchange(foreign), "invalid_request")
