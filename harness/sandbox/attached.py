"""A sandbox that another process runs: its places and its control planes, and nothing that could end it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from fixtures.service.clock import Clock
from harness.sandbox.authority import TrustedRoot
from harness.sandbox.control import ControlPlane
from harness.sandbox.errors import SilentError
from harness.sandbox.layout import Layout, Place
from harness.sandbox.programs import AUDIT_FILES

if TYPE_CHECKING:
    from harness.sandbox.runtime import StartedSandbox


@dataclass(frozen=True)
class AttachedSandbox:
    """A running sandbox on this machine, as seen from a process that did not start it.

    Attributes:
        directory: where its clock and its audit files are.
        services: which services there are.
        authority: the root of its certificates; None where it speaks plain http.
        rates: nothing: whoever started it may play the rates API, nobody else.
        documents: nothing, for the same reason.
    """

    rates: ClassVar[None] = None
    documents: ClassVar[None] = None

    layout: Layout
    control_token: str = field(repr=False)
    directory: Path
    services: tuple[str, ...]
    authority: TrustedRoot | None = None

    @cached_property
    def clock(self) -> Clock:
        """The clock of all three services: its file, or where that is in containers, through a control plane."""
        from harness.sandbox.containers.clock import PodClock

        file = self.directory / "clock"
        return Clock(file) if file.exists() else PodClock(lambda: self.control("authorization_server"))

    @property
    def audit_files(self) -> Mapping[str, Path]:
        """The audit trails that there are, by service."""
        files = {service: self.directory / name for service, name in AUDIT_FILES.items()}
        return {service: file for service, file in files.items() if file.exists()}

    @property
    def ended(self) -> Sequence[str]:
        """The services that do not answer any more."""
        return [service for service in self.services if not self._answers(service)]

    def control(self, service: str) -> ControlPlane:
        """Return a client of a service's control plane."""
        trust = self.authority.client_context if self.authority else None
        return ControlPlane(self.layout.place(service).control_url, self.control_token, trust)

    def _answers(self, service: str) -> bool:
        try:
            with self.control(service) as control:
                control.now()
        except SilentError:
            return False
        return True


def handle_of(sandbox: StartedSandbox | AttachedSandbox) -> dict[str, Any]:
    """Return what another process needs to attach itself, as JSON data; it holds the control planes' token."""
    return {
        "layout": asdict(sandbox.layout),
        "control_token": sandbox.control_token,
        "directory": str(sandbox.directory),
        "services": list(sandbox.services),
        "root": sandbox.authority.root if sandbox.authority else None,
    }


def attach(handle: Mapping[str, Any]) -> AttachedSandbox:
    """Return the sandbox that a handle leads to."""
    places = {name: Place(**place) for name, place in handle["layout"].items()}
    root = TrustedRoot(handle["root"]) if handle.get("root") else None
    services = tuple(handle["services"])
    return AttachedSandbox(Layout(**places), handle["control_token"], Path(handle["directory"]), services, root)
