"""Starters of the real targets: each runs as a child on a free loopback port and is gone when its block ends."""

from __future__ import annotations

import json
import os
import secrets
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from joserfc.jwk import ECKey

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
OIDC_PROVIDER = HERE / "oidc-provider"

READY_WITHIN = 30.0
STOPPED_WITHIN = 5.0
INSTALLED_WITHIN = 300.0


class TargetError(Exception):
    """A target could not be installed or started."""


@dataclass(frozen=True)
class TargetProgram:
    """A started target.

    Attributes:
        url: its issuer, or the URL of its MCP endpoint.
        environment: what its target file takes from the environment, by name.
    """

    url: str
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


@contextmanager
def oidc_provider() -> Iterator[TargetProgram]:
    """Run npm's oidc-provider, with fresh secrets for its clients; `url` is its issuer.

    Raises:
        TargetError: Node.js is missing, the installation failed, or it did not get ready.
    """
    _install_oidc_provider()
    key = ECKey.generate_key("P-256", {"kid": "infra-bot", "alg": "ES256"}, private=True)
    environment = {
        "OIDC_PROVIDER_LEDGER_AGENT_SECRET": secrets.token_urlsafe(32),
        "OIDC_PROVIDER_RESOURCE_SERVER_SECRET": secrets.token_urlsafe(32),
        "OIDC_PROVIDER_INFRA_BOT_KEY": json.dumps(key.as_dict(private=True)),
    }
    with _running([_executable("node"), "server.mjs"], OIDC_PROVIDER, environment) as ready:
        yield TargetProgram(ready["issuer"], environment)


@contextmanager
def python_sdk_authorization_server() -> Iterator[TargetProgram]:
    """Run the Python SDK's authorization server; `url` is its issuer.

    Raises:
        TargetError: it did not get ready.
    """
    with _running([sys.executable, "-m", "tests.targets.python_sdk_as"], ROOT) as ready:
        yield TargetProgram(ready["issuer"])


@contextmanager
def python_sdk_mcp_server(*, issuer: str, jwks_uri: str) -> Iterator[TargetProgram]:
    """Run an MCP server on the Python SDK that trusts the issuer; `url` is its endpoint and its resource identifier.

    Raises:
        TargetError: it did not get ready.
    """
    command = [sys.executable, "-m", "tests.targets.python_sdk_mcp", "--issuer", issuer, "--jwks", jwks_uri]
    with _running(command, ROOT) as ready:
        yield TargetProgram(ready["mcp_server"])


def _install_oidc_provider() -> None:
    """Install what the lock file pins, unless it is there already."""
    installed = OIDC_PROVIDER / "node_modules" / ".package-lock.json"
    if installed.is_file() and installed.stat().st_mtime >= (OIDC_PROVIDER / "package-lock.json").stat().st_mtime:
        return
    finished = subprocess.run(
        [_executable("npm"), "ci"],
        cwd=OIDC_PROVIDER,
        capture_output=True,
        text=True,
        check=False,
        timeout=INSTALLED_WITHIN,
    )
    if finished.returncode:
        raise TargetError(f"npm ci failed in {OIDC_PROVIDER.name}: {finished.stderr.strip()}")


def _executable(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise TargetError(f"{name} is not on the PATH; the oidc-provider target needs Node.js with npm")
    return path


@contextmanager
def _running(
    command: list[str], folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[dict[str, str]]:
    """Start the command, yield its ready line, and stop it by closing its standard input."""
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            yield _ready(process, errors)
        finally:
            _stop(process)


def _ready(process: subprocess.Popen[str], errors: IO[str]) -> dict[str, str]:
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], READY_WITHIN)
    line = process.stdout.readline() if readable else ""
    if not line:
        errors.seek(0)
        reason = errors.read().strip() or f"it printed no ready line within {READY_WITHIN:.0f} s"
        raise TargetError(f"the target did not start: {reason}")
    ready: dict[str, str] = json.loads(line)
    return ready


def _stop(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    try:
        process.wait(STOPPED_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
