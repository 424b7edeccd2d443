"""What the processes of the matrix see in a pass without a mutant."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from harness.mutation import _Worker
from harness.reach import EVERYWHERE
from harness.verdict import Verdict

FETCH = "fixtures.mcp_server.issuer.Issuer._fetch"
CALLS = ("mcp/audit/a-served-call-leaves-an-entry", "mcp/audit/outcomes-tell-served-from-refused")


@pytest.fixture
def worker() -> Iterator[_Worker]:
    made = _Worker()
    yield made
    made._sandbox.stop()
    made._directory.cleanup()


def test_what_a_service_has_from_others_it_gets_for_each_scenario_anew(worker: _Worker) -> None:
    visits = worker.visits(CALLS)
    assert visits[FETCH] >= set(CALLS)
    assert EVERYWHERE not in visits


def test_a_scenario_that_does_not_pass_may_come_to_any_place(worker: _Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "judge", lambda _: (SimpleNamespace(verdict=Verdict.BLOCKED),))
    assert worker.visits(CALLS[:1])[EVERYWHERE] == {CALLS[0]}
