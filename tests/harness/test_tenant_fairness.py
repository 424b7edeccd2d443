"""What the scenarios of tenants say of servers that are made in another way than the sandbox is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from fixtures.mutants import find
from fixtures.world import load_world
from harness import engine
from harness.events import Result, Settings
from harness.http import Wire
from harness.sandbox.target import sandbox_target
from harness.sandbox.threads import ThreadedSandbox
from harness.scenario import load_scenarios
from harness.target import Target
from harness.verdict import Verdict

CODE = "as/tenant-isolation/a-code-is-refused-at-another-tenant"
LOOKS = "as/tenant-enumeration/what-another-tenant-has-looks-like-nothing"
TAKES = "as/tenant-enumeration/what-another-tenant-has-takes-no-longer"


@pytest.fixture
def target() -> Iterator[Target]:
    with ThreadedSandbox() as sandbox, sandbox.control("authorization_server") as control:
        yield sandbox_target(sandbox, load_world(), control=control)


def _result(target: Target, identifier: str) -> Result:
    wire = Wire()
    summary = engine.run(target, [load_scenarios()[identifier]], lambda _: None, wire=wire, settings=Settings(jobs=2))
    wire.close()
    return summary.results[0]


def _all_registered(target: Target) -> Target:
    """Describe no clients: those that register have identifiers that no other tenant knows."""
    assert target.other
    return replace(target, home=replace(target.home, clients={}), other=replace(target.other, clients={}))


def test_clients_with_identifiers_of_their_own_are_judged_too(target: Target) -> None:
    registered = _all_registered(target)
    assert _result(registered, CODE).verdict is Verdict.PASSED
    assert _result(registered, f"{LOOKS}/client-at-authorization").verdict is Verdict.PASSED
    with find("as-tenant-client-of-another").applied():
        assert _result(registered, f"{LOOKS}/client-at-authorization").verdict is Verdict.WARNING
        with find("as-tenant-code-of-another").applied():
            assert _result(registered, CODE).verdict is Verdict.FAILED


def test_who_has_no_second_tenant_is_not_asked(target: Target) -> None:
    alone = replace(target, other=None)
    assert _result(alone, f"{LOOKS}/code").verdict is Verdict.NOT_APPLICABLE
    assert _result(alone, TAKES).verdict is Verdict.NOT_APPLICABLE


def test_what_takes_longer_is_a_warning_that_says_what(target: Target) -> None:
    with find("as-foreign-refresh-tokens-take-longer").applied():
        result = _result(target, TAKES)
    assert result.verdict is Verdict.WARNING
    assert result.actual.startswith("a refresh token took ")
    assert "longer in the median" in result.actual
    assert len(result.exchanges) < 60


def test_times_are_left_alone_where_the_user_says_so(target: Target) -> None:
    told = replace(target, capabilities={**target.capabilities, "undisturbed": False})
    assert _result(told, TAKES).verdict is Verdict.NOT_APPLICABLE
