"""The audit log: who did what on whose behalf can be told afterwards, and nothing else (docs/audit-profile.md)."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from harness import Context, Fault, audit_log, expect, expect_refused, fault, scenario
from harness.audit_log import Entry, Mark
from harness.exchange import Answer
from harness.expect import REFUSALS
from harness.mcp_calls import succeeded
from harness.mcp_capability import AUDIT_LOG, MCP_TENANTS
from harness.mcp_wire import STATELESS_REVISIONS
from harness.run import AGENT, Site
from harness.target import Tool
from harness.verdict import Blocked

CALLS, MANY = 3, 24
EXPIRED = -3600
SHOWN = 80

NAMED = (
    fault("agent", "audit-2-1", remedy="Write down act.sub, or client_id where the token has no act."),
    fault("subject", "audit-2-1", remedy="Write down sub, in a member of its own."),
    fault("scopes", "audit-3-1", remedy="Write down the scopes that the call needed, or those that the token has."),
    fault(
        "resource", "audit-3-1", remedy="Write down what was called: your resource identifier, the path, or the tool."
    ),
)


@dataclass(frozen=True)
class Caller:
    """Who makes a call of which the log is to tell: an agent of its own, where the server takes tokens of any agent."""

    agent: str
    jti: str
    token: str

    def is_in(self, entry: Entry) -> bool:
        """Tell whether an entry is about this caller's call, and about no other."""
        return self.jti in entry.text or (self.agent != AGENT and self.agent in entry.text)


@dataclass(frozen=True)
class Call:
    """A call that was made, and what the log tells of it: its own entries, or all that are new where none is known."""

    caller: Caller
    answer: Answer
    entries: list[Entry]

    @property
    def known(self) -> bool:
        """Whether the entries are about this call alone."""
        return any(map(self.caller.is_in, self.entries))


@scenario("audit-1-1", needs={AUDIT_LOG})
def a_served_call_leaves_an_entry(ctx: Context) -> None:
    """Each of several calls that are served leaves an entry.

    Why: what is not written down cannot be found out when it matters.
    Remedy: write the entry where each request comes by, before it is handed on.
    """
    for _ in range(CALLS):
        call = _served(ctx, _caller(ctx))
        expect(call.entries, "an entry about the call", f"{_place(ctx)} tells nothing of it", call.answer)


@scenario("audit-1-1", needs={AUDIT_LOG})
def of_many_calls_at_once_none_is_left_out(ctx: Context) -> None:
    """Each of many calls that are made at the same time leaves an entry.

    Why: where writers overwrite each other, or a full buffer drops what comes, the log is silent when much happens.
    Remedy: write each entry whole and on its own, and wait where the log cannot keep up.
    """
    first = _caller(ctx)
    callers = [first, *(_another(ctx, first) for _ in range(MANY - 1))]
    since = ctx.audit.mark()
    answers = ctx.at_once(lambda caller: ctx.call_tool(token=caller.token), callers)
    if refused := next((answer for answer in answers if not succeeded(answer)), None):
        raise Blocked(f"a token that should be good was refused: {refused.summary()}", exchange=refused.exchange)
    entries = ctx.audit.entries(since, lambda found: _told_of(callers, found) == MANY)
    told = _told_of(callers, entries) or min(len(entries), MANY)
    expect(told == MANY, f"entries about all of {MANY} calls", f"{_place(ctx)} tells of {told}", answers[-1])


@scenario("audit-1-1", needs={AUDIT_LOG})
def no_call_of_this_run_is_left_out(ctx: Context) -> None:
    """Each call of this run that was served until now has its entry, from wherever and however it came.

    Why: one way past the place where entries are written is enough for those who look for it.
    Remedy: write the entry where each request comes by, whatever its session, its revision and its route.
    """
    last = ctx.accepted(ctx.mint(), tool=ctx.world.tool)
    named, written = ctx.entries_of_the_run()
    told = {jti for jti in named if jti in written}
    ctx.require(told, "the log does not tell calls apart by the jti of their tokens")
    missing = len(named - told)
    expect(not missing, f"entries about all of {len(named)} tokens", f"{_place(ctx)} lacks {missing} of them", last)


