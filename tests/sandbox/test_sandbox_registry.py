"""Running sandboxes are found and ended by another command; others' processes are left alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.sandbox import registry
from harness.sandbox.child import environment

HOLDER = """
import sys
from harness.sandbox.registry import recorded

with recorded({"mcp_server": "http://127.0.0.1:1"}):
    print("recorded", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def _holder() -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", HOLDER], stdin=pipe, stdout=pipe, text=True, env=environment()
    )
    assert process.stdout
    assert process.stdout.readline() == "recorded\n"
    return process


def test_a_sandbox_is_recorded_while_it_runs() -> None:
    with registry.recorded({"mcp_server": "http://127.0.0.1:1"}) as record:
        assert registry.running() == [record]
    assert registry.running() == []


def test_a_sandbox_of_another_process_is_ended() -> None:
    with _holder() as process:
        ended = registry.end_all()
        assert [record.pid for record in ended] == [process.pid]
        assert process.wait(10) != 0
    assert registry.running() == []


def test_the_record_of_a_killed_process_is_forgotten() -> None:
    with _holder() as process:
        process.kill()
    assert registry.running() == []
    assert list(registry.sandboxes_dir().iterdir()) == []


def test_a_process_that_only_has_the_number_of_one_of_ours_is_not_ended() -> None:
    registry.sandboxes_dir().mkdir(parents=True)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as bystander:
        stale = {"pid": bystander.pid, "started": 0.0, "urls": {}}
        (registry.sandboxes_dir() / "stale.json").write_text(json.dumps(stale))
        assert registry.end_all() == []
        assert bystander.poll() is None


def test_a_record_that_is_none_is_forgotten() -> None:
    registry.sandboxes_dir().mkdir(parents=True)
    (registry.sandboxes_dir() / "odd.json").write_text("not JSON")
    assert registry.running() == []
    assert list(registry.sandboxes_dir().iterdir()) == []


def test_without_any_record_nothing_is_ended() -> None:
    assert registry.end_all() == []


def test_a_relative_state_home_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert registry.sandboxes_dir() == tmp_path / ".local" / "state" / "mcp-assay" / "sandboxes"
