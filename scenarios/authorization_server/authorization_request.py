"""The authorization request: its method, its parameters, and what an error looks like (OAuth 2.1 section 3.1)."""

from __future__ import annotations

import re
from typing import Any

from harness import (
    Context,
    Fault,
    expect,
    expect_authorization_error,
    expect_not_redirected_to,
    fault,
    scenario,
)
from harness.browser import Landing, parameters_of
from harness.capability import AUTHORIZATION_CODE, METADATA, SECOND_CLIENT
from harness.flows import AuthorizationRequest
from harness.verdict import Blocked

NOT_OFFERED = (404, 405, 501)
ODD_RESPONSE_TYPE = 'assay"\\\u00e9'
PERMITTED = re.compile(r"[\x20-\x21\x23-\x5B\x5D-\x7E]*")
RESPONSE_PARAMETERS = ("code", "state", "iss", "error", "error_description")
WITH_TOKENS = ("token", "code token")

COUNTED = "Count the parameters when the request is read, and refuse one that holds any of them twice."
REPEATED = tuple(
    fault(name.replace("_", "-"), "oauth21-3.1-5", remedy=COUNTED, parameter=name)
    for name in (
        "response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method",
    )
)  # fmt: skip

DROPPED = "Drop parameters without a value when the request is read, before anything looks at them."
EMPTY = (
    fault("state", "oauth21-3.1-6", "rfc6749-3.1-3", remedy=DROPPED, parameter="state"),
    fault("scope", "oauth21-3.1-6", "rfc6749-3.1-3", remedy=DROPPED, parameter="scope"),
    fault(
        "redirect-uri",
        "oauth21-3.1-6",
        "rfc6749-3.1-3",
        remedy=DROPPED,
        needs={SECOND_CLIENT},
        parameter="redirect_uri",
    ),
)


@scenario("oauth21-3.1-3", "rfc6749-3.1-1", needs={METADATA})
def a_request_by_get_is_answered(ctx: Context) -> None:
    """The authorization endpoint answers GET, which is how a browser that is redirected comes there.

    Remedy: route GET to the authorization endpoint; POST may be served besides.
    """
    ctx.require(ctx.metadata.get("authorization_endpoint"), "there is no authorization endpoint")
    answer = ctx.http.send("GET", ctx.authorization_request().url, headers={"accept": "text/html"})
    expect(answer.status not in NOT_OFFERED, "an answer to GET", answer.summary(), answer)


@scenario.each(REPEATED, needs={AUTHORIZATION_CODE})
def a_repeated_parameter_is_refused(ctx: Context, row: Fault) -> None:
    """An authorization request with the same parameter twice is refused.

    Why: the part of a server that checks may take one of the values, and the part that acts the other one.
    """
    name = row.claims["parameter"]
    request = ctx.authorization_request()
    value = request.get(name)
    ctx.require(value, f"the request has no {name}")
    twice: dict[str, Any] = {name: [value, value]}
    expect_authorization_error(ctx.send_authorization(**twice), "invalid_request")


@scenario.each(EMPTY, needs={AUTHORIZATION_CODE})
def an_empty_parameter_counts_as_omitted(ctx: Context, row: Fault) -> None:
    """An authorization request with a parameter that has no value is served as if it were not there.

    Why: forms and libraries send empty parameters; what is made of them must not be left to chance.
    """
    name = row.claims["parameter"]
    client = ctx.clients.second if SECOND_CLIENT in row.needs else ctx.clients.first
    without: dict[str, Any] = {name: None}
    valueless: dict[str, Any] = {name: ""}
    omitted = ctx.send_authorization(client=client, **without)
    empty = ctx.send_authorization(client=client, **valueless)
    if empty.answer.status >= 500 or omitted.answer.status >= 500:
        raise Blocked(f"neither refused nor accepted: {empty.summary()}", exchange=empty.answer.exchange)
    alike = bool(omitted.get("code")) == bool(empty.get("code"))
    expect(alike, f"as without {name}: {omitted.summary()}", empty.summary(), empty.answer)


