"""What calling a function comes to, and when two calls come to the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from harness.outcomes import Outcome, outcome


class Refused(Exception):
    """Something is not done."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status


@dataclass
class Token:
    """Something that is changed later."""

    used: bool = False


def _refusing(reason: str) -> None:
    raise Refused(reason)


def test_an_outcome_returns_or_raises() -> None:
    assert outcome(max, 1, 2).result() == 2
    with pytest.raises(Refused, match="no"):
        outcome(_refusing, "no").result()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Outcome(1), Outcome(1), True),
        (Outcome(1), Outcome(2), False),
        (Outcome(1), Outcome(True), False),
        (Outcome({"exp": [1]}), Outcome({"exp": [1]}), True),
        (Outcome({"exp": [1]}), Outcome({"exp": [1.0]}), False),
        (Outcome(("a",)), Outcome(["a"]), False),
        (Outcome(object()), Outcome(object()), False),
        (Outcome(Token()), Outcome(Token()), False),
        (Outcome(), Outcome(None), True),
        (Outcome(), Outcome(error=Refused("no")), False),
        (Outcome(error=Refused("no")), Outcome(error=Refused("no")), True),
        (Outcome(error=Refused("no")), Outcome(error=Refused("not")), False),
        (Outcome(error=Refused("no")), Outcome(error=Refused("no", 401)), False),
        (Outcome(error=Refused("no")), Outcome(error=ValueError("no")), False),
    ],
)
def test_outcomes_are_the_same_when_nobody_can_tell_them_apart(one: Outcome, other: Outcome, *, same: bool) -> None:
    assert one.same(other) is same
    assert other.same(one) is same


def test_an_object_is_the_same_as_itself() -> None:
    token: Any = Token()
    assert Outcome(token).same(Outcome(token))
