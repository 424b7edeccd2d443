"""What the plugin is to judge: known from the target file and the options alone, so that collecting sends nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.catalogue import catalogue
from harness.events import Settings
from harness.mcp_capability import ISSUER_CONTROL
from harness.planning import target_file
from harness.request import Request
from harness.requirement import Role
from harness.scenario import Scenario
from harness.selection import select
from harness.target import Target

if TYPE_CHECKING:
    import pytest

    from harness.target_file import TargetFile


@dataclass(frozen=True)
class AssayPlan:
    """A target file as pytest has to do with it.

    Attributes:
        target: as the file has it, before anything is discovered.
        known: all scenarios that there are, the user's own among them.
        scenarios: those that may apply: of the target's roles, and of its revision of MCP.
    """

    path: Path
    file: TargetFile = field(repr=False)
    target: Target = field(repr=False)
    settings: Settings
    known: Mapping[str, Scenario] = field(repr=False)
    scenarios: tuple[Scenario, ...] = field(repr=False)

    @property
    def trusting(self) -> bool:
        """Whether the target trusts a sandbox that has to run."""
        return self.file.target.trusts == "sandbox"

    def beside_others(self) -> AssayPlan:
        """Return it for one of several processes, which share the API, the documents and the issuer that are ours.

        Which of them caused what arrives at the API could not be told, and the issuer may fail for none of them alone.
        """
        capabilities = {**self.file.capabilities, ISSUER_CONTROL.name: False}
        alone = {"downstream": None, "client_documents": None, "capabilities": capabilities}
        return replace(self, file=self.file.model_copy(update=alone))

    @property
    def manual(self) -> bool:
        """Whether a person signs in."""
        other = self.file.other_tenant
        logins = [self.file.login, self.file.limited_login, other.login if other else None]
        return any(login.method == "manual" for login in logins if login)


def read_plan(path: Path, config: pytest.Config) -> AssayPlan:
    """Read a target file, and the user's own scenarios where it names them.

    Raises:
        TargetFileError: one of them has mistakes.
    """
    file = target_file(Request(path, spec=config.getoption("assay_spec")))
    known = catalogue(file.plan.folder(path)).scenarios
    strict, allow_blocked = config.getoption("assay_strict"), config.getoption("assay_allow_blocked")
    examples, max_wait = config.getoption("assay_examples"), config.getoption("assay_max_wait")
    settings = Settings(strict=strict, allow_blocked=allow_blocked, jobs=1, examples=examples, max_wait=max_wait)
    chosen = select(known, (), roles=_roles(file), spec=file.target.spec)
    return AssayPlan(path, file, file.resolve(), settings, known, chosen)


def _roles(file: TargetFile) -> tuple[Role, ...]:
    """The roles that the target can have; whether an MCP server names an authorization server is seen later."""
    if file.target.trusts == "sandbox":
        return (Role.MCP_SERVER,)
    if file.target.mcp_server:
        return (Role.AUTHORIZATION_SERVER, Role.MCP_SERVER)
    return (Role.AUTHORIZATION_SERVER,)
