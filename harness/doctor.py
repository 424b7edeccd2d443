"""What is missing on this machine or in a target file, found before anything is judged."""

from __future__ import annotations

import platform
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from harness.capability import (
    AUTHORIZATION_CODE,
    CAPABILITIES,
    CLIENT_CREDENTIALS,
    CONFIDENTIAL_CLIENT,
    INTROSPECTION,
    PRIVATE_KEY_JWT,
    SECOND_CLIENT,
    TOKEN_EXCHANGE,
)
from harness.sandbox.errors import SandboxError
from harness.sandbox.sockets import DEFAULT_PORT, Sockets
from harness.support import Support
from harness.version import tool

if TYPE_CHECKING:
    from harness.planning import Plan
    from harness.run import Run
    from harness.target_file import TargetFile

USAGE, INCOMPLETE = 2, 3
OLDEST_PYTHON = (3, 11)
DOCKER_SECONDS = 2
DISTRIBUTION = "mcp-assay"
CLIENT_OF = {
    AUTHORIZATION_CODE: "first",
    SECOND_CLIENT: "second",
    CONFIDENTIAL_CLIENT: "confidential",
    CLIENT_CREDENTIALS: "machine",
    PRIVATE_KEY_JWT: "keyed",
    TOKEN_EXCHANGE: "exchanger",
    INTROSPECTION: "resource_server",
}


class State(StrEnum):
    """How a finding is to be read."""

    FINE = "ok"
    LACKING = "lacking"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """One finding; `code` is the exit code of a run that it stops, 0 where it stops none."""

    state: State
    subject: str
    text: str
    code: int = 0


def examine(file: Path | None, timeout: float) -> Iterator[Finding]:
    """Look at this machine, and at the target file and its target where there is one; `timeout` is in seconds."""
    yield from _python()
    yield from _packages()
    yield _temporary_files()
    yield _ports(DEFAULT_PORT, "mcp-assay up wants another --port")
    yield _docker()
    if file:
        yield from _target_file(file, timeout)


def _python() -> Iterator[Finding]:
    text = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info < OLDEST_PYTHON:
        yield Finding(State.WRONG, "python", f"{text}; 3.11 is the oldest that will do", USAGE)
    else:
        yield Finding(State.FINE, "python", text)


def _packages() -> Iterator[Finding]:
    try:
        needed = [entry for entry in requires(DISTRIBUTION) or () if "extra ==" not in entry]
    except PackageNotFoundError:
        yield Finding(State.LACKING, "packages", f"{DISTRIBUTION} is not installed, so its needs are not known")
        return
    present = [tool()]
    for entry in needed:
        name = re.split(r"[^\w.-]", entry)[0]
        try:
            present.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            yield Finding(State.WRONG, "packages", f"{name} is not installed", USAGE)
    yield Finding(State.FINE, "packages", ", ".join(present))


def _temporary_files() -> Finding:
    try:
        with tempfile.TemporaryFile() as file:
            file.write(b"mcp-assay")
    except OSError as fault:
        return Finding(State.WRONG, "files", f"the sandbox has no room for its files: {fault}", USAGE)
    return Finding(State.FINE, "files", f"{tempfile.gettempdir()} can be written")


def _ports(base: int, otherwise: str, code: int = 0) -> Finding:
    try:
        Sockets.bind(base).close()
    except SandboxError as fault:
        reason = str(fault).partition(";")[0]
        return Finding(State.WRONG if code else State.LACKING, "ports", f"{reason}: {otherwise}", code)
    return Finding(State.FINE, "ports", f"{base} and those after it are free for a sandbox")


def _docker() -> Finding:
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=DOCKER_SECONDS)
        client.close()
    except (DockerException, OSError):
        return Finding(State.LACKING, "docker", "no engine answers; nothing but the docker runtime needs one")
    return Finding(State.FINE, "docker", "an engine answers")


def _target_file(path: Path, timeout: float) -> Iterator[Finding]:
    from harness.own_scenarios import load_own
    from harness.planning import Unreachable, look
    from harness.target_file import TargetFileError, read_target_file

    try:
        file = read_target_file(path)
        yield Finding(State.FINE, "target file", f"{path} is valid, and all its variables are set")
        if own := file.plan.folder(path):
            yield Finding(State.FINE, "scenarios", f"{len(load_own(own)[0])} of your own in {own}")
        plan = look(file, timeout)
    except TargetFileError as fault:
        yield from (Finding(State.WRONG, "target file", line, USAGE) for line in str(fault).splitlines())
    except Unreachable as fault:
        yield Finding(State.WRONG, "target", str(fault), INCOMPLETE)
    else:
        yield from _target(file, plan)


def _target(file: TargetFile, plan: Plan) -> Iterator[Finding]:
    from harness.context import Context
    from harness.run import Run

    home = plan.target.home
    for role, url in (("MCP server", home.mcp_server), ("authorization server", home.authorization_server)):
        state = State.FINE if url else State.LACKING
        yield Finding(state, "target", f"{role} {url or 'neither named nor found in metadata'}")
    target = plan.target
    if file.target.trusts == "sandbox":
        yield _ports(file.sandbox.port, "the target trusts a sandbox there", USAGE)
        target = replace(target, home=replace(home, signer=_Promised()))
    run = Run(target, plan.wire, Context)
    if home.authorization_server and not run.home.metadata:
        text = f"{home.authorization_server} publishes no authorization server metadata"
        yield Finding(State.WRONG, "target", text, INCOMPLETE)
    yield from _capabilities(run)
    plan.wire.close()


def _capabilities(run: Run) -> Iterator[Finding]:
    for capability in CAPABILITIES.values():
        kind = CLIENT_OF.get(capability, "")
        if run.support(capability) is Support.ABSENT:
            hint = f"absent; {capability.unlock}" if capability.unlock else "absent"
            yield Finding(State.LACKING, capability.name, hint)
        elif kind and not run.home.can_have(kind):
            text = f"offered, but the file has no [clients.{kind}], and the target no registration"
            yield Finding(State.LACKING, capability.name, text)
        else:
            yield Finding(State.FINE, capability.name, run.support(capability).value)


class _Promised:
    """Stands for the signer of the sandbox that a run would start."""

    def sign(self, *_parts: Any) -> NoReturn:
        raise SandboxError("the sandbox was not started")
