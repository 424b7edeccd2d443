"""From what the user named to what is judged: discovery before the run, and the roles that follow."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import discovery
from harness.capability import AUTHORIZATION_CODE
from harness.exchange import Evidence
from harness.http import Client, Wire, is_loopback, origin_of
from harness.request import Request, TargetFileError
from harness.requirement import REVISIONS, Role
from harness.target import Target, Tenant
from harness.verdict import Blocked

if TYPE_CHECKING:
    from harness.client_documents import ClientDocuments
    from harness.downstream import Downstream
    from harness.sandbox.target import Sandbox
    from harness.target_file import TargetFile
    from harness.target_tables import DownstreamTable


class Unreachable(Exception):
    """The target does not answer at all; the message says what was tried and what came."""


@dataclass(frozen=True)
class Plan:
    """What is judged, in which roles, and with which limits; `issuer` is the sandbox that the target trusts."""

    target: Target
    roles: tuple[Role, ...]
    wire: Wire
    issuer: Sandbox | None = None


def make_plan(request: Request, stack: ExitStack, sandbox: Sandbox | None = None) -> Plan:
    """Read the target file, start the sandbox where it is needed, and find what can be discovered.

    Args:
        request: what the user named.
        stack: is given what has to end with the run.
        sandbox: a running one, to be judged or to be trusted; without it one is started where one is needed.

    Raises:
        TargetFileError: the target file has mistakes, or a URL is none.
        SandboxError: the sandbox does not start.
        Unreachable: the target does not answer.
    """
    if request.sandbox:
        return _sandbox_plan(request, stack, sandbox)
    folder = request.file.parent if request.file else Path()
    plan = plan_of(target_file(request), request.timeout, stack, sandbox, folder)
    audit = plan.target.audit
    beside = audit.beside(request.file.parent) if audit and request.file else audit
    return replace(plan, target=replace(plan.target, file=_place(request.file), audit=beside))


def _place(file: Path | None) -> str:
    """Return a file's path from where the user stands, or its name where it is elsewhere."""
    if file is None:
        return ""
    place = file.resolve()
    return (place.relative_to(Path.cwd()) if place.is_relative_to(Path.cwd()) else Path(place.name)).as_posix()


def plan_of(
    file: TargetFile, timeout: float, stack: ExitStack, sandbox: Sandbox | None = None, folder: Path = Path()
) -> Plan:
    """Do the same for a target file that was read before, whose `[client_documents]` name files relative to a folder.

    Raises:
        TargetFileError: it holds a private key that is none, or names a tenant that the sandbox lacks, a port that is
            taken or a certificate that is none.
        SandboxError: the sandbox does not start.
        Unreachable: the target does not answer.
    """
    from harness.trusting import check_tenants, trusting

    check_tenants(file)
    downstream = _downstream(file.downstream, stack)
    documents = _documents(file, folder, stack)
    issuer = sandbox or _trusted(file, stack)
    found = _found(file, timeout, sandbox, issuer)
    found = replace(found, target=replace(found.target, downstream=downstream, client_documents=documents))
    if issuer is None or not file.target.trusts:
        return found
    try:
        target = trusting(found.target, file, stack, issuer)
    except BaseException:
        found.wire.close()
        raise
    return replace(found, target=target, roles=(Role.MCP_SERVER,), issuer=issuer)


def _trusted(file: TargetFile, stack: ExitStack) -> Sandbox | None:
    """Return the sandbox that the target trusts, started where it does not run; None where the target trusts none."""
    if not file.target.trusts:
        return None
    from harness.sandbox.trusted import trusted_sandbox

    return stack.enter_context(trusted_sandbox(file.sandbox.port))


def _found(file: TargetFile, timeout: float, sandbox: Sandbox | None, issuer: Sandbox | None) -> Plan:
    try:
        return look(file, timeout, issuer)
    except Unreachable as fault:
        if file.target.container is None or sandbox:
            raise
        raise Unreachable(f"{fault}; its container is started by `mcp-assay run --runtime docker` alone") from fault


def _downstream(table: DownstreamTable | None, stack: ExitStack) -> Downstream | None:
    try:
        return table.open(stack) if table else None
    except OSError as fault:
        assert table
        where = f"port {table.port} of 127.0.0.1 cannot be used: {os.strerror(fault.errno or 0)}"
        raise TargetFileError(f"downstream.port: {where}; name another, and let the MCP server ask there") from fault


