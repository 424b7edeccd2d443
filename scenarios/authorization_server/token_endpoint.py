"""What all grants have in common at the token endpoint: parameters, responses and errors (OAuth 2.1 section 3.2)."""

from __future__ import annotations

import re
import secrets
from typing import Any

from harness import (
    Context,
    expect,
    expect_media_type,
    expect_not_stored,
    expect_oauth_error,
    expect_refused,
    expect_token,
    scenario,
)
from harness.capability import AUTHORIZATION_CODE

UNKNOWN_GRANT = "urn:example:assay"
NOT_OFFERED = ("unsupported_grant_type", "unauthorized_client", "invalid_client")
PERMITTED = re.compile(r"[\x20-\x21\x23-\x5B\x5D-\x7E]+")


@scenario("oauth21-3.2-3", needs={AUTHORIZATION_CODE})
def unknown_parameters_are_ignored(ctx: Context) -> None:
    """A token request with a parameter that nobody knows is served like any other.

    Remedy: read the parameters that you know, and leave the rest alone.
    """
    unknown: dict[str, Any] = {f"x_assay_{secrets.token_hex(4)}": "1"}
    expect_token(ctx.redeem(ctx.authorize(), **unknown))


@scenario("oauth21-3.2-4", needs={AUTHORIZATION_CODE})
def a_repeated_parameter_is_refused(ctx: Context) -> None:
    """A token request with the same parameter twice is refused with invalid_request.

    Why: two parts of a server may each take another one of the values.
    Remedy: count the parameters when the form is read, and refuse repeated ones.
    """
    granted = ctx.authorize()
    answer = ctx.redeem(granted, code_verifier=[granted.code_verifier, granted.code_verifier])
    expect_oauth_error(answer, "invalid_request", what="the repeated parameter")


@scenario("oauth21-3.2.3-1", needs={AUTHORIZATION_CODE})
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


@scenario("oauth21-3.2.3-3", needs={AUTHORIZATION_CODE})
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
    description = answer.json.get("error_description", " ")
    plain = isinstance(description, str) and PERMITTED.fullmatch(description or " ")
    expect(plain, "an error_description of permitted characters", f"it was {description!r}", answer)


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
    expect_oauth_error(answer, *NOT_OFFERED, unknown.error, what="the grant type password")
