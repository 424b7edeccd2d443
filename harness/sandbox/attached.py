"""A sandbox that another process runs: its places and its control planes, and nothing that could end it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from fixtures.service.clock import Clock
from harness.sandbox.control import ControlPlane
from harness.sandbox.embedded import AUDIT_FILES, EmbeddedSandbox
from harness.sandbox.layout import Layout, Place


@dataclass(frozen=True)
class AttachedSandbox:
    """A running sandbox on this machine, as seen from a process that did not start it.

    Attributes:
        directory: where its clock and its audit files are.
        rates: nothing: whoever started it may play the rates API, nobody else.
        documents: nothing, for the same reason.
    """

    rates: ClassVar[None] = None
    documents: ClassVar[None] = None

    layout: Layout
    control_token: str = field(repr=False)
    directory: Path

    @cached_property
    def clock(self) -> Clock:
        """The clock of all three services."""
        return Clock(self.directory / "clock")

    @property
    def audit_files(self) -> Mapping[str, Path]:
        """The audit trails that there are, by service."""
        files = {service: self.directory / name for service, name in AUDIT_FILES.items()}
        return {service: file for service, file in files.items() if file.exists()}

    def control(self, service: str) -> ControlPlane:
        """Return a client of a service's control plane."""
        return ControlPlane(self.layout.place(service).control_url, self.control_token)


def handle_of(sandbox: EmbeddedSandbox | AttachedSandbox) -> dict[str, Any]:
    """Return what another process needs to attach itself, as JSON data; it holds the control planes' token."""
    directory = str(sandbox.directory)
    return {"layout": asdict(sandbox.layout), "control_token": sandbox.control_token, "directory": directory}


def attach(handle: Mapping[str, Any]) -> AttachedSandbox:
    """Return the sandbox that a handle leads to."""
    places = {name: Place(**place) for name, place in handle["layout"].items()}
    return AttachedSandbox(Layout(**places), handle["control_token"], Path(handle["directory"]))
