"""The access matrix is what the target file says: scopes with what they imply, tenants, and who else is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.access import MOST, cells, effective, identities
from harness.target import Identity, Target, Tenant, Tool


class Signer:
    """It is there: nothing is signed while a matrix is made."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


HOME = Tenant("acme", "http://127.0.0.1/acme", "http://127.0.0.1/acme/mcp", signer=Signer())
OTHER = Tenant("globex", "http://127.0.0.1/globex", "http://127.0.0.1/globex/mcp", signer=Signer())
TOOLS = {
    "read": Tool("read", frozenset({"see"})),
    "write": Tool("write", frozenset({"do", "see"})),
    "close": Tool("close", allow=frozenset({"boss"})),
}


def declared(**people: Identity) -> Target:
    return Target("t", HOME, OTHER, identities=people, tools=TOOLS, implied={"do": "see"})


def allowed(target: Target) -> set[tuple[str, str, str]]:
    return {(cell.identity.name, cell.tenant.name, cell.tool.name) for cell in cells(target) if cell.allowed}


def test_scopes_the_tenant_and_allow_decide() -> None:
    target = declared(
        reader=Identity("reader", frozenset({"see"})),
        writer=Identity("writer", frozenset({"do"})),
        boss=Identity("boss"),
        guest=Identity("guest", frozenset({"see"}), "globex"),
    )
    assert allowed(target) == {
        ("reader", "acme", "read"),
        ("writer", "acme", "read"),
        ("writer", "acme", "write"),
        ("boss", "acme", "close"),
        ("guest", "globex", "read"),
    }
    assert len(list(cells(target))) == 4 * 2 * len(TOOLS)


def test_a_scope_may_imply_several_and_these_others() -> None:
    implied = {"all": "do mail", "do": "see"}
    assert effective(implied, ["all"]) == {"all", "do", "mail", "see"}
    assert effective(implied, ["do", "see"]) == {"do", "see"}


def test_who_cannot_have_a_token_is_left_out() -> None:
    people = {"known": Identity("known", token="a-token"), "unknown": Identity("unknown")}
    target = replace(declared(**people), home=replace(HOME, signer=None))
    assert [identity.name for identity in identities(target)] == ["known"]
    assert list(cells(replace(target, identities={}, other=None))) == []


def test_callers_follow_from_the_tools_where_none_are_declared() -> None:
    found = identities(declared())
    assert {identity.scopes for identity in found if not identity.tenant} == {
        frozenset({"do", "see"}),
        frozenset({"do"}),
        frozenset({"see"}),
        frozenset(),
    }
    assert {identity.scopes for identity in found if identity.tenant} == {frozenset({"do", "see"}), frozenset()}
    assert len({identity.name for identity in found}) == len(found)


def test_only_callers_with_all_scopes_are_sent_to_another_tenant_unless_they_are_declared() -> None:
    crossing = {
        cell.identity.name for cell in cells(declared()) if (cell.identity.tenant or "acme") != cell.tenant.name
    }
    assert crossing == {"somebody with all scopes", "somebody of globex with all scopes"}


def test_a_tool_of_which_nothing_is_said_is_asked_of_declared_callers_only() -> None:
    silent = {**TOOLS, "any": Tool("any")}
    assert "any" not in {cell.tool.name for cell in cells(replace(declared(), tools=silent))}
    people = replace(declared(boss=Identity("boss")), tools=silent)
    assert ("boss", "acme", "any") in allowed(people)


def test_callers_that_nobody_declared_are_few() -> None:
    tools = {f"t{number}": Tool(f"t{number}", frozenset({f"s{number}"})) for number in range(200)}
    found = list(cells(Target("t", HOME, tools=tools)))
    assert 0 < len(found) <= MOST + len(tools)
    assert {cell.allowed for cell in found} == {True, False}


@pytest.mark.parametrize(("name", "words"), [("acme", "read at acme by boss"), ("", "read by boss")])
def test_a_cell_is_told_in_words(name: str, words: str) -> None:
    target = replace(declared(boss=Identity("boss")), home=replace(HOME, name=name), other=None)
    assert str(next(iter(cells(target)))) == words
