"""One service as a child process that ends with its parent, however the parent ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from mcp_assay import HERE, shadows

_END_SECONDS = 5.0
_LAST_LINES = 15
_READ_BYTES = 65_536


class Child:
    """A running service.

    Its standard input is a pipe that we hold: when we are gone, even killed, the pipe ends and the child with it.

    Args:
        name: the service, for messages.
        arguments: what follows `python -P -m`.
        fds: the listening sockets that it inherits.
        environment: its whole environment.
        errors: a file for its standard error.
    """

    def __init__(
        self, name: str, arguments: Sequence[str], fds: Sequence[int], environment: Mapping[str, str], errors: Path
    ) -> None:
        self.name = name
        self._errors = errors
        self._said = b""
        with errors.open("wb") as stderr:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own module
                [sys.executable, "-P", "-m", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                pass_fds=fds,
                env=environment,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    @property
    def output(self) -> IO[bytes]:
        """Standard output, where the ready line comes."""
        assert self._process.stdout
        return self._process.stdout

    def listen(self) -> bool:
        """Read what the child says, and return whether that was the ready line.

        Raises:
            EOFError: the child ended, or said something else.
        """
        heard = os.read(self.output.fileno(), _READ_BYTES)
        self._said += heard
        if heard and not self._said.endswith(b"\n"):
            return False
        try:
            json.loads(self._said)["url"]
        except (ValueError, KeyError, TypeError) as error:
            raise EOFError from error
        return True

    def last_words(self) -> str:
        """Return the last lines of standard error."""
        lines = self._errors.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_LAST_LINES:])

    def end(self) -> None:
        """Tell the child to end; it does so at once."""
        assert self._process.stdin
        with suppress(BrokenPipeError):
            self._process.stdin.close()

    def wait(self) -> None:
        """Wait for the child's end, and kill it if that takes too long."""
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.output.close()


def environment(**variables: str) -> dict[str, str]:
    """Return the environment for children: ours, without what could lead them to the user's folders or to a proxy.

    The current folder, and any folder with a package named like one of ours, is dropped from PYTHONPATH.
    """
    inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    entries = [entry for entry in inherited if Path(entry).is_absolute() and not shadows(Path(entry))]
    if HERE not in _installed():
        entries.insert(0, str(HERE))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(entries), "NO_PROXY": "*", "no_proxy": "*", **variables}


def _installed() -> set[Path]:
    return {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")}
