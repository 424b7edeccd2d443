"""A child process that tidies up after its parent, however that ends: what a kill -9 leaves on the engine goes too."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from harness.sandbox.child import environment
from harness.sandbox.containers.faults import EngineError
from harness.sandbox.errors import SandboxError

_DONE = b"done"
_END_SECONDS = 5.0
_TRY_SECONDS = 60.0
_QUIET_SECONDS = 3.0
_LOOK_SECONDS = 0.25

_left_alone: list[subprocess.Popen[bytes]] = []
"""Children that go on without us; Python warns of one that it collects as garbage while it runs."""


class Reaper:
    """The child. Its standard input is a pipe that we hold; when it ends without a word, the child goes to work.

    It is in a session of its own, so that what ends us by the terminal, or by our process group, does not reach it.

    Args:
        sandbox_id: whose containers, networks and volumes it removes.
        directory: the sandbox's temporary directory, which it removes too.
        address: the engine's; what DOCKER_HOST or the usual sockets say when it is empty.
    """

    def __init__(self, sandbox_id: str, directory: Path, address: str = "") -> None:
        self._arguments = ["harness.sandbox.containers.reaper", sandbox_id, str(directory)]
        self._variables = {"DOCKER_HOST": address} if address else {}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, before anything is made that it may have to remove; this does not wait.

        Raises:
            SandboxError: it cannot be started.
        """
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own module
                [sys.executable, "-P", "-m", *self._arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment(**self._variables),
                start_new_session=True,
            )
        except OSError as fault:
            raise SandboxError(f"the process that tidies up after a sandbox cannot be started: {fault}") from fault

    def end(self) -> None:
        """Tell it that nothing is left, and wait for its end; nothing happens the second time."""
        if process := self._let_go(_DONE):
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def take_over(self) -> None:
        """Leave the removal to it, where it failed here. It tries for a minute, whether we live on or not."""
        if process := self._let_go(b""):
            _left_alone.append(process)

    def _let_go(self, word: bytes) -> subprocess.Popen[bytes] | None:
        process, self._process = self._process, None
        if process and process.stdin:
            with suppress(BrokenPipeError):
                process.stdin.write(word)
                process.stdin.flush()
            with suppress(BrokenPipeError):
                process.stdin.close()
        return process


def main(arguments: Sequence[str]) -> None:
    """Wait for the end of our parent, and remove what it left.

    Args:
        arguments: the sandbox's id, and its directory.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sandbox_id, directory = arguments
    if sys.stdin.buffer.read() == _DONE:
        return
    try:
        _remove(sandbox_id)
    finally:
        from harness.sandbox.containers.leftovers import remove_directory

        remove_directory(Path(directory))


def _remove(sandbox_id: str) -> None:
    """Remove until nothing has come for three seconds: the engine may be at work on what our parent last asked for."""
    now = time.monotonic()
    deadline, quiet = now + _TRY_SECONDS, now + _QUIET_SECONDS
    while now < min(deadline, quiet):
        if not _removed_nothing(sandbox_id):
            quiet = time.monotonic() + _QUIET_SECONDS
        time.sleep(_LOOK_SECONDS)
        now = time.monotonic()


def _removed_nothing(sandbox_id: str) -> bool:
    """Whether the engine answers, and has nothing of this sandbox."""
    from harness.sandbox.containers.engine import Engine
    from harness.sandbox.containers.leftovers import remove

    with suppress(EngineError), Engine.connect() as engine:
        return not remove(engine, sandbox_id)
    return False


if __name__ == "__main__":
    main(sys.argv[1:])
