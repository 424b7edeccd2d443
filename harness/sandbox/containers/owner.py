"""Who a sandbox on an engine belongs to, and whether that one lives: a lock outlives no process, however it ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.sandbox.errors import SandboxError

LOCK_FILE = "owner.lock"


class Owner:
    """The process that a sandbox belongs to; it holds the lock while it lives.

    Attributes:
        file: the lock file, in the sandbox's directory.

    Args:
        directory: the sandbox's directory. It is there.

    Raises:
        SandboxError: the directory cannot be written, or has an owner.
    """

    def __init__(self, directory: Path) -> None:
        self.file = directory.resolve() / LOCK_FILE
        unlocked = self.file.with_suffix(".new")
        try:
            self._fd = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            unlocked.rename(self.file)  # nobody ever sees it unlocked while we live
        except OSError as fault:
            raise SandboxError(f"the sandbox's directory cannot be used: {fault}") from fault

    def close(self) -> None:
        """Be its owner no longer; nothing happens the second time."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def lives(file: Path) -> bool:
    """Whether the owner of a lock file lives. Where it cannot be told, as with another user's, it does."""
    try:
        fd = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False
