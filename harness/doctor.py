"""What is missing on this machine or in a target file, found before anything is judged."""

from __future__ import annotations

import os
import platform
import re
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from harness.capabilities import CAPABILITIES
from harness.capability import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    CLIENT_ID_METADATA,
    CONFIDENTIAL_CLIENT,
    ID_JAG,
    INTROSPECTION,
    METADATA,
    PRIVATE_KEY_JWT,
    SECOND_CLIENT,
    TIME,
    TOKEN_EXCHANGE,
)
from harness.doctor_containers import examine_engine
from harness.doctor_target_container import examine_container, examine_neighbours
from harness.finding import INCOMPLETE, USAGE, Finding, State
from harness.mcp_capability import MCP_SERVER
from harness.passing_time import UNLOCK
from harness.requirement import Role
from harness.sandbox.errors import PortError, SandboxError
from harness.sandbox.layout import ISSUER, SERVICES
from harness.sandbox.registry import key_file, usable
from harness.sandbox.sockets import DEFAULT_PORT, Sockets
from harness.support import Capability, Support
from harness.version import tool

if TYPE_CHECKING:
    from harness.client_documents import ClientDocuments
    from harness.documents_table import ClientDocumentsTable
    from harness.downstream import Downstream
    from harness.planning import Plan
    from harness.run import Run
    from harness.target import Tenant
    from harness.target_file import TargetFile
    from harness.target_tables import DownstreamTable

OLDEST_PYTHON = (3, 11)
DISTRIBUTION = "mcp-assay"
CLIENT_OF = {
    AUTHORIZATION_CODE: "first",
    SECOND_CLIENT: "second",
    CONFIDENTIAL_CLIENT: "confidential",
    CLIENT_CREDENTIALS: "machine",
    PRIVATE_KEY_JWT: "keyed",
    TOKEN_EXCHANGE: "exchanger",
    ID_JAG: "id_jag",
    INTROSPECTION: "resource_server",
}


def examine(file: Path | None, timeout: float, base: str) -> Iterator[Finding]:
    """Look at this machine, and at the target file and its target where there is one.

    Args:
        file: the target file.
        timeout: seconds for each exchange with the target.
        base: what the image of a sandbox in containers is built on.
    """
    yield from _python()
    yield from _packages()
    yield _temporary_files()
    yield _running(DEFAULT_PORT) or _ports(DEFAULT_PORT, "mcp-assay up wants another --port")
    yield from examine_engine(base)
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


def _ports(base: int, otherwise: str, code: int = 0, services: Collection[str] = SERVICES) -> Finding:
    try:
        Sockets.bind(base, services).close()
    except PortError as fault:
        return Finding(State.WRONG if code else State.LACKING, "ports", f"{fault.reason}: {otherwise}", code)
    return Finding(State.FINE, "ports", f"{base} and those after it are free for a sandbox")


def _running(base: int) -> Finding | None:
    text = f'{base} and those after it are a running sandbox\'s, which a run with trusts = "sandbox" will use'
    return Finding(State.FINE, "ports", text) if usable(base) else None


def _target_file(path: Path, timeout: float) -> Iterator[Finding]:
    from harness.own_scenarios import load_own
    from harness.planning import Unreachable, look
    from harness.request import TargetFileError
    from harness.target_file import read_target_file
    from harness.trusting import check_tenants

    try:
        file = read_target_file(path)
        check_tenants(file)
        yield Finding(State.FINE, "target file", f"{path} is valid, and all its variables are set")
        if own := file.plan.folder(path):
            yield Finding(State.FINE, "scenarios", f"{len(load_own(own)[0])} of your own in {own}")
        if file.target.container:
            yield from _contained(file, path.parent)
            return
        plan = look(file, timeout)
    except TargetFileError as fault:
        yield from (Finding(State.WRONG, "target file", line, USAGE) for line in str(fault).splitlines())
    except Unreachable as fault:
        yield Finding(State.WRONG, "target", str(fault), INCOMPLETE)
    else:
        yield from _target(file, plan, path.parent)


def _contained(file: TargetFile, folder: Path) -> Iterator[Finding]:
    """Look at what a run needs that starts the target itself; until then there is nothing to ask."""
    yield from examine_container(file, folder)
    if file.downstream:
        yield _played(file.downstream)[0]
    if file.client_documents:
        yield _served(file.client_documents, folder)[0]


