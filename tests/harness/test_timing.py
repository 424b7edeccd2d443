"""A difference of times is told where it is there, and chance is not taken for one."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from itertools import count

import pytest

from harness.exchange import Answer, Evidence, Exchange
from harness.timing import LEAST_MS, MOST, PAIRS, PAIRS_AGAIN, difference, told_apart
from harness.verdict import NotApplicable

Send = Callable[[], Answer]
ALL = PAIRS + PAIRS_AGAIN + 1


def _pairs(slower: int, by: float, usual: float = 2.0) -> list[tuple[float, float]]:
    return [(usual + by, usual)] * slower + [(usual, usual + by)] * (PAIRS_AGAIN - slower)


def _sends(times: Iterable[float], status: int = 400) -> Send:
    rest = iter(times)

    def send() -> Answer:
        return Answer(Exchange("POST", "http://127.0.0.1/", (), b"", status, elapsed_ms=next(rest)), Evidence())

    return send


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (_pairs(PAIRS_AGAIN, 20), 20),
        (_pairs(MOST, 20), 20),
        (_pairs(0, 20), -20),
        (_pairs(MOST - 1, 20), 0),
        (_pairs(PAIRS_AGAIN, LEAST_MS - 0.1), 0),
        (_pairs(PAIRS_AGAIN, 20, usual=200), 0),
        (_pairs(PAIRS_AGAIN, 60, usual=200), 60),
    ],
)
def test_a_difference_has_to_be_steady_and_to_matter(times: list[tuple[float, float]], expected: float) -> None:
    assert told_apart(times, MOST) == expected


def test_nothing_is_told_of_times_that_vary_too_much() -> None:
    wild = [2.0, *(2_000.0 * (number % 3) for number in range(PAIRS))]
    with pytest.raises(NotApplicable, match="vary too much"):
        difference(_sends(wild), _sends([2.0] + [1_000.0] * PAIRS), seed=0)


def test_a_difference_that_is_not_there_again_is_chance() -> None:
    first = [2.0] + [40.0] * PAIRS + [2.0] * PAIRS_AGAIN
    assert difference(_sends(first), _sends([2.0] * ALL), seed=0) == 0


def test_a_difference_that_is_turned_round_is_chance() -> None:
    first = [20.0] + [40.0] * PAIRS + [2.0] * PAIRS_AGAIN
    assert difference(_sends(first), _sends([20.0] * ALL), seed=0) == 0


def test_a_difference_that_is_there_twice_is_told() -> None:
    first = [2.0] + [40.0] * PAIRS + [30.0] * PAIRS_AGAIN
    assert difference(_sends(first), _sends([2.0] * ALL), seed=0) == 28


def test_what_is_alike_is_asked_once_only() -> None:
    assert difference(_sends([2.0] * (PAIRS + 1)), _sends([2.0] * (PAIRS + 1)), seed=7) == 0


def test_who_is_told_to_come_later_learns_nothing() -> None:
    answers = [_sends([2.0], status)() for status in (400, 400, 429)]
    with pytest.raises(NotApplicable, match="do not stay the same"):
        difference(iter(answers).__next__, _sends([2.0] * PAIRS), seed=0)


def _noisy(usual: float, noise: random.Random) -> Send:
    return _sends(usual + noise.choice((1.0, 2.0, 3.0, 60.0)) * noise.random() for _ in count())


def test_noise_is_no_difference() -> None:
    noise = random.Random(5)
    one, other = _noisy(1, noise), _noisy(1, noise)
    assert not any(difference(one, other, seed) for seed in range(1_000))


def test_a_difference_is_told_through_noise() -> None:
    noise = random.Random(5)
    fast, slow = _noisy(1, noise), _noisy(40, noise)
    assert sum(difference(slow, fast, seed) > LEAST_MS for seed in range(100)) > 90
    assert sum(difference(fast, slow, seed) < -LEAST_MS for seed in range(100)) > 90
