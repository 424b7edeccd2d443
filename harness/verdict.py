"""Verdicts, and the exceptions by which a scenario reaches one."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.exchange import Exchange


class Verdict(StrEnum):
    """What a scenario says of a target."""

    PASSED = "passed"
    FAILED = "failed"
    WARNING = "warning"
    NOT_APPLICABLE = "not-applicable"
    BLOCKED = "blocked"
    ERROR = "error"

    @property
    def judged(self) -> bool:
        """Whether the requirement was really exercised."""
        return self in (Verdict.PASSED, Verdict.FAILED, Verdict.WARNING)


MEANING = {
    Verdict.PASSED: "The requirement was exercised and holds.",
    Verdict.FAILED: "A MUST or MUST NOT does not hold. The run exits with 1.",
    Verdict.WARNING: "A SHOULD does not hold, or a refusal came with another error code than the specified one. "
    "The run stays green unless --strict is given.",
    Verdict.NOT_APPLICABLE: "An optional capability is absent, so there is nothing to judge.",
    Verdict.BLOCKED: "It could not be judged: the set-up failed, the unmodified flow was refused too, or the target "
    "file lacks something. The run exits with 3 unless --allow-blocked is given.",
    Verdict.ERROR: "The scenario went wrong: a fault of mcp-assay, or of yours where it is a scenario of your own. "
    "The run exits with 4.",
}


class Violation(Exception):
    """The target does something else than the requirement says.

    Args:
        expected: what the requirement asks for, as a sentence fragment.
        actual: what came back.
        exchange: the exchange that shows it.
    """

    def __init__(self, expected: str, actual: str, exchange: Exchange | None = None) -> None:
        super().__init__(f"expected {expected}; {actual}")
        self.expected = expected
        self.actual = actual
        self.exchange = exchange


class Blocked(Exception):
    """The requirement cannot be judged.

    Args:
        reason: what stood in the way.
        unlock: what the user could do about it.
        exchange: the exchange that shows it.
    """

    def __init__(self, reason: str, unlock: str = "", exchange: Exchange | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.unlock = unlock
        self.exchange = exchange


class NotApplicable(Exception):
    """The target lacks an optional capability; the message says which and how that was seen."""


class Interrupted(Exception):
    """The user ended the run while the scenario was under way."""
