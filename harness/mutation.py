"""The proof that scenarios can fail: each mutant is judged, and its failing set is compared with the declared one."""

from __future__ import annotations

import gc
import importlib
import itertools
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from joserfc.jwk import RSAKey

from fixtures.authorization_server import document_fetching
from fixtures.mcp_server import lifeline
from fixtures.mutants import Mutant, all_mutants, find
from fixtures.service.keys import MAKERS
from fixtures.world import load_world
from harness import audit_log, engine, streaming, unrecorded
from harness import property as properties
from harness.events import Event, Result, Settings
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
JUDGED = {Role.AUTHORIZATION_SERVER: "authorization_server", Role.MCP_SERVER: "mcp_server"}
CAUGHT = (Verdict.FAILED, Verdict.WARNING, Verdict.ERROR)
WORTH_TRACING = 10
RSA_KEYS = 12
SHARE_OF_EXAMPLES = 0.6
GARBAGE = 50_000
TIMEOUT = 5.0
AUDIT_PATIENCE = 0.1
SHARE_OF_REQUESTS = 0.2
FETCH_SECONDS = 0.5
LOOK_SECONDS = 0.05
STREAM_PATIENCE = 1.0
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


def run_matrix(mutants: Iterable[Mutant], only: frozenset[str] = frozenset()) -> Iterator[Row]:
    """Judge mutants, spread over processes, and yield a row for each as it becomes known.

    Each process has a sandbox in its threads, in which services are rebuilt for each mutant rather than started anew.
    Where there are many mutants, each is asked those scenarios only that can tell it from the reference by what it
    changes (`harness.reach`), and all that it declares.

    Args:
        mutants: which ones.
        only: the ids of the scenarios that they are asked, where that is not all; declared is what is among these.
    """
    asked = tuple(mutants)
    context = multiprocessing.get_context("spawn")
    width = min((os.cpu_count() or 1) + 1, len(asked)) or 1  # one more than cores: each waits now and then
    with ProcessPoolExecutor(width, mp_context=context, initializer=_start) as pool:
        visits: Visits = {}
        if len(asked) >= WORTH_TRACING and not only:
            ids = list(load_scenarios())
            visits = merged(pool.map(_visits, (ids[first::width] for first in range(width))))
        reach = (reaching(mutant, visits) for mutant in asked)
        yield from pool.map(_row, (mutant.id for mutant in asked), reach, itertools.repeat(only))


class _Worker:
    """What one process keeps for all mutants that it judges: a sandbox, of which only one service is ever mutated."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="mcp-assay-")
        self._sandbox = ThreadedSandbox(state_dir=Path(self._directory.name))
        self._sandbox.start()
        self._world = load_world()
        self._mutated = ""

    def judge(self, scenarios: Iterable[Scenario]) -> tuple[Result, ...]:
        """Ask scenarios of the sandbox as it is, one after the other."""
        with self._sandbox.control("authorization_server") as control:
            target = sandbox_target(self._sandbox, self._world, control=control)
            return engine.run(target, scenarios, _ignored, wire=Wire(TIMEOUT), settings=Settings(jobs=1)).results

    def judge_mutant(self, mutant: Mutant, scenarios: Iterable[Scenario]) -> tuple[Result, ...]:
        """Rebuild a service with a mutant's change in place, and ask scenarios of it."""
        if self._mutated not in ("", mutant.service):
            self._sandbox.replace(self._mutated)
        self._mutated = mutant.service
        for trail in self._sandbox.audit_files.values():
            os.truncate(trail, 0)  # or the trails of all mutants would fill the disk
        with mutant.applied():
            self._sandbox.replace(mutant.service)
            return self.judge(scenarios)

    def visits(self, identifiers: Iterable[str]) -> Visits:
        """Judge scenarios apart, each with all that it needs, and return where each of them came.

        What a service keeps of others' answers, the next scenario would not come to: so it is rebuilt for each of them.
        A scenario that does not pass went another way than usual, and may come to any place.
        """
        trace = Trace(all_mutants())
        known = load_scenarios()
        with trace.installed():
            for service in SERVICES:
                self._sandbox.replace(service)
            for identifier in identifiers:
                trace.scenario = identifier
                self._sandbox.replace(JUDGED[known[identifier].role])
                if any(result.verdict is not Verdict.PASSED for result in self.judge([known[identifier]])):
                    trace.doubt()
            trace.scenario = EVERYWHERE
        for service in SERVICES:
            self._sandbox.replace(service)
        return trace.visits


_worker: _Worker | None = None


def _start() -> None:
    """Get a process ready for many mutants.

    What lives as long as the process is kept out of the garbage collector's way, RSA keys are made once and used in
    turn, fewer examples have to do, and a failing one need not be the shortest. Streams end sooner, and are waited for
    less.
    """
    global _worker  # noqa: PLW0603 - one for the life of a process
    sys.setswitchinterval(SWITCH_SECONDS)
    properties.SHRINKING_SECONDS, properties.SHARE = 0.0, SHARE_OF_EXAMPLES
    unrecorded.SHARE = SHARE_OF_REQUESTS
    audit_log.PATIENCE = audit_log.GRACE = AUDIT_PATIENCE
    document_fetching.SECONDS = FETCH_SECONDS
    lifeline.LOOK_SECONDS, streaming.PATIENCE = LOOK_SECONDS, STREAM_PATIENCE
    MAKERS["RS256"] = itertools.cycle([RSAKey.generate_key(2048) for _ in range(RSA_KEYS)]).__next__
    _worker = _Worker()
    load_scenarios()
    importlib.import_module("fixtures.mcp_server.protocol")
    gc.set_threshold(GARBAGE)
    gc.freeze()


def _visits(identifiers: list[str]) -> Visits:
    assert _worker
    return _worker.visits(identifiers)


def _row(identifier: str, reaching_ids: frozenset[str], only: frozenset[str]) -> Row:
    assert _worker
    mutant = find(identifier)
    started = time.monotonic()
    concerned = [item for item in load_scenarios().values() if _concerns(mutant, item)]
    reached = reaching_ids | mutant.fails
    asked = [item for item in concerned if reached & {item.id, EVERYWHERE} and (not only or item.id in only)]
    results = _worker.judge_mutant(mutant, asked)
    caught = frozenset(result.scenario.id for result in results if result.verdict in CAUGHT)
    declared = mutant.fails & only if only else mutant.fails
    return Row(mutant.id, mutant.summary, declared, caught, time.monotonic() - started)


def _concerns(mutant: Mutant, scenario: Scenario) -> bool:
    """Whether a mutant is asked a scenario: one of its service's role, or one of another role that it declares."""
    return scenario.role is ROLE_OF[mutant.service] or scenario.id in mutant.fails


def _ignored(_event: Event) -> None:
    """The matrix looks at results only."""
