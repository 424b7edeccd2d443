"""Revocation and introspection."""

from __future__ import annotations

import pytest

from tests.authorization_server.trio import Client, Trio, refused


def test_a_resource_server_learns_what_a_token_is_worth(console: Client, mcp_server: Client, trio: Trio) -> None:
    token = console.tokens()["access_token"]
    answer = mcp_server.post("introspect", token=token)
    assert answer.json() == {"active": True, "token_type": "Bearer", "username": "alice", **trio.claims(token)}
    assert answer.headers["cache-control"] == "no-store"
    trio.clock.advance(900)
    assert mcp_server.post("introspect", token=token).json() == {"active": False}


def test_who_may_not_know_learns_nothing(console: Client, ledger_agent: Client, trio: Trio) -> None:
    tokens = console.tokens()
    foreign = trio.client("globex", "mcp-server", "globex-mcp-server-secret")
    for client in (ledger_agent, foreign):
        for token in (tokens["access_token"], tokens["refresh_token"], "unknown"):
            assert client.post("introspect", token=token).json() == {"active": False}
    refused(console.post("introspect", token=tokens["access_token"]), "invalid_client", 401)


def test_an_agent_may_know_about_its_own_tokens(ledger_agent: Client) -> None:
    tokens = ledger_agent.tokens()
    assert ledger_agent.post("introspect", token=tokens["refresh_token"]).json()["active"] is True
    assert ledger_agent.post("introspect", token=tokens["access_token"]).json()["active"] is True


@pytest.mark.parametrize("hint", [None, "access_token", "refresh_token", "nonsense"])
def test_a_revoked_refresh_token_takes_its_family_down(console: Client, mcp_server: Client, hint: str | None) -> None:
    tokens = console.tokens()
    assert console.post("revoke", token=tokens["refresh_token"], token_type_hint=hint).status_code == 200
    refused(console.refresh(tokens["refresh_token"]), "invalid_grant")
    assert mcp_server.post("introspect", token=tokens["access_token"]).json() == {"active": False}


def test_a_revoked_access_token_ends_alone(console: Client, mcp_server: Client) -> None:
    tokens = console.tokens()
    assert console.post("revoke", token=tokens["access_token"], token_type_hint="refresh_token").status_code == 200
    assert mcp_server.post("introspect", token=tokens["access_token"]).json() == {"active": False}
    assert console.refresh(tokens["refresh_token"]).status_code == 200


def test_a_stranger_revokes_nothing(console: Client, ledger_agent: Client, mcp_server: Client, trio: Trio) -> None:
    tokens = console.tokens()
    for kind in ("access_token", "refresh_token"):
        refused(ledger_agent.post("revoke", token=tokens[kind]), "invalid_grant")
        assert trio.client("globex").post("revoke", token=tokens[kind]).status_code == 200
    assert mcp_server.post("introspect", token=tokens["access_token"]).json()["active"] is True
    assert console.refresh(tokens["refresh_token"]).status_code == 200
    assert console.post("revoke", token="unknown").status_code == 200
    refused(console.post("revoke"), "invalid_request")
