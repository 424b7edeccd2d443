"""What a run brings up before it judges: the sandbox, and the target where that is in a container."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.sandbox.errors import SandboxError

if TYPE_CHECKING:
    from harness.cli.runtimes import Runtime
    from harness.redaction import Redactor
    from harness.request import Request
    from harness.sandbox.containers.target_container import TargetContainer
    from harness.sandbox.runtime import StartedSandbox
    from harness.sandbox.target import Sandbox
    from harness.target_file import TargetFile

LOADED_MEANWHILE = ("harness.planning", "harness.engine", "harness.sandbox.target", "reports.terminal")


@dataclass(frozen=True)
class Brought:
    """What was brought up for a run; nothing where the target is somewhere already."""

    sandbox: StartedSandbox | None = None
    container: TargetContainer | None = None

    def incidents(self, issuer: Sandbox | None) -> Iterator[str]:
        """Tell what ended of itself, a sentence each; `issuer` is what the target trusts, if nothing was brought up."""
        sandbox = self.sandbox or issuer
        for service in sandbox.ended if sandbox else ():
            yield f"The {service.replace('_', ' ')} of the sandbox ended during the run."
        if self.container and self.container.ended:
            yield self.container.end_told()

    def keep_logs(self, report: Path, redactor: Redactor) -> None:
        """Keep what the target's container wrote beside a report, and say where."""
        from harness.sandbox.containers.target_container import log_beside

        if self.container is None:
            return
        path = log_beside(report)
        try:
            self.container.keep_logs(path, redactor)
        except (SandboxError, OSError) as fault:
            click.echo(f"{path}: the target's log could not be kept: {fault}", err=True)
        else:
            click.echo(f"the target's log is kept in {path}", err=True)


def bring(request: Request, runtime: Runtime, stack: ExitStack, meanwhile: Callable[[], object]) -> Brought:
    """Bring up what a run needs, and wait until all of it is ready.

    Args:
        request: what the user named.
        runtime: how the sandbox is to run.
        stack: is given what has to end with the run.
        meanwhile: what else has to be loaded for the run; it is called while the sandbox starts that is judged.

    Raises:
        SandboxError: something does not start.
        TargetFileError: the target file has mistakes.
        click.UsageError: the target and the runtime do not go together.
    """
    if request.image and not (request.port or request.file or request.mcp_server or request.authorization_server):
        raise click.UsageError("--target-image: --target-port is wanted, where the target listens in its container")
    if request.sandbox:
        return Brought(_judged(runtime, stack, meanwhile))
    from harness.planning import target_file

    file = target_file(request)
    _check(file, runtime)
    if not runtime.in_containers:
        return Brought()
    if file.target.container:
        return _contained(file, request, runtime, stack)
    return Brought(_trusted(file.sandbox.port, runtime, stack))


def _judged(runtime: Runtime, stack: ExitStack, meanwhile: Callable[[], object]) -> StartedSandbox:
    """Start the sandbox that is judged itself, and import while it starts."""
    from harness.sandbox.documents import DocumentsPlace
    from harness.sandbox.rates import RatesPlace

    sandbox = runtime.sandbox(stack, rates=RatesPlace(), documents=DocumentsPlace())
    stack.callback(sandbox.stop)
    sandbox.launch()
    for module in LOADED_MEANWHILE:
        importlib.import_module(module)
    meanwhile()
    sandbox.await_ready()
    return sandbox


def _check(file: TargetFile, runtime: Runtime) -> None:
    container, trusts = file.target.container, file.target.trusts
    if container and not runtime.in_containers:
        raise click.UsageError("the target is in a container, which wants --runtime docker")
    if runtime.in_containers and not (container or trusts):
        text = "the target is in no container and trusts no sandbox, so that there is nothing to run in containers"
        raise click.UsageError(f"--runtime docker: {text}")
    if runtime.tls and not container:
        text = "bring the sandbox up with `mcp-assay up --tls`, and let your server trust its root certificate"
        raise click.UsageError(f"--tls is for the sandbox itself and for targets in containers; {text}")


def _contained(file: TargetFile, request: Request, runtime: Runtime, stack: ExitStack) -> Brought:
    """Start the issuer, and then the target in the same network."""
    from harness.sandbox.containers.runtime import DockerSandbox
    from harness.sandbox.containers.target_container import TargetContainer
    from harness.sandbox.layout import ISSUER

    assert file.target.container
    published, callbacks = file.target.published, file.target.container.callbacks
    sandbox = runtime.sandbox(stack, services=ISSUER, published=published, redirect_uris=callbacks)
    assert isinstance(sandbox, DockerSandbox)
    stack.callback(sandbox.stop)
    folder = request.file.parent if request.file else Path()
    container = TargetContainer(file, sandbox, folder, partial(click.echo, err=True))
    container.prepare()
    sandbox.start()
    container.start()
    container.await_healthy()
    return Brought(sandbox, container)


def _trusted(port: int, runtime: Runtime, stack: ExitStack) -> StartedSandbox | None:
    """Start the issuer for a target that trusts it, unless one runs at its port."""
    from harness.sandbox.layout import ISSUER
    from harness.sandbox.registry import key_file, usable

    if usable(port):
        return None
    sandbox = runtime.sandbox(stack, port, services=ISSUER, keys=key_file(port))
    stack.callback(sandbox.stop)
    sandbox.start()
    return sandbox
