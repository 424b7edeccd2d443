"""The files that the services in containers find in the folder that they share with this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Self

from fixtures.service.serve import ServiceError
from harness.sandbox.errors import SandboxError

if TYPE_CHECKING:
    from harness.sandbox.authority import Authority, TlsFiles
    from harness.sandbox.documents import DocumentsPlace

_KEYS, TLS_FOLDER = "keys.json", "tls"
_ENTERED, _READ = 0o755, 0o644


@dataclass(frozen=True)
class Files:
    """Which files there are, by their names in the folder; empty for those that there are not.

    All may be read by everybody who may enter the folder: nobody on this machine but the user, and our containers.

    Attributes:
        keys: the authorization server's signing keys.
        trust: the certificate authority of the documents, from the moment when they are served.
        certified: the certificate of the services, its key and its authority.
    """

    keys: str = ""
    trust: str = ""
    certified: TlsFiles | None = None

    @classmethod
    def write(
        cls, folder: Path, keys: Path | None, documents: DocumentsPlace | None, authority: Authority | None
    ) -> Self:
        """Write them.

        Args:
            folder: where to.
            keys: where this machine keeps the signing keys; new ones are made and kept where it has none.
            documents: the place of documents, which have an authority of their own where the services have none.
            authority: whose certificates the services show.

        Raises:
            SandboxError: they cannot be written, or the keys cannot be had.
        """
        try:
            if keys:
                _copy(_kept(keys), folder / _KEYS)
            if documents:
                documents.keep_in(folder)
            certified = authority.write(_entered(folder / TLS_FOLDER)) if authority else None
        except OSError as fault:
            raise SandboxError(f"the sandbox's directory cannot be used: {fault}") from fault
        trust = documents.root.name if documents and not authority else ""
        return cls(_KEYS if keys else "", trust, certified)

    def tls(self, folder: PurePath) -> list[str]:
        """Return the options with which a service uses its certificate; `folder` is where it finds this one."""
        return self.certified.options(str(folder / TLS_FOLDER)) if self.certified else []


def _kept(file: Path) -> Path:
    """Have all keys in their file, so that the service, which is another user's, only reads a copy."""
    from fixtures.service.key_file import kept_keys
    from fixtures.service.keys import ALGORITHMS
    from fixtures.world import load_world

    try:
        kept_keys(file, load_world().tenants, ALGORITHMS)
    except ServiceError as fault:
        raise SandboxError(str(fault)) from fault
    return file


def _copy(file: Path, to: Path) -> None:
    to.write_bytes(file.read_bytes())
    to.chmod(_READ)


def _entered(folder: Path) -> Path:
    folder.mkdir()
    folder.chmod(_ENTERED)
    return folder
