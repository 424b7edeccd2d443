"""A client for what is asked hundreds of times, or holds more than concerns a scenario: what it sends is not kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.http import Client

if TYPE_CHECKING:
    from harness.exchange import Answer, Exchange


SHARE = 1.0
"""Which part of so many requests is sent; only the proof that scenarios can fail is content with less."""


class UnrecordedClient(Client):
    """A client that keeps nothing of what it sends and receives, so that memory does not grow with it.

    Tokens that it sends are learnt as secrets only from exchanges that others recorded, or from those that are kept.
    """

    def record(self, exchange: Exchange) -> None:
        """Keep nothing."""

    def keep(self, answer: Answer) -> None:
        """Record an exchange after all: the one that shows what is wrong."""
        super().record(answer.exchange)
