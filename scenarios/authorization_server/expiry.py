"""What has had its time is over: codes, access tokens, refresh tokens, and what comes of them."""

from collections.abc import Callable

from harness import Context, expect, expect_oauth_error, expect_refused, scenario
from harness.capability import AUTHORIZATION_CODE, INTROSPECTION, REFRESH_TOKENS, TIME, TOKEN_EXCHANGE
from harness.exchange import Answer
from harness.flows import Tokens
from harness.passing_time import PassingTime
from harness.verdict import Blocked, NotApplicable

LEEWAY = 300.0
"""Seconds by which clocks may differ (RFC 9068 section 4: a few minutes)."""

MARGIN = 2.0
"""Seconds that rounding takes at most."""

CODE_LIFETIME = 600.0
"""Seconds that a code may live at most (OAuth 2.1 section 4.1.2)."""

SHORT = 3600
"""Seconds that count as short-lived (RFC 6750 section 5.3: one hour or less)."""

LONG_AGO = 400 * 86_400.0
"""Seconds after which nobody would call a refresh token in use."""

UNTOLD = "neither expires_in, introspection nor the token says how long it lives"
WAIT_LONGER = "a shorter life in a test set-up, or a longer --max-wait, shows its end"

HEAVY = 50
"""What waits is started first, so that the rest of the run goes on meanwhile."""


@scenario("mcp-security.token-theft-2", needs={AUTHORIZATION_CODE})
def access_tokens_are_short_lived(ctx: Context) -> None:
    """An access token lives for an hour at most.

    Why: a bearer token cannot be called back from who stole it; only its end helps.
    Remedy: let access tokens live for minutes, and give clients refresh tokens.
    """
    tokens = ctx.grant()
    lifetime = _lifetime(tokens)
    ctx.require(lifetime is not None, UNTOLD)
    expect((lifetime or 0) <= SHORT, f"at most {SHORT} seconds", f"it lives for {lifetime} seconds", tokens.answer)


@scenario("oauth21-4.1.2-1", needs={AUTHORIZATION_CODE, TIME}, cost=HEAVY)
def an_old_code_is_refused(ctx: Context) -> None:
    """A code that nobody redeemed for more than ten minutes is refused.

    Why: codes leak through histories, logs and referrers; later than a moment after the redirect only a thief comes.
    Remedy: store the time of issue with the code, and refuse it after a minute or so.
    """
    time = ctx.time
    granted = ctx.authorize()
    passed = time.up_to(CODE_LIFETIME + 1)
    answer = ctx.redeem(granted)
    if answer.status == 200 and passed <= CODE_LIFETIME:
        raise Blocked(f"a code still works after {passed:g} s, and may do so for {CODE_LIFETIME:g}", WAIT_LONGER)
    expect_oauth_error(answer, "invalid_grant", what="redeeming an old code")


@scenario("rfc7662-2.2-2", "rfc7662-4-1", needs={INTROSPECTION, TIME}, cost=HEAVY)
def an_expired_access_token_is_inactive(ctx: Context) -> None:
    """An access token past its time is inactive by introspection.

    Remedy: compare the token's end with the clock each time somebody asks.
    """
    time = ctx.time  # before anybody logs in: where no time can pass, that would be for nothing
    tokens = ctx.grant()
    ctx.active(tokens)
    answer = _after_its_end(
        time, tokens, lambda: ctx.introspect(tokens.access_token), lambda answer: answer.json.get("active") is True
    )
    if answer.status != 200:
        expect_refused(answer, what="introspection of an expired token")
    expect(answer.json.get("active") is False, "active false", f"active was {answer.json.get('active')!r}", answer)


@scenario("rfc8693-2.1-6", needs={TOKEN_EXCHANGE, TIME}, cost=HEAVY)
def an_expired_token_cannot_be_exchanged(ctx: Context) -> None:
    """A subject token past its time is refused.

    Why: the agent would go on acting for a user who has long left.
    Remedy: compare exp of the subject token with the clock before anything is issued.
    """
    time = ctx.time
    subject = ctx.subject_token()
    answer = _after_its_end(time, subject, lambda: ctx.exchange(subject), lambda answer: answer.status == 200)
    expect_oauth_error(answer, "invalid_request", what="the exchange of an expired token")


@scenario("rfc8693-5-1", needs={TOKEN_EXCHANGE, TIME}, cost=HEAVY)
def an_exchanged_token_ends_with_its_subject(ctx: Context) -> None:
    """A token that was got by exchange lives no longer than the subject token.

    Why: by exchanging again and again, an agent would make one short-lived token last for ever.
    Remedy: set exp to that of the subject token, where your own lifetime would go beyond it.
    """
    time = ctx.time
    subject = ctx.subject_token()
    allowed = subject.known.get("exp")
    ctx.require(isinstance(allowed, int | float), "neither the token nor introspection says when it ends")
    if time.up_to((_lifetime(subject) or 0) / 2) < MARGIN:
        raise Blocked("too little time passed to tell the ends of two tokens apart", f"--max-wait {MARGIN:g} is enough")
    issued = ctx.exchanged(subject)
    ends = issued.known.get("exp")
    ctx.require(isinstance(ends, int | float), "neither the token nor introspection says when it ends")
    later = (ends or 0) - (allowed or 0)
    expect(later <= 0, "an end no later than the subject token's", f"it ends {later:.0f} s later", issued.answer)


@scenario("rfc9700-4.14.2-3", needs={REFRESH_TOKENS, TIME}, cost=HEAVY)
def an_idle_refresh_token_ends(ctx: Context) -> None:
    """A refresh token that nobody has used for more than a year is refused.

    Why: forgotten installations and old backups hold refresh tokens that nobody would miss.
    Remedy: give refresh tokens an end that each use moves on, and refuse them after it.
    """
    time = ctx.time
    granted = ctx.refreshable()
    passed = time.up_to(LONG_AGO)
    answer = ctx.refresh(granted)
    if answer.status == 200 and passed < LONG_AGO:
        raise Blocked(f"a refresh token still works after {passed:g} s, as it well may", WAIT_LONGER)
    expect_oauth_error(answer, "invalid_grant", what="a refresh after more than a year")


def _lifetime(tokens: Tokens) -> float | None:
    """Return how many seconds an access token lives: by the response, the token itself, or introspection."""
    told = tokens.answer.json.get("expires_in")
    if isinstance(told, int | float) and told > 0:
        return float(told)
    end, start = tokens.known.get("exp"), tokens.known.get("iat")
    if isinstance(end, int | float) and isinstance(start, int | float) and end > start:
        return float(end - start)
    return None


def _after_its_end(
    time: PassingTime, tokens: Tokens, ask: Callable[[], Answer], lives: Callable[[Answer], bool]
) -> Answer:
    """Return what is answered about an access token after its life; where it still lives then, after a leeway more.

    Raises:
        Blocked: the time for that cannot be let pass.
        NotApplicable: nobody says how long it lives.
    """
    lifetime = _lifetime(tokens)
    if lifetime is None:
        raise NotApplicable(UNTOLD)
    time.outlive(lifetime + MARGIN, "an access token")
    answer = ask()
    if not lives(answer):
        return answer
    passed = time.up_to(LEEWAY)
    answer = ask()
    if lives(answer) and passed < LEEWAY:
        reason = f"an access token still works {MARGIN + passed:.0f} s after its end, which a leeway may explain"
        raise Blocked(reason, f"a --max-wait that is {LEEWAY:.0f} s longer than its life tells", answer.exchange)
    return answer
