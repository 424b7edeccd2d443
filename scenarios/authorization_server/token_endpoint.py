"""What all grants have in common at the token endpoint: parameters, responses and errors (OAuth 2.1 section 3.2)."""

from __future__ import annotations

import math
import re
import secrets
import string
from itertools import takewhile
from typing import Any

from harness import (
    Context,
    expect,
    expect_media_type,
    expect_not_stored,
    expect_oauth_error,
    expect_refused,
    expect_token,
    flows,
    scenario,
)
from harness.capability import AUTHORIZATION_CODE, OWN_SECRET, REGISTRATION_MANAGEMENT
from harness.keys import claims_of

UNKNOWN_GRANT = "urn:example:assay"
NOT_OFFERED = ("unsupported_grant_type", "unauthorized_client", "invalid_client")
ENOUGH, BETTER = 128, 160
"""How many random bits a value must have, and should have."""
SHORTEST_NAME = 4
"""Random values begin alike too, once in a while, but not for so long."""
ALPHABETS = (
    string.digits,
    "0123456789abcdef",
    "0123456789ABCDEF",
    string.ascii_letters + string.digits + "-_",
)
PERMITTED = re.compile(r"[\x20-\x21\x23-\x5B\x5D-\x7E]+")


@scenario("oauth21-3.2-3", needs={AUTHORIZATION_CODE})
def unknown_parameters_are_ignored(ctx: Context) -> None:
    """A token request with a parameter that nobody knows is served like any other.

    Remedy: read the parameters that you know, and leave the rest alone.
    """
    unknown: dict[str, Any] = {f"x_assay_{secrets.token_hex(4)}": "1"}
    expect_token(ctx.redeem(ctx.authorize(), **unknown))


@scenario("oauth21-3.2-5", needs={AUTHORIZATION_CODE})
def an_empty_parameter_counts_as_omitted(ctx: Context) -> None:
    """A token request with an empty credential besides is served, and one with an empty grant_type lacks it.

    Why: many clients send every field of a form, also those that they leave empty.
    Remedy: drop parameters without a value when the form is read, before anything is decided by them.
    """
    client = ctx.clients.first
    name = "client_assertion" if client.auth_method == "client_secret_post" else "client_secret"
    empty: dict[str, Any] = {name: ""}
    expect_token(ctx.redeem(ctx.authorize(), **empty))
    omitted = ctx.redeem(ctx.authorize(), grant_type=None).error or "invalid_request"
    expect_oauth_error(ctx.redeem(ctx.authorize(), grant_type=""), omitted, what="the empty grant_type")


@scenario("oauth21-3.2-4", "rfc6749-3.2-1", needs={AUTHORIZATION_CODE})
def a_repeated_parameter_is_refused(ctx: Context) -> None:
    """A token request with the same parameter twice is refused with invalid_request.

    Why: two parts of a server may each take another one of the values.
    Remedy: count the parameters when the form is read, and refuse repeated ones.
    """
    granted = ctx.authorize()
    answer = ctx.redeem(granted, code_verifier=[granted.code_verifier, granted.code_verifier])
    expect_oauth_error(answer, "invalid_request", what="the repeated parameter")


@scenario("oauth21-3.2.3-1", "oauth21-3.2.3-4", needs={AUTHORIZATION_CODE})
def a_token_response_is_json_with_a_type(ctx: Context) -> None:
    """A token response is application/json and says what type the access token has.

    Remedy: answer with Content-Type: application/json and with token_type, which is Bearer for bearer tokens.
    """
    answer = ctx.grant().answer
    expect_media_type(answer, "application/json")
    token_type = answer.json.get("token_type")
    expect(isinstance(token_type, str) and token_type, "a token_type", f"it was {token_type!r}", answer)


@scenario("oauth21-3.2.3-2", needs={AUTHORIZATION_CODE})
def the_lifetime_of_a_token_is_stated(ctx: Context) -> None:
    """A token response gives expires_in as a number of seconds.

    Remedy: add expires_in to the token response, as a JSON number.
    """
    answer = ctx.grant().answer
    lifetime = answer.json.get("expires_in")
    is_number = isinstance(lifetime, int | float) and not isinstance(lifetime, bool)
    expect(is_number, "expires_in as a number", f"it was {lifetime!r}", answer)


@scenario("oauth21-3.2.3-3", "rfc6749-5.1-1", needs={AUTHORIZATION_CODE})
def a_token_response_is_not_stored(ctx: Context) -> None:
    """A token response carries Cache-Control: no-store.

    Remedy: set Cache-Control: no-store on every response of the token endpoint.
    """
    expect_not_stored(ctx.grant().answer)


@scenario("oauth21-3.2.4-2", needs={AUTHORIZATION_CODE})
def a_missing_grant_type_is_an_invalid_request(ctx: Context) -> None:
    """A token request without grant_type is refused with invalid_request.

    Remedy: answer invalid_request when grant_type is missing.
    """
    expect_oauth_error(ctx.redeem(ctx.authorize(), grant_type=None), "invalid_request")


@scenario("oauth21-3.2.4-2", needs={AUTHORIZATION_CODE})
def an_unknown_grant_type_is_unsupported(ctx: Context) -> None:
    """A token request with an unknown grant_type is refused with unsupported_grant_type.

    Remedy: answer unsupported_grant_type when grant_type is none of yours.
    """
    expect_oauth_error(ctx.redeem(ctx.authorize(), grant_type=UNKNOWN_GRANT), "unsupported_grant_type")


