"""Property-based scenarios: Hypothesis inside the shape of a scenario, without a database.

Examples are the same in every run, but for a run whose seed is another than 0.
"""

from __future__ import annotations

import functools
import time
import zlib
from collections.abc import Callable
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from hypothesis.strategies import SearchStrategy

from harness.context import Context
from harness.exchange import Exchange
from harness.sandbox.errors import SilentError
from harness.verdict import Blocked, Interrupted, NotApplicable, Violation

Check = Callable[..., None]

SHRINKING_SECONDS = 1.0
"""How long a failing example is made shorter before it is reported as it is."""

SEQUENCE = 1
"""Which examples a run without a seed has: of the first forty sequences, the one that caught most mutants."""

SHARE = 1.0
"""Which part of each budget of examples is spent."""


class _Search:
    """What the examples of one scenario came to: the shortest violation so far, or why there is no verdict."""

    def __init__(self, ctx: Context) -> None:
        self._evidence = ctx.evidence
        self._before = tuple(ctx.evidence)
        self._end: Exception | None = None
        self._violation: Violation | None = None
        self._exchanges: list[Exchange] = []
        self._deadline = 0.0

    @property
    def over(self) -> bool:
        """Whether no more requests are sent: it cannot be judged, or shrinking has taken long enough."""
        return self._end is not None or 0 < self._deadline < time.monotonic()

    def begin(self) -> None:
        """Start an example with the evidence of what came before all of them."""
        if not self.over:
            self._evidence.back_to(self._before)

    def step(self, check: Callable[[], None]) -> None:
        """Run an example, or a part of one; a violation goes on to Hypothesis, which then looks for a shorter one."""
        if self.over:
            return
        try:
            check()
        except (Blocked, NotApplicable, Interrupted, SilentError) as end:
            self._end = end
        except Violation as violation:
            self._deadline = self._deadline or time.monotonic() + SHRINKING_SECONDS
            if self._violation is None or len(self._evidence.exchanges) <= len(self._exchanges):
                self._violation, self._exchanges = violation, list(self._evidence.exchanges)
            raise

    def conclude(self, explore: Callable[[], None]) -> None:
        """Let Hypothesis explore, and raise what was found; it never complains that a bounded search is flaky."""
        try:
            explore()
        except Exception:
            if self._violation is None:
                raise
        if isinstance(self._end, Interrupted):
            raise self._end
        if self._violation:
            self._evidence.back_to(self._exchanges)
            self._evidence.shrunk = True
            raise self._violation
        if self._end:
            raise self._end


def for_all(*, budget: int = 25, **strategies: SearchStrategy[Any]) -> Callable[[Check], Check]:
    """Run a check for generated values; the evidence is that of the shortest example found that violates it.

    Args:
        budget: how many examples are generated; a run's `--examples` multiplies it.
        strategies: by the name of the check's parameter.
    """

    def decorate(check: Check) -> Check:
        @functools.wraps(check)
        def run(ctx: Context) -> None:
            search = _Search(ctx)

            @given(**strategies)
            def example(**values: Any) -> None:
                search.begin()
                search.step(lambda: check(ctx, **values))

            search.conclude(_settings(budget, ctx)(_seeded(example, check, ctx)))

        run.cost = budget  # type: ignore[attr-defined]
        return run

    return decorate


class Machine(RuleBasedStateMachine):
    """A state machine of a scenario: its rules are written with `step`, and find the scenario's context in `ctx`."""

    ctx: ClassVar[Context]
    search: ClassVar[_Search]

    def __init__(self) -> None:
        super().__init__()
        self.search.begin()


def step(**strategies: SearchStrategy[Any]) -> Callable[[Check], Any]:
    """Make a method of a `Machine` a rule of it, with generated values by the names of its parameters."""

    def decorate(method: Check) -> Any:
        @functools.wraps(method)
        def guarded(self: Machine, **values: Any) -> None:
            self.search.step(lambda: method(self, **values))

        declare: Any = rule  # its overloads take no dictionary
        return declare(**strategies)(guarded)

    return decorate


def explore(ctx: Context, machine: type[Machine], *, runs: int, steps: int, **known: Any) -> None:
    """Run a state machine; the violation of the shortest failing sequence that was found is raised.

    Args:
        ctx: the context of the scenario.
        machine: the class; a subclass of it with the context is run.
        runs: how many sequences are generated; a run's `--examples` multiplies it.
        steps: how many rules a sequence has at most.
        known: what else the machine finds in attributes of these names.
    """
    search = _Search(ctx)
    bound = _seeded(type(machine.__name__, (machine,), {"ctx": ctx, "search": search, **known}), machine, ctx)
    limits = _settings(runs, ctx, stateful_step_count=steps)
    search.conclude(lambda: run_state_machine_as_test(bound, settings=limits))


def _seeded(test: Any, named: Check | type[Machine], ctx: Context) -> Any:
    """Fix the examples by what is tested and the run's seed; left alone, Hypothesis goes by the test's source code."""
    return seed(zlib.crc32(f"{named.__module__}.{named.__qualname__} {SEQUENCE + ctx.seed}".encode()))(test)


def _settings(examples: int, ctx: Context, **more: Any) -> settings:
    return settings(
        max_examples=max(1, round(examples * SHARE * ctx.examples)),
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
