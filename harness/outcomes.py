"""What calling a function comes to: by this two functions are told apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Function = Callable[..., Any]


@dataclass(frozen=True)
class Outcome:
    """What a call came to: the value that it returned, or the exception that it raised."""

    value: Any = None
    error: BaseException | None = None

    def result(self) -> Any:
        """Return or raise it."""
        if self.error is not None:
            raise self.error
        return self.value

    def same(self, other: Outcome) -> bool:
        """Whether nobody could tell the two apart; what cannot be compared counts as different."""
        if self.error is not None or other.error is not None:
            return _same_error(self.error, other.error)
        return self.value is other.value or _same_data(self.value, other.value)


def outcome(function: Function, *args: Any, **options: Any) -> Outcome:
    """Call a function and return what it came to."""
    try:
        return Outcome(function(*args, **options))
    except BaseException as error:  # whatever it is: `result` raises it
        return Outcome(error=error)


def _same_error(one: BaseException | None, other: BaseException | None) -> bool:
    if one is None or other is None:
        return False
    return one is other or (type(one) is type(other) and one.args == other.args and vars(one) == vars(other))


def _same_data(one: Any, other: Any) -> bool:
    """Compare data as it is written: 1, 1.0 and True are three, though they are equal.

    An object with attributes is the same as itself alone: whoever changes one of two leaves the other as it was.
    """
    return not hasattr(one, "__dict__") and bool(one == other) and repr(one) == repr(other)
