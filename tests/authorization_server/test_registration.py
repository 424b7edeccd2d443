"""Dynamic registration and its management."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey

from tests.authorization_server.trio import REDIRECT_URI, Trio, refused


@pytest.fixture
def http(trio: Trio) -> httpx.Client:
    return trio.http


def manage(http: httpx.Client, method: str, registered: dict[str, Any], **arguments: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {registered['registration_access_token']}"}
    return http.request(method, registered["registration_client_uri"], headers=headers, **arguments)


def test_a_client_registers_with_defaults(http: httpx.Client, trio: Trio) -> None:
    answer = http.post(f"{trio.issuer()}/register", json={"redirect_uris": [REDIRECT_URI], "unknown": 1})
    registered = answer.json()
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    assert registered["token_endpoint_auth_method"] == "client_secret_basic"
    assert (registered["grant_types"], registered["response_types"]) == (["authorization_code"], ["code"])
    assert registered["client_secret_expires_at"] == 0
    assert len(registered["client_secret"]) >= 43
    assert set(registered["scope"].split()) == set(trio.surroundings.world.scopes)
    assert "unknown" not in registered


def test_a_registered_agent_gets_tokens(http: httpx.Client, trio: Trio) -> None:
    metadata = {
        "grant_types": ["client_credentials"],
        "scope": "urn:fx:convert",
        "agent_name": "Night Shift",
        "agent_environment": "staging",
        "agent_tenant": "acme",
    }
    registered = http.post(f"{trio.issuer()}/register", json=metadata).json()
    assert {name: registered[name] for name in metadata} == metadata
    assert registered["response_types"] == []
    client = trio.client(client_id=registered["client_id"], secret=registered["client_secret"])
    assert client.post("token", grant_type="client_credentials").json()["scope"] == "urn:fx:convert"
    refused(client.post("token", grant_type="client_credentials", scope="urn:ledger:balance:read"), "invalid_scope")


def test_a_public_client_has_no_secret(http: httpx.Client, trio: Trio) -> None:
    metadata = {"redirect_uris": ["com.example.app:/callback"], "token_endpoint_auth_method": "none"}
    registered = http.post(f"{trio.issuer()}/register", json=metadata).json()
    assert not {"client_secret", "client_secret_expires_at"} & registered.keys()


KEY = ECKey.generate_key("P-256").as_dict(private=True)
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"redirect_uris": ["http://app.example/cb"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["https://app.example/cb#x"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["https://*.app.example/cb"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["https://user@app.example/cb"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["app:/cb"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["/cb"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["https:///cb"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["https://app.example:x/cb"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["https://app.example/cb\n"]}, "invalid_redirect_uri"),
    ({"redirect_uris": "https://app.example/cb"}, "invalid_redirect_uri"),
    ({"redirect_uris": []}, "invalid_redirect_uri"),
    ({"redirect_uris": None}, "invalid_redirect_uri"),
    ({"grant_types": ["client_credentials"], "response_types": ["code"]}, "invalid_client_metadata"),
    ({"response_types": []}, "invalid_client_metadata"),
    ({"response_types": ["token"]}, "invalid_client_metadata"),
    ({"grant_types": ["password"]}, "invalid_client_metadata"),
    ({"grant_types": 7}, "invalid_client_metadata"),
    ({"grant_types": [{}]}, "invalid_client_metadata"),
    ({"grant_types": ["client_credentials"], "token_endpoint_auth_method": "none"}, "invalid_client_metadata"),
    ({"token_endpoint_auth_method": "tls_client_auth"}, "invalid_client_metadata"),
    ({"token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata"),
    ({"scope": "urn:unknown"}, "invalid_client_metadata"),
    ({"scope": ["urn:fx:convert"]}, "invalid_client_metadata"),
    ({"client_uri": "nonsense"}, "invalid_client_metadata"),
    ({"policy_uri": "javascript://app.example/%0aalert(1)"}, "invalid_client_metadata"),
    ({"client_name": 7}, "invalid_client_metadata"),
    ({"client_name": False}, "invalid_client_metadata"),
    ({"jwks": {"keys": [KEY]}}, "invalid_client_metadata"),
    ({"jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}}, "invalid_client_metadata"),
    ({"jwks": {"keys": [{"kty": "EC"}]}}, "invalid_client_metadata"),
    ({"jwks": []}, "invalid_client_metadata"),
    ({"jwks": "x"}, "invalid_client_metadata"),
    ({"jwks": {"keys": []}, "jwks_uri": "https://app.example/jwks"}, "invalid_client_metadata"),
    ({"agent_tenant": "globex"}, "invalid_client_metadata"),
    ({"agent_tenant": "nowhere"}, "invalid_client_metadata"),
    ({"software_statement": "a.b.c"}, "unapproved_software_statement"),
]


@pytest.mark.parametrize(("changes", "error"), REFUSED)
def test_metadata_is_checked(http: httpx.Client, trio: Trio, changes: dict[str, Any], error: str) -> None:
    answer = http.post(f"{trio.issuer()}/register", json={"redirect_uris": [REDIRECT_URI], **changes})
    refused(answer, error)


BODIES = [
    b"",
    b"[]",
    b"{",
    b"\xff",
    b"[" * 60_000,
    b'{"a":' + b"1" * 70_000 + b"}",
    rb'{"client_name":"\ud800"}',
    b'{"a":NaN}',
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:20]))
def test_a_body_that_is_no_object_or_cannot_be_written_back_is_refused(
    http: httpx.Client, trio: Trio, body: bytes
) -> None:
    answer = http.post(f"{trio.issuer()}/register", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"] in {"invalid_client_metadata", "invalid_request"}


def test_a_client_manages_itself(http: httpx.Client, trio: Trio) -> None:
    metadata = {"redirect_uris": [REDIRECT_URI], "client_name": "First", "contacts": ["a@app.example"]}
    registered = http.post(f"{trio.issuer()}/register", json=metadata).json()
    assert manage(http, "GET", registered).json() == registered
    update = {"client_id": registered["client_id"], "redirect_uris": [REDIRECT_URI], "client_name": "Second"}
    updated = manage(http, "PUT", registered, json=update).json()
    assert updated["client_name"] == "Second"
    assert "contacts" not in updated
    assert updated["client_secret"] == registered["client_secret"]
    assert manage(http, "POST", registered).status_code == 405
    assert manage(http, "DELETE", registered).status_code == 204
    refused(manage(http, "GET", registered), "invalid_token", 401)


def test_a_deleted_client_takes_its_tokens_along(http: httpx.Client, trio: Trio) -> None:
    registered = http.post(f"{trio.issuer()}/register", json={"grant_types": ["client_credentials"]}).json()
    client = trio.client(client_id=registered["client_id"], secret=registered["client_secret"])
    token = client.post("token", grant_type="client_credentials").json()["access_token"]
    mcp_server = trio.client(client_id="mcp-server", secret="acme-mcp-server-secret")
    assert mcp_server.post("introspect", token=token).json()["active"] is True
    manage(http, "DELETE", registered)
    assert mcp_server.post("introspect", token=token).json() == {"active": False}
    refused(client.post("token", grant_type="client_credentials"), "invalid_client", 401)


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "other"},
        {"client_id": None},
        {"client_secret": "chosen"},
        {"registration_access_token": "x"},
        {"client_id_issued_at": 1},
        {"grant_types": ["password"]},
    ],
    ids=str,
)
def test_a_faulty_update_changes_nothing(http: httpx.Client, trio: Trio, changes: dict[str, Any]) -> None:
    registered = http.post(f"{trio.issuer()}/register", json={"redirect_uris": [REDIRECT_URI]}).json()
    update = {"client_id": registered["client_id"], "redirect_uris": [REDIRECT_URI], **changes}
    answer = manage(http, "PUT", registered, json={name: value for name, value in update.items() if value is not None})
    refused(answer, "invalid_client_metadata")
    assert manage(http, "GET", registered).json() == registered


def test_nobody_manages_another_client(http: httpx.Client, trio: Trio) -> None:
    one, other, foreign = (
        http.post(f"{trio.issuer(tenant)}/register", json={"redirect_uris": [REDIRECT_URI]}).json()
        for tenant in ("acme", "acme", "globex")
    )
    for victim in (other, foreign):
        stolen = {**victim, "registration_access_token": one["registration_access_token"]}
        for method in ("GET", "DELETE"):
            refused(manage(http, method, stolen), "invalid_token", 401)
        assert manage(http, "GET", victim).status_code == 200
    assert manage(http, "GET", one).status_code == 200
