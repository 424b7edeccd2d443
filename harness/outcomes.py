"""What calling a function comes to, and what its code shows of it: by this two functions are told apart."""

from __future__ import annotations

import dis
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

Function = Callable[..., Any]

_STORING = ("STORE_ATTR", "STORE_SUBSCR", "STORE_SLICE", "DELETE_ATTR", "DELETE_SUBSCR")
_REBINDING = ("STORE_GLOBAL", "DELETE_GLOBAL")
_OF_CELLS = ("STORE_DEREF", "DELETE_DEREF")
_LOOKING_UP = ("LOAD_ATTR", "LOAD_METHOD")
_CHANGING = frozenset(
    {"add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove", "setdefault", "update"}
)


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
        return self.value is other.value or (type(self.value) is type(other.value) and bool(self.value == other.value))


NOTHING = Outcome()
"""What comes of a function that does nothing."""


def outcome(function: Function, *args: Any, **options: Any) -> Outcome:
    """Call a function and return what it came to."""
    try:
        return Outcome(function(*args, **options))
    except BaseException as error:  # whatever it is: `result` raises it
        return Outcome(error=error)


async def outcome_later(function: Function, *args: Any, **options: Any) -> Outcome:
    """Call a coroutine function and return what it came to."""
    try:
        return Outcome(await function(*args, **options))
    except BaseException as error:  # whatever it is: `result` raises it
        return Outcome(error=error)


def in_turn(row: Collection[Function], called: Callable[[Function], Outcome]) -> Outcome:
    """Return what a row of checks comes to: the first that raises ends it, and what they return is not looked at."""
    for check in row:
        if (found := called(check)).error is not None:
            return found
    return NOTHING


def does_nothing(function: Function) -> bool:
    """Whether a function, or a coroutine function, returns None at once, as its code shows."""
    return _shape(function) in (_shape(_nothing), _shape(_nothing_later))


def changes_nothing(function: Function) -> bool:
    """Whether a function leaves what it is given as it was, as far as its code shows.

    Looked at are its code, and that of the functions of the same package that it names: none that is given something
    stores in an attribute or an element, or calls a method that changes a list, a set or a dictionary, and none stores
    in a name that is not its own. Of the methods of other objects this says nothing.
    """
    return not any(_changes(found) for found in _named_in(function, set()))


def _named_in(function: Any, seen: set[int]) -> Iterator[FunctionType]:
    """Yield a function, and those of its package that it names."""
    if id(function) in seen or not isinstance(function, FunctionType):
        return
    seen.add(id(function))
    yield function
    names = {name for code in _nested(function.__code__) for name in code.co_names}
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    for named in (*cells, *map(function.__globals__.get, sorted(names))):
        if isinstance(named, FunctionType) and _package(named) == _package(function):
            yield from _named_in(named, seen)


def _changes(function: FunctionType) -> bool:
    outer = function.__code__.co_freevars
    return any(
        name in _REBINDING or (name in _OF_CELLS and value in outer) or (given and _alters(name, value))
        for code in _nested(function.__code__)
        for given in [code.co_argcount or code.co_kwonlyargcount or code.co_freevars]
        for name, value in _shape(code)
    )


def _alters(name: str, value: Any) -> bool:
    return name in _STORING or (name in _LOOKING_UP and value in _CHANGING)


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _package(function: FunctionType) -> str:
    return function.__module__.partition(".")[0]


def _same_error(one: BaseException | None, other: BaseException | None) -> bool:
    if one is None or other is None:
        return False
    return one is other or (type(one) is type(other) and one.args == other.args and vars(one) == vars(other))


def _shape(function: Function | CodeType) -> list[tuple[str, Any]]:
    return [(instruction.opname, instruction.argval) for instruction in dis.get_instructions(function)]


def _nothing() -> None:
    return None


async def _nothing_later() -> None:
    return None
