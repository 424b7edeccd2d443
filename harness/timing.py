"""Whether one of two requests takes longer, told by a few answers in spite of the noise of networks and machines."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from statistics import median

from harness.exchange import Answer
from harness.verdict import NotApplicable

PAIRS, MANY = 14, 10
"""How many pairs are sent, and in how many of them one side has to be the slower one to be suspected."""
PAIRS_AGAIN, MOST = 40, 34
"""The same for what is suspected: by chance, that side is the slower one so often in four cases of a million."""
LEAST_MS, SHARE = 5.0, 0.25
"""What a difference of the medians has to be at least: in milliseconds, and as a part of the usual time."""
NOISE_MS = 100.0
"""From which usual deviation of the differences on nothing can be told."""

Send = Callable[[], Answer]
Times = Sequence[tuple[float, float]]


def difference(first: Send, second: Send, seed: int) -> float:
    """Return by how many milliseconds the first request's answer takes longer than the second's; 0 where it does not.

    The two are sent in pairs, in random order. A difference is looked at a second time, closely, before it is told.

    Args:
        first: sends a request that is answered the same each time.
        second: sends the other one.
        seed: of the order.

    Raises:
        NotApplicable: the times vary too much, or the answers do not stay the same.
    """
    order = random.Random(seed)  # noqa: S311 - an order that can be had again
    usual = first().status, second().status  # connections are open and caches are filled from here on
    times = _times(first, second, usual, order, PAIRS)
    suspected = told_apart(times, MANY)
    if suspected:
        times = _times(first, second, usual, order, PAIRS_AGAIN)
        found = told_apart(times, MOST)
        if found * suspected > 0:
            return found
    if _noise(times) > NOISE_MS:
        raise NotApplicable("the times of the answers vary too much to be compared")
    return 0.0


def told_apart(times: Times, enough: int) -> float:
    """Return the median difference of paired times in milliseconds; 0 where chance or noise explains it.

    Args:
        times: in milliseconds, of the one and the other side.
        enough: in how many pairs one side has to be the slower one.
    """
    found = median(one - other for one, other in times)
    slower = sum(one > other for one, other in times)
    usual = min(median(one for one, _ in times), median(other for _, other in times))
    steady = max(slower, len(times) - slower) >= enough
    return found if steady and abs(found) >= max(LEAST_MS, SHARE * usual) else 0.0


def _noise(times: Times) -> float:
    """Return how far differences are from their median, in the median."""
    differences = [one - other for one, other in times]
    middle = median(differences)
    return median(abs(value - middle) for value in differences)


def _times(
    first: Send, second: Send, usual: tuple[int, int], order: random.Random, pairs: int
) -> list[tuple[float, float]]:
    return [_pair(first, second, usual, turned=order.choice((True, False))) for _ in range(pairs)]


def _pair(first: Send, second: Send, usual: tuple[int, int], *, turned: bool) -> tuple[float, float]:
    if turned:
        two, one = second(), first()
    else:
        one, two = first(), second()
    if (one.status, two.status) != usual:
        raise NotApplicable(f"the answers do not stay the same when they are asked for often: {two.summary()}")
    return one.exchange.elapsed_ms, two.exchange.elapsed_ms
