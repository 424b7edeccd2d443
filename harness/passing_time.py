"""Time that passes at the target: its clock is moved, or there is a wait where the user allows one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.verdict import Blocked, Interrupted

if TYPE_CHECKING:
    import threading

    from harness.target import ClockControl

UNLOCK = (
    "give codes and tokens short lives in a test set-up, and wait for their end with --max-wait SECONDS; "
    "time = false under [capabilities] leaves such scenarios out"
)


class PassingTime:
    """Lets time pass, for one scenario.

    Args:
        clock: the target's clock, where that can be moved.
        allowed: how many seconds may be waited in all where it cannot.
        stop: set when the user ends the run.

    Raises:
        Blocked: neither is possible.
    """

    def __init__(self, clock: ClockControl | None, allowed: float, stop: threading.Event) -> None:
        if clock is None and allowed <= 0:
            raise Blocked("the target's clock cannot be moved, and a run does not wait unless it is told to", UNLOCK)
        self._clock, self._allowed, self._left, self._stop = clock, allowed, allowed, stop

    def outlive(self, seconds: float, what: str) -> None:
        """Let so many seconds pass, which is how long something lives.

        Raises:
            Blocked: that is longer than a run may wait.
            Interrupted: the user ended the run.
        """
        if self._clock is None and seconds > self._left:
            unlock = f"--max-wait {seconds:.0f} waits for its end; a shorter life in a test set-up needs less"
            raise Blocked(f"{what} lives for longer than the {self._allowed:g} s that a scenario may wait", unlock)
        self.up_to(seconds)

    def up_to(self, seconds: float) -> float:
        """Let so many seconds pass, or as many as may still be waited; return how many that were.

        Raises:
            Interrupted: the user ended the run.
        """
        if self._clock:
            self._clock.advance(seconds)
            return seconds
        passed = min(seconds, self._left)
        self._left -= passed
        if self._stop.wait(passed):
            raise Interrupted
        return passed