@scenario("oauth21-3.2.4-3", needs={AUTHORIZATION_CODE})
def an_error_keeps_to_the_permitted_characters(ctx: Context) -> None:
    """An error response has one error code, and neither quotes nor backslashes in what it says.

    Why: clients copy these values into headers and logs.
    Remedy: answer with fixed texts, and do not repeat what was sent.
    """
    answer = ctx.redeem(ctx.authorize(), code='assay"\\\r\n\u00e9')
    if not answer.json:  # a filter in front refuses such characters; then a harmless code has to do
        answer = ctx.redeem(ctx.authorize(), code=secrets.token_urlsafe(32))
    expect_refused(answer, what="a code that was never issued")
    error = answer.json.get("error")
    one = isinstance(error, str) and PERMITTED.fullmatch(error)
    expect(one, "one error code of permitted characters", f"error was {error!r}", answer)
    description = answer.json.get("error_description") or " "  # null says nothing, as an empty text does
    plain = isinstance(description, str) and PERMITTED.fullmatch(description)
    expect(plain, "an error_description of permitted characters", f"it was {description!r}", answer)


@scenario("rfc6749-5.2-1", needs={AUTHORIZATION_CODE})
def an_error_is_json_with_its_status(ctx: Context) -> None:
    """A refusal is application/json with an error code, and has status 400.

    Remedy: answer errors with status 400 (401 for invalid_client) and a JSON object that has error in it.
    """
    answer = ctx.redeem(ctx.authorize(), code=secrets.token_urlsafe(32))
    expect_refused(answer, what="a code that was never issued")
    expect_media_type(answer, "application/json")
    expect(answer.error, "an error code", answer.summary(), answer)
    if answer.status != (401 if answer.error == "invalid_client" else 400):
        answer.warn("status 400, or 401 with invalid_client", answer.summary())


@scenario("rfc6749-10.10-1", "oauth21-7.7-1", "rfc6750-5.2-2", "rfc7592-5-3", needs={AUTHORIZATION_CODE})
def what_is_issued_is_too_long_to_guess(ctx: Context) -> None:
    """Codes, tokens and secrets are long enough to have 128 random bits; fewer than 160 are a warning.

    How random they are cannot be seen. How random they can be at most follows from their length.

    Why: whoever guesses one has what it opens, and can guess as often as they like.
    Remedy: make each from 32 bytes of a cryptographic random source, in base64url.
    """
    granted = [ctx.authorize() for _ in range(3)]
    tokens = [flows.tokens_of(ctx.redeem(one), one.client, one.site, "redeeming a code") for one in granted]
    issued = {
        "authorization code": [one.code for one in granted],
        "access token": [one.access_token for one in tokens],
        "refresh token": [one.refresh_token for one in tokens],
        "client secret": _registered_secrets(ctx),
        "registration access token": _registration_tokens(ctx),
    }
    for what, values in issued.items():
        bits = _most_bits([value for value in values if value and not claims_of(value)])
        actual = f"a {what} has room for {bits:.0f} bits at most"
        expect(bits >= ENOUGH, f"{ENOUGH} random bits in each {what}", actual, tokens[0].answer)
        if bits < BETTER:
            tokens[0].answer.warn(f"{BETTER} random bits in each {what}", actual)


@scenario("rfc9700-2.4-1", needs={AUTHORIZATION_CODE})
def the_password_grant_is_not_offered(ctx: Context) -> None:
    """A user's name and password cannot be exchanged for a token.

    Why: the client would see the password, and no second factor could be asked for.
    Remedy: remove the grant type password.
    """
    client = ctx.clients.first
    answer = ctx.token_request(client, {"grant_type": "password", "username": "assay", "password": "assay"})
    listed = ctx.metadata.get("grant_types_supported")
    offered = isinstance(listed, list) and "password" in listed
    expect(not offered, "no grant type password", "grant_types_supported lists it", answer)
    unknown = ctx.token_request(client, {"grant_type": UNKNOWN_GRANT})
    refusals = dict.fromkeys((*NOT_OFFERED, unknown.error))  # the last may be one of the others
    expect_oauth_error(answer, *refusals, what="the grant type password")


def _registered_secrets(ctx: Context) -> list[str]:
    """Return a secret that the server made, where it makes any."""
    if not ctx.offers(OWN_SECRET):
        return []
    return [str(ctx.registered(kind="confidential").json.get("client_secret") or "")]


def _registration_tokens(ctx: Context) -> list[str]:
    """Return a token that a registration is managed with, where that is possible."""
    if not ctx.offers(REGISTRATION_MANAGEMENT):
        return []
    return [str(ctx.registered().json.get("registration_access_token") or "")]


def _most_bits(values: list[str]) -> float:
    """Return how many bits can be random in such values at most, by their length and the signs that occur in them.

    What they all begin with counts as a name when it is long. None at all cannot be guessed. A server may give the same
    value again as long as it lives.
    """
    values = sorted(set(values))
    if not values:
        return math.inf
    alike = takewhile(lambda signs: len(set(signs)) == 1, zip(*values, strict=False))
    stem = len(list(alike)) if len(values) > 1 else 0
    length = min(map(len, values)) - (stem if stem >= SHORTEST_NAME else 0)
    signs = set("".join(values))
    alphabet = next((known for known in ALPHABETS if signs <= set(known)), string.printable[:94])
    return length * math.log2(len(alphabet))
