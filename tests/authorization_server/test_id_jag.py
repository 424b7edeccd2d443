"""Enterprise-managed authorization: what the scenarios of as/id-jag do not show."""

from __future__ import annotations

import json
import secrets
from typing import Any

import httpx
import pytest

from fixtures.service.keys import KeyRing
from tests.authorization_server.trio import BALANCE, CONTROL_TOKEN, FX, MCP_SERVER, Client, Trio, refused

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
RESOURCE = f"{MCP_SERVER}/acme/mcp"


def idp_keys(trio: Trio, tenant: str = "acme") -> KeyRing:
    headers = {"Authorization": f"Bearer {CONTROL_TOKEN}"}
    return KeyRing.holding(trio.http.get(f"{trio.idp_control_url}/{tenant}/keys", headers=headers).json())


def id_jag(trio: Trio, typ: str = "oauth-id-jag+jwt", **changes: Any) -> str:
    now = trio.clock.seconds()
    claims = {
        "iss": trio.app.tenants["acme"].issuer.federation.provider,
        "sub": "alice",
        "aud": trio.issuer(),
        "client_id": "ledger-agent",
        "jti": secrets.token_urlsafe(12),
        "exp": now + 300,
        "iat": now,
        "resource": RESOURCE,
        "scope": f"{BALANCE} {FX}",
        **changes,
    }
    given = {name: value for name, value in claims.items() if value is not None}
    return idp_keys(trio).sign(given, header={"typ": typ})


def redeem(client: Client, assertion: str | None, **changes: str) -> httpx.Response:
    return client.post("token", grant_type=JWT_BEARER, assertion=assertion, **changes)


def granted(client: Client, trio: Trio, assertion: str, **changes: str) -> dict[str, Any]:
    answer = redeem(client, assertion, **changes)
    assert answer.status_code == 200, answer.text
    return trio.claims(answer.json()["access_token"])


def test_the_token_names_user_and_agent(ledger_agent: Client, trio: Trio) -> None:
    claims = granted(ledger_agent, trio, id_jag(trio, auth_time=17))
    assert (claims["sub"], claims["client_id"], claims["act"]) == ("alice", "ledger-agent", {"sub": "ledger-agent"})
    assert (claims["aud"], claims["scope"], claims["auth_time"]) == (RESOURCE, f"{BALANCE} {FX}", 17)
    assert claims["tenant"] == "acme"


def test_the_audience_may_be_a_list_of_one_and_the_type_in_full(ledger_agent: Client, trio: Trio) -> None:
    granted(ledger_agent, trio, id_jag(trio, "application/oauth-id-jag+jwt", aud=[trio.issuer()]))


def test_the_users_rights_limit_the_token(ledger_agent: Client, trio: Trio) -> None:
    assert granted(ledger_agent, trio, id_jag(trio, sub="bob"))["scope"] == BALANCE
    refused(redeem(ledger_agent, id_jag(trio, sub="bob", scope=FX)), "invalid_scope")


def test_without_scope_and_resource_the_clients_own_are_granted(ledger_agent: Client, trio: Trio) -> None:
    claims = granted(ledger_agent, trio, id_jag(trio, scope=None, resource=None))
    assert (claims["aud"], claims["scope"]) == (RESOURCE, f"{BALANCE} {FX}")


def test_of_several_resources_the_one_that_is_served_is_taken(ledger_agent: Client, trio: Trio) -> None:
    named = ["https://other.example/mcp", RESOURCE]
    assert granted(ledger_agent, trio, id_jag(trio, resource=named))["aud"] == RESOURCE
    answer = redeem(ledger_agent, id_jag(trio), scope=FX, resource=RESOURCE).json()
    assert (answer["scope"], answer["resource"]) == (FX, RESOURCE)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"resource": "https://other.example/mcp"}, "invalid_target"),
        ({"resource": f"{MCP_SERVER}/acme/fx"}, "invalid_target"),
        ({"resource": f"{RESOURCE}#x"}, "invalid_target"),
        ({"resource": {"a": 1}}, "invalid_target"),
        ({"scope": "urn:unknown"}, "invalid_scope"),
        ({"sub": "gina"}, "invalid_grant"),
        ({"sub": ["alice"]}, "invalid_grant"),
        ({"tenant": "globex"}, "invalid_grant"),
        ({"jti": None}, "invalid_grant"),
        ({"exp": "soon"}, "invalid_grant"),
        ({"nbf": None, "exp": 1}, "invalid_grant"),
    ],
)
def test_a_faulty_id_jag_is_refused(ledger_agent: Client, trio: Trio, changes: dict[str, Any], error: str) -> None:
    refused(redeem(ledger_agent, id_jag(trio, **changes)), error)


def test_what_is_no_jwt_is_refused(ledger_agent: Client) -> None:
    refused(redeem(ledger_agent, "forged"), "invalid_grant")
    refused(redeem(ledger_agent, None), "invalid_request")


def test_a_refused_id_jag_is_not_used_up(ledger_agent: Client, trio: Trio) -> None:
    assertion = id_jag(trio, scope=BALANCE)
    refused(redeem(ledger_agent, assertion, scope=FX), "invalid_scope")
    granted(ledger_agent, trio, assertion)
    refused(redeem(ledger_agent, assertion), "invalid_grant")


def test_new_keys_of_the_provider_are_fetched(ledger_agent: Client, trio: Trio) -> None:
    granted(ledger_agent, trio, id_jag(trio))
    assert trio.control("/acme/rotate-keys", idp=True).status_code == 200
    granted(ledger_agent, trio, id_jag(trio))


def test_a_token_of_an_id_jag_can_be_revoked(ledger_agent: Client, mcp_server: Client, trio: Trio) -> None:
    token = redeem(ledger_agent, id_jag(trio)).json()["access_token"]
    assert mcp_server.post("introspect", token=token).json()["active"] is True
    ledger_agent.post("revoke", token=token)
    assert mcp_server.post("introspect", token=token).json() == {"active": False}


def test_a_public_client_cannot_register_for_it(trio: Trio) -> None:
    document = {"token_endpoint_auth_method": "none", "grant_types": [JWT_BEARER], "response_types": []}
    answer = trio.http.post(f"{trio.issuer()}/register", json=document)
    refused(answer, "invalid_client_metadata")


def test_the_audit_trail_says_who_was_let_in_and_why_not(ledger_agent: Client, trio: Trio) -> None:
    redeem(ledger_agent, id_jag(trio))
    redeem(ledger_agent, id_jag(trio, aud="https://other.example"))
    allowed, denied = (json.loads(line) for line in trio.audit.read_text().splitlines()[-2:])
    assert (allowed["outcome"], allowed["subject"], allowed["grant_type"]) == ("allowed", "alice", JWT_BEARER)
    assert set(allowed["scopes"]) == {BALANCE, FX}
    assert (denied["outcome"], denied["client_id"]) == ("denied", "ledger-agent")
    assert "not for this authorization server" in denied["reason"]
