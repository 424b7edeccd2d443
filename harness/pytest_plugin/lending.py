"""The sandbox that a target trusts, under xdist: one process runs it, and the workers attach themselves to it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from harness.sandbox.errors import SandboxError

if TYPE_CHECKING:
    from harness.pytest_plugin.plan import AssayPlan
    from harness.sandbox.attached import AttachedSandbox

HANDLE = "mcp_assay_sandbox"
"""Where a worker finds it among its input."""


class Lender:
    """Starts the sandbox when the first worker is about to start, if the target trusts one at all."""

    def __init__(self, plan: AssayPlan) -> None:
        self._plan, self._stack = plan, ExitStack()
        self._handle: dict[str, Any] | None = None

    def lend(self) -> dict[str, Any]:
        """Return what a worker needs: nothing, a way to the sandbox, or why there is none."""
        if self._handle is None:
            self._handle = self._started() if self._plan.trusting else {}
        return self._handle

    def close(self) -> None:
        """End the sandbox, if there is one."""
        self._stack.close()

    def _started(self) -> dict[str, Any]:
        from harness.sandbox.attached import handle_of
        from harness.sandbox.trusted import trusted_sandbox

        try:
            return handle_of(self._stack.enter_context(trusted_sandbox(self._plan.file.sandbox.port)))
        except SandboxError as fault:
            return {"fault": str(fault)}


def borrowed(told: Mapping[str, Any]) -> AttachedSandbox | None:
    """Return the sandbox that a worker was told of; None where the target trusts none.

    Raises:
        SandboxError: it did not start.
    """
    handle = told.get(HANDLE)
    if not handle:
        return None
    from harness.sandbox.attached import attach

    if "fault" in handle:
        raise SandboxError(handle["fault"])
    return attach(handle)
