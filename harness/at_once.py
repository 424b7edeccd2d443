"""The same with many things, on several threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def at_once(work: Callable[[Item], Result], items: Iterable[Item], width: int) -> list[Result]:
    """Do something with each item and return what came of it, in the order of the items.

    Args:
        work: is called on several threads at the same time, unless the width is 1.
        items: what it is called with.
        width: how many are under way at the same time.

    Raises:
        Exception: what the first item to go wrong raised; what had not begun by then is left out.
    """
    if width <= 1:
        return [work(item) for item in items]
    pool = ThreadPoolExecutor(width, thread_name_prefix="at-once")
    try:
        futures = [pool.submit(work, item) for item in items]
        return [future.result() for future in futures]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
