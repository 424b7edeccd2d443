"""An issuer from two sides: what a container and its host see of it has to be the same, to the letter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fixtures.service.issuer_check import Seen

Look = Callable[[str], Seen]
"""Looks from one side; it is given the access token of the other side, empty where there is none yet."""

_UNAUTHORIZED = 401
_NOT_TAKEN = {_UNAUTHORIZED, 403, 404}
_SERVER_FAULT = 500


@dataclass(frozen=True)
class Side:
    """One side.

    Attributes:
        name: as it stands after "from": `the host`, `the container NAME`.
        look: looks from there.
        fix: what to do when something that should answer does not answer there.
    """

    name: str
    look: Look
    fix: str


@dataclass(frozen=True)
class Compared:
    """What two sides see, and all that is wrong with it, each as a sentence that names the fix."""

    here: Seen
    there: Seen
    faults: tuple[str, ...]


def compare(issuer: str, resource: str, here: Side, there: Side) -> Compared:
    """Look at an issuer from both sides, get a token on each, and present it on the other.

    Args:
        issuer: the issuer identifier that both should find (RFC 8414 section 3.3).
        resource: the resource identifier of the MCP endpoint that takes its tokens; empty where there is none.
        here: one side.
        there: the other.
    """
    first = here.look("")
    seen = first, there.look(first.token)
    if seen[1].token:
        seen = here.look(seen[1].token), seen[1]
    sides = tuple(zip((here, there), seen, strict=True))
    faults = [f"from {side.name}, {own.url} {own.fault}: {side.fix}" for side, own in sides if own.fault]
    return Compared(*seen, tuple(faults or _differences(issuer, resource, sides)))


def _differences(issuer: str, resource: str, sides: tuple[tuple[Side, Seen], ...]) -> Iterator[str]:
    (here, own), (there, other) = sides
    for side, seen in sides:
        if seen.issuer != issuer:
            what = f"from {side.name}, {issuer} calls itself {seen.issuer}, which is another issuer"
            yield f"{what}: end what answers there, or start the sandbox at other ports"
    if own.keys != other.keys:
        what = f"{issuer} has other keys from {here.name} than from {there.name}, so two programs answer there"
        yield f"{what}: end the one that is not the sandbox, or start the sandbox at other ports"
    elif resource:
        yield from _refusals(resource, (here, there, own), (there, here, other))


def _refusals(resource: str, *ways: tuple[Side, Side, Seen]) -> Iterator[str]:
    for taker, giver, seen in ways:
        if seen.bare != _UNAUTHORIZED:
            what = f"from {taker.name}, {resource} answers a request without a token with {seen.bare}"
            yield f"{what}: this is no MCP server of the sandbox, or a fault is queued there (`DELETE /faults`)"
        elif seen.presented in _NOT_TAKEN or seen.presented >= _SERVER_FAULT:
            what = f"a token got from {giver.name} is answered with {seen.presented} when {taker.name} presents it"
            yield f"{what} at {resource}: this MCP server trusts another issuer than {seen.issuer}"