@scenario("oauth21-4.1.2.1-1", needs={AUTHORIZATION_CODE})
def a_request_without_a_client_is_not_redirected(ctx: Context) -> None:
    """A request without client_id sends the browser nowhere.

    Remedy: refuse a request without client_id on a page: there is no client whose redirect URI could be trusted.
    """
    registered = ctx.clients.first.redirect_uri
    expect_not_redirected_to(ctx.send_authorization(client_id=None), registered)


@scenario("oauth21-7.13.2-1", "rfc9700-4.11.2-2", needs={AUTHORIZATION_CODE})
def nobody_is_redirected_before_a_login(ctx: Context) -> None:
    """A faulty request does not send a browser to the client at once, before its user was asked to log in.

    Why: whoever can register a client could use the server's good name for links that lead anywhere.
    Remedy: check client and redirect URI, then authenticate the user, and only then send errors to the client.
    """
    faulty = ctx.authorization_request(response_type="assay")
    landing = _at_once(ctx, faulty)
    if landing.location:
        recognised = _at_once(ctx, ctx.authorization_request()).get("code")
        ctx.require(not recognised, "the target recognises its user without a login")
    expect(not landing.location, "a login, or a page that says what is wrong", landing.summary(), landing.answer)


@scenario("oauth21-3.1-8", needs={AUTHORIZATION_CODE})
def a_response_parameter_comes_once(ctx: Context) -> None:
    """No parameter of an authorization response comes twice.

    Why: clients may take the first or the last value, or refuse the response.
    Remedy: build the query of the response in one place.
    """
    for landing in (ctx.authorize().landing, ctx.send_authorization(response_type="assay")):
        twice = [name for name in RESPONSE_PARAMETERS if len(landing.parameters.get(name, ())) > 1]
        expect(not twice, "each parameter once", f"{' and '.join(twice)} came more than once", landing.answer)


@scenario("oauth21-4.1.2.1-5", "rfc6749-4.1.2.1-2", needs={AUTHORIZATION_CODE})
def an_error_keeps_to_the_permitted_characters(ctx: Context) -> None:
    """An error that is sent to the client has neither quotes nor backslashes in what it says.

    Why: clients show these values, and copy them into logs.
    Remedy: answer with fixed texts, and do not repeat what was sent.
    """
    landing = ctx.send_authorization(response_type=ODD_RESPONSE_TYPE)
    if not landing.get("error"):
        landing = ctx.send_authorization(response_type="assay")
    ctx.require(landing.get("error"), "the error was shown on a page, and no response went to the client")
    for name in ("error", "error_description"):
        value = landing.get(name)
        expect(PERMITTED.fullmatch(value), f"{name} of permitted characters", f"it was {value!r}", landing.answer)


@scenario("rfc9700-2.1.2-1", needs={AUTHORIZATION_CODE})
def no_access_token_comes_with_the_response(ctx: Context) -> None:
    """The response types that bring an access token to the browser are not offered.

    Why: what stands in a URL ends in histories and logs, and a token there cannot be bound to its client.
    Remedy: leave out the response type token and all that hold it; give tokens at the token endpoint only.
    """
    listed = ctx.metadata.get("response_types_supported")
    offered = [item for item in listed if "token" in str(item).split()] if isinstance(listed, list) else []
    expect(not offered, "no response type with token", f"response_types_supported lists {', '.join(offered)}")
    for response_type in WITH_TOKENS:
        landing = ctx.send_authorization(response_type=response_type, nonce="assay", response_mode="fragment")
        came = landing.get("access_token")
        expect(not came, f"no access token for response_type={response_type}", landing.summary(), landing.answer)


def _at_once(ctx: Context, request: AuthorizationRequest) -> Landing:
    """Open an authorization request in a browser that nobody has used, and return how it goes to the client, if so."""
    answer = ctx.new_browser().send("GET", request.url)
    landing = Landing(answer, answer.location, parameters_of(answer.location))
    return landing if landing.arrived_at(request.client.redirect_uri) else Landing(answer)
