"""What another tenant has is not to be found out: it is answered like what nobody has (docs/tenant-profile.md)."""

from __future__ import annotations

from functools import partial

from harness import Context, Fault, scenario
from harness.alike import Pair, expect_alike
from harness.capability import TENANTS, UNDISTURBED
from harness.timing import difference
from harness.verdict import NotApplicable, Violation
from scenarios.authorization_server.foreign_objects import FOREIGN, OFTEN


@scenario.each(FOREIGN, needs={TENANTS})
def what_another_tenant_has_looks_like_nothing(ctx: Context, row: Fault) -> None:
    """What belongs to another tenant is answered like what nobody has.

    Why: a different answer tells who tries identifiers that one of them is alive somewhere.
    """
    expect_alike(row.claims["pair"](ctx))


@scenario("tenant-13-2", needs={TENANTS, UNDISTURBED})
def what_another_tenant_has_takes_no_longer(ctx: Context) -> None:
    """What belongs to another tenant is answered in the same time as what nobody has.

    Why: who measures a few answers learns what the answers themselves do not tell.
    Remedy: look everything up by tenant and identifier, so that nothing more is done for what another tenant has.
    """
    ctx.http.patient = False  # who is told to come later has asked enough
    told, untold = 0, "nothing of what the target has may be asked for often"
    for row in FOREIGN:
        if row.name in OFTEN and all(map(ctx.offers, row.needs)):
            try:
                _expect_as_quick(ctx, row.claims["pair"](ctx))
                told += 1
            except NotApplicable as reason:
                untold = str(reason)
    ctx.require(told, untold)


def _expect_as_quick(ctx: Context, pair: Pair) -> None:
    before = tuple(ctx.evidence)
    try:
        longer = difference(partial(pair.send, pair.foreign), partial(pair.send, pair.unknown), ctx.seed)
    finally:
        last = tuple(ctx.evidence)[-2:]
        ctx.evidence.back_to((*before, *last))  # all that was measured is too much to read
    if longer:
        actual = f"{pair.what} took {abs(longer):.0f} ms {'longer' if longer > 0 else 'less'} in the median"
        raise Violation("the same time as for what is unknown", actual, last[-1])
