"""Methods that the target file calls public are not asked for; all others must ask for a token."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from fixtures.mutants import find
from fixtures.world import load_world
from harness import engine
from harness.events import Settings
from harness.http import Wire
from harness.request import TargetFileError
from harness.sandbox.target import sandbox_target
from harness.sandbox.threads import ThreadedSandbox
from harness.scenario import load_scenarios
from harness.target import Target
from harness.target_file import checked_target_file
from harness.verdict import Verdict

MCP_SERVER = "http://127.0.0.1:8000/mcp"
PING = "mcp/routes/no-method-is-answered-without-a-token/ping"
LISTING = "mcp/routes/no-method-is-answered-without-a-token/tools-list"
EXPIRED = "mcp/routes/no-method-is-answered-for-an-expired-token"


def test_the_target_file_names_public_methods() -> None:
    file = checked_target_file({"target": {"mcp_server": MCP_SERVER, "public": ["ping", "tools/list"]}}, "file")
    assert file.resolve().public == {"ping", "tools/list"}


@pytest.mark.parametrize("public", ["ping", [""], [1]])
def test_what_is_no_list_of_methods_is_a_mistake(public: object) -> None:
    with pytest.raises(TargetFileError, match=r"target\.public"):
        checked_target_file({"target": {"mcp_server": MCP_SERVER, "public": public}}, "file")


@pytest.fixture
def open_to_pings() -> Iterator[Target]:
    """A target whose MCP server answers everybody's ping."""
    mutant = find("mcp-ping-without-token")
    with mutant.applied(), ThreadedSandbox() as sandbox, sandbox.control("authorization_server") as control:
        yield sandbox_target(sandbox, load_world(), control=control)


def _verdicts(target: Target, public: frozenset[str]) -> dict[str, Verdict]:
    told = replace(target, public=public)
    asked = [load_scenarios()[name] for name in (PING, LISTING, EXPIRED)]
    results = engine.run(told, asked, lambda _event: None, wire=Wire(), settings=Settings(jobs=1)).results
    return {result.scenario.id: result.verdict for result in results}


def test_a_method_that_is_public_need_not_ask_for_a_token(open_to_pings: Target) -> None:
    failed, passed = Verdict.FAILED, Verdict.PASSED
    assert _verdicts(open_to_pings, frozenset()) == {PING: failed, LISTING: passed, EXPIRED: failed}
    told = _verdicts(open_to_pings, frozenset({"ping"}))
    assert told == {PING: Verdict.NOT_APPLICABLE, LISTING: passed, EXPIRED: passed}
