"""The clock of services in containers: its file is in the pod, so that it is read and moved through a control plane."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from fixtures.service.clock import Clock

if TYPE_CHECKING:
    from harness.sandbox.control import ControlPlane

FRESH_SECONDS = 1.0
"""How long an answer holds: a run wants the time thousands of times, and is the one who moves it."""


class PodClock(Clock):
    """The clock that the services share, as seen from here.

    Every method raises `SandboxError` when the control plane does not answer.

    Args:
        control: returns a client of the control plane of any of the services; it is closed after each use, since nobody
            says when a clock is looked at for the last time.
    """

    def __init__(self, control: Callable[[], ControlPlane]) -> None:
        self._control = control
        self._lock = threading.Lock()
        self._ahead = 0.0
        self._until = -math.inf

    @property
    def offset(self) -> float:
        """Seconds by which the services' clock is ahead of our system's, which an engine's machine may not share."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._ahead = self._asked()
                self._until = time.monotonic() + FRESH_SECONDS
            return self._ahead

    def advance(self, seconds: float) -> None:
        """Move the clock by so many seconds; a negative number moves it back."""
        with self._lock:
            self._until = -math.inf
            with self._control() as control:
                control.advance(seconds)

    def reset(self) -> None:
        """Return to the system's time."""
        with self._lock:
            self._until = -math.inf
            with self._control() as control:
                control.reset_clock()

    def _asked(self) -> float:
        """Ask for the clock. Where its system's is not ours, the time is rather told too early than too late.

        What is dated in the future is refused.
        """
        with self._control() as control:
            sent = time.time()
            now, offset = control.clock()
            received = time.time()
        return offset if sent <= now - offset <= received else now - received
