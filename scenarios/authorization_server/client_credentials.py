"""Client credentials: an agent in its own name (OAuth 2.1 section 4.2)."""

from dataclasses import replace

from harness import Context, expect, expect_oauth_error, scenario
from harness.capability import CLIENT_CREDENTIALS, JWT_ACCESS_TOKENS, PUBLIC_CLIENT
from harness.clients import registered_client, registration_metadata
from harness.keys import stranger_key
from harness.target import OAuthClient

WRONG_SECRET = "assay-is-not-the-secret"  # noqa: S105


@scenario("oauth21-4.2-1", needs={CLIENT_CREDENTIALS, PUBLIC_CLIENT})
def a_public_client_gets_no_token(ctx: Context) -> None:
    """A client that cannot authenticate gets no token in its own name.

    Why: a public client's identifier is known to everybody, so such a token would be anybody's.
    Remedy: refuse the grant to clients without credentials, whatever grant types they registered.
    """
    answer = ctx.client_credentials(client=_public_client(ctx))
    expect_oauth_error(answer, "unauthorized_client", "invalid_client", "invalid_request")


@scenario("oauth21-3.2.2-1", "oauth21-4.2.1-1", "rfc6749-4.4.2-1", needs={CLIENT_CREDENTIALS})
def a_client_must_prove_who_it_is(ctx: Context) -> None:
    """A confidential client that only names itself gets no token.

    Remedy: demand the authentication method that the client registered, and never accept less.
    """
    unproven = replace(ctx.clients.machine, auth_method="none")
    expect_oauth_error(ctx.client_credentials(client=unproven), "invalid_client", "invalid_request")


@scenario("oauth21-4.2.1-1", "rfc6749-4.4.2-1", needs={CLIENT_CREDENTIALS})
def a_wrong_credential_gets_no_token(ctx: Context) -> None:
    """A client that sends a wrong secret, or signs with a key that is not its own, gets no token in its own name.

    Why: in this grant nothing but the client's credential stands between anybody and a token.
    Remedy: authenticate the client before the grant is looked at, as with every other grant.
    """
    client = ctx.clients.machine
    if client.private_key:
        wrong = replace(client, private_key=stranger_key(str(client.private_key["alg"])))
    else:
        wrong = replace(client, secret=WRONG_SECRET)
    expect_oauth_error(ctx.client_credentials(client=wrong), "invalid_client", what="the wrong credential")


@scenario("rfc6749-4.4.3-1", needs={CLIENT_CREDENTIALS})
def no_refresh_token_comes_with_it(ctx: Context) -> None:
    """A token that a client got in its own name comes without a refresh token.

    Why: the client can ask again at any time; a refresh token would only be one more secret to lose.
    Remedy: leave refresh_token out of the response to this grant.
    """
    answer = ctx.machine_token().answer
    expect("refresh_token" not in answer.json, "no refresh token", "the response has a refresh_token", answer)


@scenario("rfc9068-2.2-2", needs={CLIENT_CREDENTIALS, JWT_ACCESS_TOKENS})
def the_subject_is_the_client(ctx: Context) -> None:
    """Where no user takes part, sub identifies the client, and not a user.

    Why: a resource server that goes by sub would otherwise give a machine what belongs to a person.
    Remedy: set sub to an identifier of the client, always the same for the same client.
    """
    user, first, second = ctx.grant(), ctx.machine_token(), ctx.machine_token()
    ctx.require(first.claims, "the access tokens of this grant are opaque")
    subject = first.claims.get("sub")
    expect(subject, "a sub that identifies the client", f"sub was {subject!r}", first.answer)
    actual = f"two tokens of one client had sub {subject!r} and {second.claims.get('sub')!r}"
    expect(subject == second.claims.get("sub"), "the same sub each time", actual, second.answer)
    actual = f"sub was {subject!r}, as in a user's token"
    expect(subject != user.claims.get("sub"), "another sub than that of a user", actual, first.answer)


def _public_client(ctx: Context) -> OAuthClient:
    """A public client that registered the grant, where the server lets it; a refusal is then about the client only."""
    if not ctx.metadata.get("registration_endpoint"):
        return ctx.clients.first
    answer = ctx.register(grant_types=["authorization_code", "client_credentials"])
    if not answer.json.get("client_id"):
        return ctx.clients.first
    client = registered_client(answer, registration_metadata(ctx.home))
    return client if client.public else ctx.clients.first
