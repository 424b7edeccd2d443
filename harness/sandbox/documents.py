"""The place where the harness serves client ID metadata documents to the sandbox's authorization server."""

from __future__ import annotations

import socket
import tempfile
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from harness.once import Once
from harness.sandbox.errors import SilentError
from harness.sandbox.sockets import LOOPBACK

if TYPE_CHECKING:
    from harness.client_documents import ClientDocuments
    from harness.sandbox.authority import Authority

_BACKLOG = 128
_ALSO = "0.0.0.0"  # noqa: S104 - a name in a certificate: such an address has to be refused for itself


class DocumentsPlace:
    """Bound at once, so that the authorization server can be told, and served when a scenario first asks for it.

    Its certificate comes from the sandbox's authority; where the sandbox has none, from one that is made when
    documents are first served, for that takes time.

    Attributes:
        url: the origin of the documents, on loopback.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._sock = self._stack.enter_context(socket.create_server((LOOPBACK, 0), backlog=_BACKLOG))
        self._folder: Path | None = None
        self._authority: Authority | None = None
        self._documents = Once(self._served)
        self.url = f"https://{LOOPBACK}:{self._sock.getsockname()[1]}"

    def certified_by(self, authority: Authority) -> None:
        """Have the certificate from an authority whose root the sandbox has already."""
        self._authority = authority

    def keep_in(self, folder: Path) -> None:
        """Have the root certificate of its own authority written to a folder that is there, and that others remove."""
        self._folder = folder

    @cached_property
    def root(self) -> Path:
        """Where the root certificate of its own authority is, as PEM, from the moment when documents are served."""
        if self._folder is None:
            self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="mcp-assay-")))
        return self._folder / "root.pem"

    def serve(self) -> ClientDocuments:
        """Return the documents' server, which answers from the first call on.

        Raises:
            SilentError: it has ended, or those who are to ask it cannot be let in, as where their network has ended.
        """
        return self._documents.get()

    def _served(self) -> ClientDocuments:
        from harness.client_documents import ClientDocuments

        if self._sock.fileno() < 0:  # it was closed, and be it by the first who tried
            raise SilentError("client ID metadata documents are served no longer")
        authority = self._authority or self._own_authority()
        return self._stack.enter_context(ClientDocuments(sock=self._sock, tls=authority.server_context(_ALSO)))

    def _own_authority(self) -> Authority:
        from harness.sandbox.authority import Authority

        made = Authority()
        made.write_root(self.root)
        return made

    def close(self) -> None:
        """End it; nothing happens the second time."""
        self._stack.close()
