"""The threaded runtime: the trio in threads of this process, on real sockets, each service replaceable."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Self

from fixtures.service.audit import AuditTrail
from fixtures.service.clock import Clock
from fixtures.service.faults import FaultQueue
from fixtures.service.log import RequestLog
from fixtures.service.observed import Observed
from fixtures.service.serve import Service
from fixtures.service.surroundings import Surroundings
from fixtures.service.threaded import ThreadedServer
from fixtures.world import World, load_world
from harness.sandbox.authority import Authority, TlsFiles
from harness.sandbox.control import ControlPlane
from harness.sandbox.documents import DocumentsPlace
from harness.sandbox.layout import SERVICES, Layout
from harness.sandbox.programs import AUDIT_FILES
from harness.sandbox.rates import RatesPlace
from harness.sandbox.sockets import Sockets

if TYPE_CHECKING:
    from starlette.types import ASGIApp


class ThreadedSandbox:
    """A sandbox in this process, with one clock for all three services.

    Attributes:
        layout: where the services are; known before they start.
        clock: the clock of all three.
        rates: where the rates API is played that the MCP server asks.
        documents: where client ID metadata documents are served to the authorization server.
        ended: nothing: they are threads of this process.

    Args:
        world: the seed; the sandbox's own world without it.
        state_dir: an existing directory for the audit files; without it nothing is written.
        authority: whose certificates all show; without it there is no TLS but that of the documents.

    Raises:
        SandboxError: there is no free port.
    """

    ended: ClassVar[Sequence[str]] = ()

    def __init__(
        self, world: World | None = None, *, state_dir: Path | None = None, authority: Authority | None = None
    ) -> None:
        self._world = world or load_world()
        self._state_dir = state_dir
        self._token = secrets.token_urlsafe(32)
        self._sockets = Sockets.bind(None)
        self.rates = RatesPlace()
        self.documents = DocumentsPlace()
        self.authority = authority
        self._stack = ExitStack()
        self._tls = self._certified(authority) if authority else None
        self._trails: dict[str, AuditTrail] = {}
        self._servers: dict[str, ThreadedServer] = {}
        self.layout: Layout = self._sockets.layout(tls=authority is not None)
        self.clock = Clock()

    @property
    def audit_files(self) -> Mapping[str, Path]:
        """The audit trails, by service; empty without a `state_dir`."""
        return {service: self._state_dir / name for service, name in AUDIT_FILES.items()} if self._state_dir else {}

    def control(self, service: str) -> ControlPlane:
        """Return a client of a service's control plane."""
        trust = self.authority.client_context if self.authority else None
        return ControlPlane(self.layout.place(service).control_url, self._token, trust)

    @property
    def trust(self) -> Path:
        """The root certificate that the services trust, as PEM; where there is none but the documents', theirs."""
        return self._tls.root if self._tls else self.documents.root

    def start(self) -> None:
        """Serve all three.

        Raises:
            RuntimeError, TimeoutError: a service did not start, or not in time.
        """
        try:
            for service in SERVICES:
                built = self._build(service)
                tls = self.authority.server_context() if self.authority else None
                server = ThreadedServer(built.app, built.control, *self._sockets.pairs[service], tls=tls)
                server.start()
                self._servers[service] = server
        except BaseException:
            self.stop()
            raise

    def replace(self, service: str) -> None:
        """Build a service anew from its `create_app` and serve that from now on, at the same place.

        The new app begins at its seed; the clock, and the other two services, stay as they are.

        Raises:
            RuntimeError, TimeoutError: the new app did not start, or not in time.
        """
        built = self._build(service)
        self._servers[service].replace(built.app, built.control)

    def stop(self) -> None:
        """End the threads and close the sockets; nothing happens the second time."""
        for server in self._servers.values():
            server.request_stop()
        for server in self._servers.values():
            server.stop()
        self._servers.clear()
        for trail in self._trails.values():
            trail.close()
        self.rates.close()
        self.documents.close()
        self._sockets.close()
        self._stack.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _certified(self, authority: Authority) -> TlsFiles:
        for place in (self.rates, self.documents):
            place.certified_by(authority)
        return authority.write(Path(self._stack.enter_context(TemporaryDirectory(prefix="mcp-assay-"))))

    def _build(self, service: str) -> Service:
        if service not in self._trails:
            self._trails[service] = AuditTrail(self.audit_files.get(service), self.clock)
        surroundings = Surroundings(self.clock, self._world, RequestLog(), FaultQueue(), self._trails[service])
        app, control = _BUILDERS[service](self, surroundings, self._token)
        return Service(Observed(app, surroundings), control)


def _mock_idp(sandbox: ThreadedSandbox, surroundings: Surroundings, token: str) -> tuple[ASGIApp, ASGIApp]:
    from mock_idp.app import create_app, create_control
    from mock_idp.settings import Settings

    layout = sandbox.layout
    app = create_app(Settings(layout.mock_idp.url, (layout.authorization_server.url,)), surroundings)
    return app, create_control(app, surroundings, token)


def _authorization_server(sandbox: ThreadedSandbox, surroundings: Surroundings, token: str) -> tuple[ASGIApp, ASGIApp]:
    from fixtures.authorization_server.app import create_app
    from fixtures.authorization_server.control import create_control
    from fixtures.authorization_server.settings import Settings

    layout = sandbox.layout
    settings = Settings(
        layout.authorization_server.url,
        layout.mock_idp.url,
        layout.mcp_server.url,
        document_origins=(sandbox.documents.url,),
        trust=sandbox.trust,
    )
    app = create_app(settings, surroundings)
    return app, create_control(app, surroundings, token)


def _mcp_server(sandbox: ThreadedSandbox, surroundings: Surroundings, token: str) -> tuple[ASGIApp, ASGIApp]:
    from fixtures.mcp_server.app import create_app, create_control
    from fixtures.mcp_server.settings import Settings

    layout = sandbox.layout
    settings = Settings(layout.mcp_server.url, layout.authorization_server.url, sandbox.rates.url, sandbox.trust)
    app = create_app(settings, surroundings)
    return app, create_control(app, surroundings, token)


_BUILDERS: dict[str, Callable[[ThreadedSandbox, Surroundings, str], tuple[ASGIApp, ASGIApp]]] = {
    "mock_idp": _mock_idp,
    "authorization_server": _authorization_server,
    "mcp_server": _mcp_server,
}
