"""What a sandbox in containers has on this machine: a directory, a lock while its owner lives, and a reaper."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from pathlib import Path

from harness.sandbox.containers.leftovers import PREFIX
from harness.sandbox.containers.owner import LOCK_FILE, Owner
from harness.sandbox.containers.reaper import Reaper
from harness.sandbox.errors import SandboxError

_EVERYBODY = 0o777


class Premises:
    """The directory of a sandbox, which nobody but the user may enter, and in it a folder that containers share.

    Attributes:
        sandbox: the sandbox's id, 8 hex digits.
        shared: the folder; the containers' user may write there.

    Args:
        address: the engine's, for the reaper.

    Raises:
        SandboxError: it cannot be made.
    """

    def __init__(self, address: str) -> None:
        self.sandbox = secrets.token_hex(4)
        try:
            self._directory = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
        except OSError as fault:
            raise SandboxError(f"the sandbox's directory cannot be used: {fault}") from fault
        self.shared = self._directory / "shared"
        self._reaper = Reaper(self.sandbox, self._directory, address)
        self._owner: Owner | None = None
        try:
            self._owner = Owner(self._directory)
            self.shared.mkdir()
            self.shared.chmod(_EVERYBODY)
            self._reaper.start()
        except BaseException as fault:
            self.leave()
            if isinstance(fault, OSError):
                raise SandboxError(f"the sandbox's directory cannot be used: {fault}") from fault
            raise

    @property
    def owner(self) -> Path:
        """The lock file, which is locked while we live."""
        return self._directory / LOCK_FILE

    def leave(self, *, settled: bool = True) -> None:
        """Remove the directory; nothing happens the second time. Nothing of the sandbox is on the engine any more.

        Args:
            settled: whether nothing can come there any more either; the reaper stays for that where it can.
        """
        shutil.rmtree(self._directory, ignore_errors=True)
        if settled:
            self._reaper.end()
        else:
            self._reaper.take_over()
        self._release()

    def abandon(self) -> None:
        """Leave everything to the reaper: the engine does not remove what is there."""
        self._reaper.take_over()
        self._release()

    def _release(self) -> None:
        if self._owner:
            self._owner.close()
