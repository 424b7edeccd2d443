"""The engine: runs scenarios on threads, turns what they raise into verdicts, and tells it as events."""

from __future__ import annotations

import random
import threading
import time
import traceback
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from datetime import UTC, datetime

from harness.baseline import Judged, accepted_reason, problems
from harness.context import Context
from harness.events import Event, Result, RunFinished, RunStarted, ScenarioFinished, Settings, Summary
from harness.examples import undisturbed
from harness.exchange import Evidence, Exchange
from harness.http import Wire
from harness.run import Run
from harness.sandbox.errors import SilentError
from harness.scenario import Scenario
from harness.target import Target
from harness.verdict import Blocked, Interrupted, NotApplicable, Verdict, Violation

Sink = Callable[[Event], None]
OWN_FAULT = "mend the scenario: it ends by returning, or with Violation (which expect raises), Blocked or NotApplicable"


def run(
    target: Target,
    scenarios: Iterable[Scenario],
    sink: Sink,
    *,
    wire: Wire,
    settings: Settings | None = None,
    known: Collection[str] | None = None,
    incidents: Callable[[], Iterable[str]] = tuple,
) -> Summary:
    """Judge a target.

    Scenarios that disturb others, or that others disturb, run alone and last (`Capability.alone`). On KeyboardInterrupt
    what was judged so far is reported and the run ends.

    Args:
        target: what is judged.
        scenarios: what is asked.
        sink: is handed every event, from one thread at a time.
        wire: connections and limits; it is closed at the end.
        settings: how the run was asked for.
        known: the ids of all scenarios that there are, by which the baseline is read; those asked where left out.
        incidents: tells in the end what befell the run besides, a sentence each.
    """
    selected, settings = tuple(scenarios), settings or Settings()
    started = time.monotonic()
    sink(RunStarted(target, selected, datetime.now(UTC).isoformat(timespec="seconds"), settings, wire.traffic))
    results: list[Result] = []
    interrupted = False
    shared = Run(target, wire, Context, settings.seed, settings.jobs, settings.examples, settings.max_wait)

    def done(result: Result) -> None:
        reason = accepted_reason(target.expected, result.scenario.id, result.verdict, settings.today)
        result = replace(result, accepted=reason)
        results.append(result)
        sink(ScenarioFinished(result))

    try:
        with undisturbed():
            for batch, width in _batches(selected, settings, target):
                _run_batch(shared, batch, width, done)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        wire.close()
    ordered = tuple(sorted(results, key=lambda result: result.scenario.id))
    unfinished = len(selected) - len(results)
    out_of_date = _out_of_date(target, ordered, settings, known or [item.id for item in selected], unfinished)
    summary = Summary(ordered, out_of_date, (time.monotonic() - started) * 1000, unfinished, tuple(incidents()))
    sink(RunFinished(summary, interrupted))
    return summary


def _out_of_date(
    target: Target, results: tuple[Result, ...], settings: Settings, known: Collection[str], unfinished: int
) -> Mapping[str, str]:
    """Return the entries of the baseline that turn the run red, each with the reason."""
    verdicts = {result.scenario.id: result.verdict for result in results}
    judged = Judged(verdicts, known, settings.whole and not unfinished, settings.today)
    return problems(target.expected, judged, allow_blocked=settings.allow_blocked)


def judge(shared: Run, scenario: Scenario) -> Result:
    """Run one scenario in a context of its own and return its verdict; never raises but when interrupted."""
    evidence = Evidence()
    started = time.monotonic()
    result = _attempt(shared, scenario, evidence)
    return replace(
        result,
        exchanges=_told(evidence, result.culprit),
        shrunk=evidence.shrunk,
        duration_ms=(time.monotonic() - started) * 1000,
    )


def _attempt(shared: Run, scenario: Scenario, evidence: Evidence) -> Result:
    control: tuple[str, ...] = ()
    try:
        control = tuple(item.capability.name for item in shared.controls(scenario.needs))
        scenario.run(Context(shared, evidence))
    except NotApplicable as found:
        return Result(scenario, Verdict.NOT_APPLICABLE, actual=str(found))
    except Blocked as found:
        return Result(scenario, Verdict.BLOCKED, actual=found.reason, unlock=found.unlock, culprit=found.exchange)
    except SilentError as found:
        return Result(scenario, Verdict.BLOCKED, actual=str(found), unlock="keep the sandbox running to the end")
    except Violation as found:
        return _violated(scenario, Verdict.FAILED if scenario.must else Verdict.WARNING, found, control)
    except (Interrupted, KeyboardInterrupt):
        raise
    except BaseException as fault:  # also sys.exit() and pytest.skip(): whatever it is, the run goes on
        return _gone_wrong(scenario, fault)
    if evidence.warnings:
        return _violated(scenario, Verdict.WARNING, evidence.warnings[0], control)
    return Result(scenario, Verdict.PASSED, control=control)


def _gone_wrong(scenario: Scenario, fault: BaseException) -> Result:
    """A fault is a verdict too. Whose scenario it is in is said, and `unlock` where it is the user's to mend."""
    said = traceback.format_exception_only(fault)[-1].rstrip("\n")
    whose, unlock = ("this scenario of your own ended with ", OWN_FAULT) if scenario.own else ("", "")
    trace = "".join(traceback.format_exception(fault))
    return Result(scenario, Verdict.ERROR, actual=f"{whose}{said}", unlock=unlock, trace=trace)


def _violated(scenario: Scenario, verdict: Verdict, found: Violation, control: tuple[str, ...]) -> Result:
    return Result(
        scenario, verdict, expected=found.expected, actual=found.actual, control=control, culprit=found.exchange
    )


def _told(evidence: Evidence, culprit: Exchange | None) -> tuple[Exchange, ...]:
    """The scenario's own exchanges, and the culprit where it is another's: a control's, or an earlier example's."""
    own = tuple(evidence)
    return own if culprit is None or any(exchange is culprit for exchange in own) else (*own, culprit)


def _batches(
    selected: tuple[Scenario, ...], settings: Settings, target: Target
) -> Iterable[tuple[list[Scenario], int]]:
    """Heavy ones first, so that the last thread does not work alone; those that disturb others one by one, last."""
    ordered = sorted(selected, key=lambda scenario: -scenario.cost)
    if settings.seed:
        random.Random(settings.seed).shuffle(ordered)  # noqa: S311 - an order that can be had again
    alone = {scenario.id for scenario in ordered if any(need.disturbs(target) for need in scenario.needs)}
    yield [scenario for scenario in ordered if scenario.id not in alone], settings.jobs
    yield [scenario for scenario in ordered if scenario.id in alone], 1


def _run_batch(shared: Run, batch: list[Scenario], width: int, done: Callable[[Result], object]) -> None:
    if width == 1:
        for scenario in batch:
            done(judge(shared, scenario))
        return
    lock = threading.Lock()

    def work(scenario: Scenario) -> None:
        result = judge(shared, scenario)
        with lock:
            done(result)

    pool = ThreadPoolExecutor(max_workers=width, thread_name_prefix="scenario")
    try:
        futures = [pool.submit(work, scenario) for scenario in batch]
        for future in as_completed(futures):
            future.result()
    except BaseException:
        shared.wire.interrupt()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
