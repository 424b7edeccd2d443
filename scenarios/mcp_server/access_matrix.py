"""The access matrix: each caller is served what the target file says, and nothing else (OAuth 2.1 section 5.2)."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from hypothesis import strategies as st

from harness import Context, expect_not_called, for_all, scenario
from harness.access import Cell
from harness.callers import Caller, Outcome, outcome_of
from harness.exchange import Exchange
from harness.mcp_calls import succeeded
from harness.mcp_capability import ACCESS_MATRIX, SCOPED_TOOLS, VISIBLE_EFFECT
from harness.target import Effect, Tenant, Tool
from harness.verdict import Blocked, Violation

NAMED = 5
"""How many calls a violation names."""


@dataclass(frozen=True)
class Made:
    """A call that was made, and what came of it; the `exchange` is that of a caller's first call of each outcome."""

    cell: Cell
    outcome: Outcome
    status: int
    exchange: Exchange | None


@scenario("oauth21-5.2-1", needs={ACCESS_MATRIX}, cost=60)
def no_denied_call_is_served(ctx: Context) -> None:
    """Each call that the access matrix denies is made, and none is served.

    Why: one tool that was forgotten is enough, and nobody finds it by trying some.
    Remedy: look up what each tool needs in one place, before anything is dispatched, and refuse tools that are not
    listed there. Where the target file is wrong, mend [identities], [tools] or [scopes.implied].
    """
    made = _made(ctx, allowed=False)
    _expect_none(made, [call for call in made if call.outcome is Outcome.SERVED], "to be served")
    _judgeable(ctx, made)


@scenario("rfc6750-3.1-1", needs={ACCESS_MATRIX}, cost=40)
def no_allowed_call_is_refused(ctx: Context) -> None:
    """Each call that the access matrix allows is made, and none is refused.

    Why: who is refused what they may do asks for more than they need.
    Remedy: let the scopes that the target file names for a tool suffice, with all that they imply; or name in the file
    what else is needed.
    """
    made = _made(ctx, allowed=True)
    _expect_none(made, [call for call in made if call.outcome is Outcome.REFUSED], "to be refused")
    served = {call.cell.tool.name for call in made if call.outcome is Outcome.SERVED}
    for call in made:
        if call.cell.tool.name not in served:
            _block(f"no caller is served {call.cell.tool.name}", "look at its arguments under [tools]", call)


@scenario("oauth21-5.2-1", needs={ACCESS_MATRIX, VISIBLE_EFFECT}, cost=20)
def no_denied_call_leaves_a_trace(ctx: Context) -> None:
    """Each call of the tool under [effect] that the access matrix denies is made, and none of them was carried out.

    Why: a server that first calls and then looks at the token refuses the answer, not the deed.
    Remedy: decide before the call is dispatched.
    """
    effect = ctx.target.effect
    assert effect
    denied = [cell for cell in ctx.world.cells if not cell.allowed and cell.tool.name == effect.write.name]
    ctx.require(denied, f"nobody is denied {effect.write.name}")
    attempts = [(cell, _marker()) for cell in denied]
    exchanges = ctx.at_once(lambda attempt: _attempt(ctx, effect, *attempt), attempts)
    for tenant in (ctx.home.tenant, *([ctx.other.tenant] if ctx.target.other else [])):
        shown = _shown(ctx, effect, tenant, required=tenant is ctx.home.tenant)
        traces = [place for place, (_, marker) in enumerate(attempts) if marker in shown]
        if traces:
            names = _names(attempts[place][0] for place in traces)
            actual = f"{effect.read.name} shows {len(traces)} of {len(attempts)}: {names}"
            raise Violation("no trace of any denied call", actual, exchanges[traces[0]])


@scenario("oauth21-5.2-1", needs={SCOPED_TOOLS})
@for_all(
    budget=8,
    held=st.lists(st.integers(0, 2**16 - 1), min_size=1, max_size=3),
    called=st.lists(st.integers(0, 2**8 - 1), min_size=1, max_size=3),
)
def a_generated_matrix_holds(ctx: Context, held: list[int], called: list[int]) -> None:
    """Whatever scopes some callers have and whatever tools they call, they are served what their scopes cover.

    Remedy: compare the scopes of each call with what its tool needs, hierarchy included, whoever calls.
    """
    everything, tools = sorted(ctx.world.tool_scopes), ctx.world.scoped_tools
    for bits in held:
        scopes = [scope for place, scope in enumerate(everything) if bits >> place & 1]
        token = ctx.mint(scope=" ".join(scopes))
        for tool in (tools[number % len(tools)] for number in called):
            answer = ctx.call_tool(tool, token=token)
            what = f"a call of {tool.name} with {' '.join(scopes) or 'no scopes'}"
            if not tool.scopes <= ctx.world.effective(scopes):
                expect_not_called(answer, what=what)
            elif outcome_of(answer) is Outcome.REFUSED:
                answer.warn(f"{what} to be served", answer.summary())


