"""The same with many things on several threads, and many requests at the same instant."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from harness.mcp_context import McpContext

Item = TypeVar("Item")
Result = TypeVar("Result")

PATIENCE = 2.0
"""Seconds that requests wait for the last of them to be ready; then they go without it."""


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


def together(ctx: McpContext, sends: Sequence[Callable[[], Result]]) -> list[Result]:
    """Send requests at the same instant, whatever `--jobs` says, and return what came of each, in order.

    The first request of each function waits, whole and on an open connection of its own, until those of all others are
    as far; what a function sends after that it sends as it comes.

    Raises:
        Exception: what the first function to go wrong raised.
    """
    line = threading.Barrier(len(sends), timeout=PATIENCE)
    network = ctx.http.wire.network

    def ready() -> None:
        with suppress(threading.BrokenBarrierError):
            line.wait()

    def run(send: Callable[[], Result]) -> Result:
        try:
            with network.held_back(ready):
                return send()
        finally:
            line.abort()  # no one waits for a request that is over, or was never sent

    return at_once(run, sends, len(sends))
