"""What has had its time is over: codes, access tokens, refresh tokens, and what comes of them."""

from harness import Context, expect, expect_oauth_error, scenario
from harness.capability import (
    AUTHORIZATION_CODE,
    CLOCK,
    INTROSPECTION,
    JWT_ACCESS_TOKENS,
    REFRESH_TOKENS,
    TOKEN_EXCHANGE,
)
from harness.flows import Tokens

LEEWAY = 300.0
"""Seconds by which clocks may differ (RFC 9068 section 4: a few minutes)."""

CODE_LIFETIME = 600.0
"""Seconds that a code may live at most (OAuth 2.1 section 4.1.2)."""

SHORT = 3600
"""Seconds that count as short-lived (RFC 6750 section 5.3: one hour or less)."""

LONG_AGO = 400 * 86_400.0
"""Seconds after which nobody would call a refresh token in use."""


@scenario("mcp-security.token-theft-2", needs={AUTHORIZATION_CODE})
def access_tokens_are_short_lived(ctx: Context) -> None:
    """An access token lives for an hour at most.

    Why: a bearer token cannot be called back from who stole it; only its end helps.
    Remedy: let access tokens live for minutes, and give clients refresh tokens.
    """
    tokens = ctx.grant()
    lifetime = _lifetime(tokens)
    ctx.require(lifetime is not None, "neither expires_in nor the token itself says how long it lives")
    expect((lifetime or 0) <= SHORT, f"at most {SHORT} seconds", f"it lives for {lifetime} seconds", tokens.answer)


@scenario("oauth21-4.1.2-1", needs={AUTHORIZATION_CODE, CLOCK})
def an_old_code_is_refused(ctx: Context) -> None:
    """A code that nobody redeemed for more than ten minutes is refused.

    Why: codes leak through histories, logs and referrers; later than a moment after the redirect only a thief comes.
    Remedy: store the time of issue with the code, and refuse it after a minute or so.
    """
    granted = ctx.authorize()
    ctx.clock.advance(CODE_LIFETIME + 1)
    expect_oauth_error(ctx.redeem(granted), "invalid_grant", what="redeeming an old code")


@scenario("rfc7662-2.2-2", "rfc7662-4-1", needs={INTROSPECTION, CLOCK})
def an_expired_access_token_is_inactive(ctx: Context) -> None:
    """An access token past its time is inactive by introspection.

    Remedy: compare the token's end with the clock each time somebody asks.
    """
    tokens = ctx.grant()
    ctx.active(tokens)
    _outlive(ctx, tokens)
    answer = ctx.introspect(tokens.access_token)
    expect(answer.json.get("active") is False, "active false", f"active was {answer.json.get('active')!r}", answer)


@scenario("rfc8693-2.1-6", needs={TOKEN_EXCHANGE, CLOCK})
def an_expired_token_cannot_be_exchanged(ctx: Context) -> None:
    """A subject token past its time is refused.

    Why: the agent would go on acting for a user who has long left.
    Remedy: compare exp of the subject token with the clock before anything is issued.
    """
    subject = ctx.subject_token()
    _outlive(ctx, subject)
    expect_oauth_error(ctx.exchange(subject), "invalid_request", what="the exchange of an expired token")


@scenario("rfc8693-5-1", needs={TOKEN_EXCHANGE, JWT_ACCESS_TOKENS, CLOCK})
def an_exchanged_token_ends_with_its_subject(ctx: Context) -> None:
    """A token that was got by exchange lives no longer than the subject token.

    Why: by exchanging again and again, an agent would make one short-lived token last for ever.
    Remedy: set exp to that of the subject token, where your own lifetime would go beyond it.
    """
    subject = ctx.subject_token()
    ctx.clock.advance((_lifetime(subject) or 0) / 2)
    issued = ctx.exchanged(subject)
    ends, allowed = issued.claims.get("exp"), subject.claims.get("exp")
    ctx.require(
        isinstance(ends, int | float) and isinstance(allowed, int | float), "the tokens do not say when they end"
    )
    later = (ends or 0) - (allowed or 0)
    expect(later <= 0, "an end no later than the subject token's", f"it ends {later:.0f} s later", issued.answer)


@scenario("rfc9700-4.14.2-3", needs={REFRESH_TOKENS, CLOCK})
def an_idle_refresh_token_ends(ctx: Context) -> None:
    """A refresh token that nobody has used for more than a year is refused.

    Why: forgotten installations and old backups hold refresh tokens that nobody would miss.
    Remedy: give refresh tokens an end that each use moves on, and refuse them after it.
    """
    granted = ctx.refreshable()
    ctx.clock.advance(LONG_AGO)
    expect_oauth_error(ctx.refresh(granted), "invalid_grant", what="a refresh after more than a year")


def _lifetime(tokens: Tokens) -> float | None:
    """Return how many seconds an access token lives, by the response or by the token itself."""
    told, end, start = tokens.answer.json.get("expires_in"), tokens.claims.get("exp"), tokens.claims.get("iat")
    if isinstance(told, int | float) and told > 0:
        return float(told)
    if isinstance(end, int | float) and isinstance(start, int | float) and end > start:
        return float(end - start)
    return None


def _outlive(ctx: Context, tokens: Tokens) -> None:
    lifetime = _lifetime(tokens)
    ctx.require(lifetime is not None, "neither expires_in nor the token itself says how long it lives")
    ctx.clock.advance((lifetime or 0) + LEEWAY)
