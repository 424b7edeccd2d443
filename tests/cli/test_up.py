"""`up` brings the sandbox up and keeps it, `down` and signals end it, and nothing is left."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from fixtures.mutants import all_mutants
from harness.sandbox.sockets import HIGHEST_BASE
from tests.addresses import OFFSETS, free_base
from tests.cli.assay import BOUND_SECONDS, assay, run_assay, running_assay


@pytest.fixture
def base() -> int:
    """A base port of which all six ports were free a moment ago."""
    return free_base()


@pytest.fixture
def state(tmp_path: Path) -> dict[str, str]:
    """The variables by which these tests' sandboxes are kept apart from the user's own."""
    return {"XDG_STATE_HOME": str(tmp_path)}


def _said(process: subprocess.Popen[str]) -> str:
    """Read what `up` says until it has said everything."""
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("The control planes want the header"):
            return "".join(lines)
    raise AssertionError(process.stderr.read() if process.stderr else "")


def _urls(said: str) -> Iterator[str]:
    yield from re.findall(r"http://127\.0\.0\.1:\d+\S*", said)


def _expect_free(base: int) -> None:
    for offset in OFFSETS:
        socket.create_server(("127.0.0.1", base + offset)).close()


def test_everything_that_is_needed_is_said_and_true(base: int, state: dict[str, str]) -> None:
    with running_assay("up", "--port", str(base), variables=state) as process:
        said = _said(process)
        assert said.startswith("The sandbox is ready.")
        assert f"http://127.0.0.1:{base + 2}/acme/mcp" in said
        assert {urlsplit(url).port for url in _urls(said)} == {base + offset for offset in OFFSETS}
        for word in ("alice", "gina", "console", "ledger-agent", "acme-ledger-agent-secret"):
            assert word in said
        token = said.split()[-1]
        headers = {"Authorization": f"Bearer {token}"}
        for offset in OFFSETS[3:]:
            url = f"http://127.0.0.1:{base + offset}/clock"
            assert httpx.get(url, headers=headers, trust_env=False).status_code == 200
        trails = [word for word in said.split() if word.endswith(".jsonl")]
        assert trails
        assert all(Path(trail).parent.is_dir() for trail in trails)
        assert "\x1b" not in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_quietly(base: int, state: dict[str, str], number: signal.Signals) -> None:
    with running_assay("up", "--port", str(base), variables=state) as process:
        _said(process)
        process.send_signal(number)
        out, err = process.communicate(timeout=BOUND_SECONDS)
    assert (process.returncode, out, err) == (0, "", "")
    _expect_free(base)


def test_down_ends_it(base: int, state: dict[str, str]) -> None:
    assert run_assay("down", variables=state).out == "no sandbox is running\n"
    with running_assay("up", "--port", str(base), variables=state) as process:
        _said(process)
        ended = run_assay("down", variables=state)
        assert process.wait(BOUND_SECONDS) == 0
    assert ended.code == 0
    assert ended.out.startswith(f"ended the sandbox of process {process.pid} at http://127.0.0.1:{base + 2}")
    _expect_free(base)


def test_a_port_in_use_is_named_with_the_choice_to_pass_another(base: int, state: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", base + 1)):
        ended = run_assay("up", "--port", str(base), variables=state)
    assert ended.code == 2
    assert ended.err == f"Error: port {base + 1} of 127.0.0.1 is in use; pass another base with --port\n"


def test_the_end_of_a_service_ends_the_rest_and_is_told(base: int, state: dict[str, str]) -> None:
    with running_assay("up", "--port", str(base), variables=state) as process:
        _said(process)
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,args="], check=True, capture_output=True, text=True)
        rows = [line.split(None, 2) for line in listed.stdout.splitlines()]
        idp = next(int(pid) for pid, parent, words in rows if int(parent) == process.pid and "mock_idp" in words)
        subprocess.run(["kill", "-KILL", str(idp)], check=True)
        out, err = process.communicate(timeout=BOUND_SECONDS)
    assert (process.returncode, out) == (3, "")
    assert err == "Error: the mock_idp of the sandbox ended; so does the rest\n"
    _expect_free(base)


def test_without_a_place_for_its_record_it_runs_all_the_same(base: int, tmp_path: Path) -> None:
    (tmp_path / "mcp-assay").write_text("in the way")
    with running_assay("up", "--port", str(base), variables={"XDG_STATE_HOME": str(tmp_path)}) as process:
        _said(process)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=BOUND_SECONDS)
    assert process.returncode == 0
    assert err.startswith("`mcp-assay down` will not find this sandbox: ")


def test_a_mutant_takes_the_place_of_its_service(base: int, state: dict[str, str]) -> None:
    mutant = next(item.id for item in all_mutants())
    with running_assay("up", "--port", str(base), "--mutant", mutant, variables=state) as process:
        assert f"http://127.0.0.1:{base}/acme" in _said(process)


def test_an_unknown_mutant_offers_the_nearest() -> None:
    mutant = next(item.id for item in all_mutants())
    ended = assay("up", "--mutant", mutant[:-1])
    assert ended.code == 2
    assert f"no mutant is called {mutant[:-1]}; did you mean " in ended.err
    assert mutant in ended.err


def test_a_port_that_leaves_no_room_for_the_others_is_wrong_usage() -> None:
    assert assay("up", "--port", str(HIGHEST_BASE + 1)).code == 2
