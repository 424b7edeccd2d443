"""How fast the sandbox is in containers; `tests.bench` prints it, or why there is nothing to print."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

from harness.cli.runtimes import BASE_IMAGE
from harness.sandbox.containers import BASE_VARIABLE
from harness.sandbox.containers.engine import Engine
from harness.sandbox.containers.image import built
from harness.sandbox.errors import SandboxError

COMMAND = (sys.executable, "-P", "-m", "mcp_assay")
READY_ROUNDS = 5
RUN_ROUNDS = 3
IN_CONTAINERS = ("--runtime", "docker")

Figure = tuple[str, float, str, str]
"""What was measured, the figure, its unit, and the aim."""


def container_figures() -> Iterator[Figure]:
    """Yield the figures, or print why there are none: no engine, or no image to build on."""
    base = os.environ.get(BASE_VARIABLE, BASE_IMAGE)
    try:
        with Engine.connect() as engine:
            built(engine, base, _say)
    except SandboxError as fault:
        _say(f"containers: skipped, since {fault}")
        return
    ready = min(_ready_seconds() for _ in range(READY_ROUNDS))
    yield "containers ready from a built image", ready, "s", "< 3"
    yield "a run on containers against embedded", _ratio(), "times as long", "<= 1.3"


def _ready_seconds() -> float:
    """Time `mcp-assay up` from its start until it says that the containers are ready."""
    started = time.perf_counter()
    command = [*COMMAND, "up", "--port", "0", *IN_CONTAINERS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        ready = process.stdout.readline()
        spent = time.perf_counter() - started
        process.terminate()
        process.communicate()
    if not ready:
        sys.exit("the containers did not come up")
    return spent


def _ratio() -> float:
    """Judge the sandbox both ways in turn, and return how much longer the best run on containers takes."""
    rounds = [(_run_seconds(), _run_seconds(*IN_CONTAINERS)) for _ in range(RUN_ROUNDS)]
    return min(contained for _, contained in rounds) / min(embedded for embedded, _ in rounds)


def _run_seconds(*options: str) -> float:
    started = time.perf_counter()
    code = subprocess.run([*COMMAND, "run", *options], stdout=subprocess.DEVNULL, check=False).returncode
    if code:
        sys.exit(f"the run {' '.join(options)} ended with {code}")
    return time.perf_counter() - started


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - printing is what a benchmark is for


if __name__ == "__main__":
    for figure in container_figures():
        _say("  ".join(map(str, figure)))
