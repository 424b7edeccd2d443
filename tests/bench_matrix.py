"""How long the access matrix of fifty identities and a hundred tools takes; `tests.bench` prints it."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from fixtures.world import load_world
from harness import engine
from harness.access import cells
from harness.events import Settings
from harness.http import Wire
from harness.sandbox.embedded import EmbeddedSandbox
from harness.sandbox.target import sandbox_tenant
from harness.scenario import load_scenarios
from harness.target import Identity, Target, Tenant, Tool
from harness.verdict import Verdict
from tests.many_tools import needs

IDENTITIES = 50
SCENARIOS = ("mcp/access-matrix/no-denied-call-is-served", "mcp/access-matrix/no-allowed-call-is-refused")


@dataclass(frozen=True)
class Measured:
    """What the matrix took: how many calls, seconds, and the megabytes by which the harness grew."""

    calls: int
    seconds: float
    megabytes: float


def measured_matrix() -> Measured:
    """Make every call of the matrix, from a sandbox that runs to the verdicts.

    Raises:
        RuntimeError: a scenario did not pass.
    """
    chosen = [load_scenarios()[name] for name in SCENARIOS]
    with EmbeddedSandbox() as sandbox, sandbox.control("authorization_server") as control:
        issuer = sandbox_tenant(sandbox, load_world(), "acme", control)
        with _many_tools(issuer.authorization_server) as url:
            target, before, started = _target(issuer, url), _resident(), time.perf_counter()
            summary = engine.run(target, chosen, lambda _: None, wire=Wire(), settings=Settings())
            spent = time.perf_counter() - started
            measured = Measured(sum(1 for _ in cells(target)), spent, _resident() - before)
    if {result.verdict for result in summary.results} != {Verdict.PASSED}:
        raise RuntimeError("\n".join(f"{result.scenario.id}: {result.actual}" for result in summary.results))
    return measured


def _target(issuer: Tenant, url: str) -> Target:
    """Return the server with identities whose scopes are chosen at random, and always the same."""
    chance = random.Random(1)
    tools = {name: Tool(name, scopes) for name, scopes in needs().items()}
    scopes = sorted(frozenset().union(*(tool.scopes for tool in tools.values())))
    names = [f"identity-{number}" for number in range(IDENTITIES)]
    held = [frozenset(chance.sample(scopes, chance.randint(0, len(scopes)))) for _ in names]
    identities = {name: Identity(name, covered) for name, covered in zip(names, held, strict=True)}
    home = replace(issuer, mcp_server=url)
    return Target("many tools", home, resource=url, identities=identities, tools=tools)


@contextmanager
def _many_tools(issuer: str) -> Iterator[str]:
    command = [sys.executable, "-m", "tests.many_tools", "--issuer", issuer]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        ready = json.loads(process.stdout.readline())
        try:
            yield str(ready["mcp_server"])
        finally:
            process.stdin.close()
            process.wait()


def _resident() -> float:
    """Return the megabytes of memory that this process has at the moment."""
    status = Path("/proc/self/status").read_text()
    return next(float(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS:"))


if __name__ == "__main__":
    print(measured_matrix())  # noqa: T201 - printing is what it is for
