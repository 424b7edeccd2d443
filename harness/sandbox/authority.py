"""A certificate authority for one sandbox alone: what its services show, and what whoever asks them trusts."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trustme import LeafCert

NAMES = ("127.0.0.1", "localhost", "::1")
"""What a certificate is for: this machine, under the names by which a sandbox is reached."""
READABLE = 0o644


@dataclass(frozen=True)
class TlsFiles:
    """The PEM files that a service needs: whom to trust, its certificate with all above it, and the key."""

    root: Path
    certificate: Path
    key: Path

    def options(self, folder: Path | str | None = None) -> list[str]:
        """Return the options of a service that is to use these files.

        Args:
            folder: where the service finds them, when that is another path than ours, as in a container.
        """
        named = {"--tls-certificate": self.certificate, "--tls-key": self.key, "--trust": self.root}
        places = {option: Path(folder) / file.name if folder else file for option, file in named.items()}
        return [word for option, file in places.items() for word in (option, str(file))]


class TrustedRoot:
    """The root certificate of a sandbox's authority, without the key: enough to ask it.

    Attributes:
        root: the certificate as PEM.
    """

    def __init__(self, root: str) -> None:
        self.root = root

    @cached_property
    def client_context(self) -> ssl.SSLContext:
        """What trusts this root and nothing else."""
        return ssl.create_default_context(cadata=self.root)

    def beside_the_system(self) -> ssl.SSLContext:
        """Return what trusts this root and whatever the system trusts, for a target that is not all of the sandbox."""
        context = ssl.create_default_context()
        context.load_verify_locations(cadata=self.root)
        return context


class Authority(TrustedRoot):
    """The authority itself. Its key is in this object alone, is never written, and is forgotten with it."""

    def __init__(self) -> None:
        import trustme  # and cryptography with it: a sandbox without TLS does not wait for them

        self._made = trustme.CA(organization_name="mcp-assay sandbox")
        super().__init__(self._made.cert_pem.bytes().decode("ascii"))

    def write(self, folder: Path) -> TlsFiles:
        """Write root.pem, certificate.pem and key.pem to a folder that is there.

        Everybody may read all three, the key too: a service in a container has another user id than ours. What keeps
        the key from others is the folder, or one above it, which nobody but us may enter (0700).

        Raises:
            OSError: they cannot be written.
        """
        files = TlsFiles(folder / "root.pem", folder / "certificate.pem", folder / "key.pem")
        chain = "".join(pem.bytes().decode("ascii") for pem in self._certificate.cert_chain_pems)
        self.write_root(files.root)
        _write(files.certificate, chain)
        _write(files.key, self._certificate.private_key_pem.bytes().decode("ascii"))
        return files

    def write_root(self, file: Path) -> None:
        """Write the root certificate alone.

        Raises:
            OSError: it cannot be written.
        """
        _write(file, self.root)

    def server_context(self, *names: str) -> ssl.SSLContext:
        """Return what a server of this process shows: a certificate for `NAMES`, and for others besides."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        leaf = self._made.issue_cert(*NAMES, *names) if names else self._certificate
        leaf.configure_cert(context)
        return context

    @cached_property
    def _certificate(self) -> LeafCert:
        return self._made.issue_cert(*NAMES)


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="ascii")
    file.chmod(READABLE)  # whatever the user's umask says
