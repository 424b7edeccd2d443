"""Short-lived things under handles that nobody can guess."""

from __future__ import annotations

import secrets
from typing import Generic, Protocol, TypeVar

from fixtures.service.clock import Clock

REMEMBERED = 600
"""Seconds for which a thing is still found after its end: whoever uses it checks `expires_at`."""


class Expiring(Protocol):
    """Anything that ends at a known time."""

    @property
    def expires_at(self) -> float:
        """Seconds since the epoch."""


Item = TypeVar("Item", bound=Expiring)


class Store(Generic[Item]):
    """Items of one kind and one lifetime, in memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._items: dict[str, Item] = {}

    def add(self, item: Item) -> str:
        """Keep an item and return its new handle: 256 random bits, base64url."""
        self._forget_old()
        handle = secrets.token_urlsafe(32)
        self._items[handle] = item
        return handle

    def find(self, handle: str | None) -> Item | None:
        """Return the item of a handle, though its time may be over; None for an unknown handle."""
        return self._items.get(handle) if handle else None

    def drop(self, handle: str | None) -> None:
        """Forget an item; an unknown handle is no error."""
        if handle:
            self._items.pop(handle, None)

    def clear(self) -> None:
        """Forget everything."""
        self._items.clear()

    def _forget_old(self) -> None:
        horizon = self._clock.now() - REMEMBERED
        while self._items:
            oldest = next(iter(self._items))
            if self._items[oldest].expires_at > horizon:
                return
            del self._items[oldest]
