"""Property-based scenarios: Hypothesis inside the shape of a scenario, derandomized and without a database."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from hypothesis.strategies import SearchStrategy

from harness.context import Context
from harness.verdict import Blocked, Interrupted, NotApplicable

Check = Callable[..., None]


def for_all(*, budget: int = 25, **strategies: SearchStrategy[Any]) -> Callable[[Check], Check]:
    """Run a check for generated values; the evidence is that of the last example, which is the shrunk one on failure.

    Args:
        budget: how many examples are generated.
        strategies: by the name of the check's parameter.
    """

    def decorate(check: Check) -> Check:
        @functools.wraps(check)
        def run(ctx: Context) -> None:
            ends: list[Exception] = []

            @_settings(budget)
            @given(**strategies)
            def example(**values: Any) -> None:
                if ends:
                    return
                ctx.evidence.clear()
                try:
                    check(ctx, **values)
                except (Blocked, NotApplicable, Interrupted) as end:
                    ends.append(end)

            example()
            if ends:
                raise ends[0]

        run.cost = budget  # type: ignore[attr-defined]
        return run

    return decorate


def explore(machine: type[RuleBasedStateMachine], *, runs: int, steps: int) -> None:
    """Run a state machine; the violation of the shortest failing sequence is raised."""
    run_state_machine_as_test(machine, settings=_settings(runs, stateful_step_count=steps))


def _settings(examples: int, **more: Any) -> settings:
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
        print_blob=False,
        **more,
    )
