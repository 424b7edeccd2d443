"""Which sandboxes run on this machine for this user, so that one command can end what another started."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from harness.sandbox.errors import SandboxError

_END_SECONDS = 40.0
_LOOK_SECONDS = 0.02


@dataclass(frozen=True)
class Record:
    """A running sandbox: the process that holds it, since when (seconds since the epoch), and its services' URLs.

    `handle` is what a run needs to use it (`attached.handle_of`), where it may be used: it holds a secret.
    """

    pid: int
    started: float
    urls: dict[str, str]
    handle: dict[str, Any] | None = field(default=None, repr=False)


def state_dir() -> Path:
    """Return the user's directory for what outlives a command: below XDG_STATE_HOME, else below ~/.local/state.

    Raises:
        OSError: there is no home either.
    """
    configured = Path(os.environ.get("XDG_STATE_HOME", ""))
    if configured.is_absolute():
        return configured / "mcp-assay"
    try:
        return Path.home() / ".local" / "state" / "mcp-assay"
    except RuntimeError as fault:
        raise FileNotFoundError(errno.ENOENT, str(fault), "~") from fault


def sandboxes_dir() -> Path:
    """Return the user's directory for the records."""
    return state_dir() / "sandboxes"


def key_file(port: int) -> Path:
    """Return where the signing keys are kept of a sandbox that a target trusts at this port. Its folder is there.

    Raises:
        SandboxError: there is no such place for this user.
    """
    try:
        folder = state_dir() / "keys"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as fault:
        why = f"{fault.strerror}: {fault.filename}; set XDG_STATE_HOME to a folder for them"
        raise SandboxError(f"there is no place for the issuer's keys: {why}") from fault
    return folder / f"{port}.json"


@contextmanager
def recorded(urls: dict[str, str], handle: dict[str, Any] | None = None) -> Iterator[Record]:
    """Keep a record while a sandbox of this process runs.

    The record's file is locked as long as this process lives: that, and not a process id which may be another's by
    then, tells whether the sandbox still runs. Nobody but the user can read it.

    Raises:
        OSError: the user's state directory cannot be written.
    """
    folder = sandboxes_dir()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    record = Record(os.getpid(), time.time(), urls, handle)
    unlocked = folder / f"{record.pid}-{time.monotonic_ns()}"
    with open(unlocked, "x", encoding="utf-8", opener=partial(os.open, mode=0o600)) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(json.dumps(asdict(record)))
        file.flush()
        path = unlocked.rename(unlocked.with_suffix(".json"))
        try:
            yield record
        finally:
            path.unlink(missing_ok=True)


def running() -> list[Record]:
    """Return the sandboxes that run, and forget those that do not run any more."""
    return [record for path in _paths() if (record := _live(path))]


def usable(port: int) -> dict[str, Any] | None:
    """Return the handle of the sandbox whose first port this is, where one runs and may be used."""
    with suppress(OSError):
        here = (record.handle for record in running() if record.urls.get("mock_idp", "").endswith(f":{port}"))
        return next((handle for handle in here if handle), None)
    return None


def end_all() -> list[Record]:
    """End the processes of all recorded sandboxes, wait until they are gone, and return what was ended.

    Raises:
        TimeoutError: a process did not end within 40 seconds, in which containers are removed.
    """
    ended = []
    for path in _paths():
        if record := _live(path):
            with suppress(ProcessLookupError):
                os.kill(record.pid, signal.SIGTERM)
            _await_end(path, record)
            ended.append(record)
    return ended


def _paths() -> list[Path]:
    return sorted(sandboxes_dir().glob("*.json"))


def _live(path: Path) -> Record | None:
    """Return the record of a file whose process lives; remove the file otherwise."""
    with suppress(FileNotFoundError), path.open(encoding="utf-8") as file:
        if _is_locked(file.fileno()):
            with suppress(ValueError, TypeError):
                return Record(**json.load(file))
        else:
            path.unlink(missing_ok=True)
    return None


def _is_locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _await_end(path: Path, record: Record) -> None:
    deadline = time.monotonic() + _END_SECONDS
    while _live(path):
        if time.monotonic() > deadline:
            raise TimeoutError(f"process {record.pid} did not end within {_END_SECONDS:g} seconds")
        time.sleep(_LOOK_SECONDS)
