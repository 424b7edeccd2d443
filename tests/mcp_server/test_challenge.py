"""Metadata and challenges: what a client is told when it may not do what it asked for."""

from __future__ import annotations

import json

import pytest

from harness.mcp_wire import STATELESS_REVISIONS, Dialect
from harness.requirement import REVISIONS
from tests.mcp_server.stage import NEWEST, Stage, challenge

DEPLOY = "urn:infra:deploy:create"
DELETE = "urn:infra:deploy:delete"
DASHBOARD = "urn:infra:monitoring:read"


@pytest.mark.parametrize("tenant", ["acme", "globex"])
@pytest.mark.parametrize("name", ["mcp", "fx"])
def test_metadata_is_where_the_challenge_says_and_names_the_resource(stage: Stage, tenant: str, name: str) -> None:
    resource = f"{stage.base_url}/{tenant}/{name}"
    asked = resource if name == "mcp" else f"{resource}/rates"
    url = challenge(stage.http.get(asked))["resource_metadata"]
    assert url == f"{stage.base_url}/.well-known/oauth-protected-resource/{tenant}/{name}"
    answer = stage.http.get(url)
    assert answer.headers["content-type"] == "application/json"
    metadata = answer.json()
    assert metadata["resource"] == resource
    assert metadata["authorization_servers"] == [stage.issuer.claims(tenant, "")["iss"]]
    assert metadata["scopes_supported"] == list(stage.world.resources[name].scopes)
    assert metadata["bearer_methods_supported"] == ["header"]


def test_urls_never_come_from_the_host_header(stage: Stage) -> None:
    headers = {"Host": "attacker.example", "X-Forwarded-Host": "attacker.example"}
    answer = stage.http.post(stage.mcp(), headers=headers)
    assert challenge(answer)["resource_metadata"].startswith(stage.base_url)
    metadata = stage.http.get(challenge(answer)["resource_metadata"], headers=headers).json()
    assert "attacker" not in json.dumps(metadata)


@pytest.mark.parametrize("path", ["/nobody/mcp", "/acme/mcp/", "/mcp", "/.well-known/oauth-protected-resource"])
def test_what_is_not_there_is_404_without_a_redirect(stage: Stage, path: str) -> None:
    assert stage.http.post(stage.base_url + path).status_code in (404, 405)


@pytest.mark.parametrize("revision", REVISIONS)
def test_without_a_token_the_answer_is_401_with_the_scopes_and_no_error(stage: Stage, revision: str) -> None:
    dialect = Dialect(revision)
    first = dialect.request("server/discover") if revision in STATELESS_REVISIONS else dialect.initialize()
    answer = stage.http.post(stage.mcp(), headers=first[0], content=json.dumps(first[1]))
    assert answer.status_code == 401
    members = challenge(answer)
    assert set(members) == {"resource_metadata", "scope"}
    assert set(members["scope"].split()) == set(stage.world.resources["mcp"].scopes)


def test_without_a_token_a_tool_call_is_challenged_with_the_scopes_of_the_tool(stage: Stage) -> None:
    answer = stage.call("delete_deployment")
    assert (answer.status_code, challenge(answer)["scope"]) == (401, f"{DELETE} {DASHBOARD}")


@pytest.mark.parametrize("tool", ["get_balance", "convert_currency", "create_deployment", "delete_deployment"])
def test_without_the_scope_a_call_is_403_with_the_scope_and_the_metadata(stage: Stage, tool: str) -> None:
    answer = stage.call(tool, token=stage.token(DASHBOARD))
    assert answer.status_code == 403
    members = challenge(answer)
    assert members["error"] == "insufficient_scope"
    assert set(members["scope"].split()) == stage.world.tools[tool]
    assert members["resource_metadata"].endswith("/acme/mcp")


def test_stepping_up_with_the_challenged_scope_works(stage: Stage) -> None:
    refused = stage.call("create_deployment", token=stage.token(DASHBOARD))
    stepped_up = stage.token(DASHBOARD, *challenge(refused)["scope"].split())
    assert stage.call("create_deployment", token=stepped_up).status_code == 200


