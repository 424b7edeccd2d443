"""Whether the issuer of a sandbox in containers is one: seen from this machine and from inside a container alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from fixtures.service.issuer_check import PRESENTED_VARIABLE, Seen, look
from harness.sandbox.containers.engine import Engine, EngineError
from harness.sandbox.containers.found import FoundSandbox
from harness.sandbox.containers.sides import Compared, Look, Side, compare

if TYPE_CHECKING:
    from docker.models.containers import Container

PROGRAM = ("python3", "-P", "-m", "fixtures.service.issuer_check")
_PORTS = {"http": 80, "https": 443}


def both_sides(engine: Engine, sandbox: FoundSandbox, tenant: str) -> Compared:
    """Compare what this machine and a container of a sandbox see of a tenant's issuer.

    Raises:
        EngineError: the engine did not let us look from inside.
    """
    issuer, resource = sandbox.issuer(tenant), sandbox.resource(tenant)
    here, there = _from_here(sandbox, issuer, resource), _from_inside(engine, sandbox.inside, sandbox, issuer, resource)
    return compare(
        issuer,
        resource,
        Side("the host", here, _fix_here(sandbox, issuer, resource)),
        Side(f"the container {sandbox.inside.name}", there, _fix_inside(sandbox)),
    )


def _from_here(sandbox: FoundSandbox, issuer: str, resource: str) -> Look:
    trust = str(sandbox.trust[0]) if sandbox.trust else None
    return lambda token: look(issuer, resource, presented=token, trust=trust)


def _from_inside(engine: Engine, container: Container, sandbox: FoundSandbox, issuer: str, resource: str) -> Look:
    program = [*PROGRAM, issuer, *(["--resource", resource] if resource else [])]
    program += ["--trust", sandbox.trust[1]] if sandbox.trust else []

    def from_inside(token: str) -> Seen:
        with engine.faults():
            ended = container.exec_run(program, environment={PRESENTED_VARIABLE: token}, demux=True)
        said, words = cast("tuple[bytes | None, bytes | None]", ended.output)
        try:
            return Seen.from_json((said or b"").decode())
        except (ValueError, TypeError, KeyError) as fault:
            why = (words or said or b"").decode(errors="replace").strip().rpartition("\n")[2]
            what = f"could not look at the issuer: {why or f'exit code {ended.exit_code}'}"
            raise EngineError(f"the container {container.name} {what}") from fault

    return from_inside


def _fix_here(sandbox: FoundSandbox, *urls: str) -> str:
    """Return what to do when something does not answer on this machine that answers in the containers."""
    for url in filter(None, urls):
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
        if wrong := sandbox.published(port):
            return f"{wrong}; publish it under its own number: `-p 127.0.0.1:{port}:{port}`"
    logs = f"`docker logs {sandbox.members['authorization-server'].name}` tells whether it runs"
    return f"{logs}; if it does, a firewall, or an engine that is reached through a tunnel, lies between"


def _fix_inside(sandbox: FoundSandbox) -> str:
    """Return what to do when something does not answer in the containers."""
    strangers = [each for each in sandbox.members.values() if not sandbox.shares(each)]
    if strangers:
        names = " and ".join(str(each.name) for each in strangers)
        return f"{names} must share the sandbox's network: `--network container:{sandbox.anchor.name}`"
    return f"`docker logs {sandbox.members['authorization-server'].name}` tells why"
