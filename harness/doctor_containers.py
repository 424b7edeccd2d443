"""What `mcp-assay doctor` finds on the engine for containers: that it can be used, and that the issuer is one there."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fixtures.world import load_world
from harness.finding import USAGE, Finding, State

if TYPE_CHECKING:
    from fixtures.service.issuer_check import Seen
    from harness.sandbox.containers.engine import Engine
    from harness.sandbox.containers.found import FoundSandbox

ENGINE_SECONDS = 2.0
"""How long an engine may take to say what it is."""

_CONNECT_SECONDS = 0.2
_IPV6_LOOPBACK = "::1"


def examine_engine(base: str) -> Iterator[Finding]:
    """Look at the engine, and from both sides at the issuer of each sandbox that runs on it.

    Where none runs and the image is built, one is brought up for the look, and removed.

    Args:
        base: what the image of the sandbox is built on.
    """
    from harness.sandbox.containers.engine import Engine, EngineError

    try:
        Engine.connect(ENGINE_SECONDS).close()
        engine = Engine.connect()
    except EngineError as fault:
        yield Finding(State.LACKING, "docker", str(fault))
        return
    with engine:
        version = engine.version
        text = f"the engine {version.engine} for {version.architecture} answers at {engine.address}"
        yield Finding(State.FINE, "docker", text)
        yield from _issuers(engine, base)


def _issuers(engine: Engine, base: str) -> Iterator[Finding]:
    from harness.sandbox.containers.found import sandboxes
    from harness.sandbox.containers.image import ready
    from harness.sandbox.containers.leftovers import tidy
    from harness.sandbox.containers.runtime import DockerSandbox
    from harness.sandbox.errors import SandboxError

    try:
        running = sandboxes(engine)
        image = None if running else ready(engine, base)
        if image:
            if kept := tidy(engine):
                yield Finding(State.LACKING, "docker", f"what an earlier sandbox left stays on the engine: {kept}")
            with DockerSandbox(engine=engine, image=image):
                yield from _compared(engine, sandboxes(engine))
        elif running:
            yield from _compared(engine, running)
        else:
            text = f"no sandbox runs in containers, and its image on {base} is not built"
            text = f"{text}: `mcp-assay up --runtime docker` builds it"
            yield Finding(State.LACKING, "issuer", text)
    except SandboxError as fault:
        yield Finding(State.WRONG, "issuer", f"it could not be looked at from inside a container: {fault}", USAGE)


def _compared(engine: Engine, running: list[FoundSandbox]) -> Iterator[Finding]:
    from harness.sandbox.containers.check import both_sides
    from harness.sandbox.containers.engine import EngineError
    from harness.sandbox.containers.found import runs

    tenant = next(iter(load_world().tenants))
    for sandbox in running:
        issuer, name = sandbox.issuer(tenant), sandbox.inside.name
        try:
            compared = both_sides(engine, sandbox, tenant)
        except EngineError:
            if runs(engine, sandbox):
                raise
            continue
        for fault in compared.faults:
            yield Finding(State.WRONG, "issuer", fault, USAGE)
        if not compared.faults:
            text = f"{issuer} is the same from the host and from the container {name}: issuer and keys"
            taken = "; a token got on either side is taken on the other" if sandbox.resource(tenant) else ""
            yield Finding(State.FINE, "issuer", text + taken)
        for side, seen in (("the host", compared.here), (f"the container {name}", compared.there)):
            yield from _proxied(side, seen)
        yield from _shadowed(issuer)


def _proxied(side: str, seen: Seen) -> Iterator[Finding]:
    if seen.proxy:
        text = f"on {side}, {' and '.join(seen.proxy)} would lead programs to the issuer through a proxy"
        yield Finding(State.LACKING, "issuer", f"{text}: set NO_PROXY=127.0.0.1,localhost there")


def _shadowed(issuer: str) -> Iterator[Finding]:
    """Say so where a program has the issuer's port at the other address that `localhost` may mean."""
    port = urlsplit(issuer).port or 0
    try:
        socket.create_connection((_IPV6_LOOPBACK, port), _CONNECT_SECONDS).close()
    except OSError:
        return
    text = f"something answers at [{_IPV6_LOOPBACK}]:{port}, where a browser may look that is told `localhost`"
    yield Finding(State.LACKING, "issuer", f"{text}: tell it {issuer}, to the letter")
