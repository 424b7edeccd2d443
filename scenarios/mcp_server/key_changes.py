"""New keys, withdrawn keys, and keys that cannot be had: what becomes of tokens meanwhile (RFC 9068 section 4)."""

from __future__ import annotations

from harness import Context, Fault, expect, expect_accepted, expect_token_refused, fault, scenario
from harness.http import NotReached
from harness.issuer_keys import AdditionalKey, eventually, fetches_of_keys, outage, served, show_good_token
from harness.mcp_capability import ISSUER_CONTROL, NEW_KEYS, WITHDRAWN_KEYS
from harness.minting import LIFETIME, altering, signed_by_stranger, signed_with_own_key, unsigned
from harness.verdict import Blocked

STRANGERS = 10
"""How many tokens with keys that nobody knows are sent to see what they cost the issuer."""

OUTAGES = (
    fault("answered-503", "rfc9068-4-4", remedy="Refuse a token whose key cannot be had, with 401 or 503."),
    fault("cut-off", "rfc9068-4-4", remedy="Take a failed fetch of keys for what it is: nobody is let in by it."),
)

FORGERIES = (
    fault("altered", forge=altering(sub="mallory"), remedy=""),
    fault("signed by a stranger under a known kid", forge=signed_by_stranger, remedy=""),
    fault("signed by a stranger under an unknown kid", forge=signed_with_own_key(), remedy=""),
    fault("unsigned", forge=unsigned, remedy=""),
)


@scenario("rfc9068-4-11", needs={ISSUER_CONTROL, NEW_KEYS})
def a_new_key_is_accepted_without_a_restart(ctx: Context) -> None:
    """A token that is signed with a key which the issuer has just published is accepted within the stated time.

    Why: issuers rotate their keys, and nobody restarts all servers then.
    Remedy: fetch the issuer's keys anew when a token names one that is not known, no more often than every half minute.
    """
    within = _stated(ctx.target.keys_within)
    show_good_token(ctx)
    with AdditionalKey(ctx, "RS256") as key:
        token = ctx.mint(kid=key.kid, exp=within + LIFETIME)
        answer = eventually(ctx, lambda: ctx.guarded(token=token), served, within)
    expect_accepted(answer, what=f"a token by a key that was published {within} seconds before")


@scenario("rfc9068-4-11", needs={ISSUER_CONTROL, WITHDRAWN_KEYS})
def a_withdrawn_key_is_refused(ctx: Context) -> None:
    """A token that is signed with a key which the issuer publishes no longer is refused after the stated time.

    Why: a key that was stolen is withdrawn, and whoever has it can sign anything until its last user knows.
    Remedy: keep fetched keys for some minutes only, and forget all that the next answer does not hold.
    """
    within = _stated(ctx.target.withdrawn_within)
    known = ctx.target.keys_within or 0
    with AdditionalKey(ctx, "RS256") as key:
        token = ctx.mint(kid=key.kid, exp=within + known + LIFETIME)
        answer = eventually(ctx, lambda: ctx.guarded(token=token), served, known)
        ctx.require(served(answer), "the MCP server did not come to know the key that is withdrawn")
        key.withdraw()
        answer = eventually(ctx, lambda: ctx.guarded(token=token), lambda answer: not served(answer), within)
    expect_token_refused(answer)


@scenario.each(OUTAGES, needs={ISSUER_CONTROL})
def nobody_is_let_in_by_an_outage(ctx: Context, fault: Fault) -> None:
    """While the issuer's keys and metadata are out of reach, forged tokens open nothing, however the refusal looks.

    Why: an error on the way to a key must never end in a token that was not verified.
    """
    show_good_token(ctx)
    for row in FORGERIES:
        if served(ctx.guarded(token=ctx.forged(row))):
            raise Blocked(f"a token that is {row.name} is served without an outage too")
    with outage(ctx, drop=fault.name == "cut-off"):
        answered = _forgeries_open_nothing(ctx)
        if ctx.target.clock:  # once more when all that was fetched before is too old
            ctx.clock.advance(ctx.target.withdrawn_within or 0)
            answered = _forgeries_open_nothing(ctx) and answered
    if not answered:
        show_good_token(ctx)


@scenario("rfc9068-4-12", needs={ISSUER_CONTROL})
def known_keys_stay_good_in_an_outage(ctx: Context) -> None:
    """A token by a key that the MCP server knows is accepted though the issuer's keys are out of reach for a moment.

    Why: otherwise each hiccup of the authorization server is one of every server that trusts it.
    Remedy: keep the fetched keys for some minutes, and fetch them anew before they are too old.
    """
    show_good_token(ctx)
    token = ctx.mint()
    with outage(ctx):
        answer = ctx.guarded(token=token)
    refused = f"{answer.summary()} while the keys were out of reach"
    expect(served(answer), "a token by a known key to be accepted", refused, answer)


@scenario("rfc9068-4-13", needs={ISSUER_CONTROL})
def unknown_keys_cause_no_storm_of_requests(ctx: Context) -> None:
    """Tokens that name unknown keys cost the issuer one request for its keys each at most, also while these fail.

    Why: anybody can make such tokens up, and would otherwise have the server attack its own authorization server.
    Remedy: fetch keys once for an unknown kid, do not repeat what failed, and wait half a minute before the next time.
    """
    show_good_token(ctx)
    ctx.http.patient = False
    working = fetches_of_keys(ctx, lambda: _strangers(ctx))
    with outage(ctx):
        failing = fetches_of_keys(ctx, lambda: _strangers(ctx))
    for fetched, when in ((working, ""), (failing, " while these failed")):
        actual = f"{STRANGERS} such tokens caused {fetched} requests for the keys{when}"
        expect(fetched <= STRANGERS, f"at most {STRANGERS} requests for the keys", actual)


def _strangers(ctx: Context) -> None:
    for number in range(STRANGERS):
        ctx.guarded(token=ctx.forged(fault("stranger", forge=signed_with_own_key(kid=f"stranger-{number}"), remedy="")))


def _forgeries_open_nothing(ctx: Context) -> bool:
    """Return whether all were answered: a server that goes on trying to have the keys lets nobody in, either."""
    answered = True
    for row in FORGERIES:
        try:
            answer = ctx.guarded(token=ctx.forged(row))
        except NotReached:
            answered = False
            continue
        what = f"a token that is {row.name} not to be served"
        expect(not served(answer), what, answer.summary(), answer)
    return answered


def _stated(seconds: int | None) -> int:
    assert seconds is not None  # its capability is absent otherwise
    return seconds
