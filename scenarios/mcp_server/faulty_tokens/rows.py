"""Rows that have their requirements and their remedy in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from harness import Fault, fault
from harness.forging import Make
from harness.support import Capability


def with_claim(
    claim: str, values: Mapping[str, Any], *requirements: str, remedy: str, needs: Iterable[Capability] = ()
) -> tuple[Fault, ...]:
    """Return a row for each value of a claim, by the row's name."""
    rows = values.items()
    return tuple(fault(name, *requirements, remedy=remedy, needs=needs, **{claim: value}) for name, value in rows)


def made_by(
    forges: Mapping[str, Make], *requirements: str, remedy: str, needs: Iterable[Capability] = ()
) -> tuple[Fault, ...]:
    """Return a row for each way of making a whole token, by the row's name."""
    return tuple(fault(name, *requirements, remedy=remedy, needs=needs, forge=make) for name, make in forges.items())
