"""What the scenarios of the access matrix say of a good server and of a target file that is wrong about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from fixtures.world import load_world
from harness import engine
from harness.context import Context
from harness.events import Result, Settings
from harness.exchange import Evidence
from harness.http import Wire
from harness.run import Run
from harness.sandbox.target import sandbox_target
from harness.sandbox.threads import ThreadedSandbox
from harness.scenario import load_scenarios
from harness.target import Identity, Target, Tool
from harness.verdict import Verdict

DENIED, ALLOWED, TRACE = (
    f"mcp/access-matrix/no-{name}"
    for name in ("denied-call-is-served", "allowed-call-is-refused", "denied-call-leaves-a-trace")
)
BALANCE, DEPLOY = "urn:ledger:balance:read", "urn:infra:deploy:create"
READER = Identity("reader", frozenset({BALANCE}))


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with ThreadedSandbox() as sandbox, sandbox.control("authorization_server") as control:
        yield sandbox_target(sandbox, load_world(), control=control)


def judged(target: Target, identifier: str, *, jobs: int = 2) -> Result:
    chosen = [load_scenarios()[identifier]]
    return engine.run(target, chosen, lambda _: None, wire=Wire(), settings=Settings(jobs=jobs)).results[0]


def with_people(target: Target, *people: Identity, **tools: Tool) -> Target:
    return replace(target, identities={one.name: one for one in people}, tools={**target.tools, **tools})


def test_the_first_identity_may_be_of_another_tenant(target: Target) -> None:
    people = (Identity("gina", frozenset({BALANCE}), "globex"), READER)
    result = judged(with_people(target, *people), DENIED)
    assert (result.verdict, result.actual) == (Verdict.PASSED, "")


@pytest.mark.parametrize("identifier", [DENIED, ALLOWED, TRACE])
def test_declared_identities_of_two_tenants_are_served_as_declared(target: Target, identifier: str) -> None:
    deployer = Identity("deployer", frozenset({DEPLOY}), subject="bob")
    result = judged(with_people(target, READER, deployer, Identity("gina", frozenset({DEPLOY}), "globex")), identifier)
    assert (result.verdict, result.actual) == (Verdict.PASSED, "")


def test_a_call_that_is_served_against_the_declaration_is_named(target: Target) -> None:
    tools: dict[str, Any] = {"get_balance": replace(target.tools["get_balance"], allow=frozenset[str]())}
    result = judged(with_people(target, READER, Identity("deployer", frozenset({DEPLOY})), **tools), DENIED)
    assert result.verdict is Verdict.FAILED
    assert result.actual == "1 were: get_balance at acme by reader"
    assert result.culprit is not None
    assert b"get_balance" in result.culprit.request_body


def test_a_call_that_is_refused_against_the_declaration_is_a_warning(target: Target) -> None:
    tools: dict[str, Any] = {"convert_currency": replace(target.tools["convert_currency"], scopes=frozenset({BALANCE}))}
    result = judged(with_people(target, READER, **tools), ALLOWED)
    assert result.verdict is Verdict.WARNING
    assert result.actual == "1 were: convert_currency at acme by reader"
    assert result.culprit is not None


def test_a_tool_that_works_for_nobody_is_not_judged(target: Target) -> None:
    broken = replace(target.tools["get_balance"], arguments={"account": "none"})
    result = judged(with_people(target, READER, get_balance=broken), ALLOWED)
    assert result.verdict is Verdict.BLOCKED
    assert "no caller is served get_balance" in result.actual


def test_a_token_that_is_good_for_nothing_proves_nothing(target: Target) -> None:
    with closing(Wire()) as wire:
        token = Context(Run(target, wire, Context), Evidence()).mint(exp=-60)
    stale = replace(READER, name="stale", scopes=frozenset(), token=token)
    result = judged(with_people(target, READER, stale), DENIED)
    assert result.verdict is Verdict.BLOCKED
    assert "the token of stale is refused with 401" in result.actual
