"""Client authentication at the token endpoint: secrets and assertions (OAuth 2.1 section 2.4, RFC 7523)."""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from urllib.parse import urlencode

from harness import (
    Context,
    Fault,
    expect,
    expect_no_token,
    expect_oauth_error,
    expect_refused,
    expect_token,
    fault,
    flows,
    scenario,
)
from harness.capability import CONFIDENTIAL_CLIENT, METADATA, OWN_SECRET, PRIVATE_KEY_JWT, REGISTRATION
from harness.clients import KINDS, registered_client, registration_metadata
from harness.exchange import Answer
from harness.flows import Grant
from harness.target import OAuthClient
from scenarios.authorization_server.faulty_assertions import CLAIMS, FORMS, SIGNATURES, forge_of

POST = "client_secret_post"
WRONG_SECRET = "assay-is-not-the-secret"  # noqa: S105
SYMMETRIC = frozenset({"none", "client_secret_basic", "client_secret_post", "client_secret_jwt"})
"""The methods that know no key of the client's own; newer ones, such as attestations, are all asymmetric."""
GUESSES = 30
"""Wrong secrets that one client is sent: enough for most limits, and too few to find anything."""
SLOW_MS = 1000
BROKEN = (413, 431, 500, 501)
"""The server failed on an assertion, or found it too large: that lets nobody in."""

_BASIC = re.compile(r"(?:^|,)\s*basic(?:\s|,|$)", re.IGNORECASE)


def _secret_of_another(ctx: Context, client: OAuthClient) -> str:
    """Return the secret of some other client of the same issuer, registered for this where none is configured."""
    configured = (ctx.home.tenant.clients.get(kind) for kind in KINDS)
    for other in configured:
        if other and other.client_id != client.client_id and other.secret and other.secret != client.secret:
            return other.secret
    ctx.require(ctx.offers(REGISTRATION), "there is no other client with a secret")
    secret = ctx.registered(kind="confidential").json.get("client_secret")
    ctx.require(isinstance(secret, str) and secret, "there is no other client with a secret")
    return str(secret)


OTHER_SECRETS = (
    fault(
        "empty", "oauth21-3.2.2-2", forge=lambda _ctx, _client: "", remedy="Refuse an empty secret before comparing."
    ),
    fault(
        "of-another-client",
        "oauth21-3.2.2-2",
        forge=_secret_of_another,
        remedy="Look the secret up by the client_id that the request names.",
    ),
    fault(
        "without-its-last-character",
        "oauth21-3.2.2-2",
        forge=lambda _ctx, client: client.secret[:-1],
        remedy="Compare the whole secret, lengths included.",
    ),
    fault(
        "with-a-character-more",
        "oauth21-3.2.2-2",
        forge=lambda _ctx, client: f"{client.secret}x",
        remedy="Compare the whole secret. Some hashes, such as bcrypt, go by the first 72 bytes only.",
    ),
    fault(
        "in-other-case",
        "oauth21-3.2.2-2",
        forge=lambda _ctx, client: client.secret.swapcase(),
        remedy="Compare bytes; a database may compare text without regard to case.",
    ),
)


@scenario("oauth21-3.2.2-1", "oauth21-2.2-1", "rfc9700-2.5-1", needs={CONFIDENTIAL_CLIENT})
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


@scenario.each(OTHER_SECRETS, needs={CONFIDENTIAL_CLIENT})
def another_secret_is_refused(ctx: Context, row: Fault) -> None:
    """A secret that is not exactly the client's own is refused with invalid_client."""
    assert row.forge
    client = ctx.clients.confidential
    secret = row.forge(ctx, client)
    ctx.require(secret != client.secret, "the client's secret has no letters")
    answer = ctx.redeem(ctx.authorize(client=client), client=replace(client, secret=secret))
    codes = ("invalid_client",) if secret else ("invalid_client", "invalid_request")  # none at all may be missing
    expect_oauth_error(answer, *codes, what="the other secret")


@scenario("oauth21-2.4.1-2", needs={CONFIDENTIAL_CLIENT})
def a_secret_in_the_uri_is_refused(ctx: Context) -> None:
    """A client that sends its identifier and secret in the URI gets no token.

    Why: URIs are kept in logs and histories, where secrets do not belong.
    Remedy: read the parameters of a token request from its body, and refuse credentials in the query.
    """
    client = ctx.clients.confidential
    credentials = {"client_id": client.client_id, "client_secret": client.secret or ""}
    answer = _redeem_at(ctx, _with_query(ctx.home.endpoint("token"), credentials), ctx.authorize(client=client))
    expect_no_token(answer, what="the request with the secret in the URI")


