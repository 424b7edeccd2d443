"""The refresh token grant."""

from __future__ import annotations

from tests.authorization_server.trio import BALANCE, FX, MCP_SERVER, Client, Trio, refused


def test_a_token_rotates_and_narrows(console: Client, trio: Trio) -> None:
    tokens = console.tokens(scope=f"{BALANCE} {FX}")
    narrowed = console.refresh(tokens["refresh_token"], scope=BALANCE).json()
    assert narrowed["scope"] == trio.claims(narrowed["access_token"])["scope"] == BALANCE
    whole = console.refresh(narrowed["refresh_token"]).json()
    assert whole["scope"] == f"{BALANCE} {FX}"
    refused(console.refresh(whole["refresh_token"], scope="urn:infra:deploy:delete"), "invalid_scope")
    assert console.refresh(whole["refresh_token"]).status_code == 200


def test_a_reused_token_takes_its_family_down(console: Client, mcp_server: Client) -> None:
    first = console.tokens()
    second = console.refresh(first["refresh_token"]).json()
    refused(console.refresh(first["refresh_token"]), "invalid_grant")
    refused(console.refresh(second["refresh_token"]), "invalid_grant")
    assert mcp_server.post("introspect", token=second["access_token"]).json() == {"active": False}


def test_another_client_cannot_refresh_nor_harm(console: Client, ledger_agent: Client, trio: Trio) -> None:
    token = console.tokens()["refresh_token"]
    refused(ledger_agent.refresh(token), "invalid_grant")
    refused(trio.client("globex").refresh(token), "invalid_grant")
    assert console.refresh(token).status_code == 200


def test_an_idle_token_ends(console: Client, trio: Trio) -> None:
    token = console.tokens()["refresh_token"]
    trio.clock.advance(trio.surroundings.world.lifetimes.refresh_token)
    refused(console.refresh(token), "invalid_grant")


def test_a_token_is_for_the_resources_of_its_grant(console: Client, trio: Trio) -> None:
    tokens = console.tokens(resource=[f"{MCP_SERVER}/acme/mcp", f"{MCP_SERVER}/acme/fx"])
    assert trio.claims(tokens["access_token"])["aud"] == f"{MCP_SERVER}/acme/mcp"
    narrowed = console.refresh(tokens["refresh_token"], resource=f"{MCP_SERVER}/acme/fx").json()
    assert trio.claims(narrowed["access_token"])["aud"] == f"{MCP_SERVER}/acme/fx"
    assert narrowed["scope"] == FX
    only = console.tokens(resource=f"{MCP_SERVER}/acme/mcp")
    refused(console.refresh(only["refresh_token"], resource=f"{MCP_SERVER}/acme/fx"), "invalid_target")
