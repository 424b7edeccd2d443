"""Work on several threads comes back in order, and ends with the first fault."""

from __future__ import annotations

import threading

import pytest

from harness.at_once import at_once


@pytest.mark.parametrize("width", [1, 4])
def test_results_are_in_the_order_of_the_items(width: int) -> None:
    assert at_once(lambda number: number * number, range(20), width) == [number * number for number in range(20)]


def test_as_many_are_under_way_as_were_asked_for() -> None:
    together = threading.Barrier(3, timeout=10)
    assert at_once(lambda _: together.wait() >= 0, range(6), 3) == [True] * 6


def test_a_fault_ends_it() -> None:
    begun: list[int] = []

    def work(number: int) -> None:
        begun.append(number)
        raise ValueError(number)

    with pytest.raises(ValueError, match="0"):
        at_once(work, range(1000), 2)
    assert len(begun) < 1000
