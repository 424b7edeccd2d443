"""Loopback addresses that no other test uses, so that all their ports are free; 127.0.0.0/8 is loopback."""

import os
from itertools import count

_numbers = count(1)


def own_loopback_address() -> str:
    """Return an address of this process's own, another one each time."""
    number = next(_numbers)
    return f"127.{64 + os.getpid() % 60}.{os.getpid() // 60 % 250}.{number % 250 + 1}"
