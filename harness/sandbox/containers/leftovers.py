"""Removing what is on an engine: one sandbox's, or what dead owners left."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
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
TIDY_SECONDS = 5.0
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
        KeptError: the engine has not done it after 30 seconds.
        EngineError: it cannot be used.
    """
    return _remove_all(engine, f"{SANDBOX}={sandbox_id}")


def sweep(engine: Engine, seconds: float = REMOVE_SECONDS) -> list[str]:
    """Remove what owners on this machine left that do not live any more, and return the names of what it was.

    Their temporary directories go too, those among them to which nothing leads on the engine any more.

    Args:
        engine: where.
        seconds: how long to try.

    Raises:
        KeptError: the engine keeps some; all else is removed.
        EngineError: it cannot be used.
    """
    directories: dict[str, Path] = {}

    def left(thing: Thing) -> bool:
        file = Path(thing.labels.get(OWNER, ""))
        if not file.is_absolute() or lives(file):
            return False
        directories[thing.name] = file.parent
        return True

    try:
        removed = _remove_all(engine, f"{HOST}={host()}", left, seconds)
    except KeptError as fault:
        _remove_directories(directories.values(), {directories[name] for name in fault.names})
        raise
    return removed + _remove_directories(directories.values())


def tidy(engine: Engine) -> str:
    """Sweep before a sandbox starts; return the sentence for what the engine still keeps after five seconds.

    Raises:
        EngineError: it cannot be used.
    """
    try:
        sweep(engine, TIDY_SECONDS)
    except KeptError as fault:
        return str(fault)
    return ""


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


def _remove_directories(left: Iterable[Path], spared: AbstractSet[Path] = frozenset()) -> list[str]:
    """Remove these directories and those of other dead owners; return their paths."""
    dead = {file.parent for file in _temporary().glob(f"{PREFIX}*/{LOCK_FILE}") if not lives(file)}
    return [str(path) for path in sorted({*left, *dead} - spared) if remove_directory(path)]


def _remove_all(
    engine: Engine, label: str, wanted: Callable[[Thing], bool] | None = None, seconds: float = REMOVE_SECONDS
) -> list[str]:
    """Remove until nothing is there: a removal may be under way already, or have to wait for another one."""
    removed: dict[str, None] = {}
    refusals: list[str] = []
    deadline = time.monotonic() + seconds
    with engine.faults(), ThreadPoolExecutor(_THREADS) as threads:
        while things := [thing for thing in _things(engine.client.api, label) if wanted is None or wanted(thing)]:
            if removed and time.monotonic() > deadline:
                names = [thing.name for thing in things]
                told = f"the Docker engine at {engine.address} did not remove {', '.join(names)}"
                raise KeptError(names, ": ".join([f"{told} within {seconds:g} seconds", *refusals[:1]]))
            removed.update(dict.fromkeys(thing.name for thing in things))
            refusals = [why for why in threads.map(_try_to_remove, things) if why]
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
    from requests import ReadTimeout

    try:
        thing.remove()
    except NotFound:
        return ""
    except APIError as fault:
        return str(fault.explanation or fault)
    except ReadTimeout:
        return "it has not answered in time"
    return ""


def _temporary() -> Path:
    return Path(tempfile.gettempdir()).resolve()
