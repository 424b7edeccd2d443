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
import venv
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from joserfc.jwk import ECKey

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
OIDC_PROVIDER = HERE / "oidc-provider"
TYPESCRIPT_SDK = HERE / "typescript-sdk"
FASTMCP = HERE / "fastmcp"
DJANGO_OAUTH_TOOLKIT = HERE / "django-oauth-toolkit"
CANAILLE = HERE / "canaille"

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
    install_node(OIDC_PROVIDER)
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
def django_oauth_toolkit() -> Iterator[TargetProgram]:
    """Run django-oauth-toolkit in a Django project, with fresh secrets for its user and clients; `url` is its issuer.

    Raises:
        TargetError: the installation failed, or it did not get ready.
    """
    names = ("DJANGO_ALICE_PASSWORD", "DJANGO_LEDGER_AGENT_SECRET", "DJANGO_INFRA_BOT_SECRET")
    environment = {name: secrets.token_urlsafe(32) for name in names}
    command = [str(install_python(DJANGO_OAUTH_TOOLKIT)), "-m", "tests.targets.django_oauth_toolkit_as"]
    with _running(command, ROOT, environment) as ready:
        yield TargetProgram(ready["issuer"], environment)


@contextmanager
def canaille() -> Iterator[TargetProgram]:
    """Do the same with canaille.

    Raises:
        TargetError: the installation failed, or it did not get ready.
    """
    environment = {name: secrets.token_urlsafe(32) for name in ("CANAILLE_ALICE_PASSWORD", "CANAILLE_CLIENT_SECRET")}
    with _running([str(install_python(CANAILLE)), "-m", "tests.targets.canaille_as"], ROOT, environment) as ready:
        yield TargetProgram(ready["issuer"], environment)


def python_sdk_mcp_server(issuer: str, *settings: str) -> AbstractContextManager[TargetProgram]:
    """Run an MCP server on the Python SDK that trusts the issuer; `settings` are options of its own."""
    return _mcp_server([sys.executable, "-m", "tests.targets.python_sdk_mcp", *settings], ROOT, issuer)


def fastmcp_server(issuer: str, *settings: str) -> AbstractContextManager[TargetProgram]:
    """Do the same on FastMCP.

    Raises:
        TargetError: the installation failed.
    """
    return _mcp_server([str(install_fastmcp()), "-m", "tests.targets.fastmcp_server", *settings], ROOT, issuer)


def typescript_sdk_server(issuer: str) -> AbstractContextManager[TargetProgram]:
    """Do the same on the TypeScript SDK.

    Raises:
        TargetError: Node.js is missing, or the installation failed.
    """
    install_node(TYPESCRIPT_SDK)
    return _mcp_server([_executable("node"), "server.mjs"], TYPESCRIPT_SDK, issuer)


@contextmanager
def _mcp_server(command: list[str], folder: Path, issuer: str) -> Iterator[TargetProgram]:
    """Run an MCP server that trusts the issuer; `url` is its endpoint and its resource identifier."""
    with _running([*command, "--issuer", issuer, "--jwks", f"{issuer}/jwks"], folder) as ready:
        yield TargetProgram(ready["mcp_server"])


def install_node(folder: Path) -> None:
    """Install what the folder's lock file pins, unless it is there already.

    Raises:
        TargetError: Node.js is missing, or the installation failed.
    """
    if not _newer(folder / "node_modules" / ".package-lock.json", than=folder / "package-lock.json"):
        _install([_executable("npm"), "ci"], folder)


def install_fastmcp() -> Path:
    """Install FastMCP into an environment of its own, unless it is there already; return its Python.

    Raises:
        TargetError: the installation failed.
    """
    return install_python(FASTMCP)


def install_python(folder: Path) -> Path:
    """Install what the folder's requirements pin into its own `.venv`, unless it is there already; return its Python.

    Raises:
        TargetError: the installation failed.
    """
    home, installed = folder / ".venv", folder / ".venv" / "installed"
    pinned = (folder / "requirements.txt", ROOT / "constraints.txt")
    if not all(_newer(installed, than=file) for file in pinned):
        venv.create(home, clear=True, symlinks=True)
        _install([sys.executable, "-m", "pip", "--python", str(home), "install", "-r", "requirements.txt"], folder)
        installed.touch()
    return home / "bin" / "python"


def _newer(installed: Path, *, than: Path) -> bool:
    return installed.is_file() and installed.stat().st_mtime >= than.stat().st_mtime


def _install(command: list[str], folder: Path) -> None:
    finished = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=INSTALLED_WITHIN
    )
    if finished.returncode:
        raise TargetError(f"the installation of {folder.name} failed: {finished.stderr.strip()}")


def _executable(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise TargetError(f"{name} is not on the PATH; the targets need Node.js with npm")
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
