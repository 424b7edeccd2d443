"""`.ci/engine`: the script that brings an engine for the tests."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.ci.programs import ROOT, environment, run

SCRIPT = ROOT / ".ci" / "engine"


@pytest.mark.parametrize("arguments", [(), ("restart",)])
def test_it_says_how_it_is_used(arguments: tuple[str, ...]) -> None:
    ended = run(SCRIPT, *arguments, folder=ROOT)
    assert (ended.code, ended.log) == (2, "usage: .ci/engine start | stop\n")


def test_without_root_it_says_so_and_names_no_image() -> None:
    nobody = 65_534 if os.geteuid() == 0 else None
    ended = subprocess.run(
        ["bash", "-s", "start"],
        input=SCRIPT.read_text(),
        env=environment({"DOCKER_HOST": "unix:///nothing/here.sock"}),
        user=nobody,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr.startswith("engine: no root: no engine is installed or started here")
