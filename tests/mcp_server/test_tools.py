"""What the tools do: the caller's tenant's data alone, and a downstream API that never sees the caller's token."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mcp_server.small_issuer import payload
from tests.mcp_server.stage import CONTROL_TOKEN, Stage, challenge, result, structured

CONVERT = "urn:fx:convert"
DEPLOY = "urn:infra:deploy:create"
DELETE = "urn:infra:deploy:delete"


def _everything(stage: Stage, tenant: str = "acme") -> str:
    return stage.token(*stage.world.scopes, issuer=tenant)


@pytest.mark.parametrize("tool", ["get_balance", "convert_currency", "read_dashboard", "create_deployment"])
def test_every_tool_answers_without_arguments(stage: Stage, tool: str) -> None:
    assert structured(stage.call(tool, token=_everything(stage)))["tenant"] == "acme"


@pytest.mark.parametrize(
    ("tenant", "balance", "dashboard", "rate"),
    [("acme", "1250.00", "p99 41 ms", "1.6500"), ("globex", "88.10", "p99 73 ms", "1.6600")],
)
def test_each_tenant_sees_its_own_records(stage: Stage, tenant: str, balance: str, dashboard: str, rate: str) -> None:
    token = _everything(stage, tenant)
    assert structured(stage.call("get_balance", token=token, tenant=tenant))["amount"] == balance
    assert structured(stage.call("read_dashboard", token=token, tenant=tenant))["shows"] == dashboard
    assert structured(stage.call("convert_currency", token=token, tenant=tenant))["rate"] == rate


def test_another_tenants_account_is_not_there(stage: Stage) -> None:
    answer = result(stage.call("get_balance", {"account": "AU-900"}, token=_everything(stage)))
    assert answer["isError"] is True
    assert "88.10" not in str(answer)


def test_the_deployments_have_a_dashboard(stage: Stage) -> None:
    token = _everything(stage)
    made = structured(stage.call("create_deployment", {"service": "api"}, token=token))["deployment"]
    shown = structured(stage.call("read_dashboard", {"dashboard": "deployments"}, token=token))["shows"]
    assert shown == f"api-7, {made}"


def test_deployments_come_and_go_and_a_reset_brings_the_seed_back(stage: Stage) -> None:
    token = _everything(stage)
    made = structured(stage.call("create_deployment", {"service": "api"}, token=token))["deployment"]
    assert structured(stage.call("delete_deployment", {"deployment": made}, token=token))["deleted"] is True
    assert structured(stage.call("delete_deployment", {"deployment": made}, token=token))["deleted"] is False
    assert structured(stage.call("delete_deployment", {"deployment": "api-7"}, token=token))["deleted"] is True
    control = {"Authorization": f"Bearer {CONTROL_TOKEN}"}
    assert stage.http.post(f"{stage.control_url}/reset", headers=control).status_code == 200
    assert structured(stage.call("delete_deployment", {"deployment": "api-7"}, token=token))["deleted"] is True


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("get_balance", {"account": 1}),
        ("get_balance", {"account": "none"}),
        ("convert_currency", {"amount": "a lot"}),
        ("convert_currency", {"amount": "NaN"}),
        ("convert_currency", {"amount": "1e400"}),
        ("convert_currency", {"source": "XXX"}),
        ("read_dashboard", {"dashboard": "none"}),
    ],
)
def test_wrong_arguments_are_told_to_the_caller(stage: Stage, tool: str, arguments: dict[str, Any]) -> None:
    answer = result(stage.call(tool, arguments, token=_everything(stage)))
    assert answer["isError"] is True
    assert answer["content"][0]["text"].endswith(".")


def test_the_downstream_api_gets_an_exchanged_token_and_never_the_received_one(stage: Stage) -> None:
    token = stage.token(CONVERT)
    answer = structured(stage.call("convert_currency", {"amount": "10"}, token=token))
    assert (answer["converted"], answer["rate"]) == ("16.50", "1.6500")
    (exchange,) = stage.issuer.exchanges
    assert exchange["subject_token"] == token
    assert (exchange["resource"], exchange["scope"]) == (stage.fx(), CONVERT)
    served = [line for line in stage.decisions() if line["resource"] == stage.fx()][-1]
    assert (served["outcome"], served["subject"], served["actor"]) == ("allowed", "alice", "mcp-server")
    assert served["jti"] != payload(token)["jti"]


def test_the_downstream_api_refuses_a_token_for_the_mcp_server(stage: Stage) -> None:
    headers = {"Authorization": f"Bearer {stage.token(CONVERT)}"}
    answer = stage.http.get(f"{stage.fx()}/rates", params={"source": "EUR", "target": "AUD"}, headers=headers)
    assert (answer.status_code, challenge(answer)["error"]) == (401, "invalid_token")


def test_the_downstream_api_wants_its_scope(stage: Stage) -> None:
    headers = {"Authorization": f"Bearer {stage.token(aud=stage.fx())}"}
    answer = stage.http.get(f"{stage.fx()}/rates", headers=headers)
    assert (answer.status_code, challenge(answer)["scope"]) == (403, CONVERT)


def test_a_refused_exchange_is_told_without_secrets(stage: Stage) -> None:
    stage.issuer.exchange_error = "invalid_target"
    token = stage.token(CONVERT)
    answer = result(stage.call("convert_currency", token=token))
    assert answer["isError"] is True
    assert "invalid_target" in answer["content"][0]["text"]
    assert token not in str(answer)
