"""What scenarios raise becomes verdicts, and verdicts become an exit code."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from harness import engine
from harness.baseline import Accepted
from harness.capability import AUTHORIZATION_CODE, REFUSABLE
from harness.context import Context
from harness.events import Event, RunFinished, RunStarted, ScenarioFinished, Settings, Summary
from harness.exchange import Answer, Exchange
from harness.http import Wire
from harness.requirement import Level, Role, load_requirements
from harness.sandbox.errors import SandboxError, SilentError
from harness.scenario import Scenario
from harness.support import Capability, Support
from harness.target import Target, Tenant
from harness.verdict import Blocked, NotApplicable, Verdict, Violation

TWO_JOBS = Settings(jobs=2)
TARGET = Target("nothing", Tenant(), spec="2026-07-28")
MUST = next(item for item in load_requirements().values() if item.level is Level.MUST)
SHOULD = next(item for item in load_requirements().values() if item.level is Level.SHOULD)


def scenario(
    run: Callable[[Context], Any], name: str = "as/a/b", *, must: bool = True, needs: tuple[Capability, ...] = ()
) -> Scenario:
    requirement = MUST if must else SHOULD
    role = Role.AUTHORIZATION_SERVER
    return Scenario(name, role, "a", "t", "", "r", (requirement,), frozenset(needs), run)


def judged(*scenarios: Scenario, target: Target = TARGET, settings: Settings = TWO_JOBS) -> Summary:
    return engine.run(target, scenarios, lambda _event: None, wire=Wire(), settings=settings)


def raising(fault: BaseException) -> Callable[[Context], None]:
    def run(_ctx: Context) -> None:
        raise fault

    return run


def warning(ctx: Context) -> None:
    Answer(Exchange("GET", "http://127.0.0.1", (), b""), ctx.evidence).warn("a", "b")


@pytest.mark.parametrize(
    ("run", "must", "verdict", "code"),
    [
        (lambda _ctx: None, True, Verdict.PASSED, 0),
        (raising(Violation("a", "b")), True, Verdict.FAILED, 1),
        (raising(Violation("a", "b")), False, Verdict.WARNING, 0),
        (warning, True, Verdict.WARNING, 0),
        (raising(Blocked("a")), True, Verdict.BLOCKED, 3),
        (raising(NotApplicable("a")), True, Verdict.NOT_APPLICABLE, 3),
        (raising(SilentError("a service is gone")), True, Verdict.BLOCKED, 3),
        (raising(SandboxError("a service refused")), True, Verdict.ERROR, 4),
        (raising(ZeroDivisionError()), True, Verdict.ERROR, 4),
        (raising(SystemExit(0)), True, Verdict.ERROR, 4),
        (raising(pytest.skip.Exception("no")), True, Verdict.ERROR, 4),
    ],
)
def test_each_end_has_its_verdict_and_exit_code(
    run: Callable[[Context], None], must: bool, verdict: Verdict, code: int
) -> None:
    summary = judged(scenario(run, must=must))
    assert summary.results[0].verdict is verdict
    assert summary.exit_code(Settings()) == code


def test_a_fault_says_whose_scenario_it_is_in() -> None:
    ours = scenario(raising(KeyError("x")))
    (of_ours,), (of_theirs,) = (judged(item).results for item in (ours, replace(ours, own=True)))
    assert (of_ours.actual, of_ours.unlock) == ("KeyError: 'x'", "")
    assert of_theirs.actual == "this scenario of your own ended with KeyError: 'x'"
    assert of_theirs.unlock.startswith("mend the scenario")
    assert "in run\n    raise fault" in of_theirs.trace


def test_strict_makes_a_warning_red() -> None:
    assert judged(scenario(warning)).exit_code(Settings(strict=True)) == 1


def test_blocked_is_green_where_the_user_allows_it() -> None:
    summary = judged(scenario(raising(Blocked("a")), "as/a/x"), scenario(lambda _ctx: None, "as/a/y"))
    assert summary.exit_code(Settings()) == 3
    assert summary.exit_code(Settings(allow_blocked=True)) == 0


def test_a_run_that_judged_nothing_is_incomplete() -> None:
    assert judged(scenario(raising(Blocked("a")))).exit_code(Settings(allow_blocked=True)) == 3
    assert judged().exit_code(Settings()) == 3


def test_an_accepted_failure_is_green_and_one_that_passes_is_red() -> None:
    known = replace(TARGET, expected={"as/a/b": Accepted("as/a/b", "we know")})
    failing = judged(scenario(raising(Violation("a", "b"))), target=known)
    assert (failing.exit_code(Settings()), failing.results[0].accepted) == (0, "we know")
    mended = judged(scenario(lambda _ctx: None), target=known)
    assert (mended.exit_code(Settings()), dict(mended.problems)) == (1, {"as/a/b": "passed now: remove it"})


def test_an_expired_entry_accepts_nothing_and_is_told() -> None:
    today = date(2026, 11, 22)
    known = replace(TARGET, expected={"as/a/b": Accepted("as/a/b", "we know", expires=today)})
    failing = scenario(raising(Violation("a", "b")))
    assert judged(failing, target=known, settings=Settings(today=today)).exit_code(Settings()) == 0
    late = judged(failing, target=known, settings=Settings(today=today + timedelta(1)))
    assert (late.exit_code(Settings()), late.results[0].accepted) == (1, "")
    assert list(late.problems) == ["as/a/b"]


def test_an_entry_that_is_blocked_turns_the_run_red_unless_the_user_allows_it() -> None:
    known = replace(TARGET, expected={"as/a/b": Accepted("as/a/b", "we know")})
    both = (scenario(raising(Blocked("a"))), scenario(lambda _ctx: None, "as/a/y"))
    summary = judged(*both, target=known)
    assert (summary.exit_code(Settings()), list(summary.problems)) == (1, ["as/a/b"])
    allowing = Settings(allow_blocked=True)
    assert judged(*both, target=known, settings=allowing).exit_code(allowing) == 0


def test_a_run_of_a_part_leaves_the_rest_of_the_baseline_alone() -> None:
    known = replace(TARGET, expected={"as/a": Accepted("as/a", "we know"), "as/c": Accepted("as/c", "we know")})
    passing = scenario(lambda _ctx: None)
    for settings in (Settings(selectors=("as/a/b",)), Settings(role="authorization-server")):
        summary = engine.run(
            known, [passing], lambda _event: None, wire=Wire(), settings=settings, known=["as/a/b", "as/a/y", "as/c/z"]
        )
        assert (summary.exit_code(settings), dict(summary.problems)) == (0, {})


def test_an_interrupted_run_calls_nothing_out_of_date_that_had_no_turn() -> None:
    def interrupt(event: Event) -> None:
        if isinstance(event, ScenarioFinished):
            raise KeyboardInterrupt

    known = replace(TARGET, expected={"as/a": Accepted("as/a", "we know")})
    many = [scenario(lambda _ctx: None, f"as/a/{n}") for n in range(20)]
    summary = engine.run(known, many, interrupt, wire=Wire(), settings=Settings(jobs=1))
    assert (summary.exit_code(Settings()), dict(summary.problems)) == (3, {})


def test_an_absent_capability_is_not_applicable_and_its_scenario_does_not_run() -> None:
    absent = Capability("absent", "", lambda _run: Support.ABSENT, lambda _ctx: None)
    summary = judged(scenario(raising(ZeroDivisionError()), needs=(absent,)))
    assert summary.results[0].verdict is Verdict.NOT_APPLICABLE


def test_a_refused_control_blocks_and_runs_once_for_all() -> None:
    tries: list[Context] = []

    def control(ctx: Context) -> None:
        tries.append(ctx)
        raise Violation("a token", "a refusal")

    broken = Capability("broken", "", lambda _run: Support.ADVERTISED, control, unlock="mend it")
    summary = judged(*(scenario(lambda _ctx: None, f"as/a/{n}", needs=(broken,)) for n in range(5)))
    assert {result.verdict for result in summary.results} == {Verdict.BLOCKED}
    assert {result.unlock for result in summary.results} == {"mend it"}
    assert len(tries) == 1


def test_what_a_control_was_answered_is_shown_with_everything_that_it_blocks() -> None:
    seen = Exchange("GET", "http://127.0.0.1/refused", (), b"", status=400)
    for fault in (Violation("a", "b", seen), Blocked("a", exchange=seen)):
        broken = Capability("broken", "", lambda _run: Support.ADVERTISED, raising(fault))
        result = judged(scenario(lambda _ctx: None, needs=(broken,))).results[0]
        assert result.culprit is seen
        assert result.exchanges == (seen,)


def test_a_capability_waits_for_the_control_of_what_it_requires() -> None:
    broken = Capability("broken", "", lambda _run: Support.ADVERTISED, raising(Blocked("no")))
    above = Capability("above", "", lambda _run: Support.ADVERTISED, lambda _ctx: None, requires=(broken,))
    result = judged(scenario(lambda _ctx: None, needs=(above,))).results[0]
    assert result.verdict is Verdict.BLOCKED
    assert "broken" in result.actual


def test_the_users_word_on_a_capability_goes_first() -> None:
    there = Capability("there", "", lambda _run: Support.ADVERTISED, lambda _ctx: None)
    denied = replace(TARGET, capabilities={"there": False})
    assert judged(scenario(lambda _ctx: None, needs=(there,)), target=denied).results[0].verdict is (
        Verdict.NOT_APPLICABLE
    )


def test_events_come_in_order_and_tell_everything() -> None:
    seen: list[Event] = []
    engine.run(TARGET, [scenario(lambda _ctx: None, f"as/a/{n}") for n in range(3)], seen.append, wire=Wire())
    assert [type(event) for event in seen] == [RunStarted, *[ScenarioFinished] * 3, RunFinished]


def test_an_interrupted_run_reports_what_was_judged() -> None:
    def interrupt(event: Event) -> None:
        if isinstance(event, ScenarioFinished):
            raise KeyboardInterrupt

    many = [scenario(lambda _ctx: None, f"as/a/{n}") for n in range(20)]
    summary = engine.run(TARGET, many, interrupt, wire=Wire(), settings=Settings(jobs=1))
    assert summary.unfinished > 0
    assert summary.exit_code(Settings()) == 3


def test_requirements_are_counted_once_and_only_where_they_apply() -> None:
    summary = judged(
        scenario(lambda _ctx: None, "as/a/1"),
        scenario(raising(Violation("a", "b")), "as/a/2"),
        scenario(raising(NotApplicable("a")), "as/a/3", must=False),
    )
    assert (summary.judged, summary.applicable) == (frozenset({MUST.id}), frozenset({MUST.id}))


def test_scenarios_that_disturb_others_come_last_and_one_by_one() -> None:
    works: dict[str, Any] = {"support": lambda _run: Support.CONFIGURED, "control": lambda _ctx: None}
    disturbing = Capability("disturbing", "", **works, alone=True)
    running, seen = threading.Semaphore(1), []

    def alone(_ctx: Context) -> None:
        assert running.acquire(blocking=False)
        seen.append("alone")
        running.release()

    others = [scenario(lambda _ctx: seen.append("other"), f"as/a/b{number}") for number in range(5)]
    summary = judged(*(scenario(alone, f"as/a/a{number}", needs=(disturbing,)) for number in range(3)), *others)
    assert {result.verdict for result in summary.results} == {Verdict.PASSED}
    assert seen == ["other"] * 5 + ["alone"] * 3


def test_a_refusal_is_asked_when_no_other_scenario_consents() -> None:
    """A server that was given a consent in the same moment does not show its page again."""
    assert not AUTHORIZATION_CODE.disturbs(TARGET)
    assert REFUSABLE.disturbs(TARGET)
