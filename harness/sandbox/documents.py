"""The place where the harness serves client ID metadata documents to the sandbox's authorization server."""

from __future__ import annotations

import socket
import tempfile
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from harness.once import Once
from harness.sandbox.sockets import LOOPBACK

if TYPE_CHECKING:
    from harness.client_documents import ClientDocuments

_BACKLOG = 128


class DocumentsPlace:
    """Bound at once, so that the authorization server can be told, and served when a scenario first asks for it.

    Its certificate comes from an authority that is made for it, and forgotten with it: that takes time.

    Attributes:
        url: the origin of the documents, on loopback.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._sock = self._stack.enter_context(socket.create_server((LOOPBACK, 0), backlog=_BACKLOG))
        self._folder: Path | None = None
        self._documents = Once(self._served)
        self.url = f"https://{LOOPBACK}:{self._sock.getsockname()[1]}"

    def keep_in(self, folder: Path) -> None:
        """Have the authority's certificate written to a folder that is there, and that others remove."""
        self._folder = folder

    @cached_property
    def authority(self) -> Path:
        """Where the authority's certificate is, from the moment when documents are served."""
        if self._folder is None:
            self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="mcp-assay-")))
        return self._folder / "document-authority.pem"

    def serve(self) -> ClientDocuments:
        """Return the documents' server, which answers from the first call on."""
        return self._documents.get()

    def _served(self) -> ClientDocuments:
        import ssl

        import trustme

        from harness.client_documents import ClientDocuments

        made = trustme.CA()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.issue_cert(LOOPBACK, "localhost", "0.0.0.0").configure_cert(tls)  # noqa: S104 - a name in a certificate
        made.cert_pem.write_to_path(str(self.authority))
        return self._stack.enter_context(ClientDocuments(sock=self._sock, tls=tls))

    def close(self) -> None:
        """End it; nothing happens the second time."""
        self._stack.close()
