"""The dependencies' wheels for the image, installed into a folder by the pip of the running environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from harness.sandbox.containers.base import MACHINES, Python
from harness.sandbox.containers.dependencies import closure, installed_here, installed_in
from harness.sandbox.errors import SandboxError

_PATIENCE = 600.0
_ROUNDS = 10
_LAST_LINES = 5
_OLDEST_GLIBC = 5
_LEGACY = ("manylinux2014", "manylinux2010", "manylinux1")
_NOT_RUN = ("*.pyi", "*.c", "*.h", "*.pyx", "*.pxd")
_NEEDLESS = ("bin", "*/tests", "*/benchmarks")


def install(folder: Path, architecture: str, python: Python) -> Mapping[NormalizedName, str]:
    """Install what the services need into a folder, for the image's architecture and Python.

    Versions are those of the running environment. What is needed there and not here (another Python has other
    conditional dependencies) is chosen by pip. Wheels only: nothing is built, and no code of theirs runs here.

    Returns:
        The SHA-256 of each distribution's wheel, in hexadecimal, where pip knows it.

    Raises:
        SandboxError: there is no pip, or a wheel cannot be had; pip's last lines are in the message.
    """
    environment = python.on(architecture)
    here = closure(installed_here, environment)
    wanted = [*here.pins, *map(_plain, here.lacking)]
    options = [f"--python-version={python.version}", *_platforms(architecture, python)]
    hashes: dict[NormalizedName, str] = {}
    for _ in range(_ROUNDS):
        hashes |= _installed(folder, wanted, options)
        there = closure(installed_in(folder), environment)
        if not there.lacking:
            _trim(folder)
            return hashes
        wanted = [_plain(requirement) for requirement in there.lacking]
    raise SandboxError(f"the image's dependencies do not come to an end; still lacking: {', '.join(wanted)}")


def _plain(requirement: Requirement) -> str:
    """Return a requirement without its marker, which was judged for the image already."""
    return f"{requirement.name}{requirement.specifier}"


def _platforms(architecture: str, python: Python) -> list[str]:
    """Return the platform tags that the image runs (PEP 600), the best first."""
    major, minor = python.glibc
    tags = [f"manylinux_{major}_{each}" for each in range(minor, _OLDEST_GLIBC - 1, -1)]
    return [f"--platform={tag}_{MACHINES[architecture]}" for tag in (*tags, *_LEGACY)]


def _installed(folder: Path, wanted: Sequence[str], options: Iterable[str]) -> dict[NormalizedName, str]:
    with TemporaryDirectory(prefix="mcp-assay-") as scratch:
        report = Path(scratch) / "report.json"
        _pip("--target", str(folder), "--report", str(report), "--no-deps", "--only-binary=:all:", "--no-compile",
             "--implementation=cp", *options, *wanted)  # fmt: skip
        return dict(_hashes(json.loads(report.read_text(encoding="utf-8"))))


def _hashes(report: Mapping[str, Any]) -> Iterator[tuple[NormalizedName, str]]:
    for each in report["install"]:
        known = each["download_info"].get("archive_info", {}).get("hashes", {})
        if "sha256" in known:
            yield canonicalize_name(each["metadata"]["name"]), known["sha256"]


def _pip(*arguments: str) -> None:
    if find_spec("pip") is None:
        raise SandboxError(
            f"the image's dependencies are installed with pip, which {sys.executable} does not have; "
            f"`{sys.executable} -m ensurepip` brings it"
        )
    command = [sys.executable, "-P", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    try:
        ended = subprocess.run(  # noqa: S603 - our own interpreter and its pip
            command, capture_output=True, text=True, errors="replace", timeout=_PATIENCE, check=False,
            stdin=subprocess.DEVNULL, env={**os.environ, "PIP_USER": "0", "PIP_NO_INPUT": "1"},
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise SandboxError(f"pip did not install the image's dependencies within {_PATIENCE:g} seconds") from error
    if ended.returncode:
        lines = [line for line in ended.stderr.splitlines() if line.strip() and not line.startswith("WARNING")]
        words = "\n".join(lines[-_LAST_LINES:])
        raise SandboxError(f"pip cannot install the image's dependencies:\n{words}")


def _trim(folder: Path) -> None:
    """Remove what no service reads: tests, programs with this host's paths, what compilers and type checkers read."""
    for pattern in _NEEDLESS:
        for found in list(folder.glob(pattern)):
            shutil.rmtree(found)
    for pattern in _NOT_RUN:
        for found in list(folder.rglob(pattern)):
            found.unlink()