def test_a_broader_scope_covers_what_it_implies_and_not_the_reverse(stage: Stage) -> None:
    assert stage.call("read_dashboard", token=stage.token(DEPLOY)).status_code == 200
    assert stage.call("create_deployment", token=stage.token(DASHBOARD)).status_code == 403
    assert stage.call("delete_deployment", token=stage.token(DEPLOY)).status_code == 403


def test_a_batch_is_challenged_with_all_that_its_messages_need(stage: Stage) -> None:
    headers, body = Dialect("2025-11-25").request("tools/call", {"name": "get_balance", "arguments": {}})
    other = {**body, "id": 2, "params": {"name": "delete_deployment", "arguments": {}}}
    headers["Authorization"] = f"Bearer {stage.token('urn:ledger:balance:read')}"
    answer = stage.http.post(stage.mcp(), headers=headers, json=[body, other])
    assert answer.status_code == 403
    assert challenge(answer)["scope"] == f"{DELETE} {DASHBOARD} urn:ledger:balance:read"


@pytest.mark.parametrize(
    "body",
    [
        b'{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call","params":{"name":"delete_deployment"}}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_balance","name":"delete_deployment"}}',
        b"{",
        b"",
        b"[" * 50_000,
        b'{"jsonrpc":"2.0","id":' + b"1" * 5_000 + b',"method":"tools/call","params":{"name":"delete_deployment"}}',
        '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'.encode("utf-16"),
        b"[1]",
    ],
    ids=["two-methods", "two-names", "cut", "empty", "deep", "long-number", "utf-16", "no-object"],
)
def test_a_message_that_readers_could_disagree_about_is_dispatched_by_nobody(stage: Stage, body: bytes) -> None:
    headers, _ = Dialect("2025-11-25").request("tools/list")
    headers["Authorization"] = f"Bearer {stage.token('urn:ledger:balance:read')}"
    answer = stage.http.post(stage.mcp(), headers=headers, content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32700)


def test_a_body_is_bounded(stage: Stage) -> None:
    answer = stage.http.post(stage.mcp(), content=b" " * 1_100_000)
    assert answer.status_code == 413


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer "])
def test_the_scheme_is_compared_without_regard_to_case(stage: Stage, scheme: str) -> None:
    headers, body = Dialect(NEWEST).request("tools/list")
    headers["Authorization"] = f"{scheme} {stage.token()}"
    assert stage.http.post(stage.mcp(), headers=headers, json=body).status_code == 200


@pytest.mark.parametrize("authorization", ["Basic YTpi", "Bearer", "Token x", ""])
def test_what_is_no_bearer_token_is_refused(stage: Stage, authorization: str) -> None:
    headers, body = Dialect(NEWEST).request("tools/list")
    answer = stage.http.post(stage.mcp(), headers={**headers, "Authorization": authorization}, json=body)
    assert answer.status_code == 401


def test_a_token_is_taken_from_the_header_alone(stage: Stage) -> None:
    headers, body = Dialect(NEWEST).request("tools/list")
    token = stage.token()
    in_query = stage.http.post(f"{stage.mcp()}?access_token={token}", headers=headers, json=body)
    in_cookie = stage.http.post(stage.mcp(), headers={**headers, "Cookie": f"access_token={token}"}, json=body)
    in_body = stage.http.post(stage.mcp(), headers=headers, json={**body, "access_token": token})
    assert [answer.status_code for answer in (in_query, in_cookie, in_body)] == [401, 401, 401]


def test_two_authorization_headers_are_a_malformed_request(stage: Stage) -> None:
    headers, body = Dialect(NEWEST).request("tools/list")
    twice = [*headers.items(), *[("Authorization", f"Bearer {stage.token()}")] * 2]
    answer = stage.http.post(stage.mcp(), headers=twice, json=body)
    assert (answer.status_code, challenge(answer)["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("method", ["GET", "DELETE", "HEAD", "PUT", "OPTIONS"])
def test_every_method_needs_a_token(stage: Stage, method: str) -> None:
    assert stage.http.request(method, stage.mcp()).status_code == 401