def _documents(file: TargetFile, folder: Path, stack: ExitStack) -> Callable[[], ClientDocuments] | None:
    if file.client_documents is None:
        return None
    try:
        documents = file.client_documents.open(folder, stack)
    except ValueError as fault:
        raise TargetFileError(str(fault)) from fault
    return lambda: documents


def look(file: TargetFile, timeout: float, sandbox: Sandbox | None = None) -> Plan:
    """Ask the target for what it publishes, without starting anything.

    Args:
        file: names the target.
        timeout: in seconds, for each exchange.
        sandbox: a running one, whose certificates the target may show.

    Raises:
        TargetFileError: the file holds a private key that is none.
        Unreachable: the target does not answer.
    """
    target = file.resolve()
    urls = _urls(target)
    near = file.target.trusts == "sandbox" or any(map(is_loopback, urls))
    verify = sandbox.authority.beside_the_system() if sandbox and sandbox.authority else True
    wire = Wire(timeout, target.authorized, {origin_of(url) for url in urls}, verify=verify, loopback=near)
    try:
        target = _discovered(target, Client(wire, Evidence()), file.resources.primary)
    except BaseException:
        wire.close()
        raise
    if file.tokens_given:
        return Plan(_without_flows(target), (Role.MCP_SERVER,), wire)
    return Plan(target, _roles(target), wire)


def _without_flows(target: Target) -> Target:
    """Return a target whose tokens are given: no flow is tried for which it says neither client nor login."""
    return replace(target, capabilities={AUTHORIZATION_CODE.name: False, **target.capabilities})


def target_file(request: Request) -> TargetFile:
    """Read the target file, the command line's URLs in the place of its own.

    Raises:
        TargetFileError: it has mistakes.
    """
    from harness.container_table import container_of
    from harness.target_file import read_target_file  # pydantic is a fifth of the start, and the sandbox needs no file

    told: dict[str, Any] = {
        name: value
        for name in ("mcp_server", "authorization_server", "spec")
        if (value := getattr(request, name)) is not None
    }
    if container := container_of(request.image, request.port):
        told["container"] = container
    return read_target_file(request.file, told)


def _sandbox_plan(request: Request, stack: ExitStack, running: Sandbox | None) -> Plan:
    from fixtures.world import load_world
    from harness.sandbox.documents import DocumentsPlace
    from harness.sandbox.embedded import EmbeddedSandbox
    from harness.sandbox.rates import RatesPlace
    from harness.sandbox.target import sandbox_target

    sandbox = running or stack.enter_context(EmbeddedSandbox(rates=RatesPlace(), documents=DocumentsPlace()))
    control = stack.enter_context(sandbox.control("authorization_server"))
    target = sandbox_target(sandbox, load_world(), request.spec or REVISIONS[0], control)
    verify = sandbox.authority.client_context if sandbox.authority else True
    return Plan(target, (Role.AUTHORIZATION_SERVER, Role.MCP_SERVER), Wire(request.timeout, verify=verify))


def _discovered(target: Target, client: Client, resource: str) -> Target:
    """Fill in what the MCP server's metadata says: its authorization server, and its resource identifier.

    Args:
        target: as the target file has it.
        client: asks for the metadata.
        resource: the resource identifier that the user named; empty where it is to be discovered.
    """
    home = target.home
    _reach(client, home.mcp_server or home.authorization_server)
    if not home.mcp_server:
        return target
    try:
        metadata = discovery.resource_metadata(client, home.mcp_server)
    except Blocked:
        return target
    published = metadata.get("resource")
    named = resource or (published if isinstance(published, str) and published else target.resource)
    found = home.authorization_server or discovery.authorization_server_of(metadata)
    scopes = discovery.scopes_of(metadata)
    return replace(target, resource=named, resource_scopes=scopes, home=replace(home, authorization_server=found))


def _reach(client: Client, url: str) -> None:
    try:
        client.send("GET", url)
    except Blocked as fault:
        raise Unreachable(fault.reason) from fault


def _roles(target: Target) -> tuple[Role, ...]:
    present = {Role.AUTHORIZATION_SERVER: target.home.authorization_server, Role.MCP_SERVER: target.home.mcp_server}
    return tuple(role for role, url in present.items() if url)


def _urls(target: Target) -> list[str]:
    tenants: list[Tenant] = [tenant for tenant in (target.home, target.other) if tenant]
    named = [url for tenant in tenants for url in (tenant.mcp_server, tenant.authorization_server) if url]
    log = [target.audit.url] if target.audit and target.audit.url else []
    return [*named, *log, *target.origins]
