"""Values of a run that are worked out once, by the first thread that asks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from harness.verdict import Blocked, NotApplicable, Violation

T = TypeVar("T")


class Once(Generic[T]):
    """A value, or the exception that came instead, worked out by the first thread that asks."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make, self._lock = make, threading.Lock()
        self._value: T | None = None
        self._fault: Exception | None = None
        self._done = False

    def get(self) -> T:
        """Return the value, or raise what its making raised."""
        with self._lock:
            if not self._done:
                try:
                    self._value = self._make()
                except (Blocked, NotApplicable, Violation) as fault:
                    self._fault = fault
                self._done = True
        if self._fault:
            raise self._fault
        return self._value  # type: ignore[return-value]