def _target(file: TargetFile, plan: Plan, folder: Path) -> Iterator[Finding]:
    from harness.context import Context
    from harness.run import Run
    from harness.ways_in import lines, way_in

    target, home = plan.target, plan.target.home
    for role, url in (("MCP server", home.mcp_server), ("authorization server", home.authorization_server)):
        state = State.FINE if url else State.LACKING
        yield Finding(state, "target", f"{role} {url or 'neither named nor found in metadata'}")
    if home.mcp_server:
        for fine, text in lines(way_in(file, target)):
            yield Finding(State.FINE if fine else State.LACKING, "way in", text)
    if file.target.trusts:
        yield from _trusted(file.sandbox.port)
        yield from examine_neighbours(file.target.urls)
        target = replace(target, home=_promised(home), other=_promised(target.other) if target.other else None)
    if file.downstream:
        finding, downstream = _played(file.downstream)
        target = replace(target, downstream=downstream)
        yield finding
    if file.client_documents:
        finding, documents = _served(file.client_documents, folder)
        target = replace(target, client_documents=documents)
        yield finding
    run = Run(target, plan.wire, Context)
    issuing = Role.AUTHORIZATION_SERVER in plan.roles and not file.target.trusts
    if issuing and not run.home.metadata:
        text = f"{home.authorization_server} publishes no authorization server metadata"
        yield Finding(State.WRONG, "target", text, INCOMPLETE)
    yield from _capabilities(run, issuing=issuing, minted=file.target.trusts is not None)
    plan.wire.close()


def _promised(tenant: Tenant) -> Tenant:
    """Return a tenant as it will be when the sandbox runs that it trusts."""
    return replace(tenant, signer=_Promised(), issuer_control=_Promised())


def _played(table: DownstreamTable) -> tuple[Finding, Downstream | None]:
    """Say whether the API could be played, and return it as it will be when it is."""
    try:
        with ExitStack() as stack:
            text = f"port {table.port} is free for the API that {table.tool} asks, which a run plays"
            return Finding(State.FINE, "downstream", text), table.open(stack)
    except OSError as fault:
        why = os.strerror(fault.errno or 0)
        text = f"port {table.port} of 127.0.0.1 cannot be used: {why}; name another one under [downstream]"
        return Finding(State.WRONG, "downstream", text, USAGE), None


def _served(table: ClientDocumentsTable, folder: Path) -> tuple[Finding, Callable[[], ClientDocuments] | None]:
    """Say whether documents of clients could be served, and return their place as it will be."""
    try:
        with ExitStack() as stack:
            documents = table.open(folder, stack)
            text = f"port {table.port} is free for documents at {documents.base_url}, which a run serves"
            return Finding(State.FINE, "client documents", text), lambda: documents
    except ValueError as fault:
        return Finding(State.WRONG, "client documents", str(fault), USAGE), None


def _trusted(port: int) -> Iterator[Finding]:
    if running := _running(port):
        yield running
        return
    yield _ports(port, "the target trusts a sandbox there", USAGE, ISSUER)
    try:
        key_file(port)
    except SandboxError as fault:
        yield Finding(State.WRONG, "keys", str(fault), USAGE)


def _capabilities(run: Run, *, issuing: bool, minted: bool) -> Iterator[Finding]:
    """Say how each capability shows; those of authorization servers and of given tokens where there are such."""
    for capability in CAPABILITIES.values():
        kind = CLIENT_OF.get(capability, "")
        if (not issuing and _is_an_issuers(capability)) or (minted and capability.name.startswith("given-")):
            continue
        if run.support(capability) is Support.ABSENT:
            hint = f"absent; {capability.unlock}" if capability.unlock else "absent"
            yield Finding(State.LACKING, capability.name, hint)
        elif absent := _absent_need(run, capability, issuing=issuing):
            yield Finding(State.LACKING, capability.name, f"of no use without {absent.name}")
        elif kind and not run.home.can_have(kind):
            text = f"offered, but the file has no [clients.{kind}], and the target no registration"
            yield Finding(State.LACKING, capability.name, text)
        elif capability is CLIENT_ID_METADATA and run.target.client_documents is None:
            yield Finding(State.LACKING, capability.name, f"offered; to have it judged, {capability.unlock}")
        elif capability is TIME and run.target.clock is None:
            yield Finding(State.LACKING, capability.name, f"blocked without a wait; {UNLOCK}")
        else:
            yield Finding(State.FINE, capability.name, run.support(capability).value)


def _absent_need(run: Run, capability: Capability, *, issuing: bool) -> Capability | None:
    """Return what it requires and the target lacks; an issuer that is not judged is there when the run begins."""
    needed = (item for item in _with_needs(capability) if issuing or not _is_an_issuers(item))
    return next((item for item in needed if run.support(item) is Support.ABSENT), None)


def _is_an_issuers(capability: Capability) -> bool:
    """Whether it is about an authorization server only."""
    needed = _with_needs(capability)
    return METADATA in needed and MCP_SERVER not in needed


def _with_needs(capability: Capability) -> list[Capability]:
    """Return a capability with all that it requires."""
    needed = [capability]
    for known in needed:
        needed.extend(item for item in known.requires if item not in needed)
    return needed


class _Promised:
    """Stands for the issuer of the sandbox that a run would start."""

    def sign(self, *_parts: Any, **_options: Any) -> NoReturn:
        raise SandboxError("the sandbox was not started")

    seal = publish_key = withdraw_key = rotate_keys = outage = fetches = sign
