"""Client authentication at the token endpoint: secrets and assertions (OAuth 2.1 section 2.4, RFC 7523)."""

from __future__ import annotations

import re
from dataclasses import replace

from harness import Context, Fault, expect, expect_oauth_error, expect_refused, expect_token, fault, keys, scenario
from harness.capability import CONFIDENTIAL_CLIENT, PRIVATE_KEY_JWT, REGISTRATION
from harness.clients import registered_client, registration_metadata
from harness.minting import Forge, signed_by_stranger, signed_with_public_key, unsigned
from harness.target import OAuthClient

POST = "client_secret_post"
WRONG_SECRET = "assay-is-not-the-secret"  # noqa: S105

_BASIC = re.compile(r"(?:^|,)\s*basic(?:\s|,|$)", re.IGNORECASE)

ASSERTION_FAULTS = (
    fault(
        "without-iss", "rfc7523-3-1", "rfc7523-3.2-1", iss=None, remedy="Demand iss, and compare it with the client_id."
    ),
    fault(
        "for-another-subject",
        "rfc7523-3-2",
        "rfc7523-3.2-1",
        sub="assay-somebody-else",
        remedy="Compare sub with the client_id; do not go by iss or client_id alone.",
    ),
    fault(
        "for-another-audience",
        "rfc7523-3-3",
        "rfc7523-3.2-1",
        aud="https://as.example",
        remedy="Compare aud with your issuer identifier, so that an assertion for another server is worth nothing.",
    ),
    fault("expired", "rfc7523-3-4", "rfc7523-3.2-1", exp=-900, iat=-960, remedy="Compare exp with the clock."),
    fault("without-exp", "rfc7523-3-4", "rfc7523-3.2-1", exp=None, remedy="Refuse an assertion without exp."),
    fault(
        "not-valid-yet", "rfc7523-3-5", "rfc7523-3.2-1", nbf=900, remedy="Compare nbf with the clock where it is sent."
    ),
    fault(
        "unsigned",
        "rfc7523-3-8",
        "rfc8725-3.1-2",
        "rfc7523-3.2-1",
        forge=unsigned,
        remedy="Accept a fixed list of algorithms; never none.",
    ),
    fault(
        "signed-by-another-key",
        "rfc7523-3-8",
        "rfc7523-3.2-1",
        forge=signed_by_stranger,
        remedy="Verify the signature with the keys that this very client registered.",
    ),
    fault(
        "with-hmac-and-the-public-key",
        "rfc8725-3.1-2",
        "rfc7523-3.2-1",
        forge=signed_with_public_key,
        remedy="Take the algorithm from your own list for the key's type, not from the header of the assertion.",
    ),
)


@scenario("oauth21-3.2.2-1", needs={CONFIDENTIAL_CLIENT})
def a_confidential_client_must_authenticate(ctx: Context) -> None:
    """A client that has a secret gets no token when it sends nothing but its client_id.

    Why: otherwise everybody who knows the client_id is the client.
    Remedy: go by the method that the client registered, not by what the request brings.
    """
    client = ctx.clients.confidential
    granted = ctx.authorize(client=client)
    answer = ctx.redeem(granted, client=replace(client, auth_method="none"))
    expect_oauth_error(answer, "invalid_client", what="the request without credentials")


@scenario("oauth21-3.2.2-2", needs={CONFIDENTIAL_CLIENT})
def a_wrong_secret_is_refused(ctx: Context) -> None:
    """A client that sends a wrong secret is refused with invalid_client.

    Remedy: compare the secret, in constant time, before anything else is looked at.
    """
    client = ctx.clients.confidential
    granted = ctx.authorize(client=client)
    answer = ctx.redeem(granted, client=replace(client, secret=WRONG_SECRET))
    expect_oauth_error(answer, "invalid_client", what="the wrong secret")


@scenario("oauth21-3.2.4-4", needs={CONFIDENTIAL_CLIENT})
def failed_basic_authentication_is_challenged(ctx: Context) -> None:
    """A wrong secret in the Authorization header is answered 401 with a WWW-Authenticate of the scheme Basic.

    Remedy: send status 401 and WWW-Authenticate: Basic when the Authorization header was used.
    """
    client = ctx.clients.confidential
    ctx.require(client.auth_method == "client_secret_basic", "the client does not use the Authorization header")
    granted = ctx.authorize(client=client)
    answer = ctx.redeem(granted, client=replace(client, secret=WRONG_SECRET))
    expect_refused(answer, what="the wrong secret")
    challenges = ", ".join(answer.headers.get_list("www-authenticate"))
    actual = f"{answer.summary()}, and WWW-Authenticate was {challenges or 'absent'}"
    challenged = answer.status == 401 and _BASIC.search(challenges)
    expect(challenged, "401 with a Basic challenge", actual, answer)


@scenario("oauth21-3.2.4-1", needs={CONFIDENTIAL_CLIENT})
def two_methods_at_once_are_refused(ctx: Context) -> None:
    """A request with credentials in the header and in the body is refused with invalid_request.

    Why: two parts of a server may each believe another one of them.
    Remedy: count the methods that a request uses before you check any.
    """
    client = ctx.clients.confidential
    granted = ctx.authorize(client=client)
    by_header = replace(client, auth_method="client_secret_basic")
    answer = ctx.redeem(granted, client=by_header, client_id=client.client_id, client_secret=client.secret)
    expect_oauth_error(answer, "invalid_request", what="the request with two methods")


@scenario("oauth21-2.4.1-1", needs={CONFIDENTIAL_CLIENT, REGISTRATION})
def a_secret_in_the_body_is_accepted(ctx: Context) -> None:
    """A client that registered client_secret_post authenticates with client_id and client_secret in the body.

    Remedy: support client_secret_post; the Authorization header is the optional one in OAuth 2.1.
    """
    client = _client_with_secret_in_body(ctx)
    expect_token(ctx.redeem(ctx.authorize(client=client)))


@scenario.each(ASSERTION_FAULTS, needs={PRIVATE_KEY_JWT})
def a_faulty_assertion_is_refused(ctx: Context, fault: Fault) -> None:
    """A client assertion with exactly one fault is refused with invalid_client."""
    client = ctx.clients.keyed
    assertion = ctx.assertion(client, **fault.claims)
    if fault.forge:
        assertion = fault.forge(_forge(assertion, client))
    answer = ctx.client_credentials(client=client, client_assertion=assertion)
    expect_oauth_error(answer, "invalid_client", what="the assertion")


def _client_with_secret_in_body(ctx: Context) -> OAuthClient:
    answer = ctx.register(kind="confidential", token_endpoint_auth_method=POST)
    agreed = answer.json.get("token_endpoint_auth_method") == POST
    ctx.require(agreed, "no client with client_secret_post can be registered")
    return registered_client(answer, registration_metadata(ctx.home, "confidential"))


def _forge(assertion: str, client: OAuthClient) -> Forge:
    """Return what an assertion is made from, to make it anew in a way that no honest client does."""
    key = client.private_key or {}
    header = {name: value for name, value in keys.header_of(assertion).items() if name not in ("alg", "kid")}
    return Forge(
        header,
        keys.claims_of(assertion),
        lambda header, claims: keys.sign(claims, key, header),
        lambda: {"keys": [keys.public(key)]},
    )
