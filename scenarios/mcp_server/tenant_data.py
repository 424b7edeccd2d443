"""Tenants: what tools return, list and tell in errors is of the caller's tenant alone (docs/tenant-profile.md)."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from harness import Context, expect, scenario
from harness.exchange import Answer
from harness.mcp_calls import message_of, result_of, succeeded
from harness.mcp_capability import MCP_TENANTS, OTHER_RECORDS, TENANT_DATA, VISIBLE_EFFECT
from harness.run import Site
from harness.target import Tool
from harness.verdict import Blocked

LISTS = ("tools/list", "resources/list", "resources/templates/list", "prompts/list")
NAMES = ("tenant", "tenant_id", "tenantId", "organization", "org")
HEADERS = ("X-Tenant", "X-Tenant-ID", "X-Forwarded-Tenant", "Tenant", "X-Organization")
PATH_HEADERS = ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix", "X-Forwarded-Uri")
CHANGED, SHORTEST = 6, 4


@scenario("tenant-8-1", "tenant-14-1", needs={TENANT_DATA})
def no_header_turns_a_call_to_another_tenant(ctx: Context) -> None:
    """A tenant that is asked with its own token returns nothing of another one that headers name.

    Remedy: take the tenant of each query from the validated token, and believe no header.
    """
    name, path = ctx.home.tenant.name or "default", urlsplit(ctx.home.tenant.mcp_server).path
    for headers in (dict.fromkeys(HEADERS, name), dict.fromkeys(PATH_HEADERS, path)):
        answer = ctx.call_tool(_of_home(ctx), token=ctx.mint(at=ctx.other), at=ctx.other, headers=headers)
        _shows_nothing_of(ctx.home, answer)


@scenario("tenant-8-1", "tenant-14-1", needs={TENANT_DATA})
def no_argument_turns_a_call_to_another_tenant(ctx: Context) -> None:
    """A tenant that is asked with its own token returns nothing of another one that arguments name.

    Why: the arguments are often a language model's, which repeats what it has read somewhere.
    Remedy: take the tenant of each query from the validated token, and have no argument for it.
    """
    tool = _of_home(ctx)
    named = dict.fromkeys(NAMES, ctx.home.tenant.name or "default")
    naming = replace(tool, arguments={**tool.arguments, **named})
    _shows_nothing_of(ctx.home, ctx.call_tool(naming, token=ctx.mint(at=ctx.other), at=ctx.other))
    params = {"name": tool.name, "arguments": dict(tool.arguments), "_meta": named}
    _shows_nothing_of(ctx.home, ctx.mcp_request("tools/call", params, token=ctx.mint(at=ctx.other), at=ctx.other))


@scenario("tenant-16-1", needs={TENANT_DATA})
def a_session_shows_nothing_to_another_tenant(ctx: Context) -> None:
    """Within a session that one tenant opened, another tenant's token returns nothing of the first one.

    Why: a server that notes the tenant when a session begins goes by that for all that follows.
    Remedy: take the tenant from the token of each request.
    """
    opened = ctx.session(ctx.mint())
    elsewhere = replace(opened, url=ctx.other.tenant.mcp_server)
    answer = ctx.call_tool(_of_home(ctx), token=ctx.mint(at=ctx.other), within=elsewhere)
    _shows_nothing_of(ctx.home, answer)


@scenario("tenant-14-1", needs={OTHER_RECORDS})
def a_guessed_identifier_opens_nothing(ctx: Context) -> None:
    """A tenant that asks for another one's record, by the identifier that it has there, is not given it.

    Remedy: look records up by tenant and identifier, never by the identifier alone.
    """
    _shows_nothing_of(ctx.other, ctx.call_tool(ctx.world.tool_at(ctx.other), token=ctx.mint()))


@scenario("tenant-17-1", needs={OTHER_RECORDS})
def another_tenants_record_looks_like_one_that_nobody_has(ctx: Context) -> None:
    """Who asks for another tenant's record is answered as if it did not exist.

    Why: a different answer tells which identifiers are worth more trying.
    Remedy: look records up within the tenant, so that there is only one way to find none.
    """
    foreign = _differing(ctx)
    first, asked, second = (_ask(ctx, identifiers) for identifiers in (_unknown(foreign), foreign, _unknown(foreign)))
    ctx.require(ctx.home.tenant.own_text not in first.answer.text, "the tool does not look at its arguments")
    steady = first.seen == second.seen  # else answers hold what is new in each, such as the time
    alike = asked.seen == first.seen if steady else asked.kind == first.kind
    actual = f"{asked.told}, and for one that nobody has {first.told}"
    expect(alike, "the same answer as for a record that nobody has", actual, asked.answer)


@scenario("tenant-14-1", needs={OTHER_RECORDS})
def no_error_names_another_tenants_records(ctx: Context) -> None:
    """The answer to who asks for a record that nobody has names none of another tenant's.

    Remedy: offer in errors only what the caller's own tenant has.
    """
    foreign = _differing(ctx)
    asked = _ask(ctx, _unknown(foreign))
    _names_nothing_of(ctx, foreign, asked.answer)


@scenario("tenant-14-1", needs={OTHER_RECORDS})
def no_list_names_another_tenants_records(ctx: Context) -> None:
    """The lists of tools, resources and prompts that one tenant gets name none of another tenant's records.

    Remedy: build each list from what the caller's tenant has.
    """
    foreign = _differing(ctx)
    ctx.accepted(ctx.mint())
    for method in LISTS:
        _names_nothing_of(ctx, foreign, ctx.mcp_request(method, token=ctx.mint()))


@scenario("tenant-14-1", needs={MCP_TENANTS, VISIBLE_EFFECT})
def what_one_tenant_writes_another_does_not_read(ctx: Context) -> None:
    """What a tool changed for one tenant does not show at another one.

    Remedy: write each record with the tenant of the validated token, and read it with the same condition.
    """
    effect, marker = ctx.target.effect, f"assay{secrets.token_hex(6)}"
    assert effect
    ctx.require(effect.by_scopes, f"who may call {effect.write.name} and {effect.read.name} is not decided by scopes")
    ctx.accepted(ctx.mint(), tool=effect.marked(marker))
    own = ctx.accepted(ctx.mint(), tool=effect.read)
    if marker not in own.text:
        raise Blocked(
            f"{effect.read.name} does not show what {effect.write.name} did", "look at [effect]", own.exchange
        )
    answer = ctx.call_tool(effect.read, token=ctx.mint(at=ctx.other), at=ctx.other)
    expect(marker not in answer.text, "nothing of what another tenant wrote", "the answer shows it", answer)


@dataclass(frozen=True)
class _Asked:
    """An answer to who asked for a record, without the identifiers that were asked for."""

    answer: Answer
    seen: tuple[int, str]

    @property
    def kind(self) -> tuple[int, bool, object]:
        """What sort of answer it is: its status, whether the tool went wrong, and the code of a JSON-RPC error."""
        error = message_of(self.answer).get("error")
        return self.answer.status, succeeded(self.answer), error.get("code") if isinstance(error, dict) else None

    @property
    def told(self) -> str:
        """The answer in words."""
        content = result_of(self.answer).get("content") or message_of(self.answer).get("error")
        return f"{self.answer.summary()}, {str(content)[:120]}"


def _of_home(ctx: Context) -> Tool:
    """Return the tool with the home tenant's arguments, after it returned this tenant's data to itself."""
    ctx.own_data(ctx.home)
    return ctx.world.tool_at(ctx.home)


def _shows_nothing_of(site: Site, answer: Answer) -> None:
    expect(site.tenant.own_text not in answer.text, "nothing of another tenant's data", "the answer holds some", answer)


def _names_nothing_of(ctx: Context, foreign: Mapping[str, Any], answer: Answer) -> None:
    """Expect none of the other tenant's data and identifiers; short ones and parts of words tell nothing."""
    _shows_nothing_of(ctx.other, answer)
    known = [value for value in map(str, foreign.values()) if len(value) >= SHORTEST]
    named = [value for value in known if re.search(rf"(?<!\w){re.escape(value)}(?!\w)", answer.text)]
    expect(not named, "no identifier of another tenant's record", f"the answer names {', '.join(named)}", answer)