@scenario("audit-1-2", needs={AUDIT_LOG})
def a_call_without_the_scope_leaves_an_entry(ctx: Context) -> None:
    """A call that is refused for want of a scope leaves an entry.

    Why: whoever tries doors is seen by the doors that stay shut.
    Remedy: write down what you decided, not only what you served.
    """
    call = _refused(ctx, _caller(ctx, scope=_other_scopes(ctx)))
    expect(call.entries, "an entry about the refused call", f"{_place(ctx)} tells nothing of it", call.answer)


@scenario("audit-1-2", needs={AUDIT_LOG})
def a_refused_token_leaves_an_entry(ctx: Context) -> None:
    """A call with an expired token leaves an entry; whom it names is left open, for nothing in it is to be believed.

    Remedy: write down what you decided, also where that was decided before anybody knew who called.
    """
    since, answer = _called(ctx, _caller(ctx, iat=2 * EXPIRED, exp=EXPIRED), ctx.home)
    if answer.status not in REFUSALS:
        raise Blocked(f"an expired token was not refused: {answer.summary()}", exchange=answer.exchange)
    entries = ctx.audit.entries(since, enough=bool)
    expect(entries, "an entry about the refused call", f"{_place(ctx)} tells nothing of it", answer)


@scenario.each(NAMED, needs={AUDIT_LOG})
def an_entry_names(ctx: Context, row: Fault) -> None:
    """The entry of a call that was served names who called, for whom, by which scopes, and what."""
    caller = _caller(ctx)
    call = _told(ctx, _served(ctx, caller))
    member, held = _held(ctx, row.name, call)
    if row.name == "scopes":
        fits, named = any(_covers(ctx, value) for value in held), " and ".join(sorted(ctx.world.tool.scopes))
    else:
        wanted = _wanted(ctx, caller)[row.name]
        fits, named = any(text in _rendered(value) for value in held for text in wanted), " or ".join(sorted(wanted))
    expect(fits, f"the entry to name {named} as {member!r}", _described(held), call.answer)


@scenario("audit-4-1", needs={AUDIT_LOG})
def outcomes_tell_served_from_refused(ctx: Context) -> None:
    """Calls that were served have another outcome in the log than calls that were refused.

    Remedy: write the decision itself down, and not only what was asked.
    """
    served = _told(ctx, _served(ctx, _caller(ctx)))
    refused = _told(ctx, _refused(ctx, _caller(ctx, scope=_other_scopes(ctx))))
    (member, first), (_, second) = (_held(ctx, "outcome", call) for call in (served, refused))
    differ = _differ(served, first, refused, second)
    actual = f"of the served call {_described(first)}, of the refused one {_described(second)}"
    expect(differ, f"two outcomes as {member!r}", actual, refused.answer)


@scenario("audit-5-1", needs={AUDIT_LOG})
def no_token_is_in_the_log(ctx: Context) -> None:
    """No access token is in the log: not one that was accepted, nor one that was refused, wherever it came.

    Why: whoever may read the log, or a copy of it, could act as everybody who is in it.
    Remedy: write down the token's jti, or a digest of the token.
    """
    since = ctx.audit.mark()
    good, expired, in_query = _caller(ctx), _caller(ctx, iat=2 * EXPIRED, exp=EXPIRED), _caller(ctx)
    ctx.mcp_request(token=None, query=f"?access_token={in_query.token}")
    ctx.call_tool(token=expired.token)
    last = ctx.accepted(good.token, tool=ctx.world.tool)
    _own_entries(ctx, since, good)
    for line in ctx.audit.lines(since):
        for what, caller in (("accepted", good), ("refused", expired), ("sent in the query", in_query)):
            signature = caller.token.rpartition(".")[2]
            expect(signature not in line, "no token in the log", f"a token that was {what} stands in it", last)


