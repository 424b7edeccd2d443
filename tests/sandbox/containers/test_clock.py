"""The clock through a control plane: exact where both share the system's time, and never ahead where they do not."""

from __future__ import annotations

import time
from types import TracebackType
from typing import cast

import pytest

from harness.sandbox.containers import clock as module
from harness.sandbox.containers.clock import PodClock
from harness.sandbox.control import ControlPlane


class Elsewhere:
    """A control plane on a machine whose system's time is ahead of ours by some seconds."""

    def __init__(self, skew: float = 0.0) -> None:
        self.skew, self.offset, self.asked = skew, 0.0, 0

    def clock(self) -> tuple[float, float]:
        self.asked += 1
        return time.time() + self.skew + self.offset, self.offset

    def advance(self, seconds: float) -> float:
        self.offset += seconds
        return time.time() + self.offset

    def reset_clock(self) -> None:
        self.offset = 0.0

    def __enter__(self) -> Elsewhere:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing is open."""


def _clock(elsewhere: Elsewhere) -> PodClock:
    return PodClock(lambda: cast(ControlPlane, elsewhere))


def test_on_the_same_machine_it_is_exact() -> None:
    elsewhere = Elsewhere()
    clock = _clock(elsewhere)
    clock.advance(1234.5)
    assert clock.offset == 1234.5
    clock.reset()
    assert clock.offset == 0.0


@pytest.mark.parametrize("skew", [-3600.0, -0.75, 0.75, 3600.0])
def test_of_another_machine_it_tells_the_time_and_never_a_later_one(skew: float) -> None:
    elsewhere = Elsewhere(skew)
    clock = _clock(elsewhere)
    clock.advance(100)
    told, there = clock.now(), elsewhere.clock()[0]
    assert there - 0.5 < told <= there
    assert clock.seconds() <= elsewhere.clock()[0]


def test_it_asks_once_for_a_while_and_again_when_it_was_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FRESH_SECONDS", 3600)
    elsewhere = Elsewhere()
    clock = _clock(elsewhere)
    for _ in range(100):
        clock.now()
    assert elsewhere.asked == 1
    clock.advance(5)
    assert clock.offset == 5
    clock.reset()
    assert (clock.offset, elsewhere.asked) == (0, 3)


def test_it_hears_of_another_who_moved_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FRESH_SECONDS", 0)
    elsewhere = Elsewhere()
    clock = _clock(elsewhere)
    assert clock.offset == 0
    elsewhere.advance(60)
    assert clock.offset == 60
