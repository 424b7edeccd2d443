"""Enterprise-managed authorization: the whole way, and authorization servers of others that take ID-JAGs."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from fixtures.world import load_world
from harness import engine, pkce
from harness.context import Context
from harness.exchange import Evidence
from harness.http import Wire
from harness.mcp_calls import succeeded
from harness.planning import look
from harness.request import TargetFileError
from harness.run import Run
from harness.sandbox.target import sandbox_target
from harness.sandbox.threads import ThreadedSandbox
from harness.scenario import load_scenarios
from harness.selection import select
from harness.target_file import checked_target_file
from harness.verdict import Verdict
from tests.authorization_server.trio import new_http

APPLICATION = ("enterprise-desktop", "enterprise-desktop-secret")
AGENT = ("ledger-agent", "acme-ledger-agent-secret")
CALLBACK = "http://127.0.0.1:8976/callback"
BALANCE = "urn:ledger:balance:read"
GRANT = "urn:ietf:params:oauth:grant-type"
TYPE = "urn:ietf:params:oauth:token-type"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ThreadedSandbox]:
    with ThreadedSandbox() as running:
        yield running


def id_token(http: httpx.Client, provider: str) -> str:
    verifier = pkce.verifier()
    asked = {
        "response_type": "code",
        "client_id": APPLICATION[0],
        "redirect_uri": CALLBACK,
        "scope": "openid",
        "code_challenge": pkce.challenge(verifier),
        "code_challenge_method": "S256",
        "login_hint": "alice",
    }
    back = http.get(f"{provider}/authorize", params=asked).headers["location"]
    code = dict(parse_qsl(urlsplit(back).query))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": verifier}
    return str(http.post(f"{provider}/token", data=form, auth=APPLICATION).json()["id_token"])


def id_jag(http: httpx.Client, provider: str, sandbox: ThreadedSandbox) -> str:
    form = {
        "grant_type": f"{GRANT}:token-exchange",
        "requested_token_type": f"{TYPE}:id-jag",
        "subject_token": id_token(http, provider),
        "subject_token_type": f"{TYPE}:id_token",
        "audience": sandbox.layout.issuer("acme"),
        "resource": sandbox.layout.resource("acme"),
        "scope": BALANCE,
    }
    return str(http.post(f"{provider}/token", data=form, auth=APPLICATION).json()["access_token"])


def test_who_signed_in_at_the_provider_calls_the_mcp_server_without_another_page(sandbox: ThreadedSandbox) -> None:
    with new_http() as http:
        assertion = id_jag(http, sandbox.layout.idp_issuer("acme"), sandbox)
        form = {"grant_type": f"{GRANT}:jwt-bearer", "assertion": assertion}
        answer = http.post(f"{sandbox.layout.issuer('acme')}/token", data=form, auth=AGENT).json()
    assert (answer["token_type"], answer["scope"]) == ("Bearer", BALANCE)
    assert "refresh_token" not in answer
    with sandbox.control("authorization_server") as control:
        target = sandbox_target(sandbox, load_world(), control=control)
        wire = Wire(10)
        ctx = Context(Run(target, wire, Context), Evidence())
        tools = target.tools
        assert succeeded(ctx.call_tool(tools["get_balance"], token=answer["access_token"]))
        assert ctx.call_tool(tools["convert_currency"], token=answer["access_token"]).status == 403
        wire.close()


def target_file(sandbox: ThreadedSandbox, **tables: Any) -> dict[str, Any]:
    issuer = sandbox.layout.issuer("acme")
    client = {"client_id": AGENT[0], "auth_method": "client_secret_basic", "secret_env": "AGENT_SECRET"}
    return {
        "target": {"authorization_server": issuer},
        "clients": {"id_jag": client},
        "scopes": {"narrow": BALANCE, "wide": f"{BALANCE} urn:fx:convert"},
        "resources": {"primary": sandbox.layout.resource("acme")},
        **tables,
    }


def judged(data: dict[str, Any]) -> dict[Verdict, list[str]]:
    plan = look(checked_target_file(data, "here"), timeout=10)
    known = load_scenarios()
    asked = select(known, ["as/id-jag"], roles=plan.roles, spec=plan.target.spec)
    results = engine.run(plan.target, asked, lambda _event: None, wire=plan.wire, known=known).results
    return {verdict: [result.scenario.id for result in results if result.verdict is verdict] for verdict in Verdict}


def test_a_server_that_trusts_a_key_of_the_users_is_judged(
    sandbox: ThreadedSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sandbox.control("mock_idp") as control:
        key = control.signing_keys("acme").private_keys()["current"][1]
    monkeypatch.setenv("PROVIDER_KEY", json.dumps(key))
    monkeypatch.setenv("AGENT_SECRET", AGENT[1])
    table = {"issuer": sandbox.layout.idp_issuer("acme"), "private_key_env": "PROVIDER_KEY", "subject": "alice"}
    found = judged(target_file(sandbox, id_jag=table, capabilities={"authorization-code": False}))
    assert {name.removeprefix("as/id-jag/") for name in found[Verdict.NOT_APPLICABLE]} == {
        "a-public-client-is-refused",
        "an-id-jag-used-at-once-works-once",
        "an-id-jag-works-once",
        "another-provider-says-nothing-about-our-users",
        "the-same-sub-of-another-tenant-is-another-user",
    }
    assert len(found[Verdict.PASSED]) + len(found[Verdict.NOT_APPLICABLE]) == sum(map(len, found.values()))


def test_without_a_trusted_issuer_it_is_said_what_is_wanted(
    sandbox: ThreadedSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_SECRET", AGENT[1])
    found = judged(target_file(sandbox))
    assert "as/id-jag/no-refresh-token-is-given" in found[Verdict.BLOCKED]
    assert {"as/id-jag/the-listed-profile-has-its-grant", "as/id-jag/the-listed-profiles-are-strings"} == {
        *found[Verdict.PASSED]
    }


@pytest.mark.parametrize("held", ["", "no JSON", "[]", "{}", '{"kty": "EC", "alg": "ES256", "crv": "P-256"}'])
def test_a_variable_without_a_private_key_is_a_mistake(
    sandbox: ThreadedSandbox, monkeypatch: pytest.MonkeyPatch, held: str
) -> None:
    monkeypatch.setenv("PROVIDER_KEY", held)
    monkeypatch.setenv("AGENT_SECRET", secrets.token_hex())
    table = {"issuer": "https://idp.example", "private_key_env": "PROVIDER_KEY", "subject": "alice"}
    with pytest.raises(TargetFileError, match="the variable PROVIDER_KEY holds no private JWK") as mistake:
        checked_target_file(target_file(sandbox, id_jag=table), "here")
    assert len(str(mistake.value).splitlines()) == 1


def test_with_a_trusted_sandbox_the_table_has_no_effect(
    sandbox: ThreadedSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVIDER_KEY", "{}")
    table = {"issuer": "https://idp.example", "subject": "alice", "private_key_env": "PROVIDER_KEY"}
    data = {"target": {"mcp_server": sandbox.layout.resource("acme"), "trusts": "sandbox"}, "id_jag": table}
    with pytest.raises(TargetFileError):
        checked_target_file(data, "here")
