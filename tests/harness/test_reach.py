"""Which scenarios a mutant is asked: all that can tell it from the reference, and few that cannot."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys
from functools import cache, reduce
from types import ModuleType
from typing import Any

import pytest

from fixtures.mutants import Mutant, all_mutants, mutant
from fixtures.mutants.mutation import nothing
from fixtures.world import load_world
from harness import engine, reach
from harness.http import Wire
from harness.reach import EVERYWHERE, OF_THEIR_ARGUMENTS, Trace, Visits, merged, reaching
from harness.sandbox.layout import SERVICES
from harness.sandbox.target import sandbox_target
from harness.sandbox.threads import ThreadedSandbox
from harness.scenario import load_scenarios
from harness.verdict import Verdict

AREA = "as/pkce/"


class Refused(Exception):
    """A request is not served."""

    word = "refused"


class Base:
    def inherited(self, value: int) -> int:
        return value


class Server(Base):
    greeting = "server"

    def __init__(self) -> None:
        self.served: list[int] = []

    def serve(self, value: int) -> str:
        try:
            self.check_known(value)
            asyncio.run(self.check_late(value))
        except Refused as refusal:
            return f"{refusal.word}: {refusal}"
        self.note(value)
        return f"{self.greeting} {self.doubled(value)} {self.inherited(value)} {self.tidy(value)}"

    def check_known(self, value: int) -> None:
        if value in {5, 12}:
            raise Refused("not known")

    async def check_late(self, value: int) -> None:
        if value == 7:
            raise Refused("too late")

    def note(self, value: int) -> None:
        self.served.append(value)

    def doubled(self, value: int) -> int:
        return 2 * value

    def check_count(self) -> int:
        return len(self.served)

    @staticmethod
    def tidy(value: int) -> int:
        return value


def _wrong(owner: Any = Server, **changes: Any) -> Mutant:
    return Mutant("as-wrong", "authorization_server", "Something is wrong.", owner, changes)


def _without(step: Any) -> Mutant:
    return mutant("as-wrong", Server, summary="Something is left out.", without=step, fails=())


def _reached(wrong: Mutant, *values: int, at: str | None = None) -> set[str]:
    """Return which values a mutant is asked, of a server that is asked each of them as a scenario."""
    trace = Trace([wrong])
    with trace.installed():
        if at:
            Server().serve(values[0])
        for value in values:
            trace.scenario = str(value)
            Server().serve(value)
    return set(reaching(wrong, trace.visits))


def test_whoever_comes_to_a_replaced_function_is_asked() -> None:
    assert _reached(_wrong(doubled=lambda _self, value: value), 1, 5, 12) == {"1"}


def test_whoever_comes_to_a_function_before_any_scenario_stands_for_all() -> None:
    assert EVERYWHERE in _reached(_wrong(doubled=lambda _self, value: value), 1, at="start")


def test_a_check_that_is_left_out_matters_to_those_whom_it_refused() -> None:
    assert _reached(_without("check_known"), 1, 5, 12) == {"5", "12"}


def test_a_check_that_is_left_out_and_is_a_coroutine_matters_to_all_who_come_there() -> None:
    assert _reached(_without("check_late"), 1, 5, 7) == {"1", "7"}


def test_something_else_that_is_left_out_matters_to_all_who_come_there() -> None:
    assert _reached(_without("note"), 1, 2, 5) == {"1", "2"}


def test_a_check_that_returns_something_matters_to_all_who_come_there() -> None:
    wrong, trace = _without("check_count"), Trace([_without("check_count")])
    with trace.installed():
        trace.scenario = "counting"
        Server().check_count()
    assert reaching(wrong, trace.visits) == {"counting"}


def test_a_check_that_is_replaced_matters_to_all_who_come_there() -> None:
    def slow(_server: Server, _value: int) -> None:
        sum(range(1000))

    assert _reached(_wrong(check_known=slow), 1, 5) == {"1", "5"}


def test_a_function_of_its_arguments_matters_to_those_for_whom_it_comes_to_something_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reach, "OF_THEIR_ARGUMENTS", {f"{__name__}.Server.doubled", f"{__name__}.Server.tidy"})
    assert _reached(_wrong(doubled=lambda _self, value: min(2 * value, 5)), 1, 2, 3, 4) == {"3", "4"}
    assert _reached(_wrong(tidy=staticmethod(abs)), 1, 3) == {"1", "3"}, "what has no code is not compared"
    assert _reached(_wrong(tidy=staticmethod(lambda value: min(value, 3))), 1, 3, 4) == {"4"}


def test_of_two_changes_either_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "OF_THEIR_ARGUMENTS", {f"{__name__}.Server.doubled"})
    both = _wrong(check_known=nothing, doubled=lambda _self, value: min(2 * value, 5))
    assert _reached(both, 1, 5, 3) == {"5", "3"}


def test_a_setting_is_not_watched() -> None:
    assert _reached(_wrong(greeting="nobody"), 1) == {EVERYWHERE}
    assert _reached(_wrong(sys.modules[__name__], AREA=""), 1) == {EVERYWHERE}


def test_a_scenario_that_went_another_way_is_asked_of_every_mutant() -> None:
    trace = Trace([_without("check_known")])
    with trace.installed():
        trace.scenario = "hasty"
        trace.doubt()
    assert reaching(_without("check_known"), merged([trace.visits, {}])) == {"hasty"}


def test_what_was_not_watched_counts_as_come_to_by_all() -> None:
    assert reaching(_without("note"), {}) == {EVERYWHERE}


def test_all_is_as_it_was_afterwards() -> None:
    before = dict(vars(Server))
    wrong = _wrong(**{name: getattr(Server, name) for name in ("inherited", "serve", "check_known", "tidy")})
    with Trace([wrong]).installed():
        assert {name for name in wrong.changes if vars(Server).get(name) is not before.get(name)} == set(wrong.changes)
    assert dict(vars(Server)) == before


def test_the_watched_do_as_they_did() -> None:
    everything = _wrong(**{name: getattr(Server, name) for name in vars(Server) if not name.startswith("__")})
    alone = [Server().serve(value) for value in (1, 5, 7, 0, 12)]
    with Trace([everything]).installed():
        assert [Server().serve(value) for value in (1, 5, 7, 0, 12)] == alone


def test_traces_are_put_together() -> None:
    parts: list[Visits] = [{"one": {"a"}, "two": set()}, {"one": {"b"}}]
    assert merged(parts) == {"one": {"a", "b"}, "two": set()}


def _found(name: str) -> Any:
    """Return what a full name stands for."""
    parts = name.split(".")
    for count in range(len(parts) - 1, 0, -1):
        try:
            module: ModuleType = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        return reduce(getattr, parts[count:], module)
    raise LookupError(name)


@pytest.mark.parametrize("name", sorted(OF_THEIR_ARGUMENTS))
def test_places_of_functions_of_their_arguments_exist_and_are_mutated(name: str) -> None:
    assert inspect.isfunction(_found(name))
    assert name in _places()


@cache
def _places() -> set[str]:
    trace = Trace(all_mutants())
    with trace.installed():
        return set(trace.visits)


def test_scenarios_that_mutants_declare_are_among_those_that_reach_them() -> None:
    scenarios = {name: item for name, item in load_scenarios().items() if name.startswith(AREA)}
    trace = Trace(all_mutants())
    with ThreadedSandbox() as sandbox, trace.installed():
        for service in SERVICES:
            sandbox.replace(service)
        with sandbox.control("authorization_server") as control:
            target = sandbox_target(sandbox, load_world(), control=control)
            for trace.scenario, item in scenarios.items():
                assert engine.run(target, [item], _ignored, wire=Wire(5.0)).results[0].verdict is Verdict.PASSED
    catching = {wrong.id: wrong.fails & scenarios.keys() for wrong in all_mutants() if wrong.fails & scenarios.keys()}
    asked = {wrong.id: reaching(wrong, trace.visits) for wrong in all_mutants() if wrong.id in catching}
    assert len(catching) > 10
    for identifier, fails in catching.items():
        assert EVERYWHERE in asked[identifier] or fails <= asked[identifier], identifier
    assert asked["as-pkce-verifier-form-unchecked"] == catching["as-pkce-verifier-form-unchecked"]


def _ignored(_event: object) -> None:
    """Events are not looked at."""
