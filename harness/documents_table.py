"""The table of a target file that says where the harness serves client ID metadata documents to the target."""

from __future__ import annotations

import os
import ssl
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from harness.client_documents import ClientDocuments, server_context
from harness.target import REDIRECT_URI
from harness.target_tables import Name, Table, Url


class ClientDocumentsTable(Table):
    """`[client_documents]`: the place of the documents, which the harness serves while a run lasts."""

    port: Annotated[int, Field(ge=1, le=65535)]
    certificate: Name | None = None
    key: Name | None = None
    base_url: Url | None = None
    redirect_uri: Name = REDIRECT_URI

    @model_validator(mode="after")
    def _https_somehow(self) -> ClientDocumentsTable:
        if (self.certificate is None) is not (self.key is None):
            raise ValueError("certificate and key belong together")
        if not self.certificate and not self.base_url:
            raise ValueError("certificate and key are wanted, or base_url where something else speaks TLS in front")
        parts = urlsplit(self.base_url or "https://localhost")
        if parts.scheme != "https" or parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError("base_url is an https URL without a path")
        return self

    def open(self, folder: Path, stack: ExitStack) -> ClientDocuments:
        """Serve until the stack is closed.

        Args:
            folder: what the files are named relative to.
            stack: ends it.

        Raises:
            ValueError: the port cannot be had, or the files are no certificate and its key; the text says which.
        """
        try:
            tls = server_context(str(folder / self.certificate), str(folder / self.key)) if self.key else None  # type: ignore[operator]
        except ssl.SSLError as fault:
            where = f"{self.certificate} and {self.key} are no certificate and its key, as PEM without a passphrase"
            raise ValueError(f"client_documents.certificate: {where}") from fault
        except OSError as fault:
            where = f"{self.certificate} or {self.key} cannot be read: {os.strerror(fault.errno or 0)}"
            raise ValueError(f"client_documents.certificate: {where}") from fault
        try:
            documents = ClientDocuments(self.base_url or "", self.redirect_uri, port=self.port, tls=tls)
        except OSError as fault:
            where = f"port {self.port} of 127.0.0.1 cannot be used: {os.strerror(fault.errno or 0)}"
            raise ValueError(f"client_documents.port: {where}; name another") from fault
        return stack.enter_context(documents)