def _differing(ctx: Context) -> dict[str, Any]:
    """Return the arguments by which the other tenant's record is told from the home tenant's."""
    own, theirs = ctx.world.tool_at(ctx.home).arguments, ctx.world.tool_at(ctx.other).arguments
    found = {name: value for name, value in theirs.items() if own.get(name) != value and type(value) in (str, int)}
    ctx.require(found, "[other_tenant] names no arguments by which its records are told from others")
    return found


def _ask(ctx: Context, identifiers: Mapping[str, Any]) -> _Asked:
    """Ask in the home tenant's name for a record by these identifiers, and take them out of the answer."""
    tool = ctx.world.tool_at(ctx.other)
    answer = ctx.call_tool(replace(tool, arguments={**tool.arguments, **identifiers}), token=ctx.mint())
    if answer.status >= 500 or answer.status == 429:
        raise Blocked(f"the tool came to nothing: {answer.summary()}", exchange=answer.exchange)
    text = answer.text
    for value in identifiers.values():
        text = text.replace(str(value), "…")
    return _Asked(answer, (answer.status, text))


def _unknown(identifiers: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _nobodys(value) for name, value in identifiers.items()}


def _nobodys(value: str | int) -> str | int:
    """Return an identifier that looks like this one and is none: its last signs are others of the same kind."""
    if isinstance(value, int):
        return value + 10_000 + secrets.randbelow(90_000)
    signs = list(value)
    places = [place for place, sign in enumerate(signs) if sign.isalnum()][-CHANGED:]
    for place, sign in zip(places, _others(signs, places), strict=True):
        signs[place] = sign
    return "".join(signs)


def _others(signs: list[str], places: list[int]) -> Iterator[str]:
    """Yield another sign for each place: a digit for a digit, and for a letter one of those in hexadecimal numbers."""
    for place in places:
        sign = signs[place]
        kind = string.digits if sign.isdigit() else "abcdef".upper() if sign.isupper() else "abcdef"
        yield secrets.choice([other for other in kind if other != sign])
