"""Tokens with one fault are refused, and so is all else that is no access token (RFC 9068 section 4, RFC 8725)."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from dataclasses import replace

from hypothesis import strategies as st

from harness import (
    Context,
    Fault,
    expect,
    expect_accepted,
    expect_challenge,
    expect_not_let_in,
    expect_refused,
    expect_token_refused,
    fault,
    for_all,
    scenario,
)
from harness.capability import AUTHORIZATION_CODE
from harness.expect import REFUSALS
from harness.http import NotReached
from harness.mcp_capability import GOOD_TOKEN, JWT_PROFILE, MCP_SERVER, MINTED_TOKENS, REVOCATION_PROMISED
from harness.minting import Beyond, signed_by_stranger, signed_with_own_key
from harness.requirement import Level, load_requirements
from harness.verdict import Blocked, NotApplicable
from scenarios.mcp_server.faulty_tokens import FORGED, SIGNED

TOKEN_SIGNS = string.ascii_letters + string.digits + "-._~+/"
"""What a b64token is made of, but for its padding (RFC 6750 section 2.1)."""

B64TOKEN = re.compile(f"[{re.escape(TOKEN_SIGNS)}]+=*")

INJECTIONS = ("../../../../dev/null", "' OR '1'='1", "$(id)", "x" * 500, "\N{GREEK SMALL LETTER ALPHA}\x00")


GOOD = (
    fault(
        "with-its-audience-in-a-list",
        "rfc9068-4-3",
        aud=lambda own: [own],
        remedy="Take aud as a text or as a list of texts: a list of one is the usual form.",
    ),
    fault(
        "with-a-fraction-in-its-times",
        "rfc7519-2-1",
        iat=-1.5,
        exp=300.5,
        remedy="Read times as numbers, whole or not.",
    ),
    fault(
        "with-an-unknown-claim",
        "rfc7519-4-2",
        assay_claim={"any": ["thing"]},
        remedy="Ignore claims that you do not understand.",
    ),
    fault(
        "with-an-unknown-header",
        "rfc7515-4-2",
        header={"https://assay.example/header": {"any": ["thing"]}},
        remedy="Ignore header members that you do not understand, unless crit names them.",
    ),
)

SIZE = 100_000
TOO_LARGE = (400, 413, 414, 431)
HUGE = {
    "of-letters": lambda _: "x" * SIZE,
    "in-its-claims": lambda forge: signed_by_stranger(replace(forge, claims={**forge.claims, "x": "x" * SIZE})),
    "in-its-header": lambda forge: signed_by_stranger(replace(forge, header={**forge.header, "x": "x" * SIZE})),
}

BINDING = (Level.MUST, Level.MUST_NOT)
ROWS = {row.name: row for row in (*SIGNED, *FORGED)}


def _subsets(rows: Iterable[Fault]) -> st.SearchStrategy[set[str]]:
    """Generate names of up to three rows whose acceptance is a failure rather than a warning."""
    known = load_requirements()
    must = {row.name for row in rows if any(known[name].level in BINDING for name in row.requirements)}
    return st.sets(st.sampled_from(sorted(must)), max_size=3)


@scenario.each(SIGNED, needs={MINTED_TOKENS})
def a_faulty_token_is_refused(ctx: Context, fault: Fault) -> None:
    """A token that the right key signed, with one thing wrong in it, is refused with 401."""
    _expect_no_way_in(ctx, ctx.mint(fault))


@scenario.each(FORGED, needs={GOOD_TOKEN})
def a_forged_token_is_refused(ctx: Context, fault: Fault) -> None:
    """A token that was made without the issuer's key is refused with 401."""
    expect_not_let_in(ctx.guarded(token=ctx.forged(fault)))


@scenario.each(GOOD, needs={JWT_PROFILE})
def a_good_token_is_accepted(ctx: Context, fault: Fault) -> None:
    """A token that is unusual, with nothing wrong in it, is accepted."""
    expect_accepted(ctx.guarded(token=ctx.mint(fault)), what="a good token")


