"""The programs of the services, and what each is told: the same in every runtime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from harness.sandbox.errors import SandboxError

if TYPE_CHECKING:
    from harness.sandbox.documents import DocumentsPlace
    from harness.sandbox.layout import Layout
    from harness.sandbox.rates import RatesPlace

AUDIT_FILES = {
    "authorization_server": "audit-authorization-server.jsonl",
    "mcp_server": "audit-mcp-server.jsonl",
}

_MODULES = {
    "mock_idp": "mock_idp",
    "authorization_server": "fixtures.authorization_server",
    "mcp_server": "fixtures.mcp_server",
}


def program(service: str, mutant: str | None = None) -> list[str]:
    """Return the module that runs a service, or a mutant in its place, with the words before its own options.

    Raises:
        SandboxError: there is no such mutant.
    """
    if mutant and service == service_of(mutant):
        return ["fixtures.mutants", mutant, service]
    return [_MODULES[service]]


def service_of(mutant: str) -> str:
    """Return the service whose place a mutant takes.

    Raises:
        SandboxError: there is no such mutant.
    """
    from fixtures.mutants import find

    try:
        return find(mutant).service
    except LookupError as error:
        raise SandboxError(f"{error.args[0]}; `mcp-assay list mutants` names them all") from error


@dataclass(frozen=True)
class Told:
    """What the services are told of each other and of us.

    Attributes:
        layout: where they are.
        folder: where they find the files of theirs.
        redirect_uris: where other authorization servers are called back.
        keys: the file with the authorization server's signing keys.
        rates: where we play the rates API.
        documents: where we serve client ID metadata documents.
        trust: the certificate authority of the documents, where it is not the services' own.
    """

    layout: Layout
    folder: PurePath
    redirect_uris: Sequence[str] = ()
    keys: PurePath | None = None
    rates: RatesPlace | None = None
    documents: DocumentsPlace | None = None
    trust: PurePath | None = None

    def options(self, service: str) -> list[str]:
        """Return a service's options, but for its sockets and its TLS."""
        base = ["--base-url", self.layout.place(service).url]
        if service in AUDIT_FILES:
            base += ["--audit", str(self.folder / AUDIT_FILES[service])]
        return [*base, *{"mcp_server": self._mcp_server, "mock_idp": self._mock_idp}.get(service, self._issuer)()]

    def _mcp_server(self) -> list[str]:
        rates = ["--rates-api", self.rates.url] if self.rates else []
        return [*rates, "--authorization-server", self.layout.authorization_server.url]

    def _issuer(self) -> list[str]:
        keys = ["--keys", str(self.keys)] if self.keys else []
        documents = ["--document-origin", self.documents.url] if self.documents else []
        trust = ["--trust", str(self.trust)] if self.documents and self.trust else []
        return [
            *(*keys, *documents, *trust),
            *("--idp", self.layout.mock_idp.url, "--mcp-server", self.layout.mcp_server.url),
        ]

    def _mock_idp(self) -> list[str]:
        callbacks = [word for uri in self.redirect_uris for word in ("--redirect-uri", uri)]
        return ["--relying-party", self.layout.authorization_server.url, *callbacks]
