"""Which scenarios come to the places that mutants change: a mutant cannot fail the others, so they are not asked."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fixtures.mutants import Mutant

Place = str
Visits = dict[Place, set[str]]
EVERYWHERE = "*"
"""Stands for all scenarios, in the place of an id."""


class Trace:
    """Notes by which scenario each place is come to, while the services run unmodified.

    A place that is no function cannot be watched, and counts as come to by every scenario; so does one that is come to
    while no scenario is under way, such as when the services are built.

    Args:
        mutants: whose places are watched.
    """

    def __init__(self, mutants: Iterable[Mutant]) -> None:
        self.scenario = EVERYWHERE
        self.visits: Visits = {}
        self._mutants = tuple(mutants)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Watch the places until the end of the block."""
        before: list[tuple[Any, str, Any]] = []
        try:
            for owner, name, visitors in self._unwatched():
                found = inspect.getattr_static(owner, name)
                function = getattr(found, "__func__", found)
                if inspect.isfunction(function):
                    before.append((owner, name, vars(owner).get(name, _INHERITED)))
                    watched = self._watched(function, visitors)
                    setattr(owner, name, watched if found is function else type(found)(watched))
                else:
                    visitors.add(EVERYWHERE)
            yield
        finally:
            for owner, name, value in before:
                if value is _INHERITED:
                    delattr(owner, name)
                else:
                    setattr(owner, name, value)

    def _unwatched(self) -> Iterator[tuple[Any, str, set[str]]]:
        for mutant in self._mutants:
            for name in mutant.changes:
                where = place(mutant, name)
                if where not in self.visits:
                    self.visits[where] = set()
                    yield mutant.owner, name, self.visits[where]

    def _watched(self, function: Callable[..., Any], visitors: set[str]) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def later(*args: Any, **options: Any) -> Any:
                visitors.add(self.scenario)
                return await function(*args, **options)

            return later

        @functools.wraps(function)
        def now(*args: Any, **options: Any) -> Any:
            visitors.add(self.scenario)
            return function(*args, **options)

        return now


def place(mutant: Mutant, name: str) -> Place:
    """Return the full name of a place that a mutant changes."""
    owner = mutant.owner
    module = f"{owner.__module__}." if inspect.isclass(owner) else ""
    return f"{module}{getattr(owner, '__qualname__', owner.__name__)}.{name}"


def merged(parts: Iterable[Visits]) -> Visits:
    """Put together what several traces saw."""
    whole: Visits = {}
    for part in parts:
        for name, visitors in part.items():
            whole.setdefault(name, set()).update(visitors)
    return whole


def reaching(mutant: Mutant, visits: Mapping[Place, set[str]]) -> frozenset[str]:
    """Return the ids of the scenarios that come to what a mutant changes, or `EVERYWHERE` among them."""
    return frozenset().union(*(visits.get(place(mutant, name), {EVERYWHERE}) for name in mutant.changes))


_INHERITED = object()
