"""The refresh token grant."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.sandbox.control import ControlPlane
from harness.sandbox.errors import SandboxError
from tests.authorization_server.trio import BALANCE, CONTROL_TOKEN, FX, MCP_SERVER, Client, Trio, refused


@pytest.fixture
def control(trio: Trio) -> Iterator[ControlPlane]:
    with ControlPlane(trio.control_url, CONTROL_TOKEN) as plane:
        yield plane


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


def test_who_lost_rights_refreshes_for_less(console: Client, trio: Trio, control: ControlPlane) -> None:
    tokens = console.tokens(scope=f"{BALANCE} {FX}")
    subject = trio.claims(tokens["access_token"])["sub"]
    control.limit_rights("acme", subject, [BALANCE])
    less = console.refresh(tokens["refresh_token"]).json()
    assert less["scope"] == trio.claims(less["access_token"])["scope"] == BALANCE
    control.limit_rights("acme", subject, [])
    refused(console.refresh(less["refresh_token"]), "invalid_scope")
    control.restore_rights("acme", subject)
    assert console.refresh(less["refresh_token"]).json()["scope"] == f"{BALANCE} {FX}"


def test_a_reset_gives_rights_back(console: Client, trio: Trio, control: ControlPlane) -> None:
    subject = trio.claims(console.tokens()["access_token"])["sub"]
    control.limit_rights("acme", subject, [])
    control.reset()
    assert console.tokens(scope=FX)["scope"] == FX


def test_rights_are_a_list_of_texts(control: ControlPlane) -> None:
    with pytest.raises(SandboxError, match="scopes is a list of texts"):
        control.limit_rights("acme", "alice", [1])  # type: ignore[list-item]
    with pytest.raises(SandboxError, match="there is no such tenant"):
        control.restore_rights("nobody", "alice")
