"""Writing a report: wholly or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

_SURROGATES = "backslashreplace"
"""Half a surrogate pair in what a target said is no UTF-8; like this it becomes the escape that JSON has for it."""


def check_writable(path: Path) -> None:
    """Find out before the run whether a report can be written.

    Raises:
        OSError: the folder is missing or read-only, or the path is a folder.
    """
    if path.is_dir():
        raise IsADirectoryError(21, "it is a folder", str(path))
    if _special(path):
        return
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    Path(name).unlink()


def write_whole(path: Path, text: str) -> None:
    """Write a file in one step: a reader sees the old one or the new one, never a part.

    Raises:
        OSError: it cannot be written; what was there before is still there.
    """
    if _special(path):
        path.write_text(text, encoding="utf-8", errors=_SURROGATES)
        return
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors=_SURROGATES) as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _special(path: Path) -> bool:
    """Devices and pipes, such as /dev/stdout, cannot be replaced."""
    return path.exists() and not path.is_file()
