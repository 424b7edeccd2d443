"""Scopes: a token opens what it covers, and a refusal says what is missing (OAuth 2.1 section 5.2, MCP, RFC 6750)."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator

from hypothesis import strategies as st

from harness import Context, Fault, expect, expect_not_called, expect_refused, expect_status, for_all, scenario
from harness.discovery import challenge
from harness.exchange import Answer
from harness.keys import claims_of
from harness.mcp_calls import succeeded
from harness.mcp_capability import SCOPE_HIERARCHY, SCOPED_TOOLS, VISIBLE_EFFECT
from harness.target import Tool
from harness.verdict import Blocked
from scenarios.mcp_server.odd_scopes import ROWS

MOST_STEPS = 3
"""How often a client steps up for one call before it gives up."""


@scenario("oauth21-5.2-1", "rfc9700-2.3-3", needs={SCOPED_TOOLS})
def no_tool_works_without_one_of_its_scopes(ctx: Context) -> None:
    """A call is refused when any one of the scopes that the tool needs is missing, whatever else the token covers.

    Why: a user who consented to reading has not consented to writing.
    Remedy: compare the token's scopes with what the called tool needs, before it is called. Where another scope implies
    the missing one, name the pair under [scopes.implied] in the target file.
    """
    for tool in ctx.world.scoped_tools:
        for scope in sorted(tool.scopes):
            answer = ctx.call_tool(tool, token=ctx.mint(scope=_all_but(ctx, {scope})))
            expect_not_called(answer, what=f"a call of {tool.name} without {scope}")
            if answer.status == 200:  # an error of the tool may have another reason than the scope
                ctx.accepted(ctx.mint(), tool=tool)


@scenario("oauth21-5.2-1", needs={SCOPED_TOOLS})
def a_token_without_scopes_covers_nothing(ctx: Context) -> None:
    """A token whose scope is empty, or which has none at all, does not open a tool that needs one.

    Remedy: read a missing scope claim as no scope, never as all scopes.
    """
    for scope in ("", None):
        answer = ctx.call_tool(token=ctx.mint(scope=scope))
        expect_not_called(answer, what=f"a call of {ctx.world.tool.name} without any scope")


@scenario("oauth21-5.2-1", needs={SCOPED_TOOLS})
def a_scope_that_begins_alike_does_not_suffice(ctx: Context) -> None:
    """A scope that is longer than the one that is needed, and begins with it, is another scope.

    Remedy: split the scope claim at its spaces and compare whole names, not parts of the text.
    """
    longer = " ".join(f"{scope}-not" for scope in sorted(ctx.world.tool_scopes))
    answer = ctx.call_tool(token=ctx.mint(scope=longer))
    expect_not_called(answer, what=f"a call of {ctx.world.tool.name} with longer scopes")


@scenario.each(ROWS, needs={SCOPED_TOOLS})
def a_strange_scope_opens_nothing(ctx: Context, fault: Fault) -> None:
    """A token whose scopes only look like those that a tool needs does not open it."""
    tool = ctx.world.tool
    token = ctx.mint(fault, scope=" ".join(sorted(tool.scopes)))
    said = claims_of(token).get("scope")
    covered = isinstance(said, str) and tool.scopes <= ctx.world.effective(said.split(" "))
    ctx.require(not covered, f"what comes of the scopes of {tool.name} still covers it")
    expect_not_called(ctx.call_tool(tool, token=token), what=f"a call of {tool.name} with such a scope")


@scenario("oauth21-5.2-1", needs={SCOPED_TOOLS})
@for_all(budget=15, kept=st.integers(0, 2**16 - 1), called=st.integers(0, 2**8 - 1))
def no_choice_of_other_scopes_opens_a_tool(ctx: Context, kept: int, called: int) -> None:
    """Whatever scopes a token has, it opens no tool for which one is missing.

    Remedy: compare the scopes of each call, and not those with which a session began.
    """
    tool = ctx.world.scoped_tools[called % len(ctx.world.scoped_tools)]
    chosen = [scope for bit, scope in enumerate(sorted(ctx.world.tool_scopes)) if kept >> bit & 1]
    if tool.scopes <= ctx.world.effective(chosen):
        return
    answer = ctx.call_tool(tool, token=ctx.mint(scope=" ".join(chosen)))
    expect_not_called(answer, what=f"a call of {tool.name} with {' '.join(chosen) or 'no scopes'}")


@scenario("oauth21-5.2-1", needs={VISIBLE_EFFECT})
def a_refused_call_changes_nothing(ctx: Context) -> None:
    """A call that is refused for want of a scope was not carried out behind the refusal.

    Why: a server that first calls and then looks at the scope refuses the answer, not the deed.
    Remedy: decide before the call is dispatched.
    """
    effect = ctx.target.effect
    assert effect
    ctx.require(effect.write.scopes, f"{effect.write.name} needs no scope")
    ctx.require(effect.by_scopes, f"who may call {effect.write.name} and {effect.read.name} is not decided by scopes")
    refused, made = (f"assay-{secrets.token_hex(6)}" for _ in range(2))
    answer = ctx.call_tool(effect.marked(refused), token=ctx.mint(scope=_all_but(ctx, effect.write.scopes)))
    expect_not_called(answer, what=f"a call of {effect.write.name} without its scopes")
    ctx.accepted(ctx.mint(), tool=effect.marked(made))
    shown = ctx.accepted(ctx.mint(), tool=effect.read)
    if made not in shown.text:
        raise Blocked(
            f"{effect.read.name} does not show what {effect.write.name} does", "look at [effect]", shown.exchange
        )
    expect(refused not in shown.text, "no trace of the refused call", f"{effect.read.name} shows it", shown)


@scenario("rfc6750-3.1-1", needs={SCOPED_TOOLS})
def a_missing_scope_is_answered_403(ctx: Context) -> None:
    """A call without the scope that the tool needs is answered with the HTTP status 403.

    Why: clients look at the status and the challenge to see that another token would help; an error in the tool's
    result tells that to nobody but the model.
    Remedy: find out which tool is called before the call is dispatched, and answer 403 yourself.
    """
    for answer in _lacking_one(ctx):
        expect_status(answer, 403)


@scenario("mcp-errors.stepup-1", needs={SCOPED_TOOLS})
def the_403_says_which_scopes_are_needed_and_where(ctx: Context) -> None:
    """The 403 has a challenge with insufficient_scope, the scopes that are needed, and the URL of the metadata.

    Remedy: send error, scope and resource_metadata in WWW-Authenticate with each 403.
    """
    for answer in _lacking_one(ctx):
        parameters = challenge(answer)
        actual = f"{answer.summary()}, WWW-Authenticate was {answer.headers.get('www-authenticate', 'absent')!r}"
        expect(parameters.get("error") == "insufficient_scope", "the error insufficient_scope", actual, answer)
        expect(parameters.get("scope"), "scope in the challenge", actual, answer)
        expect(parameters.get("resource_metadata"), "resource_metadata in the challenge", actual, answer)


@scenario("mcp-errors.stepup-4", needs={SCOPED_TOOLS})
def all_scopes_of_an_operation_come_at_once(ctx: Context) -> None:
    """The challenge to a token that lacks several scopes names all of them.

    Why: a user who is asked for one after the other stops reading what they consent to.
    Remedy: put everything that the operation needs into scope, whatever the token has of it already.
    """
    demanding = [tool for tool in ctx.world.scoped_tools if len(tool.scopes) > 1]
    ctx.require(demanding, "no tool is known that needs more than one scope")
    for tool in demanding:
        answer = _refusal(ctx, tool, tool.scopes)
        missing = sorted(tool.scopes - ctx.world.effective(challenge(answer).get("scope", "").split()))
        expect(not missing, f"all scopes of {tool.name} in the challenge", f"missing: {' '.join(missing)}", answer)


@scenario("mcp-errors.stepup-1", needs={SCOPED_TOOLS})
def stepping_up_works(ctx: Context) -> None:
    """A new token with the scopes that the challenges named, beside those of before, opens the tool.

    Remedy: name in the challenge exactly what is compared afterwards.
    """
    for tool in ctx.world.scoped_tools:
        if tool is not ctx.world.tool and not succeeded(ctx.call_tool(tool, token=ctx.mint())):
            continue  # it does not work with all scopes either, such as a tool that can delete a thing but once
        answer = _stepped_up(ctx, tool)
        expect(succeeded(answer), f"{tool.name} to be called with the challenged scopes", answer.summary(), answer)


@scenario("mcp-refresh-2", needs={SCOPED_TOOLS})
def stepping_up_asks_for_no_offline_access(ctx: Context) -> None:
    """The challenge to a token that lacks a scope does not hold offline_access.

    Why: whether a client gets a refresh token is between it and the authorization server.
    Remedy: name in the challenge what the operation needs, and nothing for the client's own use.
    """
    for answer in _lacking_one(ctx):
        challenged = challenge(answer).get("scope", "").split()
        expect("offline_access" not in challenged, "no offline_access in the challenge", "it is there", answer)


@scenario("mcp-errors.stepup-2", needs={SCOPE_HIERARCHY})
def a_broader_scope_suffices(ctx: Context) -> None:
    """A token with a scope that implies the one that is needed opens the tool.

    Why: else the client steps up to a scope that its user has granted already, and never gets anywhere.
    Remedy: add to the token's scopes all that they imply before they are compared.
    """
    pairs = [(broad, tool) for broad, narrow, tool in _implications(ctx) if tool.scopes == {narrow}]
    ctx.require(pairs, "no tool is known that needs an implied scope and nothing else")
    for broad, tool in pairs:
        ctx.accepted(ctx.mint(), tool=tool)
        answer = ctx.call_tool(tool, token=ctx.mint(scope=broad))
        expect(succeeded(answer), f"{tool.name} to be called with {broad}", answer.summary(), answer)


@scenario("oauth21-5.2-1", needs={SCOPE_HIERARCHY})
def a_narrower_scope_does_not_suffice(ctx: Context) -> None:
    """A token with a scope that is implied by the one that is needed does not open the tool.

    Remedy: let a scope imply another one in one direction only.
    """
    pairs = [(narrow, tool) for broad, narrow, tool in _implications(ctx) if broad in tool.scopes]
    ctx.require(pairs, "no tool is known that needs a scope which implies another one")
    for narrow, tool in pairs:
        answer = ctx.call_tool(tool, token=ctx.mint(scope=narrow))
        expect_not_called(answer, what=f"a call of {tool.name} with {narrow}")


def _stepped_up(ctx: Context, tool: Tool) -> Answer:
    """Call a tool without its scopes, and again with what each challenge adds to them; return the last answer.

    Several steps are a nuisance, which is judged elsewhere; in the end the tool has to work.
    """
    held = set(_all_but(ctx, tool.scopes).split())
    answer = ctx.call_tool(tool, token=ctx.mint(scope=" ".join(sorted(held))))
    for _ in range(MOST_STEPS):
        missing = set(challenge(answer).get("scope", "").split()) - held
        if succeeded(answer) or not missing:
            break
        held |= missing
        answer = ctx.call_tool(tool, token=ctx.mint(scope=" ".join(sorted(held))))
    return answer


def _all_but(ctx: Context, scopes: Iterable[str]) -> str:
    """Return the scopes of all tools that neither are one of these nor imply one."""
    left = set(scopes)
    return " ".join(scope for scope in sorted(ctx.world.tool_scopes) if not ctx.world.effective([scope]) & left)


def _implications(ctx: Context) -> Iterator[tuple[str, str, Tool]]:
    """Yield each pair of scopes of which the first implies the second, with each tool that needs a scope."""
    for broad, implied in ctx.target.implied.items():
        for narrow in implied.split():
            for tool in ctx.world.scoped_tools:
                yield broad, narrow, tool


def _lacking_one(ctx: Context) -> Iterator[Answer]:
    """Call each tool without each one of its scopes, and yield the answer if it is a refusal of some kind."""
    for tool in ctx.world.scoped_tools:
        for scope in sorted(tool.scopes):
            yield _refusal(ctx, tool, {scope})


def _refusal(ctx: Context, tool: Tool, scopes: Iterable[str]) -> Answer:
    answer = ctx.call_tool(tool, token=ctx.mint(scope=_all_but(ctx, scopes)))
    if answer.status != 200:
        expect_refused(answer)
    return answer
