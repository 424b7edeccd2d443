"""The baseline: failures that the user has accepted, each with a reason."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from harness.verdict import Verdict

if TYPE_CHECKING:
    from harness.events import Result
    from harness.scenario import Scenario
    from harness.target import Target


def accepted_reason(target: Target, scenario: Scenario, verdict: object) -> str:
    """Return why a failure or warning is accepted; empty when it is not, or when there is nothing to accept."""
    violated = verdict in (Verdict.FAILED, Verdict.WARNING)
    return target.expected.get(scenario.id, "") if violated else ""


def stale_entries(target: Target, results: Iterable[Result]) -> dict[str, str]:
    """Return the baseline entries that no longer fail, with the verdict that came instead.

    What could not be judged may still fail.
    """
    return {
        result.scenario.id: result.verdict.value
        for result in results
        if result.scenario.id in target.expected and result.verdict in (Verdict.PASSED, Verdict.NOT_APPLICABLE)
    }
