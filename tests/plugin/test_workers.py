"""The pytest plugin in several processes, the sandbox that they share, and the end of all of them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.sandbox.child import environment
from harness.sandbox.sockets import Sockets
from tests import hostile
from tests.addresses import free_base
from tests.hostile import Hostile, answer
from tests.plugin.stage import BOUND_SECONDS, CHOSEN, FILE, NAMES, own, target_file

pytest_plugins = ["pytester"]


def test_workers_judge_what_one_process_judges_and_leave_the_end_to_it(
    pytester: pytest.Pytester, folder: Path, server: Hostile
) -> None:
    target_file(folder, server.url, '[expected]\n"as/own/fails" = "known"\n"as/own/hold" = "gone"\n')
    chosen = ("-k", "as/own and not crashes", "--assay-allow-blocked")
    result = pytester.runpytest_subprocess(*CHOSEN, *chosen, "-n", "2", "-v")
    result.assert_outcomes(passed=2, skipped=2, xfailed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    done = {line.split()[-1] for line in result.outlines if re.match(r"\[gw\d\] \[", line)}
    assert done == set(own(*NAMES[1:]))
    assert result.outlines.count("judged 2 of 2 applicable requirements of the target by MCP 2026-07-28") == 1
    assert sum(line.startswith("BASELINE as/own/hold ") for line in result.outlines) == 1


MINTING = """
import os
from harness import Context, expect, scenario, fault
from harness.keys import claims_of

ROWS = [fault(name, "mcp-token-handling-2", remedy="") for name in ("one", "two", "three", "four")]

@scenario.each(ROWS)
def mints(ctx: Context, row) -> None:
    "It mints."
    expect(claims_of(ctx.mint())["iss"] == "http://127.0.0.1:{}/acme", "the issuer", "another")
    ctx.http.send("GET", ctx.target.home.mcp_server + "/" + os.environ.get("PYTEST_XDIST_WORKER", "alone"))
"""


@pytest.fixture(autouse=True)
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget that this may be a worker itself."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)


@pytest.fixture
def port() -> int:
    """The first of free ports for a sandbox."""
    return free_base()


def trusting(folder: Path, server: Hostile, port: int) -> None:
    own = folder / "my_scenarios"
    own.mkdir()
    (own / "own.py").write_text(MINTING.format(port + 1))
    table = f'mcp_server = "{server.url}/mcp"\ntrusts = "sandbox"\n[sandbox]\nport = {port}\n'
    (folder / FILE).write_text(f'[target]\n{table}[plan]\nscenarios = "my_scenarios"\n')


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_one_sandbox_serves_all_processes_and_ends_with_them(
    pytester: pytest.Pytester, server: Hostile, port: int, workers: tuple[str, ...]
) -> None:
    trusting(pytester.path, server, port)
    result = pytester.runpytest_subprocess(*CHOSEN, "-k", "mcp/own", *workers, "-W", "error")
    assert result.parseoutcomes()["passed"] == 4
    assert {path for path in server.paths if path.startswith("/mcp/")} == (
        {"/mcp/gw0", "/mcp/gw1"} if workers else {"/mcp/alone"}
    )
    Sockets.bind(port).close()


def test_a_sandbox_that_cannot_start_fails_the_items_of_all_workers(
    pytester: pytest.Pytester, server: Hostile, port: int
) -> None:
    trusting(pytester.path, server, port)
    taken = Sockets.bind(port)
    try:
        result = pytester.runpytest_subprocess(*CHOSEN, "-k", "mcp/own", "-n", "2")
    finally:
        taken.close()
    assert result.parseoutcomes()["failed"] == 4
    result.stdout.fnmatch_lines([f"mcp/own/mints/*: the target cannot be judged: port {port} of 127.0.0.1 is in use*"])


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_nothing_is_left_behind_when_the_user_ends_it(
    pytester: pytest.Pytester, port: int, workers: tuple[str, ...]
) -> None:
    with Hostile(answer(), {"/mcp/": hostile.hang}) as server:
        trusting(pytester.path, server, port)
        command = [sys.executable, "-P", "-m", "pytest", *CHOSEN, "-k", "mcp/own", *workers]
        process = subprocess.Popen(
            command, cwd=pytester.path, env=environment(), stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        try:
            assert server.await_visit("/mcp/", BOUND_SECONDS)
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does
            out, _ = process.communicate(timeout=BOUND_SECONDS)
        finally:
            process.kill()
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert "KeyboardInterrupt" in out
    Sockets.bind(port).close()
