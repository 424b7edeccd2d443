"""Writing a report: wholly or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

_SURROGATES = "backslashreplace"
"""Half a surrogate pair in what a target said is no UTF-8; like this it becomes the escape that JSON has for it."""


def destination(path: Path) -> Path:
    """Return the file that a path comes to: links are followed, so that they stay links when it is written."""
    return Path(os.path.realpath(path))  # unlike resolve(), it does not raise on links that go in a circle


def one_file(path: Path, other: Path) -> bool:
    """Tell whether what is written to one path is lost when the other is written; devices and pipes take both."""
    same = destination(path) == destination(other)
    return (same or (path.exists() and other.exists() and path.samefile(other))) and not _special(path)


def check_writable(path: Path) -> None:
    """Find out before the run whether a report can be written.

    Raises:
        OSError: the folder is missing or read-only, or the path is a folder.
    """
    if path.is_dir():
        raise IsADirectoryError(21, "it is a folder", str(path))
    if _special(path):
        return
    path = destination(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    Path(name).unlink()


def check_folder(path: Path) -> None:
    """Find out before the run whether a folder can be written into, or made.

    Raises:
        OSError: it is no folder, or what would be above it is read-only or no folder.
    """
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(20, "it is no folder", str(path))
    check_writable(next(folder for folder in (path, *path.absolute().parents) if folder.exists()) / ".mcp-assay")


def encoded(text: str) -> bytes:
    """Return a text as the bytes of a file, in UTF-8."""
    return bytes(text, encoding="utf-8", errors=_SURROGATES)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file in one step: a reader sees the old one or the new one, never a part.

    Raises:
        OSError: it cannot be written; what was there before is still there.
    """
    data = content if isinstance(content, bytes) else encoded(content)
    if _special(path):
        with path.open("ab") as stream:
            stream.write(data)
        return
    path = destination(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).chmod(stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _special(path: Path) -> bool:
    """Devices and pipes cannot be replaced, and what our own output goes to must not: /dev/stdout may be a file."""
    return path.exists() and (not path.is_file() or any(_is_stream(path, number) for number in (1, 2)))


def _is_stream(path: Path, number: int) -> bool:
    with contextlib.suppress(OSError):  # it may be closed
        return os.path.samestat(path.stat(), os.fstat(number))
    return False
