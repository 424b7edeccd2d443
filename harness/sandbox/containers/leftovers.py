"""Removing what is on an engine: one sandbox's, or what dead owners left."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.sandbox.containers.faults import KeptError
from harness.sandbox.containers.labels import HOST, OWNER, SANDBOX, host
from harness.sandbox.containers.owner import LOCK_FILE, lives

if TYPE_CHECKING:
    from docker import APIClient

    from harness.sandbox.containers.engine import Engine

PREFIX = "mcp-assay-"
"""What the name of a sandbox's temporary directory begins with."""

REMOVE_SECONDS = 30.0
_LOOK_SECONDS = 0.05
_THREADS = 8


@dataclass(frozen=True)
class Thing:
    """A container, network or volume on an engine: what to call it, its labels, and how it is removed."""

    name: str
    labels: Mapping[str, str]
    remove: Callable[[], object]


def remove(engine: Engine, sandbox_id: str) -> list[str]:
    """Remove all containers, networks and volumes of a sandbox, and return their names.

    Raises:
        KeptError: the engine does not do it within 30 seconds.
        EngineError: it cannot be used.
    """
    return _remove_all(engine, f"{SANDBOX}={sandbox_id}")


def sweep(engine: Engine, seconds: float = REMOVE_SECONDS) -> list[str]:
    """Remove what owners on this machine left that do not live any more, and return the names of what it was.

    Their temporary directories go too, those among them to which nothing leads on the engine any more.

    Args:
        engine: where.
        seconds: how long the engine may take.

    Raises:
        KeptError: the engine takes longer.
        EngineError: it cannot be used.
    """
    directories: set[Path] = set()

    def left(thing: Thing) -> bool:
        file = Path(thing.labels.get(OWNER, ""))
        if not file.is_absolute() or lives(file):
            return False
        directories.add(file.parent)
        return True

    removed = _remove_all(engine, f"{HOST}={host()}", left, seconds)
    directories.update(file.parent for file in _temporary().glob(f"{PREFIX}*/{LOCK_FILE}") if not lives(file))
    return removed + [str(path) for path in sorted(directories) if remove_directory(path)]


def remove_directory(path: Path) -> bool:
    """Remove a sandbox's temporary directory; nothing else is ever removed. Return whether it was one."""
    try:
        ours = path.lstat().st_uid == os.geteuid()
        is_one = path.name.startswith(PREFIX) and path.parent.resolve() == _temporary() and not path.is_symlink()
    except OSError:
        return False
    if ours and is_one and path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
        return not path.exists()
    return False


def _remove_all(
    engine: Engine, label: str, wanted: Callable[[Thing], bool] | None = None, seconds: float = REMOVE_SECONDS
) -> list[str]:
    """Remove until nothing is there: a removal may be under way already, or have to wait for another one."""
    removed: dict[str, None] = {}
    deadline = time.monotonic() + seconds
    with engine.faults(), ThreadPoolExecutor(_THREADS) as threads:
        while things := [thing for thing in _things(engine.client.api, label) if wanted is None or wanted(thing)]:
            removed.update(dict.fromkeys(thing.name for thing in things))
            refusals = [why for why in threads.map(_try_to_remove, things) if why]
            if time.monotonic() > deadline:
                names = ", ".join(thing.name for thing in things)
                raise KeptError(
                    f"the Docker engine at {engine.address} did not remove {names} within {seconds:g} seconds"
                    + (f": {refusals[0]}" if refusals else "")
                )
            if refusals:
                time.sleep(_LOOK_SECONDS)
    return list(removed)


def _things(api: APIClient, label: str) -> Iterator[Thing]:
    filters: dict[str, Any] = {"label": [label]}
    for each in api.containers(all=True, filters=filters):
        name = (each["Names"] or [each["Id"]])[0].removeprefix("/")
        yield Thing(name, each["Labels"] or {}, partial(api.remove_container, each["Id"], v=True, force=True))
    for each in api.networks(filters=filters):
        yield Thing(f"network {each['Name']}", each["Labels"] or {}, partial(api.remove_network, each["Id"]))
    for each in api.volumes(filters=filters)["Volumes"] or ():
        name = each["Name"]
        yield Thing(f"volume {name}", each["Labels"] or {}, partial(api.remove_volume, name, force=True))


def _try_to_remove(thing: Thing) -> str:
    """Return why the engine did not remove it; nothing where it did, or where another did."""
    from docker.errors import APIError, NotFound

    try:
        thing.remove()
    except NotFound:
        return ""
    except APIError as fault:
        return str(fault.explanation or fault)
    return ""


def _temporary() -> Path:
    return Path(tempfile.gettempdir()).resolve()
