"""An issuer from two sides: what is the same is fine, and each difference has its sentence with the fix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from fixtures.service.issuer_check import Seen
from harness.sandbox.containers.sides import Look, Side, compare

ISSUER, RESOURCE = "http://127.0.0.1:7401/acme", "http://127.0.0.1:7402/acme/mcp"
SEEN = Seen(issuer=ISSUER, keys=("a", "b"))


def _side(name: str, token: str, presented: list[str], change: Callable[[Seen], Seen] = lambda seen: seen) -> Side:
    def look(other: str) -> Seen:
        presented.append(other)
        seen = replace(SEEN, token=token)
        return change(replace(seen, presented=400, bare=401) if other else seen)

    return Side(name, look, f"mend {name}")


def test_two_sides_that_see_the_same_have_no_fault_and_each_presents_the_others_token() -> None:
    here, there = [], []  # type: list[str], list[str]
    compared = compare(ISSUER, RESOURCE, _side("the host", "one", here), _side("the container x", "two", there))
    assert compared.faults == ()
    assert (here, there) == (["", "two"], ["one"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"issuer": "http://as:7401/acme"}, "from the container x, http://127.0.0.1:7401/acme calls itself http://as"),
        ({"keys": ("c",)}, "other keys from the host than from the container x, so two programs answer there: end"),
        ({"bare": 200}, "answers a request without a token with 200: this is no MCP server of the sandbox, or"),
        ({"presented": 401}, "a token got from the host is answered with 401 when the container x presents it at"),
        ({"presented": 502}, "a token got from the host is answered with 502 when the container x presents it at"),
        ({"url": "URL", "fault": "does not answer"}, "from the container x, URL does not answer: mend the container x"),
    ],
)
def test_each_difference_has_its_sentence(changes: dict[str, object], said: str) -> None:
    def changed(seen: Seen) -> Seen:
        return replace(seen, **changes)  # type: ignore[arg-type]

    sides = _side("the host", "one", []), _side("the container x", "two", [], changed)
    (fault,) = compare(ISSUER, RESOURCE, *sides).faults
    assert said in fault


def test_without_an_mcp_server_issuer_and_keys_are_compared() -> None:
    look: Look = lambda _token: replace(SEEN, token="one")  # noqa: E731
    sides = Side("the host", look, ""), Side("the container x", look, "")
    assert compare(ISSUER, "", *sides).faults == ()
