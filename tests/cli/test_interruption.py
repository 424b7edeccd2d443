"""Ctrl-C: what was judged so far is reported, and everything that was started is gone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests import hostile
from tests.cli.assay import BOUND_SECONDS, running_assay
from tests.cli.test_hostile_targets import PLACES, PUBLISHED
from tests.hostile import Hostile

HANGING = "as/pkce/a-wrong-verifier-is-refused"


@pytest.mark.parametrize("jobs", ["1", "4"])
def test_a_run_against_a_target_that_hangs_is_ended_at_once_and_reported(tmp_path: Path, jobs: str) -> None:
    report = tmp_path / "report.json"
    with Hostile(hostile.hang, PLACES) as server:
        url = f"{server.url}/issuer"
        options = ("--authorization-server", url, "--jobs", jobs, "--timeout", "60", "--json", report)
        with running_assay("run", PUBLISHED, HANGING, *options) as process:
            assert server.await_visit("/endpoint/", BOUND_SECONDS)
            assert process.stdout
            assert process.stdout.readline().startswith("mcp-assay judges")
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=BOUND_SECONDS)
    assert process.returncode == 3
    assert err == ""
    assert "The run was interrupted" in out
    written = json.loads(report.read_text(encoding="utf-8"))
    verdicts = {item["scenario"]: item["verdict"] for item in written["results"]}
    assert verdicts in ({}, {PUBLISHED: "passed"})
    assert written["unfinished"] == 2 - len(verdicts)
    assert jobs == "4" or verdicts


def test_a_run_that_is_interrupted_before_it_judges_says_so() -> None:
    with (
        Hostile(hostile.hang) as server,
        running_assay("run", "--mcp-server", server.url, "--timeout", "60") as process,
    ):
        assert server.await_visit("/", BOUND_SECONDS)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=BOUND_SECONDS)
    assert process.returncode == 130
    assert out == ""
    assert err.strip() == "interrupted"


def test_an_interrupted_run_leaves_no_sandbox_behind(tmp_path: Path) -> None:
    with running_assay("run", "--json", tmp_path / "report.json") as process:
        assert process.stdout
        assert process.stdout.readline().startswith("mcp-assay judges sandbox")
        children = _children(process.pid)
        assert len(children) == 3
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=BOUND_SECONDS)
    assert process.returncode == 3
    assert err == ""
    assert "judged " in out
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["unfinished"] > 0
    for pid in children:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def _children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], check=True, capture_output=True, text=True).stdout
    pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
    return [child for child, parent in pairs if parent == pid]
