"""Programs, scripts and git, run as a CI system runs them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BOUND_SECONDS = 60
OURS = ("GITHUB_", "MCP_ASSAY_", "PIP_", "GIT_", "CI_")


@dataclass(frozen=True)
class Ended:
    """How a program ended: its exit code, and standard output and standard error in the order in which they came."""

    code: int
    log: str


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return our environment without what the CI system that this test may run in has set, and with `variables`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {**clean, "NO_PROXY": "*", "no_proxy": "*", **variables}


def run(*command: str | Path, folder: Path, variables: Mapping[str, str] | None = None) -> Ended:
    ended = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=environment(variables or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=BOUND_SECONDS,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout)


def expect_run(*command: str | Path, folder: Path, variables: Mapping[str, str] | None = None) -> None:
    ended = run(*command, folder=folder, variables=variables)
    assert ended.code == 0, ended.log


def installed(name: str) -> Path:
    """Return a program of this Python's environment, or else of the machine; without it, the test is skipped."""
    found = shutil.which(name, path=f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.skip(f"{name} is not installed; .ci/run installs it")
    return Path(found)


def git(folder: Path, *arguments: str | Path) -> None:
    """Run git as a user of its own, with no configuration of this machine's."""
    person = ("-c", "user.name=a tester", "-c", "user.email=tester@example.test", "-c", "init.defaultBranch=main")
    expect_run("git", *person, *arguments, folder=folder, variables={"HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"})


def stand_in(path: Path, body: str) -> Path:
    """Write a program of the shell, to stand in for another one."""
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def copy_of_the_project(folder: Path) -> Path:
    """Return a git repository with the files that this checkout would publish, tagged v1."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "all")
    git(folder, "tag", "v1")
    return folder


PYTHON = {"MCP_ASSAY_PYTHON": sys.executable}
"""Lets .ci/gate judge with this Python, in which mcp-assay is installed."""