@scenario("oauth21-2.4.1-3", needs={OWN_SECRET})
def guessing_a_secret_is_slowed_down(ctx: Context) -> None:
    """Who sends wrong secrets for a client again and again is slowed down.

    Where nothing shows within 30 guesses this is a warning, not a failure: protection may begin later, or elsewhere,
    and long random secrets are one too.

    Why: a secret that somebody chose is found by trying, unless trying takes its time.
    Remedy: count failed attempts by client and address, and answer 429 with Retry-After for some seconds after many.
    """
    client = _client_to_guess_at(ctx)
    ctx.http.patient = False
    right = _answer_to_secret(ctx, client)
    first = _answer_to_secret(ctx, replace(client, secret=secrets.token_urlsafe(32)))
    expect_refused(first, what="the wrong secret")
    ctx.require(first.error != right.error, "what is answered does not depend on the secret alone")
    for _ in range(GUESSES - 1):
        answer = _answer_to_secret(ctx, replace(client, secret=secrets.token_urlsafe(32)))
        if _is_slowed_down(answer, first):
            return
    last = _answer_to_secret(ctx, client)
    if last.error == right.error:
        expected = f"to be slowed down within {GUESSES} wrong secrets: by 429, a delay, or a lock"
        last.warn(expected, "each was answered at once, and alike; then the right secret was accepted")


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


@scenario("rfc9700-2.5-2", needs={METADATA})
def asymmetric_authentication_is_offered(ctx: Context) -> None:
    """Where clients can authenticate, they can do so by a key of their own, without a secret that both sides keep.

    Why: a server that stores no secrets cannot lose any.
    Remedy: support private_key_jwt or mutual TLS, and list it in token_endpoint_auth_methods_supported.
    """
    listed = ctx.metadata.get("token_endpoint_auth_methods_supported")
    methods = {str(method) for method in listed} if isinstance(listed, list) else {"client_secret_basic"}
    ctx.require(methods - {"none"}, "the target has public clients only")
    actual = f"the methods are {', '.join(sorted(methods))}"
    expect(methods - SYMMETRIC, "private_key_jwt, or tls_client_auth", actual)


@scenario.each((*CLAIMS, *FORMS, *SIGNATURES), needs={PRIVATE_KEY_JWT})
def a_faulty_assertion_is_refused(ctx: Context, fault: Fault) -> None:
    """A client assertion with exactly one fault is refused with invalid_client."""
    client = ctx.clients.keyed
    assertion = ctx.assertion(client, header=fault.header, **fault.claims)
    if fault.forge:
        assertion = fault.forge(forge_of(assertion, client))
    answer = ctx.client_credentials(client=client, client_assertion=assertion)
    if answer.status in BROKEN:
        answer.warn("a refusal with invalid_client", f"{answer.summary()}: nobody was let in, and nothing was refused")
    else:
        expect_oauth_error(answer, "invalid_client", what="the assertion")


def _client_with_secret_in_body(ctx: Context) -> OAuthClient:
    answer = ctx.register(kind="confidential", token_endpoint_auth_method=POST)
    agreed = answer.json.get("token_endpoint_auth_method") == POST
    ctx.require(agreed, "no client with client_secret_post can be registered")
    return registered_client(answer, registration_metadata(ctx.home, "confidential"))


def _redeem_at(ctx: Context, url: str, granted: Grant) -> Answer:
    """Redeem a code at a URL of our own, without any credentials in the body."""
    base = {
        "grant_type": "authorization_code",
        "code": granted.code,
        "redirect_uri": granted.redirect_uri or None,
        "code_verifier": granted.code_verifier,
        "resource": granted.resource or None,
    }
    unproven = replace(granted.client, auth_method="none")
    return flows.send_form(ctx, url, unproven, granted.site, base, {"client_id": None})


def _with_query(url: str, parameters: dict[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(parameters)}"


def _client_to_guess_at(ctx: Context) -> OAuthClient:
    """Register a client with a secret, so that no other client of the run is slowed down."""
    client = ctx.registered_client(kind="confidential")
    ctx.require(client.secret and not client.public, "clients that register are given no secret that they have to use")
    return client


def _answer_to_secret(ctx: Context, client: OAuthClient) -> Answer:
    """Ask for a token with a code that nobody issued: what is wrong first is told by the error."""
    code = secrets.token_urlsafe(32)
    return ctx.token_request(
        client, {"grant_type": "authorization_code", "code": code, "redirect_uri": client.redirect_uri}
    )


def _is_slowed_down(answer: Answer, first: Answer) -> bool:
    """Whether a wrong secret is answered otherwise than the first one: not any more, or much later."""
    if answer.status in (429, 503):
        return True
    expect_refused(answer, what="the wrong secret")
    much_later = answer.exchange.elapsed_ms > max(SLOW_MS, 5 * first.exchange.elapsed_ms)
    return much_later or (answer.status, answer.error) != (first.status, first.error)
