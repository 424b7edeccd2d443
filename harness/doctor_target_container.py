"""What `mcp-assay doctor` finds of a target in a container: one that a run would start, or one that runs already."""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from harness.doctor_containers import ENGINE_SECONDS
from harness.finding import USAGE, Finding, State

if TYPE_CHECKING:
    from harness.container_table import ContainerTable
    from harness.sandbox.containers.engine import Engine
    from harness.target_file import TargetFile

_SUBJECT = "container"
_LOOPBACK = "127.0.0.1"


def examine_container(file: TargetFile, folder: Path) -> Iterator[Finding]:
    """Look at the container that a run would start: its image or the folder of that, its ports, and the engine.

    Args:
        file: the target file, with `[target.container]`.
        folder: what its paths are relative to.
    """
    from harness.sandbox.containers.engine import Engine, EngineError

    assert file.target.container
    yield from _ports(file.target.published)
    yield from _folder(file.target.container, folder)
    try:
        Engine.connect(ENGINE_SECONDS).close()
        with Engine.connect() as engine:
            yield from _image(engine, file.target.container.image)
    except EngineError as fault:
        yield Finding(State.WRONG, _SUBJECT, f"the target is in a container, which needs an engine: {fault}", USAGE)


def examine_neighbours(urls: Collection[str]) -> Iterator[Finding]:
    """Look at containers that have the target's ports, and so are the target: whether 127.0.0.1 is the sandbox's there.

    Args:
        urls: the target's.
    """
    from harness.container_table import port_of
    from harness.http import is_loopback
    from harness.sandbox.containers.engine import Engine, EngineError
    from harness.sandbox.containers.found import network_of, publishing, sandboxes

    ports = {port_of(url) for url in urls if is_loopback(url)}
    try:
        with Engine.connect(ENGINE_SECONDS) as engine:
            found = [each for port in ports for each in publishing(engine, port)]
            strangers = [each for each in found if network_of(each) != "host"]
            running = sandboxes(engine) if strangers else []
    except EngineError:  # which has been told of the engine itself
        return
    how = "let `mcp-assay run --runtime docker` start it, by [target.container]"
    if running:
        how = f"start it with `--network container:{running[0].anchor.name}`, or {how}"
    for each in strangers:
        text = f"the target is the container {each.name}, where 127.0.0.1 is not the sandbox, but its own: {how}"
        yield Finding(State.LACKING, _SUBJECT, text)


def _ports(ports: Collection[int]) -> Iterator[Finding]:
    for port in ports:
        try:
            with ExitStack() as stack:
                stack.enter_context(socket.create_server((_LOOPBACK, port)))
        except OSError as fault:
            text = f"port {port} of {_LOOPBACK} cannot be published for the target: {fault.strerror}"
            yield Finding(State.WRONG, _SUBJECT, f"{text}; end what is there, or name another port", USAGE)
        else:
            yield Finding(State.FINE, _SUBJECT, f"port {port} is free for the target")


def _folder(table: ContainerTable, base: Path) -> Iterator[Finding]:
    if (place := table.folder(base)) is None:
        return
    if (place / "Dockerfile").is_file():
        yield Finding(State.FINE, _SUBJECT, f"the target's image is built from {place}")
    else:
        yield Finding(State.WRONG, _SUBJECT, f"container.build: there is no Dockerfile in {place.resolve()}", USAGE)


def _image(engine: Engine, name: str | None) -> Iterator[Finding]:
    from docker.errors import APIError, ImageNotFound

    if name is None:
        return
    with engine.faults():
        try:
            engine.client.images.get(name)
            yield Finding(State.FINE, _SUBJECT, f"the engine has the target's image {name}")
            return
        except ImageNotFound:
            pass
        try:
            engine.client.images.get_registry_data(name)
            yield Finding(State.FINE, _SUBJECT, f"the engine will pull the target's image {name}")
        except APIError as fault:
            text = f"the engine neither has the target's image {name} nor can get it: {fault.explanation}"
            yield Finding(State.WRONG, _SUBJECT, f"{text}; build it or load it (`docker load -i FILE`)", USAGE)