@scenario("rfc9068-4-3", needs={JWT_PROFILE})
def one_of_several_audiences_is_enough(ctx: Context) -> None:
    """A token for several servers, of which this one is the last, is accepted; a stricter policy is a warning.

    Remedy: look for your own identifier among all those of the list.
    """
    several = fault("for-several", aud=lambda own: ["https://other.example/mcp", own], remedy="")
    answer = ctx.guarded(token=ctx.mint(several))
    if answer.status in REFUSALS:
        answer.warn("a token for several audiences to be accepted", answer.summary())
    else:
        expect_accepted(answer, what="a token for several audiences")


@scenario("oauth21-5.2-1", needs={MINTED_TOKENS})
def a_token_is_good_in_its_last_minute(ctx: Context) -> None:
    """A token that began a second ago and ends in a minute is accepted; a server with a margin of its own is a warning.

    Why: it is the other side of the edge, which shows that tokens are not refused too early.
    Remedy: use a token until its exp; a leeway makes it good for longer, never for a shorter time.
    """
    answer = ctx.guarded(token=ctx.mint(iat=-1, nbf=-1, exp=60))
    if answer.status in REFUSALS:
        answer.warn("a token to be accepted until its end", answer.summary())
    else:
        expect_accepted(answer, what="a token in its last minute")


@scenario("mcp-token-handling-3", needs={GOOD_TOKEN})
def a_huge_token_opens_nothing(ctx: Context) -> None:
    """A forged token of 100 kB is refused, and the server is there for others afterwards.

    Why: a token is read before anybody knows who sent it.
    Remedy: limit the size of headers, in your server or in the proxy before it.
    """
    for name, make in HUGE.items():
        token = ctx.forged(fault(name, forge=make, remedy=""))
        try:
            answer = ctx.guarded(token=token)
        except NotReached:  # to hang up is a refusal, too
            continue
        if answer.status not in TOO_LARGE:
            expect_not_let_in(answer)
    ctx.accepted(ctx.good_token())


@scenario("rfc8725-3.10-1", needs={GOOD_TOKEN})
def an_injection_in_kid_does_no_harm(ctx: Context) -> None:
    """A kid that is a path, a piece of SQL or simply too long is refused like any unknown one.

    Why: kid is used in look-ups before the signature was verified, so that anybody can write it.
    Remedy: look kid up among the published keys only, in memory, as an opaque text.
    """
    for kid in INJECTIONS:
        answer = ctx.guarded(token=ctx.forged(fault("kid", forge=signed_with_own_key(kid=kid), remedy="")))
        expect(answer.status < 500, "a refusal", answer.summary(), answer)
        expect_refused(answer, what=f"a token with the kid {kid[:30]!r}")


@scenario("rfc9068-4-7", needs={JWT_PROFILE})
def a_refused_token_is_called_invalid(ctx: Context) -> None:
    """The challenge to a token that fails validation holds the error invalid_token.

    Why: the client may then get itself a new token and try once more.
    Remedy: send error="invalid_token" in the challenge wherever a token was sent and refused.
    """
    answer = ctx.guarded(token=ctx.mint(iat=-3600, exp=Beyond(-600)))
    error = expect_challenge(answer, status=401).get("error")
    expect(error == "invalid_token", "invalid_token in the challenge", f"the error is {error!r}", answer)


@scenario("rfc9068-4-1", needs={JWT_PROFILE})
def the_type_is_recognised_in_full_too(ctx: Context) -> None:
    """A token typed application/at+jwt is accepted like one typed at+jwt.

    Remedy: accept both spellings of the type.
    """
    full = fault("typed-in-full", header={"typ": "application/at+jwt"}, remedy="")
    expect_accepted(ctx.guarded(token=ctx.mint(full)), what="the type application/at+jwt")