@scenario("audit-6-1", needs={AUDIT_LOG, MCP_TENANTS})
def an_entry_names_the_tenant(ctx: Context) -> None:
    """The entries of two tenants' calls name two tenants, by whatever name the log has for them.

    Remedy: write down the tenant whose resource was called.
    """
    calls = [_told(ctx, _served(ctx, _caller(ctx, at=site), at=site)) for site in (ctx.home, ctx.other)]
    (member, first), (_, second) = (_held(ctx, "tenant", call) for call in calls)
    for values, call in ((first, calls[0]), (second, calls[1])):
        expect(values, f"the tenant as {member!r}", _described(values), call.answer)
    differ = _differ(calls[0], first, calls[1], second)
    expect(differ, f"two tenants as {member!r}", f"both are {_described(first)}", calls[1].answer)


@scenario("audit-7-1", needs={AUDIT_LOG})
def nothing_that_is_sent_begins_an_entry(ctx: Context) -> None:
    """A line end in the name of a tool and in an argument begins no line of the log.

    Why: with it, a caller could write entries about others.
    Remedy: have a JSON library write each entry, and never put texts together.
    """
    since = ctx.audit.mark()
    forged = f"assay-{secrets.token_hex(8)}"
    text = f"assay\n{json.dumps({'forged': forged})}\n"
    caller = _caller(ctx)
    answer = ctx.call_tool(Tool(text, arguments={"name": text}), token=caller.token)
    if answer.status >= 500:
        raise Blocked(f"the call came to nothing: {answer.summary()}", exchange=answer.exchange)
    ctx.accepted(caller.token, tool=ctx.world.tool)
    entries = ctx.audit.entries(since, lambda found: any(caller.is_in(entry) for entry in found))
    made = any(entry.members.get("forged") == forged for entry in entries)
    expect(not made, "no entry that the caller wrote", "the log holds one", answer)


def _caller(ctx: Context, *, at: Site | None = None, **claims: Any) -> Caller:
    """Mint a token whose agent no other token names, unless the server takes tokens of known agents only."""
    site = at or ctx.home
    probe, alone, jti = (f"assay-{secrets.token_hex(8)}" for _ in range(3))
    probing = ctx.mint(at=site, client_id=probe, act={"sub": probe})
    tried = ctx.call_tool(ctx.world.tool_at(site), token=probing, at=site)
    agent = alone if succeeded(tried) else AGENT
    return Caller(agent, jti, ctx.mint(at=site, client_id=agent, act={"sub": agent}, jti=jti, **claims))


def _another(ctx: Context, caller: Caller) -> Caller:
    """Mint a token for one more call, whose agent is another one too where the server takes tokens of any."""
    alone, jti = (f"assay-{secrets.token_hex(8)}" for _ in range(2))
    agent = AGENT if caller.agent == AGENT else alone
    return Caller(agent, jti, ctx.mint(client_id=agent, act={"sub": agent}, jti=jti))


def _told_of(callers: list[Caller], entries: list[Entry]) -> int:
    """Return of how many callers there is an entry of their own."""
    return sum(any(caller.is_in(entry) for entry in entries) for caller in callers)


def _served(ctx: Context, caller: Caller, *, at: Site | None = None) -> Call:
    since, answer = _called(ctx, caller, at or ctx.home)
    if not succeeded(answer):
        raise Blocked(f"a token that should be good was refused: {answer.summary()}", exchange=answer.exchange)
    return Call(caller, answer, _own_entries(ctx, since, caller))