def _made(ctx: Context, *, allowed: bool) -> list[Made]:
    """Make all calls that the matrix allows, or all that it denies."""
    wanted = (cell for cell in ctx.world.cells if cell.allowed is allowed)
    callers = [list(group) for _, group in groupby(wanted, lambda cell: (cell.identity.name, cell.tenant.name))]
    return [call for made in ctx.at_once(partial(_calls_of, ctx), callers) for call in made]


def _calls_of(ctx: Context, wanted: Sequence[Cell]) -> list[Made]:
    caller = Caller(ctx, wanted[0].identity, wanted[0].tenant)
    made: list[Made] = []
    for cell in wanted:
        answer = caller.call(cell.tool)
        outcome = outcome_of(answer)
        telling = outcome not in {call.outcome for call in made}
        made.append(Made(cell, outcome, answer.status, answer.exchange if telling else None))
    for call in made:
        if call.exchange:
            ctx.http.record(call.exchange)
    return made


def _expect_none(made: Sequence[Made], wrong: Sequence[Made], what: str) -> None:
    if wrong:
        names = _names(call.cell for call in wrong)
        exchange = next((call.exchange for call in wrong if call.exchange), None)
        raise Violation(f"none of {len(made)} calls {what}", f"{len(wrong)} were: {names}", exchange)


def _names(cells: Iterable[Cell]) -> str:
    names = [str(cell) for cell in cells]
    more = f", and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def _judgeable(ctx: Context, made: Sequence[Made]) -> None:
    """See to it that the refusals have no other reason than the caller, as far as that can be seen.

    Raises:
        Blocked: a call came to nothing, a token was not accepted at all, or a tool does not work for those who may.
    """
    doubtful: dict[str, Made] = {}
    for call in made:
        identity = call.cell.identity
        if call.outcome is Outcome.NOTHING:
            _block(f"{call.cell} came to nothing: the answer was {call.status}", "", call)
        own = call.cell.tenant is ctx.tenant_of(identity)
        if call.status == 401 and own and (identity.token or identity.subject):
            doubtful.setdefault(identity.name, call)
    for name, call in doubtful.items():
        if not _let_in(ctx, call.cell):
            _block(f"the token of {name} is refused with 401, whatever it covers", "look at it", call)
    for tool in {call.cell.tool.name: call.cell.tool for call in made if call.outcome is Outcome.ERROR}.values():
        _served_to_somebody(ctx, tool, ctx.home.tenant)


def _block(reason: str, unlock: str, call: Made) -> None:
    raise Blocked(reason, unlock, call.exchange)


def _let_in(ctx: Context, denied: Cell) -> bool:
    """Tell whether an identity is served a tool that it may call, so that its token as such is no reason to refuse."""
    caller = Caller(ctx, denied.identity, denied.tenant)
    return any(
        succeeded(caller.call(cell.tool))
        for cell in ctx.world.cells
        if cell.allowed and cell.identity.name == denied.identity.name and cell.tenant is denied.tenant
    )


def _served_to_somebody(ctx: Context, tool: Tool, tenant: Tenant) -> str:
    """Let somebody call a tool who may, and return what came."""
    for cell in _allowed(ctx, tool, tenant):
        answer = Caller(ctx, cell.identity, tenant).call(tool)
        ctx.http.record(answer.exchange)
        if succeeded(answer):
            return answer.text
    raise Blocked(f"nobody is served {tool.name} to compare with", "look at its arguments under [tools]")


def _allowed(ctx: Context, tool: Tool, tenant: Tenant) -> Iterator[Cell]:
    for cell in ctx.world.cells:
        if cell.allowed and cell.tool.name == tool.name and cell.tenant is tenant:
            yield cell


def _attempt(ctx: Context, effect: Effect, cell: Cell, marker: str) -> Exchange:
    answer = Caller(ctx, cell.identity, cell.tenant).call(effect.marked(marker))
    ctx.http.record(answer.exchange)
    return answer.exchange


def _shown(ctx: Context, effect: Effect, tenant: Tenant, *, required: bool) -> str:
    """Make a change that is allowed and return what shows it; nothing where nobody may do both, unless it is required.

    Raises:
        Blocked: the change does not show.
    """
    both = all(any(_allowed(ctx, tool, tenant)) for tool in (effect.write, effect.read))
    if not both and not required:
        return ""
    marker = _marker()
    _served_to_somebody(ctx, effect.marked(marker), tenant)
    shown = _served_to_somebody(ctx, effect.read, tenant)
    if marker not in shown:
        raise Blocked(f"{effect.read.name} does not show what {effect.write.name} does", "look at [effect]")
    return shown


def _marker() -> str:
    return f"assay-{secrets.token_hex(6)}"
