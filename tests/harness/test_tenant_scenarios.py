"""What the scenarios of tenants say of servers that keep them apart in another way than the sandbox does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from fixtures.mcp_server.validation import TOKEN_STEPS, Caller, TokenValidator, is_of_this_tenant
from fixtures.world import load_world
from harness import engine
from harness.events import Result, Settings
from harness.http import Wire
from harness.sandbox.target import sandbox_target
from harness.sandbox.threads import ThreadedSandbox
from harness.scenario import load_scenarios
from harness.target import Target
from harness.verdict import Verdict

CLAIM = "mcp/tenant-isolation/the-tenant-of-the-token-is-held-against-the-resource"
RECORDS = "mcp/tenant-isolation/a-tool-returns-the-callers-tenants-data"

_validate = TokenValidator.validate


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with ThreadedSandbox() as sandbox, sandbox.control("authorization_server") as control:
        yield sandbox_target(sandbox, load_world(), control=control)


def _judged(target: Target, identifier: str) -> Result:
    wire = Wire()
    summary = engine.run(target, [load_scenarios()[identifier]], lambda _: None, wire=wire, settings=Settings(jobs=2))
    wire.close()
    return summary.results[0]


async def _by_the_resource(self: TokenValidator, token: str) -> Caller:
    return replace(await _validate(self, token), tenant=self.rules.tenant)


def test_a_server_that_knows_no_tenant_claim_is_not_blamed_for_it(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = tuple(step for step in TOKEN_STEPS if step is not is_of_this_tenant)
    monkeypatch.setattr(TokenValidator, "steps", steps)
    assert _judged(target, CLAIM).verdict is Verdict.FAILED  # its tools still go by the claim
    monkeypatch.setattr(TokenValidator, "validate", _by_the_resource)
    result = _judged(target, CLAIM)
    assert (result.verdict, "takes no notice" in result.actual) == (Verdict.NOT_APPLICABLE, True)


def test_a_text_that_is_asked_for_shows_nobodys_data(target: Target) -> None:
    result = _judged(replace(target, home=replace(target.home, own_text="DE-001")), RECORDS)
    assert result.verdict is Verdict.BLOCKED
    assert result.actual == "own_text is in what get_balance is asked with, and may be repeated"
