"""The proof that scenarios can fail: each mutant is judged, and its failing set is compared with the declared one."""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from fixtures.mutants import Mutant, all_mutants, find
from fixtures.world import load_world
from harness import engine
from harness.events import Event, Result
from harness.http import Wire
from harness.reach import EVERYWHERE, Trace, Visits, merged, reaching
from harness.requirement import Role
from harness.sandbox.layout import SERVICES
from harness.sandbox.target import sandbox_target
from harness.sandbox.threads import ThreadedSandbox
from harness.scenario import Scenario, load_scenarios
from harness.verdict import Verdict

ROLE_OF = {
    "authorization_server": Role.AUTHORIZATION_SERVER,
    "mock_idp": Role.AUTHORIZATION_SERVER,
    "mcp_server": Role.MCP_SERVER,
}
CAUGHT = (Verdict.FAILED, Verdict.WARNING)
WORTH_TRACING = 10
TIMEOUT = 5.0
SWITCH_SECONDS = 0.0005


@dataclass(frozen=True)
class Row:
    """What became of one mutant: the scenarios that should fail it, and those that did."""

    mutant: str
    summary: str
    declared: frozenset[str]
    caught: frozenset[str]
    seconds: float

    @property
    def missed(self) -> frozenset[str]:
        """Declared, and not failed."""
        return self.declared - self.caught

    @property
    def extra(self) -> frozenset[str]:
        """Failed, and not declared."""
        return self.caught - self.declared

    @property
    def exact(self) -> bool:
        """Whether the failing set equals the declared one."""
        return self.declared == self.caught


def run_matrix(mutants: Iterable[Mutant], *, processes: int | None = None) -> Iterator[Row]:
    """Judge mutants, spread over processes, and yield a row for each as it becomes known.

    Each process has a sandbox in its threads, in which services are rebuilt for each mutant rather than started anew.
    Where there are many mutants, each is asked those scenarios only that come to what it changes.
    """
    asked = tuple(mutants)
    context = multiprocessing.get_context("spawn")
    width = min(processes or os.cpu_count() or 1, len(asked)) or 1
    with ProcessPoolExecutor(width, mp_context=context, initializer=_start) as pool:
        visits: Visits = {}
        if len(asked) >= WORTH_TRACING:
            ids = list(load_scenarios())
            visits = merged(pool.map(_visits, (ids[first::width] for first in range(width))))
        yield from pool.map(_row, (mutant.id for mutant in asked), (reaching(mutant, visits) for mutant in asked))


_sandbox: ThreadedSandbox | None = None


def _start() -> None:
    global _sandbox  # noqa: PLW0603 - one for the life of a worker process
    sys.setswitchinterval(SWITCH_SECONDS)
    _sandbox = ThreadedSandbox()
    _sandbox.start()
    load_scenarios()
    importlib.import_module("fixtures.mcp_server.protocol")
    gc.freeze()


def _visits(identifiers: list[str]) -> Visits:
    """Judge scenarios one by one, each with all that it needs, and return where each of them came."""
    assert _sandbox
    trace = Trace(all_mutants())
    scenarios = load_scenarios()
    with trace.installed():
        _rebuild(_sandbox)
        for identifier in identifiers:
            trace.scenario = identifier
            _judge(_sandbox, [scenarios[identifier]])
        trace.scenario = EVERYWHERE
    return trace.visits


def _row(identifier: str, reaching_ids: frozenset[str]) -> Row:
    assert _sandbox
    mutant = find(identifier)
    started = time.monotonic()
    asked = [
        scenario
        for scenario in load_scenarios().values()
        if scenario.role is ROLE_OF[mutant.service] and reaching_ids & {scenario.id, EVERYWHERE}
    ]
    with mutant.applied():
        _rebuild(_sandbox)
        results = _judge(_sandbox, asked)
    caught = frozenset(result.scenario.id for result in results if result.verdict in CAUGHT)
    return Row(mutant.id, mutant.summary, mutant.fails, caught, time.monotonic() - started)


def _rebuild(sandbox: ThreadedSandbox) -> None:
    for service in SERVICES:
        sandbox.replace(service)


def _judge(sandbox: ThreadedSandbox, scenarios: Iterable[Scenario]) -> tuple[Result, ...]:
    target = sandbox_target(sandbox, load_world())
    return engine.run(target, scenarios, _ignored, wire=Wire(TIMEOUT), jobs=1).results


def _ignored(_event: Event) -> None:
    """The matrix looks at results only."""