@scenario("rfc8725-3.12-1", needs={GOOD_TOKEN, AUTHORIZATION_CODE})
def a_refresh_token_is_no_access_token(ctx: Context) -> None:
    """A refresh token, which the authorization server issued and would take, opens nothing at the MCP server.

    Why: refresh tokens live long, and are for the authorization server's eyes only.
    Remedy: accept tokens that are marked as access tokens only, and ask introspection for the token's type.
    """
    # An issuer that we mint with need not know the MCP server as a resource; its refresh tokens will do all the same.
    options = {"resource": None, "browser": ctx.new_browser()} if ctx.home.tenant.signer else {}
    tokens = ctx.refreshable(**options)
    expect_token_refused(ctx.guarded(token=tokens.refresh_token))


@scenario("oauth21-5.2-1", needs={REVOCATION_PROMISED})
def a_revoked_token_is_refused(ctx: Context) -> None:
    """A token that was revoked before its first use is refused, where the MCP server promises it.

    Remedy: ask the authorization server's introspection endpoint, and keep its answers for a short time only.
    """
    token, client = ctx.revocable()
    answer = ctx.revoke(token, client=client)
    ctx.require(answer.error != "unsupported_token_type", "the authorization server revokes no access tokens")
    if answer.status != 200:
        raise Blocked(f"revoking a token failed: {answer.summary()}", exchange=answer.exchange)
    expect_token_refused(ctx.guarded(token=token))


@scenario("mcp-token-handling-3", needs={MCP_SERVER})
@for_all(budget=15, token=st.text(TOKEN_SIGNS, min_size=1, max_size=80), padding=st.sampled_from(("", "=", "==")))
def no_made_up_token_is_accepted(ctx: Context, token: str, padding: str) -> None:
    """Whatever a client makes up and sends as a token, it is refused, and the server stays upright.

    Remedy: treat each token as hostile until its signature, or its issuer, has vouched for it.
    """
    expect_refused(ctx.guarded(token=token + padding), what="a made-up token")


@scenario("oauth21-5.2-1", "oauth21-5-1", "mcp-token-handling-1", needs={MINTED_TOKENS})
@for_all(budget=25, names=_subsets(row for row in (*SIGNED, *FORGED) if not row.needs))
def only_a_flawless_token_is_accepted(ctx: Context, names: set[str]) -> None:
    """A token with any of the faults, alone or together, is refused; a token with none is accepted.

    Why: checks that work alone can switch each other off, such as an early return.
    Remedy: let every check have its say about every token, whatever the others found.
    """
    _expect_no_fault_to_help_another(ctx, names)


@scenario("rfc7519-7.2-1", needs={JWT_PROFILE})
@for_all(budget=15, names=_subsets((*SIGNED, *FORGED)))
def only_a_flawless_jwt_is_accepted(ctx: Context, names: set[str]) -> None:
    """The same with all faults, of which some only the profile forbids.

    Remedy: let every check have its say about every token, whatever the others found.
    """
    _expect_no_fault_to_help_another(ctx, names)


def _expect_no_fault_to_help_another(ctx: Context, names: set[str]) -> None:
    """Judge a token with all these faults, of which one at most makes the whole token."""
    rows = [ROWS[name] for name in sorted(names)]
    claims = {name: value for row in rows for name, value in row.claims.items()}
    headers = {name: value for row in rows for name, value in row.header.items()}
    makers = [row.forge for row in rows if row.forge]
    together = fault("together", header=headers, forge=makers[0] if makers else None, remedy="", **claims)
    try:
        token = ctx.mint(together)
    except NotApplicable:  # what one of these faults needs is not there
        return
    if names:
        _expect_no_way_in(ctx, token)
    else:
        expect_accepted(ctx.guarded(token=token), what="a token without fault")


def _expect_no_way_in(ctx: Context, token: str) -> None:
    """A token is refused; 400 says rightly that a header is malformed whose token is not of the signs of one."""
    answer = ctx.guarded(token=token)
    if answer.status != 400 or B64TOKEN.fullmatch(token):
        expect_not_let_in(answer)
