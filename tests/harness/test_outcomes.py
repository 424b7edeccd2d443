"""What calling a function comes to, when two calls come to the same, and what a function's code shows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from harness.outcomes import NOTHING, Outcome, changes_nothing, does_nothing, in_turn, outcome, outcome_later

_count = 0


class Refused(Exception):
    """Something is not done."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status


def _refusing(reason: str) -> None:
    raise Refused(reason)


async def _refusing_later(reason: str) -> None:
    raise Refused(reason)


def test_an_outcome_returns_or_raises() -> None:
    assert outcome(max, 1, 2).result() == 2
    with pytest.raises(Refused, match="no"):
        outcome(_refusing, "no").result()
    with pytest.raises(Refused, match="later"):
        asyncio.run(outcome_later(_refusing_later, "later")).result()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Outcome(1), Outcome(1), True),
        (Outcome(1), Outcome(2), False),
        (Outcome(1), Outcome(True), False),
        (Outcome(("a",)), Outcome(["a"]), False),
        (Outcome(object()), Outcome(object()), False),
        (NOTHING, Outcome(None), True),
        (NOTHING, Outcome(error=Refused("no")), False),
        (Outcome(error=Refused("no")), Outcome(error=Refused("no")), True),
        (Outcome(error=Refused("no")), Outcome(error=Refused("not")), False),
        (Outcome(error=Refused("no")), Outcome(error=Refused("no", 401)), False),
        (Outcome(error=Refused("no")), Outcome(error=ValueError("no")), False),
    ],
)
def test_outcomes_are_the_same_when_nobody_can_tell_them_apart(one: Outcome, other: Outcome, *, same: bool) -> None:
    assert one.same(other) is same
    assert other.same(one) is same


def test_a_row_ends_with_the_first_that_raises() -> None:
    called: list[str] = []

    def call(check: Callable[..., Any]) -> Outcome:
        called.append(check.__name__)
        return outcome(check, "no")

    assert in_turn((len, _refusing, str), call).error is not None
    assert called == ["len", "_refusing"]
    assert in_turn((len, str), call) == NOTHING


def _documented(*_args: object, **_options: object) -> None:
    """Do nothing, and say so."""


async def _documented_later(_value: object) -> None:
    """Do nothing later."""


@pytest.mark.parametrize("function", [_documented, _documented_later, lambda _self: None])
def test_what_does_nothing_is_known_by_its_code(function: Any) -> None:
    assert does_nothing(function)


@pytest.mark.parametrize(
    "function", [_refusing, _refusing_later, lambda: False, lambda value: value, lambda value: value.strip()]
)
def test_what_does_something_is_known_by_its_code(function: Any) -> None:
    assert not does_nothing(function)


def _judging(claims: dict[str, Any], names: tuple[str, ...]) -> list[Any]:
    held = {**claims}
    if any(found := [claims.get(name) for name in names]):
        return [held, found]
    raise Refused("nothing is there")


def _excusing(check: Callable[..., Any]) -> Callable[..., Any]:
    def lenient(value: Any) -> None:
        if value:
            check(value)

    return lenient


def _storing_attribute(value: Any) -> None:
    value.seen = True


def _storing_element(value: Any) -> None:
    value["seen"] = True


def _removing(value: Any) -> None:
    del value["seen"]


def _storing_global(_value: Any) -> None:
    global _count  # noqa: PLW0603 - what is to be found
    _count += 1


def _defaulting(value: Any) -> None:
    value.setdefault("sub", "somebody")


def _calling(value: Any) -> None:
    _storing_element(value)


def _nested(value: Any) -> Any:
    return lambda: value.update(seen=True)


def _counting() -> Callable[[Any], None]:
    count = 0

    def counted(_value: Any) -> None:
        nonlocal count
        count += 1

    return counted


@pytest.mark.parametrize("function", [_judging, _refusing, _excusing(_judging), lambda value: value])
def test_what_changes_nothing_is_known_by_its_code(function: Any) -> None:
    assert changes_nothing(function)


@pytest.mark.parametrize(
    "function",
    [
        _storing_attribute,
        _storing_element,
        _removing,
        _storing_global,
        _defaulting,
        _calling,
        _nested,
        _counting(),
        _excusing(_storing_element),
    ],
)
def test_what_changes_something_is_known_by_its_code_and_by_that_of_what_it_calls(function: Any) -> None:
    assert not changes_nothing(function)
