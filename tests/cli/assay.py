"""The command, in this process or in one of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from click.testing import CliRunner

from harness.cli import cli
from harness.sandbox.child import environment

COMMAND = (sys.executable, "-P", "-m", "mcp_assay")
BOUND_SECONDS = 30


@dataclass(frozen=True)
class Ended:
    """How the command ended: exit code, standard output and standard error."""

    code: int
    out: str
    err: str


def assay(*arguments: str | Path) -> Ended:
    """Run the command in this process; an exception that it lets through is raised."""
    result = CliRunner().invoke(cli, [str(item) for item in arguments], catch_exceptions=False)
    return Ended(result.exit_code, result.stdout, result.stderr)


def run_assay(
    *arguments: str | Path,
    cwd: Path | None = None,
    variables: Mapping[str, str] | None = None,
    stdout: IO[str] | int = subprocess.PIPE,
) -> Ended:
    """Run the command in a process of its own."""
    command = [*COMMAND, *(str(item) for item in arguments)]
    ended = subprocess.run(
        command,
        check=False,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=BOUND_SECONDS,
        cwd=cwd,
        env=environment(**(variables or {})),
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


@contextmanager
def running_assay(
    *arguments: str | Path, variables: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Start the command in a process of its own, and kill it in the end if it still runs."""
    pipe = subprocess.PIPE
    command = [*COMMAND, *(str(item) for item in arguments)]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, env=environment(**(variables or {}))
    ) as process:
        try:
            yield process
        finally:
            process.kill()
