"""Assertions for client authentication: whom they name, whom they are for, and how often they work (RFC 7523)."""

from __future__ import annotations

from harness import Context, Fault, expect_no_token, expect_oauth_error, expect_token, fault, keys, scenario
from harness.capability import PRIVATE_KEY_JWT, REGISTRATION, SINGLE_USE_ASSERTIONS
from harness.clients import registered_client, registration_metadata
from harness.target import OAuthClient

INVALID = ("invalid_client", "invalid_request")

AUDIENCES = (
    fault(
        "not-for-the-token-endpoint",
        "rfc7523bis-4-1",
        remedy="Compare aud with your issuer identifier only: a hostile server can name your token endpoint as its.",
        aud=lambda ctx: ctx.home.endpoint("token"),
    ),
    fault(
        "not-for-others-besides",
        "rfc7523bis-4-1",
        remedy="Refuse an assertion that has other audiences besides you: one of them may pass it on to you.",
        aud=lambda ctx: [ctx.home.issuer, "https://as.example"],
    ),
)

TYPES = (
    fault(
        "without-a-type",
        "rfc7523bis-4-3",
        remedy="Accept an assertion without typ: many clients send none.",
        header={"typ": None},
    ),
    fault(
        "with-the-type-of-any-jwt",
        "rfc7523bis-4-3",
        remedy="Accept an assertion whose typ is JWT: most libraries write that.",
        header={"typ": "JWT"},
    ),
)


@scenario("rfc7523-3.2-2", needs={PRIVATE_KEY_JWT})
def another_client_cannot_be_named_beside_it(ctx: Context) -> None:
    """A client_id beside the assertion that names another client is refused.

    Why: one part of a server may go by the assertion, and another one by the parameter.
    Remedy: compare client_id, where it is sent, with the client that the assertion authenticates.
    """
    client = ctx.clients.keyed
    answer = ctx.client_credentials(client=client, client_id=f"{client.client_id}-assay")
    expect_oauth_error(answer, *INVALID, what="the assertion with another client_id")


@scenario("rfc7523-3-9", "rfc7523-3.2-1", needs={PRIVATE_KEY_JWT, REGISTRATION})
def the_key_of_another_client_does_not_sign_it(ctx: Context) -> None:
    """An assertion that names one client and is signed with the key of another one is refused with invalid_client.

    Why: whoever can register a client would otherwise be every client.
    Remedy: look the key up among those of the client that the assertion names, never among all keys that you know.
    """
    client, other = ctx.clients.keyed, _other_keyed_client(ctx)
    its_own = ctx.client_credentials(client=other, resource=None)
    ctx.require(its_own.status == 200, "a client that registers with a key gets no token by it")
    assertion = ctx.assertion(client, key=other.private_key)
    answer = ctx.client_credentials(client=client, client_assertion=assertion)
    expect_oauth_error(answer, "invalid_client", what="the assertion that another client signed")


@scenario("rfc7523-3-7", needs={PRIVATE_KEY_JWT, SINGLE_USE_ASSERTIONS})
def it_works_once(ctx: Context) -> None:
    """An assertion that has been used is refused when it comes again.

    Why: an assertion that was read on its way, or in a log, would open the same door until it expires.
    Remedy: remember the jti of each assertion until its exp, together with the client that sent it.
    """
    client = ctx.clients.keyed
    assertion = ctx.assertion(client)
    expect_token(ctx.client_credentials(client=client, client_assertion=assertion))
    again = ctx.client_credentials(client=client, client_assertion=assertion)
    expect_oauth_error(again, "invalid_client", what="the assertion that was used before")


@scenario.each(AUDIENCES, needs={PRIVATE_KEY_JWT})
def it_is_for_the_issuer_alone(ctx: Context, row: Fault) -> None:
    """An assertion is accepted only if the issuer identifier is its one and only audience."""
    client = ctx.clients.keyed
    assertion = ctx.assertion(client, aud=row.claims["aud"](ctx))
    expect_no_token(ctx.client_credentials(client=client, client_assertion=assertion), what="the assertion")


@scenario.each(TYPES, needs={PRIVATE_KEY_JWT})
def its_type_may_be_left_open(ctx: Context, row: Fault) -> None:
    """An assertion that is not explicitly typed is accepted like any other."""
    client = ctx.clients.keyed
    assertion = ctx.assertion(client, header=row.header)
    expect_token(ctx.client_credentials(client=client, client_assertion=assertion))


def _other_keyed_client(ctx: Context) -> OAuthClient:
    """Register a client with a key of its own that nobody else has."""
    algorithm = str((ctx.clients.keyed.private_key or {}).get("alg", "ES256"))
    key = keys.new_private_key(algorithm)
    metadata = registration_metadata(ctx.home, "keyed", key)
    answer = ctx.register(**metadata)
    client = registered_client(answer, metadata, key) if answer.json.get("client_id") else None
    ctx.require(client and client.auth_method == "private_key_jwt", "no second client with a key can be registered")
    assert client
    return client
