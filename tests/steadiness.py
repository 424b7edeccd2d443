"""The same run over and over: with one job and with many, in shuffled order, while other processes want the CPU."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from fixtures.world import load_world
from harness import engine
from harness.events import Settings
from harness.http import Wire
from harness.sandbox.embedded import EmbeddedSandbox
from harness.sandbox.target import sandbox_target
from harness.scenario import load_scenarios

Verdicts = dict[str, str]
MUTANT = "as-introspection-open"
"""Its findings need no generated example, so that they are the same with every seed."""
TURN = "import os\nparent = os.getppid()\nwhile os.getppid() == parent: sum(range(100_000))"


def verdicts(sandbox: EmbeddedSandbox, *, jobs: int, seed: int) -> Verdicts:
    """Judge a sandbox with the order and the examples of a seed; return the verdict of each scenario."""
    scenarios = load_scenarios()
    settings = Settings(jobs=jobs, seed=seed)
    target = sandbox_target(sandbox, load_world())
    summary = engine.run(target, scenarios.values(), lambda _event: None, wire=Wire(), settings=settings)
    return {result.scenario.id: result.verdict.value for result in summary.results}


def differences(one: Verdicts, other: Verdicts) -> Verdicts:
    """Return the scenarios whose verdicts differ, with both."""
    return {name: f"{one.get(name)} and {other.get(name)}" for name in one | other if one.get(name) != other.get(name)}


@contextmanager
def load() -> Iterator[None]:
    """Keep every CPU busy with something else until the end of the block, or of this process."""
    busy = [subprocess.Popen([sys.executable, "-I", "-c", TURN]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()
