"""The benchmark: `nox -s bench` prints each figure beside its aim. It judges nothing."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from fixtures.world import load_world
from harness import engine
from harness.events import Settings
from harness.http import Wire
from harness.requirement import Role
from harness.sandbox.documents import DocumentsPlace
from harness.sandbox.embedded import EmbeddedSandbox
from harness.sandbox.layout import SERVICES
from harness.sandbox.rates import RatesPlace
from harness.sandbox.target import sandbox_target
from harness.scenario import Scenario, load_scenarios
from tests import steadiness
from tests.bench_containers import container_figures
from tests.bench_matrix import measured_matrix
from tests.bench_page import page_open_seconds

COMMAND = (sys.executable, "-P", "-m", "mcp_assay")
ROUNDS = 5
LATENCY = 0.05
REPETITIONS = 20
SAMPLE_SECONDS = 0.05


def main() -> None:
    """Measure and print everything."""
    show("mcp-assay --help", best(help_seconds), "s", "< 0.25")
    show("sandbox ready", best(ready_seconds), "s", "< 1.0")
    seconds, megabytes = whole_run()
    count = len(load_scenarios())
    show("whole run on the sandbox", seconds, f"s for {count} scenarios")
    show("scenarios per second", count / seconds, "from command to exit", ">= 40")
    show("the role mcp-server", best(lambda: whole_run("--role", "mcp-server")[0]), "s from command to exit", "< 6")
    role = best(lambda: whole_run("--role", "authorization-server")[0])
    show("the role authorization-server", role, "s from command to exit", "< 12")
    show("twice the scenarios of it take", best(growth), "times as long", "<= 2.2")
    show("mutants --area pkce", mutants_seconds("--area", "pkce"), "s", "< 30")
    show("harness and sandbox together", megabytes, "MB at most", "< 300")
    one, many = (delayed_seconds(jobs) for jobs in (1, 16))
    show(f"with {LATENCY * 1000:.0f} ms latency, --jobs 1", one, "s")
    show(f"with {LATENCY * 1000:.0f} ms latency, --jobs 16", many, "s")
    show("gain", one / many, "times", ">= 8")
    matrix = measured_matrix()
    show("the access matrix", matrix.seconds, f"s for {matrix.calls} calls", "< 20 for 5000")
    show("what the harness grew by meanwhile", matrix.megabytes, "MB", "< 10")
    for figure in container_figures():
        show(*figure)
    show("the HTML page of 500 failures opens", best(page_open_seconds), "s", "< 1")
    for jobs in (1, 16):
        show(f"verdicts that differed, --jobs {jobs}", unsteady(jobs), f"in {REPETITIONS} runs under load", "0")


def show(what: str, value: float, unit: str, aim: str = "") -> None:
    """Print one figure."""
    print(f"{what:<40} {value:8.2f} {unit}" + (f"   (aim: {aim})" if aim else ""), flush=True)  # noqa: T201 - printing is what it is for


def best(measure: Callable[[], float]) -> float:
    """Return the best of a few rounds: what the machine can do when nothing else runs on it."""
    return min(measure() for _ in range(ROUNDS))


def help_seconds() -> float:
    """Time `mcp-assay --help` as a process of its own."""
    started = time.perf_counter()
    subprocess.run([*COMMAND, "--help"], check=True, capture_output=True)
    return time.perf_counter() - started


def ready_seconds() -> float:
    """Time `mcp-assay up` from its start until it says that it is ready."""
    started = time.perf_counter()
    with subprocess.Popen([*COMMAND, "up", "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        ready = process.stdout.readline()
        spent = time.perf_counter() - started
        if not ready:
            sys.exit("the sandbox did not come up")
        process.terminate()
        process.communicate()
    return spent


def whole_run(*options: str) -> tuple[float, float]:
    """Judge the sandbox by the command; return its seconds and the most megabytes that it and its children used."""
    started = time.perf_counter()
    with (
        subprocess.Popen([*COMMAND, "run", *options], stdout=subprocess.DEVNULL) as process,
        sampled(process.pid) as peak,
    ):
        code = process.wait()
    if code:
        sys.exit(f"the run on the sandbox ended with {code}")
    return time.perf_counter() - started, peak[0] / 1024


def growth() -> float:
    """Judge every other scenario of the role authorization-server, then all; return how much longer all take."""
    chosen = [item for item in load_scenarios().values() if item.role is Role.AUTHORIZATION_SERVER]
    return judged_seconds(chosen) / judged_seconds(chosen[::2])


def judged_seconds(scenarios: Sequence[Scenario]) -> float:
    """Judge a sandbox of its own by some scenarios, and time that without the start."""
    with EmbeddedSandbox(rates=RatesPlace(), documents=DocumentsPlace()) as sandbox:
        target = sandbox_target(sandbox, load_world())
        started = time.perf_counter()
        engine.run(target, scenarios, lambda _event: None, wire=Wire(), settings=Settings())
        return time.perf_counter() - started


def mutants_seconds(*options: str) -> float:
    """Time `mcp-assay mutants` as a process of its own; it has to find everything as declared."""
    started = time.perf_counter()
    subprocess.run([*COMMAND, "mutants", *options], check=True, capture_output=True)
    return time.perf_counter() - started


@contextmanager
def sampled(pid: int) -> Iterator[list[float]]:
    """Sample the proportional set size of a process and its descendants, in kB."""
    peak, done = [0.0], threading.Event()

    def sample() -> None:
        while not done.wait(SAMPLE_SECONDS):
            peak[0] = max(peak[0], sum(map(memory, family(pid))))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def family(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            found.extend(int(child) for child in _read(task).split())
    return found


def memory(pid: int) -> float:
    """Return a process's proportional set size in kB."""
    lines = _read(Path(f"/proc/{pid}/smaps_rollup")).splitlines()
    return next((float(line.split()[1]) for line in lines if line.startswith("Pss:")), 0.0)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def delayed_seconds(jobs: int) -> float:
    """Judge a sandbox whose services each wait before they answer, and whose clock is out of reach as a target's is."""
    with EmbeddedSandbox(rates=RatesPlace(), documents=DocumentsPlace()) as sandbox:
        for service in SERVICES:
            with sandbox.control(service) as control:
                control.fault("/", delay=LATENCY, times=1_000_000)
        target = replace(sandbox_target(sandbox, load_world()), clock=None)
        started = time.perf_counter()
        engine.run(target, load_scenarios().values(), lambda _event: None, wire=Wire(), settings=Settings(jobs=jobs))
        return time.perf_counter() - started


def unsteady(jobs: int) -> float:
    """Judge a sandbox again and again under load, each time in another order; return how many verdicts changed."""
    places = RatesPlace(), DocumentsPlace()
    with EmbeddedSandbox(mutant=steadiness.MUTANT, rates=places[0], documents=places[1]) as sandbox:
        first = steadiness.verdicts(sandbox, jobs=jobs, seed=0)
        with steadiness.load():
            seeds = range(1, REPETITIONS + 1)
            again = [steadiness.verdicts(sandbox, jobs=jobs, seed=seed) for seed in seeds]
    found = [steadiness.differences(first, other) for other in again]
    for item in filter(None, found):
        print(item, file=sys.stderr)  # noqa: T201
    return sum(map(len, found))


if __name__ == "__main__":
    main()
