"""The places where the harness plays servers of others, when those who are to ask cannot be let in any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from harness import listener
from harness.sandbox.documents import DocumentsPlace
from harness.sandbox.errors import SilentError
from harness.sandbox.rates import RatesPlace

Served = Callable[[], object]


def _documents() -> tuple[DocumentsPlace, Served]:
    place = DocumentsPlace()
    return place, place.serve


def _rates() -> tuple[RatesPlace, Served]:
    place = RatesPlace()
    return place, lambda: place.api


@contextmanager
def _nowhere(_port: int) -> Iterator[None]:
    raise SilentError("the network has ended")
    yield


@pytest.mark.parametrize("made", [_documents, _rates])
def test_whoever_asks_is_told_that_it_is_the_sandbox_that_does_not_answer(
    made: Callable[[], tuple[DocumentsPlace | RatesPlace, Served]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "outlets", [_nowhere])
    place, serve = made()
    with pytest.raises(SilentError, match="the network has ended"):
        serve()
    for _ in range(2):
        with pytest.raises(SilentError, match="no longer"):
            serve()
    place.close()
