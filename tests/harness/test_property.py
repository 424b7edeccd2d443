"""Generated examples: the shortest violation is reported with its own evidence, and no search goes on for ever."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from harness import property as properties
from harness.context import Context
from harness.exchange import Evidence, Exchange
from harness.http import Wire
from harness.property import Machine, explore, for_all, step
from harness.run import Run
from harness.sandbox.errors import SilentError
from harness.support import Capability, Support
from harness.target import Target, Tenant
from harness.verdict import Blocked, NotApplicable, Violation

TARGET = Target("nothing", Tenant(), spec="2026-07-28")


@pytest.fixture
def ctx() -> Context:
    return Context(Run(TARGET, Wire(), Context), Evidence())


def seen(ctx: Context, what: object) -> None:
    ctx.evidence.exchanges.append(Exchange("GET", f"http://127.0.0.1/{what}", (), b""))


def urls(ctx: Context) -> list[str]:
    return [exchange.url.rpartition("/")[2] for exchange in ctx.evidence]


def test_the_simplest_violation_is_raised_with_its_own_exchanges(ctx: Context) -> None:
    @for_all(budget=50, number=st.integers(0, 1_000))
    def small(ctx: Context, number: int) -> None:
        seen(ctx, number)
        if number > 10:
            raise Violation("a small number", str(number))

    with pytest.raises(Violation, match="11"):
        small(ctx)
    assert urls(ctx) == ["11"]


def test_a_violation_is_told_with_what_led_to_the_examples(ctx: Context) -> None:
    @for_all(budget=50, number=st.integers(0, 1_000))
    def small(ctx: Context, number: int) -> None:
        seen(ctx, number)
        if number > 10:
            raise Violation("a small number", str(number))

    seen(ctx, "login")
    with pytest.raises(Violation, match="11"):
        small(ctx)
    assert (urls(ctx), ctx.evidence.shrunk) == (["login", "11"], True)


@pytest.mark.parametrize("times", [1, 3])
def test_a_run_multiplies_the_budget(times: int) -> None:
    drawn = []

    @for_all(budget=10, number=st.integers())
    def look(_ctx: Context, number: int) -> None:
        drawn.append(number)

    look(Context(Run(TARGET, Wire(), Context, examples=times), Evidence()))
    assert len(drawn) == 10 * times


@pytest.mark.parametrize("end", [Blocked("gone"), NotApplicable("absent"), SilentError("silent")])
def test_what_cannot_be_judged_ends_the_search_at_once(ctx: Context, end: Exception) -> None:
    calls = []

    @for_all(budget=50, number=st.integers())
    def unjudged(_ctx: Context, number: int) -> None:
        calls.append(number)
        raise end

    with pytest.raises(type(end)):
        unjudged(ctx)
    assert len(calls) == 1


def test_shrinking_ends_when_its_time_is_over(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(properties, "SHRINKING_SECONDS", 0.0)
    calls = []

    @for_all(budget=50, number=st.integers(0, 10**9))
    def small(_ctx: Context, number: int) -> None:
        calls.append(number)
        if number > 10:
            raise Violation("a small number", str(number))

    with pytest.raises(Violation, match="a small number"):
        small(ctx)
    assert sum(number > 10 for number in calls) == 1


def test_a_fault_of_ours_is_not_hidden(ctx: Context) -> None:
    @for_all(budget=5, number=st.integers())
    def broken(_ctx: Context, number: int) -> None:
        raise KeyError(number)

    with pytest.raises(KeyError):
        broken(ctx)


class Counter(Machine):
    """A counter that must not reach three."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    @step(by=st.integers(0, 2))
    def add(self, by: int) -> None:
        seen(self.ctx, by)
        self.count += by
        if self.count >= 3:
            raise Violation("less than three", str(self.count))

    @step()
    def wait(self) -> None:
        seen(self.ctx, "wait")


def test_a_state_machine_is_reported_with_a_short_sequence(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(properties, "SHRINKING_SECONDS", 60.0)
    with pytest.raises(Violation, match="less than three"):
        explore(ctx, Counter, runs=50, steps=10)
    assert len(urls(ctx)) <= 3
    assert "wait" not in urls(ctx)


class Idle(Machine):
    """Nothing is wrong here."""

    @step()
    def wait(self) -> None:
        seen(self.ctx, "wait")


def test_a_state_machine_without_fault_passes(ctx: Context) -> None:
    explore(ctx, Idle, runs=2, steps=3)


def test_a_context_tells_which_optional_things_work(ctx: Context) -> None:
    def refuse(_ctx: Context) -> None:
        raise Blocked("it does not work")

    works = Capability("works", "", lambda _run: Support.CONFIGURED, lambda _ctx: None)
    absent = Capability("absent", "", lambda _run: Support.ABSENT, lambda _ctx: None)
    broken = Capability("broken", "", lambda _run: Support.ADVERTISED, refuse)
    assert [ctx.offers(capability) for capability in (works, absent, broken)] == [True, False, False]
