"""What ends is judged by a clock that can be moved, by waiting where the user allows that, and else not at all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from fixtures.mutants import find
from fixtures.world import load_world
from harness import engine
from harness.capability import CLOCK, TIME
from harness.events import Result, Settings
from harness.http import Wire
from harness.passing_time import PassingTime
from harness.sandbox.target import sandbox_target
from harness.sandbox.threads import ThreadedSandbox
from harness.scenario import load_scenarios
from harness.target import ClockControl, Target, Tenant
from harness.verdict import Blocked, Interrupted, Verdict

CODE = "as/expiry/an-old-code-is-refused"
ACCESS = "as/expiry/an-expired-access-token-is-inactive"
EXCHANGE = "as/expiry/an-expired-token-cannot-be-exchanged"
EXCHANGED = "as/expiry/an-exchanged-token-ends-with-its-subject"
REFRESH = "as/expiry/an-idle-refresh-token-ends"
WAITING = (CODE, ACCESS, EXCHANGE, EXCHANGED, REFRESH)


class Clock:
    """A clock that notes how it is moved."""

    def __init__(self) -> None:
        self.moved: list[float] = []

    def now(self) -> float:
        return sum(self.moved)

    def advance(self, seconds: float) -> None:
        self.moved.append(seconds)


class Waits(threading.Event):
    """A stop signal that nobody waits for: the time that a wait would take is added to a clock."""

    def __init__(self, clock: ClockControl) -> None:
        super().__init__()
        self._clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        self._clock.advance(timeout or 0)
        return self.is_set()


def test_a_clock_is_moved_whatever_the_allowed_wait() -> None:
    clock = Clock()
    time = PassingTime(clock, 0, threading.Event())
    time.outlive(600, "a code")
    assert time.up_to(86_400) == 86_400
    assert clock.moved == [600, 86_400]


def test_without_a_clock_as_much_is_waited_as_is_allowed_in_all() -> None:
    waited = Clock()
    time = PassingTime(None, 10, Waits(waited))
    time.outlive(4, "a code")
    assert (time.up_to(600), time.up_to(600)) == (6, 0)
    assert waited.now() == 10


def test_a_life_that_is_too_long_is_not_begun_to_be_waited_for() -> None:
    waited = Clock()
    with pytest.raises(Blocked, match=r"an access token lives for longer than the 10 s") as found:
        PassingTime(None, 10, Waits(waited)).outlive(900, "an access token")
    assert "--max-wait 900" in found.value.unlock
    assert waited.moved == []


def test_without_clock_and_wait_no_time_passes() -> None:
    with pytest.raises(Blocked) as found:
        PassingTime(None, 0, threading.Event())
    assert "--max-wait SECONDS" in found.value.unlock


def test_a_wait_ends_when_the_user_ends_the_run() -> None:
    stop = Waits(Clock())
    stop.set()
    with pytest.raises(Interrupted):
        PassingTime(None, 10, stop).up_to(10)


def test_who_waits_disturbs_nobody() -> None:
    target = Target("nothing", Tenant())
    assert not TIME.disturbs(target)
    assert TIME.disturbs(replace(target, clock=Clock()))
    assert CLOCK.disturbs(target)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[tuple[Target, ClockControl]]:
    """The sandbox as a target whose clock cannot be moved, and that clock."""
    with ThreadedSandbox() as started, started.control("authorization_server") as control:
        target = sandbox_target(started, load_world(), control=control)
        yield replace(target, clock=None), started.clock


def _judged(
    sandbox: tuple[Target, ClockControl], *identifiers: str, max_wait: float = 0, **capabilities: bool
) -> dict[str, Result]:
    target, clock = sandbox
    target = replace(target, capabilities={**target.capabilities, **capabilities})
    chosen = [load_scenarios()[identifier] for identifier in identifiers]
    wire, settings = Wire(stop=Waits(clock)), Settings(jobs=1, max_wait=max_wait)
    results = engine.run(target, chosen, lambda _: None, wire=wire, settings=settings).results
    return {result.scenario.id: result for result in results}


def test_what_may_not_be_waited_for_is_blocked_with_the_words_that_unlock_it(
    sandbox: tuple[Target, ClockControl],
) -> None:
    results = _judged(sandbox, *WAITING)
    assert {result.verdict for result in results.values()} == {Verdict.BLOCKED}
    assert all("--max-wait" in result.unlock and not result.exchanges for result in results.values())


def test_the_user_may_leave_it_out(sandbox: tuple[Target, ClockControl]) -> None:
    results = _judged(sandbox, *WAITING, time=False)
    assert {result.verdict for result in results.values()} == {Verdict.NOT_APPLICABLE}


def test_what_ends_within_the_wait_is_judged(sandbox: tuple[Target, ClockControl]) -> None:
    results = _judged(sandbox, *WAITING, max_wait=load_world().lifetimes.access_token + 10)
    assert {name: result.verdict for name, result in results.items() if result.verdict is not Verdict.PASSED} == {
        REFRESH: Verdict.BLOCKED
    }
    assert "still works" in results[REFRESH].actual


@pytest.mark.parametrize(
    ("mutant", "scenario", "max_wait", "verdict"),
    [
        ("as-expiry-code-unchecked", CODE, 300, Verdict.BLOCKED),
        ("as-expiry-code-unchecked", CODE, 601, Verdict.FAILED),
        ("as-expiry-access-token-unchecked", ACCESS, 100, Verdict.BLOCKED),
        ("as-expiry-access-token-unchecked", ACCESS, 950, Verdict.BLOCKED),
        ("as-expiry-access-token-unchecked", ACCESS, 1300, Verdict.FAILED),
        ("as-expiry-exchange-starts-anew", EXCHANGED, 1, Verdict.BLOCKED),
        ("as-expiry-exchange-starts-anew", EXCHANGED, 60, Verdict.WARNING),
    ],
)
def test_what_goes_on_working_is_no_violation_until_it_had_its_time(
    sandbox: tuple[Target, ClockControl], mutant: str, scenario: str, max_wait: float, verdict: Verdict
) -> None:
    with find(mutant).applied():
        assert _judged(sandbox, scenario, max_wait=max_wait)[scenario].verdict is verdict
