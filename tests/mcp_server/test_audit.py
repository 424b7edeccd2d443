"""Every decision leaves a line that says who, on whose behalf, what, and why, and holds no token."""

from __future__ import annotations

from fixtures.service.audit import verify
from tests.mcp_server.small_issuer import payload
from tests.mcp_server.stage import Stage

BALANCE = "urn:ledger:balance:read"


def test_an_allowed_call_names_the_human_the_agent_and_the_tool(stage: Stage) -> None:
    token = stage.token(BALANCE)
    stage.call("get_balance", token=token)
    line = stage.decisions()[-1]
    assert line["outcome"] == "allowed"
    assert (line["tenant"], line["subject"], line["actor"], line["client_id"]) == (
        "acme",
        "alice",
        "ledger-agent",
        "ledger-agent",
    )
    assert (line["operation"], line["scopes"]) == ("tools/call get_balance", [BALANCE])
    assert (line["resource"], line["jti"]) == (stage.mcp(), payload(token)["jti"])


def test_an_agent_on_its_own_acts_for_nobody(stage: Stage) -> None:
    stage.call("get_balance", token=stage.token(BALANCE, sub="infra-bot", client_id="infra-bot", act=None))
    line = stage.decisions()[-1]
    assert (line["subject"], line["actor"]) == (None, "infra-bot")


def test_prior_actors_decide_nothing_and_are_not_taken_for_the_actor(stage: Stage) -> None:
    act = {"sub": "ledger-agent", "act": {"sub": "console"}}
    stage.call("get_balance", token=stage.token(BALANCE, act=act))
    assert stage.decisions()[-1]["actor"] == "ledger-agent"


def test_a_refusal_says_why_and_believes_nothing_of_a_bad_token(stage: Stage) -> None:
    stage.call("get_balance", token=stage.token(BALANCE, tenant="globex"))
    line = stage.decisions()[-1]
    assert (line["outcome"], line["reason"]) == ("denied", "The token is of another tenant.")
    assert (line["tenant"], line["subject"], line["actor"], line["jti"]) == ("acme", None, None, None)


def test_a_body_that_is_too_large_leaves_a_line_that_believes_nothing(stage: Stage) -> None:
    headers = {"Authorization": f"Bearer {stage.token(BALANCE)}"}
    assert stage.http.post(stage.mcp(), content=b" " * 1_100_000, headers=headers).status_code == 413
    line = stage.decisions()[-1]
    assert (line["outcome"], line["reason"]) == ("denied", "the body is larger than 1048576 bytes")
    assert (line["operation"], line["tenant"], line["resource"]) == ("POST unread message", "acme", stage.mcp())
    assert (line["subject"], line["actor"], line["jti"]) == (None, None, None)


def test_a_missing_scope_names_the_caller_and_what_is_missing(stage: Stage) -> None:
    stage.call("delete_deployment", token=stage.token(BALANCE))
    line = stage.decisions()[-1]
    assert (line["outcome"], line["subject"]) == ("denied", "alice")
    assert line["reason"] == "lacks urn:infra:deploy:delete urn:infra:monitoring:read"


def test_the_trail_holds_no_token_and_is_unbroken(stage: Stage) -> None:
    token = stage.token("urn:fx:convert")
    stage.call("convert_currency", token=token)
    stage.call("get_balance", token=token)
    stage.call("get_balance", token=token[:-2])
    trail = stage.audit_path.read_text()
    assert token.split(".")[1] not in trail
    assert token.split(".")[2] not in trail
    assert verify(stage.audit_path).problems == []
