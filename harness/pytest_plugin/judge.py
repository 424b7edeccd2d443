"""The run that the items of one pytest process share: made when the first of them asks, ended with the session."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from harness import engine
from harness.baseline import Judged, accepted_reason, problems
from harness.context import Context
from harness.events import RunStarted
from harness.examples import undisturbed
from harness.planning import Plan, Unreachable, plan_of
from harness.request import TargetFileError
from harness.run import Run
from harness.sandbox.errors import SandboxError
from reports.document import Document, redactor_of, result_document

if TYPE_CHECKING:
    from harness.pytest_plugin.plan import AssayPlan
    from harness.redaction import Redactor
    from harness.sandbox.target import Sandbox
    from harness.scenario import Scenario

TIMEOUT = 10.0
"""Seconds that one exchange may take."""
TALKATIVE = ("httpcore", "httpx")
"""Loggers that tell what travels, tokens among it."""


class CannotJudge(Exception):
    """There is nothing to be judged: the target does not answer, or its sandbox does not start."""


class NotAsked(Exception):
    """The target does not play the role that a scenario is about."""


@dataclass(frozen=True)
class Outcome:
    """What came of one scenario.

    Attributes:
        document: the result as reports have it, without secrets.
        problem: why its own entry in the baseline turns the run red; empty where it does not, or there is none.
    """

    document: Document
    problem: str


class Judge:
    """Judges one scenario after another.

    Args:
        plan: what is judged.
        sandbox: returns the one that the target trusts, where another process runs it.
    """

    def __init__(self, plan: AssayPlan, sandbox: Callable[[], Sandbox | None]) -> None:
        self._plan, self._sandbox = plan, sandbox
        self._stack = ExitStack()
        self._begun: _Begun | None = None
        self._fault: Exception | None = None

    def judge(self, scenario: Scenario) -> Outcome:
        """Return what one scenario says.

        Raises:
            CannotJudge: there is no target to be judged.
            NotAsked: the target does not play the scenario's role.
        """
        with _quiet():
            begun = self._begin()
            if scenario.role not in begun.plan.roles:
                raise NotAsked(f"the target names no {scenario.role}, and none was found")
            result = engine.judge(begun.run, scenario)
        expected, settings = self._plan.target.expected, self._plan.settings
        result = replace(result, accepted=accepted_reason(expected, scenario.id, result.verdict, settings.today))
        alone = Judged({scenario.id: result.verdict}, self._plan.known, whole=False, today=settings.today)
        found = problems(expected, alone, allow_blocked=settings.allow_blocked)
        return Outcome(result_document(result, begun.started, begun.redactor), found.get(scenario.id, ""))

    def redacted(self, text: str) -> str:
        """Return a text without the secrets of the run so far."""
        return self._begun.redactor.text(text) if self._begun else text

    def close(self) -> None:
        """Close every connection, and end the sandbox that was started; nothing happens the second time."""
        with _quiet():
            self._stack.close()

    def _begin(self) -> _Begun:
        if self._fault:
            raise CannotJudge(str(self._fault))
        if self._begun is None:
            try:
                plan = plan_of(self._plan.file, TIMEOUT, self._stack, self._sandbox(), self._plan.path.parent)
            except (Unreachable, SandboxError, TargetFileError) as fault:
                self._fault = fault
                raise CannotJudge(str(fault)) from fault
            self._stack.callback(plan.wire.close)
            self._begun = _Begun.of(plan, self._plan)
        return self._begun


@dataclass(frozen=True)
class _Begun:
    plan: Plan
    run: Run
    started: RunStarted
    redactor: Redactor

    @classmethod
    def of(cls, plan: Plan, asked: AssayPlan) -> _Begun:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        started = RunStarted(plan.target, asked.scenarios, now, asked.settings, plan.wire.traffic)
        run = Run(plan.target, plan.wire, Context, examples=asked.settings.examples, max_wait=asked.settings.max_wait)
        return cls(plan, run, started, redactor_of(started))


@contextmanager
def _quiet() -> Iterator[None]:
    """Be a guest: neither our warnings, nor logs with tokens in them, nor how we use Hypothesis are anybody's."""
    loggers = [logging.getLogger(name) for name in TALKATIVE]
    before = [logger.level for logger in loggers]
    with warnings.catch_warnings(), undisturbed():
        warnings.simplefilter("ignore")
        try:
            for logger in loggers:
                logger.setLevel(logging.CRITICAL)
            yield
        finally:
            for logger, level in zip(loggers, before, strict=True):
                logger.setLevel(level)
