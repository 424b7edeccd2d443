"""With tokens that the user gives, a server is judged as far as they go; one that is not what it is called blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from fixtures.world import load_world
from harness import engine
from harness.keys import claims_of
from harness.planning import look
from harness.request import TargetFileError
from harness.requirement import Role
from harness.sandbox.target import sandbox_target
from harness.sandbox.threads import ThreadedSandbox
from harness.scenario import load_scenarios
from harness.selection import select
from harness.target_file import TargetFile, checked_target_file
from harness.verdict import Verdict

TOOLS = {
    "get_balance": {"scopes": ["urn:ledger:balance:read"], "arguments": {"account": "DE-001"}},
    "read_dashboard": {"scopes": ["urn:infra:monitoring:read"], "arguments": {"dashboard": "deployments"}},
}
KINDS = ("good", "expired", "other_resource", "limited", "other_tenant")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ThreadedSandbox]:
    with ThreadedSandbox() as running:
        yield running


def _file(
    sandbox: ThreadedSandbox, monkeypatch: pytest.MonkeyPatch, kinds: Mapping[str, str], **tables: Any
) -> TargetFile:
    """Return a target file in which each kind of token is the sandbox's token of the kind that it is mapped to."""
    with sandbox.control("authorization_server") as control:
        tokens = sandbox_target(sandbox, load_world(), control=control).home.tokens
        for kind, real in kinds.items():
            monkeypatch.setenv(f"{kind.upper()}_TOKEN", tokens[real])
    named = {f"{kind}_env": f"{kind.upper()}_TOKEN" for kind in kinds}
    target = {"mcp_server": sandbox.layout.resource("acme"), "tenant": "acme"}
    return checked_target_file({"target": target, "tokens": named, "tools": TOOLS, **tables}, "here")


def _verdicts(file: TargetFile, *selectors: str) -> dict[str, tuple[Verdict, str]]:
    plan = look(file, timeout=10)
    known = load_scenarios()
    asked = select(known, selectors, roles=plan.roles, spec=plan.target.spec)
    results = engine.run(plan.target, asked, lambda _event: None, wire=plan.wire, known=known).results
    return {result.scenario.id: (result.verdict, result.actual) for result in results}


def test_the_mcp_server_is_judged_with_them_and_nothing_is_blocked(
    sandbox: ThreadedSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _file(sandbox, monkeypatch, {kind: kind for kind in KINDS})
    found = _verdicts(file, "mcp/given-tokens", "mcp/token-validation/a-forged-token-is-refused", "mcp/challenge")
    by_verdict = {verdict: [name for name, (each, _) in found.items() if each is verdict] for verdict in Verdict}
    assert not by_verdict[Verdict.BLOCKED] + by_verdict[Verdict.FAILED] + by_verdict[Verdict.ERROR]
    assert sum(name.startswith("mcp/given-tokens/") for name in by_verdict[Verdict.PASSED]) == 4
    assert "mcp/token-validation/a-forged-token-is-refused/with-hmac-over-the-public-key" in by_verdict[Verdict.PASSED]


@pytest.mark.parametrize(
    ("kind", "real", "why"),
    [
        ("expired", "good", "the token of expired_env has not expired"),
        ("other_resource", "other_tenant", "the token of other_resource_env is from another issuer than the good one"),
        ("other_resource", "good", "the token of other_resource_env is for this resource too"),
        ("other_resource", "expired", "the token of other_resource_env has expired"),
        ("limited", "good", "the token of limited_env has the scopes of all tools"),
        ("other_tenant", "expired", "the token of other_tenant_env has expired"),
        ("good", "expired", "a token that should be good was refused"),
    ],
)
def test_a_token_that_is_not_what_it_is_called_tells_nothing(
    sandbox: ThreadedSandbox, monkeypatch: pytest.MonkeyPatch, kind: str, real: str, why: str
) -> None:
    found = _verdicts(
        _file(sandbox, monkeypatch, {"good": "good", "limited": "limited", kind: real}), "mcp/given-tokens"
    )
    blocked = [reason for verdict, reason in found.values() if verdict is Verdict.BLOCKED]
    assert blocked
    assert all(why in reason for reason in blocked)


def test_an_authorization_server_that_is_named_is_judged_too(
    sandbox: ThreadedSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = look(_file(sandbox, monkeypatch, {"good": "good"}), timeout=10)
    target = {"mcp_server": sandbox.layout.resource("acme"), "authorization_server": sandbox.layout.issuer("acme")}
    both = look(_file(sandbox, monkeypatch, {"good": "good"}, target=target), timeout=10)
    for plan in (alone, both):
        plan.wire.close()
    assert alone.roles == (Role.MCP_SERVER,)
    assert both.roles == (Role.AUTHORIZATION_SERVER, Role.MCP_SERVER)


def test_they_are_known_as_secrets_and_not_shown(sandbox: ThreadedSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    target = _file(sandbox, monkeypatch, {kind: kind for kind in KINDS}).resolve()
    assert set(target.secrets) == set(target.home.tokens.values())
    assert not any(token in repr(target) for token in target.secrets)


def test_the_token_of_the_other_tenant_is_a_good_one_there(
    sandbox: ThreadedSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {"name": "globex", "mcp_server": sandbox.layout.resource("globex")}
    target = _file(sandbox, monkeypatch, {"other_tenant": "other_tenant"}, other_tenant=other).resolve()
    assert target.other
    assert claims_of(target.other.tokens["good"])["tenant"] == "globex"


@pytest.mark.parametrize("value", ["", "two words", "a\nb", "ümlaut"])
def test_what_is_no_token_is_one_sentence_that_does_not_repeat_it(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("TOKEN", value)
    data = {"target": {"mcp_server": "http://127.0.0.1/mcp"}, "tokens": {"good_env": "TOKEN"}}
    with pytest.raises(TargetFileError) as fault:
        checked_target_file(data, "here")
    assert str(fault.value).startswith("here: tokens.good_env: the environment variable TOKEN holds no token")
    assert not value or value not in str(fault.value)


def test_with_a_trusted_sandbox_they_would_have_no_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "a-token")
    target = {"mcp_server": "http://127.0.0.1/mcp", "trusts": "sandbox"}
    with pytest.raises(TargetFileError, match='tokens: has no effect with trusts = "sandbox"'):
        checked_target_file({"target": target, "tokens": {"good_env": "TOKEN"}}, "here")
