"""Revocation: what is ended stays ended, and ends at once (RFC 7009)."""

from dataclasses import replace

from harness import (
    Context,
    Fault,
    expect,
    expect_oauth_error,
    expect_refused,
    expect_status,
    expect_token,
    fault,
    scenario,
)
from harness.capability import CONFIDENTIAL_CLIENT, REFRESH_TOKENS, REVOCATION, SECOND_CLIENT
from harness.exchange import Answer
from harness.insight import Insight

UNKNOWN = (
    fault(
        "never-issued",
        "rfc7009-2.2-1",
        remedy="Answer 200 where no such token is found: it is as dead as the client wants it.",
    ),
    fault(
        "already-revoked",
        "rfc7009-2.2-1",
        remedy="Answer 200 the second time too, so that a client can repeat a request that it got no answer to.",
    ),
)


@scenario("rfc7009-2-1", "rfc7009-2.1-3", "oauth21-4.3.1-3", needs={REVOCATION, REFRESH_TOKENS})
def a_revoked_refresh_token_is_dead(ctx: Context) -> None:
    """A refresh token that was revoked is refused.

    Why: it is what a user's "sign out everywhere" and a client's "forget me" come down to.
    Remedy: mark the grant as ended and check that before a refresh.
    """
    granted = ctx.refreshable(client=ctx.clients.revoking)
    ctx.revoked(granted)
    expect_oauth_error(ctx.refresh(granted), "invalid_grant", what="a refresh with a revoked token")


@scenario("rfc7009-2.1-5", needs={REVOCATION, REFRESH_TOKENS})
def a_wrong_hint_does_not_save_a_token(ctx: Context) -> None:
    """A refresh token is revoked even when the hint calls it an access token.

    Why: a client that remembers the wrong kind would be told 200 and leave a live token behind.
    Remedy: use token_type_hint to look in one place first, and then look in the others.
    """
    granted = ctx.refreshable(client=ctx.clients.revoking)
    answer = ctx.revoke(granted.refresh_token, client=granted.client, token_type_hint="access_token")  # noqa: S106
    ctx.require(answer.error != "unsupported_token_type", "the target revokes nothing that is called an access token")
    _expect_done(answer)
    expect_oauth_error(ctx.refresh(granted), "invalid_grant", what="a refresh with a revoked token")


@scenario("rfc7009-2.2-2", needs={REVOCATION, REFRESH_TOKENS})
def an_unknown_hint_is_ignored(ctx: Context) -> None:
    """A refresh token is revoked even when the hint names a type that there is not.

    Remedy: take no notice of a token_type_hint that you do not know.
    """
    granted = ctx.refreshable(client=ctx.clients.revoking)
    answer = ctx.revoke(granted.refresh_token, client=granted.client, token_type_hint="no_such_type")  # noqa: S106
    _expect_done(answer)
    expect_oauth_error(ctx.refresh(granted), "invalid_grant", what="a refresh with a revoked token")


@scenario("rfc7009-2-3", "rfc7009-2.1-3", needs={REVOCATION})
def a_revoked_access_token_is_inactive(ctx: Context) -> None:
    """An access token that was revoked works no more, by introspection or at the MCP server.

    Without introspection, an opaque token is shown to the MCP server, which has to ask about it; a JWT it need not.

    Remedy: keep the jti of revoked access tokens until they would have expired.
    """
    tokens = ctx.grant(client=ctx.clients.revoking)
    insight = Insight(ctx, tokens.site)
    insight.check_living(tokens)
    _expect_done(ctx.revoke(tokens.access_token, client=tokens.client))
    insight.expect_ended(tokens)


@scenario("rfc7009-2.2.1-1", needs={REVOCATION})
def a_type_that_cannot_be_revoked_is_named(ctx: Context) -> None:
    """A server that revokes no access tokens says so, with unsupported_token_type.

    Why: a client that is told something else does not know that its token lives on.
    Remedy: revoke access tokens, or answer unsupported_token_type.
    """
    tokens = ctx.grant(client=ctx.clients.revoking)
    answer = ctx.revoke(tokens.access_token, client=tokens.client)
    if answer.status == 200 and not answer.error:
        return
    expect_refused(answer, what="the revocation of an access token")
    expect(answer.error == "unsupported_token_type", "error unsupported_token_type", answer.summary(), answer)


@scenario("rfc7009-2.1-4", needs={REVOCATION, REFRESH_TOKENS})
def revoking_the_refresh_token_ends_the_access_token(ctx: Context) -> None:
    """With a refresh token, the access tokens of the same grant end too.

    Why: who revokes a grant expects it to be over now, not when the last access token runs out.
    Remedy: store with each access token which grant it comes of, and check that when somebody asks.
    """
    granted = ctx.refreshable(client=ctx.clients.revoking)
    insight = Insight(ctx, granted.site)
    insight.check_living(granted)
    ctx.revoked(granted)
    insight.expect_ended(granted)


@scenario("rfc7009-2.1-2", needs={REVOCATION, REFRESH_TOKENS, SECOND_CLIENT})
def another_client_cannot_revoke(ctx: Context) -> None:
    """A refresh token goes on working after another client asked to revoke it.

    Why: who finds a token could otherwise lock out the client that it belongs to.
    Remedy: compare the client that the token was issued to with the one that authenticated.
    """
    granted = ctx.refreshable(client=ctx.clients.revoking)
    ctx.revoke(granted.refresh_token, client=ctx.clients.second)
    expect_token(ctx.refresh(granted))


@scenario("rfc7009-2.1-1", needs={REVOCATION, REFRESH_TOKENS, CONFIDENTIAL_CLIENT})
def a_wrong_secret_revokes_nothing(ctx: Context) -> None:
    """A revocation with a wrong client secret is refused, and the token goes on working.

    Remedy: authenticate the client at the revocation endpoint as at the token endpoint.
    """
    owner = ctx.clients.confidential
    granted = ctx.refreshable(client=owner)
    answer = ctx.revoke(granted.refresh_token, client=replace(owner, secret="wrong"))  # noqa: S106 - it is meant to be
    expect_refused(answer, what="a revocation with a wrong secret")
    expect_token(ctx.refresh(granted))


@scenario.each(UNKNOWN, needs={REVOCATION})
def a_token_that_is_not_there_is_no_error(ctx: Context, row: Fault) -> None:
    """Revoking what does not work anyway is answered with 200."""
    token = "made-up-by-mcp-assay"  # noqa: S105 - nobody issued it
    if row.name == "already-revoked":
        granted = ctx.grant(client=ctx.clients.revoking)
        ctx.revoked(granted)
        token = granted.refresh_token or granted.access_token
    expect_status(ctx.revoke(token, client=ctx.clients.revoking), 200)


def _expect_done(answer: Answer) -> None:
    expect(answer.status == 200, "the revocation to be answered with 200", answer.summary(), answer)
