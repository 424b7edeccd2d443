"""Loopback addresses and ports that no other test uses; 127.0.0.0/8 is loopback."""

import os
import socket
from collections.abc import Iterable
from contextlib import ExitStack
from itertools import count

OFFSETS = (0, 1, 2, 10, 11, 12)
"""Where the ports of a sandbox are, from its base."""

_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_numbers = count(1)


def own_loopback_address() -> str:
    """Return an address of this process's own, another one each time."""
    number = next(_numbers)
    return f"127.{64 + os.getpid() % 60}.{os.getpid() // 60 % 250}.{number % 250 + 1}"


def free_base(offsets: Iterable[int] = OFFSETS) -> int:
    """Return a base port of which the ports at these offsets, by default a sandbox's, were free a moment ago."""
    for first in range(20_000 + 1_000 * _WORKER, 30_000, 13):
        with ExitStack() as stack:
            try:
                for offset in offsets:
                    stack.enter_context(socket.create_server(("127.0.0.1", first + offset)))
            except OSError:
                continue
        return first
    raise AssertionError("no free ports")