def _refused(ctx: Context, caller: Caller) -> Call:
    since, answer = _called(ctx, caller, ctx.home)
    if succeeded(answer):
        raise Blocked("a call that had to be refused was served", exchange=answer.exchange)
    if answer.status != 200:
        expect_refused(answer)
    return Call(caller, answer, _own_entries(ctx, since, caller))


def _called(ctx: Context, caller: Caller, site: Site) -> tuple[Mark, Answer]:
    """Call the tool, and return how far the log had come before: what opens a session leaves entries of its own."""
    since = ctx.audit.mark()
    connection, refusal = ctx.opened(caller.token, at=site)
    if connection is None:
        assert refusal is not None
        return since, refusal
    since = ctx.audit.mark() if connection.session else since
    return since, ctx.call_tool(ctx.world.tool_at(site), token=caller.token, within=connection)


def _own_entries(ctx: Context, since: Mark, caller: Caller) -> list[Entry]:
    """Return a call's own entries, or all that are new: a server need not write down by what a call could be found.

    Where there are sessions, late entries about one may come first; those that name the tool are waited for.
    """

    def own(entries: list[Entry]) -> list[Entry]:
        return [entry for entry in entries if caller.is_in(entry)]

    def of_the_call(entries: list[Entry]) -> list[Entry]:
        return [entry for entry in own(entries) if ctx.world.tool.name in entry.text]

    found = ctx.audit.entries(since, own)
    if own(found) and not of_the_call(found) and ctx.revision() not in STATELESS_REVISIONS:
        found = ctx.audit.entries(since, of_the_call, audit_log.GRACE)
    return of_the_call(found) or own(found) or found


def _told(ctx: Context, call: Call) -> Call:
    """Return a call of which the log tells; that it tells of each is another scenario's business."""
    if not call.entries:
        raise Blocked(f"{_place(ctx)} tells nothing of the call", exchange=call.answer.exchange)
    return call


def _held(ctx: Context, name: str, call: Call) -> tuple[str, list[Any]]:
    """Return what the log calls a field, and the values that the call's entries have for it."""
    member = ctx.audit.log.fields[name]
    values = [entry.value(member) for entry in call.entries]
    return member, [value for value in values if value not in (None, "", [])]


def _differ(call: Call, values: list[Any], other: Call, others: list[Any]) -> bool:
    """Tell whether two calls have different values, or may have: those of several calls at once prove nothing."""
    first, second = ({_rendered(value) for value in held} for held in (values, others))
    unknown = not (call.known and other.known) and len(first | second) > 1
    return first != second or unknown


def _place(ctx: Context) -> str:
    return f"the log {ctx.audit.log.place}"


def _other_scopes(ctx: Context) -> str:
    """Return all scopes of the tools but those that open the tool which is called."""
    needed = ctx.world.tool.scopes
    return " ".join(scope for scope in sorted(ctx.world.tool_scopes) if not ctx.world.effective([scope]) & needed)


def _wanted(ctx: Context, caller: Caller) -> dict[str, set[str]]:
    """Return, for each field, the texts of which an entry names one."""
    tool, url = ctx.world.tool, ctx.home.tenant.mcp_server
    asked_for = {str(value) for value in tool.arguments.values() if isinstance(value, str) and len(value) > 2}
    return {
        "agent": {caller.agent},
        "subject": {ctx.home.tenant.subject},
        "resource": {url, ctx.world.resource, urlsplit(url).path or url, tool.name, *asked_for} - {"", "/"},
    }


def _covers(ctx: Context, value: Any) -> bool:
    """Tell whether scopes, as a list or a text, are those that the call needed, or imply them."""
    names = value if isinstance(value, list) else str(value).replace(",", " ").split()
    return ctx.world.tool.scopes <= ctx.world.effective(str(name) for name in names)


def _rendered(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _described(values: list[Any]) -> str:
    if not values:
        return "no entry has such a member; if yours is called otherwise, name it under [audit.fields]"
    return f"it is {', '.join(sorted({_rendered(value)[:SHOWN] for value in values}))}"
