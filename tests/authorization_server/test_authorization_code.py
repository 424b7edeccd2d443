"""The authorization code grant, and the pages on its way."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from fixtures.authorization_server.federation import Federation, ProviderUnreachable
from fixtures.service.audit import verify
from tests.authorization_server.trio import BALANCE, FX, MCP_SERVER, Client, Trio, refused, response_parameters


def test_a_user_gives_an_agent_a_token(console: Client, trio: Trio) -> None:
    answer = console.authorize()
    tokens = console.redeem(answer["code"]).json()
    claims = trio.claims(tokens["access_token"])
    assert answer["iss"] == claims["iss"] == console.issuer
    assert answer["state"] == "a state/with +&= signs"
    assert (claims["sub"], claims["act"], claims["tenant"]) == ("alice", {"sub": "console"}, "acme")
    assert claims["aud"] == f"{MCP_SERVER}/acme/mcp"
    assert claims["exp"] - claims["iat"] == tokens["expires_in"] == 900
    assert tokens["scope"] == claims["scope"]


def test_the_rights_of_the_user_cap_the_scope(console: Client) -> None:
    tokens = console.tokens(login_hint="bob", scope=f"{BALANCE} {FX}")
    assert tokens["scope"] == BALANCE


def test_a_replayed_code_ends_its_tokens(console: Client, mcp_server: Client) -> None:
    code = console.authorize()["code"]
    tokens = console.redeem(code).json()
    refused(console.redeem(code), "invalid_grant")
    assert mcp_server.post("introspect", token=tokens["access_token"]).json() == {"active": False}
    refused(console.refresh(tokens["refresh_token"]), "invalid_grant")


def test_a_code_ends_after_a_minute(console: Client, trio: Trio) -> None:
    code = console.authorize()["code"]
    trio.clock.advance(60)
    refused(console.redeem(code), "invalid_grant")


def test_a_refused_consent_tells_the_client(console: Client) -> None:
    answer = console.decide(console.start(), "deny")
    assert answer.status_code == 303
    assert response_parameters(answer)["error"] == "access_denied"
    assert response_parameters(answer)["iss"] == console.issuer


def test_an_error_is_told_only_after_the_login(console: Client) -> None:
    first = console.browser.get(
        f"{console.issuer}/authorize", params=console.authorization_parameters(scope="urn:unknown")
    )
    assert urlsplit(first.headers["location"]).path == "/acme/authorize"
    assert not first.headers["location"].startswith(console.issuer)
    assert response_parameters(console.follow(first))["error"] == "invalid_scope"


def test_nothing_is_redirected_for_a_stranger(console: Client) -> None:
    for changes in (
        {"client_id": "nobody"},
        {"redirect_uri": "https://attacker.example/"},
        {"redirect_uri": "http://127.0.0.1:43210/other"},
        {"redirect_uri": None},
    ):
        answer = console.start(**changes)
        assert answer.status_code == 400
        assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_the_query_of_a_redirect_uri_is_kept(console: Client) -> None:
    uri = "http://127.0.0.1:43210/cb?a=b%20c&flag"
    registered = console.back_channel.post(
        f"{console.issuer}/register",
        json={"redirect_uris": [uri], "token_endpoint_auth_method": "none"},
    ).json()
    console.client_id = registered["client_id"]
    answer = console.decide(console.start(redirect_uri=uri))
    assert answer.headers["location"].startswith(f"{uri}&code=")


def test_a_second_request_needs_no_second_login(console: Client, trio: Trio) -> None:
    console.tokens()
    trio.clock.advance(60)
    before = len(trio.surroundings.log.entries())
    assert console.start(login_hint=None).status_code == 200
    assert [entry["path"] for entry in trio.surroundings.log.entries()[before:]] == ["/acme/authorize", "/acme/consent"]


def test_a_login_is_worth_nothing_at_another_tenant(console: Client, trio: Trio) -> None:
    console.tokens()
    cookie = next(cookie for cookie in console.browser.cookies.jar if cookie.name.startswith("as_session"))
    other = trio.client("globex")
    other.browser.cookies.set(cookie.name, cookie.value or "", domain="127.0.0.1", path="/globex")
    answer = other.browser.get(f"{other.issuer}/authorize", params=other.authorization_parameters(login_hint=None))
    assert "/globex/authorize" in answer.headers["location"]


def test_a_decision_needs_its_page_and_its_browser(console: Client, trio: Trio) -> None:
    page = console.start()
    assert console.decide(page, csrf="guessed").status_code == 403
    stranger = trio.client()
    assert stranger.decide(page).status_code == 403
    assert console.decide(page, "maybe").status_code == 400
    assert "code" in response_parameters(console.decide(page))
    assert console.decide(page).status_code == 400


def test_a_login_begun_elsewhere_is_not_finished_here(console: Client, trio: Trio) -> None:
    sent = console.browser.get(f"{console.issuer}/authorize", params=console.authorization_parameters())
    back = console.browser.get(sent.headers["location"]).headers["location"]
    assert trio.client().browser.get(back).status_code == 403
    assert console.browser.get(back).status_code == 303
    assert console.browser.get(back).status_code == 400


def test_the_page_shows_who_asks_for_what(console: Client) -> None:
    page = console.start(scope=BALANCE)
    for text in ("Workshop Console", "127.0.0.1:43210", "Read account balances", "Acme", "Alice Operator"):
        assert text in page.text
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "DENY"


def test_markup_in_a_client_name_is_text(console: Client) -> None:
    metadata = {
        "client_name": "<script>alert(1)</script>",
        "redirect_uris": ["http://127.0.0.1/callback"],
        "token_endpoint_auth_method": "none",
    }
    answer = console.back_channel.post(f"{console.issuer}/register", json=metadata).json()
    console.client_id = answer["client_id"]
    page = console.start()
    assert "<script" not in page.text
    assert "registered itself" in page.text


def test_an_unreachable_provider_is_no_crash(console: Client, trio: Trio) -> None:
    trio.control("/faults", {"path": "/acme/token", "status": 503}, idp=True)
    assert response_parameters(console.start())["error"] == "server_error"


def test_where_nobody_can_log_in_nobody_is_redirected(
    console: Client, trio: Trio, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreachable(*_: object) -> str:
        raise ProviderUnreachable("The provider is down.")

    monkeypatch.setattr(Federation, "authorization_url", unreachable)
    answer = console.start()
    assert (answer.status_code, answer.has_redirect_location) == (503, False)
    assert decisions(trio)[-1]["reason"] == "The provider is down."


@pytest.mark.parametrize("endpoint", ["authorize", "callback", "consent"])
def test_a_query_that_cannot_be_read_is_answered_with_an_error_page(console: Client, endpoint: str) -> None:
    answer = console.browser.get(f"{console.issuer}/{endpoint}?state=%ff")
    assert answer.status_code == 400
    assert "cannot be read" in answer.text


def test_every_decision_is_in_the_trail(console: Client, trio: Trio) -> None:
    tokens = console.tokens()
    refused(console.redeem("guessed"), "invalid_grant")
    lines = decisions(trio)
    assert [(line["event"], line["outcome"]) for line in lines[-4:]] == [
        ("callback", "allowed"),
        ("consent", "allowed"),
        ("token", "allowed"),
        ("token", "denied"),
    ]
    assert lines[-1]["reason"] == "invalid_grant: The code is unknown."
    assert tokens["refresh_token"] not in trio.audit.read_text()
    assert verify(trio.audit).problems == []


def test_a_refusal_says_what_was_asked_for_and_on_whose_behalf(console: Client, trio: Trio) -> None:
    token = console.tokens()["refresh_token"]
    refused(console.refresh(token, scope="urn:unknown"), "invalid_scope")
    refused(console.refresh(token, resource=f"{MCP_SERVER}/acme/fx"), "invalid_target")
    scope, target = decisions(trio)[-2:]
    assert (scope["subject"], scope["client_id"], scope["scopes"]) == ("alice", "console", ["urn:unknown"])
    assert (target["subject"], target["resource"]) == ("alice", f"{MCP_SERVER}/acme/fx")


def test_an_agent_on_its_own_acts_for_nobody(ledger_agent: Client, trio: Trio) -> None:
    token = ledger_agent.post("token", grant_type="client_credentials").json()["access_token"]
    ledger_agent.post("introspect", token=token)
    issued, asked = decisions(trio)[-2:]
    assert (issued["subject"], issued["actor"], issued["client_id"]) == (None, "ledger-agent", "ledger-agent")
    assert (asked["subject"], asked["resource"]) == (None, f"{MCP_SERVER}/acme/mcp")


def decisions(trio: Trio) -> list[dict[str, Any]]:
    return [json.loads(line) for line in trio.audit.read_text().splitlines()]
