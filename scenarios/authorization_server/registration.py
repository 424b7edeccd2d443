"""Dynamic client registration: what is registered, what is refused, and what the client is told (RFC 7591)."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

from harness import (
    Context,
    Fault,
    expect,
    expect_media_type,
    expect_members,
    expect_not_stored,
    expect_oauth_error,
    expect_refused,
    expect_status,
    fault,
    scenario,
)
from harness.capability import AUTHORIZATION_CODE, REGISTRATION
from harness.clients import registration_metadata
from harness.exchange import Answer
from harness.target import OAuthClient

PUBLIC_KEY = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    "kid": "assay",
    "use": "sig",
}
"""The public key of RFC 7517 appendix A.1, more or less: any will do."""

CONTRADICTIONS: tuple[tuple[list[str], list[str]], ...] = (
    (["client_credentials"], ["code"]),
    (["authorization_code"], []),
    (["authorization_code"], ["token"]),
)
"""Grant types and response types of which one set needs more than the other has."""

_CODE = re.compile(r"[?&#]code=")

MALFORMED_REDIRECT_URIS = (
    fault(
        "with-a-fragment",
        "oauth21-2.3-1",
        "rfc7591-3.2.2-2",
        remedy="Refuse redirect URIs with a fragment: the response parameters could not be added.",
        redirect_uris=["http://127.0.0.1:8976/callback#assay"],
    ),
    fault(
        "relative",
        "oauth21-2.3-1",
        "rfc7591-3.2.2-2",
        remedy="Refuse redirect URIs without a scheme: they would lead to a place of the server itself.",
        redirect_uris=["/callback"],
    ),
)

UNSAFE_REDIRECT_URIS = (
    fault(
        "with-http-off-loopback",
        "rfc7591-5-3",
        "rfc9700-2.6-1",
        "rfc7591-3.2.2-2",
        remedy="Refuse http redirect URIs to other hosts than loopback: the code would travel in the open.",
        redirect_uris=["http://client.example/callback"],
        application_type="web",
    ),
    fault(
        "with-a-script",
        "rfc7591-5-3",
        "rfc7591-3.2.2-2",
        remedy="Accept https, http on loopback and private-use schemes with a period in them; refuse the rest.",
        redirect_uris=["javascript:alert(1)"],
    ),
)


@scenario("rfc7591-3.2.1-1", needs={REGISTRATION})
def a_registration_is_answered_201_with_json(ctx: Context) -> None:
    """A successful registration is answered with status 201 and application/json.

    Remedy: answer 201 Created with the client information as JSON.
    """
    answer = ctx.registered()
    expect_status(answer, 201)
    expect_media_type(answer, "application/json")


@scenario("rfc7591-3-2", needs={REGISTRATION})
def a_registration_is_posted_as_json(ctx: Context) -> None:
    """A registration is served as application/json with a charset beside it too, which changes nothing.

    Why: many HTTP libraries add the charset by themselves, and JSON is UTF-8 whatever it says (RFC 8259 section 11).
    Remedy: compare the media type without its parameters.
    """
    headers = {"content-type": "application/json; charset=utf-8", "accept": "application/json"}
    document = json.dumps(registration_metadata(ctx.home))
    answer = ctx.http.send("POST", ctx.home.endpoint("registration"), headers=headers, content=document)
    expect(was_registered(answer), "a registration, as without the charset", answer.summary(), answer)


@scenario("oauth21-3.2.3-3", needs={REGISTRATION})
def credentials_from_registration_are_not_stored(ctx: Context) -> None:
    """A registration response with a secret or a registration access token carries Cache-Control: no-store.

    Remedy: set Cache-Control: no-store on the responses of the registration endpoint.
    """
    answer = ctx.registered(kind="confidential")
    held = [name for name in ("client_secret", "registration_access_token") if answer.json.get(name)]
    ctx.require(held, "the response holds no credentials")
    expect_not_stored(answer)


@scenario("rfc7591-2-1", needs={REGISTRATION})
def unknown_metadata_is_ignored(ctx: Context) -> None:
    """A registration with a member that nobody knows is served like any other.

    Why: clients send the same metadata to every server, and extensions keep adding members.
    Remedy: read the members that you know, and leave the rest alone.
    """
    unknown: dict[str, Any] = {f"x_assay_{secrets.token_hex(4)}": "1"}
    answer = ctx.register(**unknown)
    expect(was_registered(answer), "a registration, as without the member", answer.summary(), answer)


@scenario("rfc7591-2-2", needs={REGISTRATION})
def keys_by_value_and_by_reference_exclude_each_other(ctx: Context) -> None:
    """A client registers keys by value or by reference: jwks or jwks_uri.

    Why: it would be open which of them a signature is checked with.
    Remedy: refuse a request that has both with invalid_client_metadata.
    """
    answer = ctx.register(jwks={"keys": [PUBLIC_KEY]}, jwks_uri="https://client.example/jwks")
    if not was_registered(answer):
        expect_refused(answer, what="the registration of both")
        return
    both = answer.json.get("jwks") and answer.json.get("jwks_uri")
    expect(not both, "jwks or jwks_uri, not both", "both were registered", answer)


@scenario("rfc7591-2.1-1", needs={REGISTRATION})
def grant_types_and_response_types_fit_together(ctx: Context) -> None:
    """A client cannot end up with the response type code or the grant type authorization_code, and without the other.

    Remedy: refuse grant_types and response_types that contradict each other, or register what fits.
    """
    for asked_grants, asked_responses in CONTRADICTIONS:
        answer = ctx.register(kind="confidential", grant_types=asked_grants, response_types=asked_responses)
        if not was_registered(answer):
            expect_refused(answer, what="the contradiction")
            continue
        registered = answer.json.get("grant_types"), answer.json.get("response_types")
        ctx.require(all(isinstance(item, list) for item in registered), "the response does not say what was registered")
        grants, responses = registered
        fit = ("authorization_code" in (grants or ())) == ("code" in (responses or ()))
        expect(fit, "types that fit together", f"grant_types {grants} and response_types {responses}", answer)


@scenario("rfc7591-2-5", needs={REGISTRATION})
def an_omitted_method_means_basic(ctx: Context) -> None:
    """A client that names no authentication method is registered with client_secret_basic, where the server knows it.

    Why: a client that goes by the default authenticates in the header, and is not recognized.
    Remedy: take client_secret_basic for token_endpoint_auth_method where it is left out.
    """
    listed = ctx.metadata.get("token_endpoint_auth_methods_supported")
    known = not isinstance(listed, list) or "client_secret_basic" in listed
    ctx.require(known, "client_secret_basic is not among the methods of the server")
    answer = ctx.registered(kind="confidential", token_endpoint_auth_method=None)
    method = answer.json.get("token_endpoint_auth_method")
    ctx.require(method, "the response does not say what was registered")
    expect(method == "client_secret_basic", "client_secret_basic", f"it was {method!r}", answer)


@scenario("rfc7591-3.2.1-4", needs={REGISTRATION})
def a_secret_comes_with_its_expiry(ctx: Context) -> None:
    """A registration response with client_secret also has client_secret_expires_at.

    Remedy: add client_secret_expires_at, in seconds since the epoch, or 0 for a secret that does not expire.
    """
    answer = ctx.registered(kind="confidential")
    ctx.require(answer.json.get("client_secret"), "no secret was issued")
    expires_at = answer.json.get("client_secret_expires_at")
    actual = f"client_secret_expires_at was {expires_at!r}"
    expect(isinstance(expires_at, int), "client_secret_expires_at as a number", actual, answer)


@scenario("rfc7591-3.2.1-5", needs={REGISTRATION})
def the_response_states_what_was_registered(ctx: Context) -> None:
    """The registration response has the redirect URIs, the grant types and the authentication method.

    Why: a server may change what was asked for, and the client has no other way to know.
    Remedy: return all registered metadata, defaults included.
    """
    answer = ctx.registered(token_endpoint_auth_method=None)
    expect_members(answer, ("redirect_uris", "grant_types"))
    if "token_endpoint_auth_method" not in answer.json:  # a client that asked for none may take the default
        answer.warn("token_endpoint_auth_method, which the server chose", "it is missing")


@scenario.each(UNSAFE_REDIRECT_URIS, needs={REGISTRATION})
def an_unsafe_redirect_uri_is_not_registered(ctx: Context, fault: Fault) -> None:
    """A redirect URI to which a code cannot travel safely is refused with invalid_redirect_uri."""
    expect_not_kept(ctx.register(**fault.claims), fault.claims["redirect_uris"][0])


@scenario.each(MALFORMED_REDIRECT_URIS, needs={REGISTRATION, AUTHORIZATION_CODE})
def a_malformed_redirect_uri_gets_no_code(ctx: Context, fault: Fault) -> None:
    """A redirect URI that is no absolute URI without fragment is refused, when it is registered or when it is used."""
    answer = ctx.register(**fault.claims)
    if not was_registered(answer):
        expect_oauth_error(answer, "invalid_redirect_uri", what="the redirect URI")
        return
    uri = fault.claims["redirect_uris"][0]
    if was_kept(answer, uri):
        landing = ctx.send_authorization(client=OAuthClient(str(answer.json["client_id"]), redirect_uri=uri))
        expect(not _CODE.search(landing.location), f"no code for {uri}", landing.summary(), landing.answer)
        answer.warn(f"{uri} not to be registered", "it was")


@scenario("rfc7591-5-1", "rfc7591-2-4", needs={REGISTRATION})
def a_client_for_codes_registers_redirect_uris(ctx: Context) -> None:
    """A client for the authorization code grant is refused when it registers no redirect URIs, or an empty list.

    Why: a code would be sent wherever the request says.
    Remedy: refuse it with invalid_redirect_uri or invalid_client_metadata.
    """
    none_at_all: tuple[list[str] | None, ...] = (None, [])
    for redirect_uris in none_at_all:
        answer = ctx.register(redirect_uris=redirect_uris)
        if was_registered(answer):
            redirected = "authorization_code" in (answer.strings("grant_types") or ["authorization_code"])
            expect(not redirected, "no authorization code grant without redirect URIs", "it was registered", answer)
        else:
            expect_oauth_error(answer, "invalid_redirect_uri", "invalid_client_metadata")


@scenario("rfc7591-3.2.2-3", needs={REGISTRATION})
def invalid_metadata_is_refused(ctx: Context) -> None:
    """An authentication method that nobody knows is refused with invalid_client_metadata, or replaced.

    Remedy: compare the values with what you support, and refuse the others with invalid_client_metadata.
    """
    method = "assay_method"
    answer = ctx.register(token_endpoint_auth_method=method)
    if was_registered(answer):
        kept = answer.json.get("token_endpoint_auth_method") == method
        expect(not kept, f"{method} not to be registered", "it was", answer)
        return
    expect_oauth_error(answer, "invalid_client_metadata")


@scenario("rfc7591-3.2.2-1", needs={REGISTRATION})
def a_refused_registration_is_answered_400_with_json(ctx: Context) -> None:
    """A registration that cannot be served is answered with status 400 and an error code in JSON.

    Remedy: answer 400 with a JSON object that has error and error_description.
    """
    answer = ctx.register(redirect_uris="assay")
    ctx.require(not was_registered(answer), "redirect_uris of a wrong type are not refused")
    expect_refused(answer)
    expect_status(answer, 400)
    expect_media_type(answer, "application/json")
    expect(answer.error, "one error code", "there was no error member", answer)


@scenario("rfc9700-4.15.1-1", needs={REGISTRATION})
def a_client_cannot_choose_its_client_id(ctx: Context) -> None:
    """A client_id that a registration asks for is not the one that the client gets.

    Why: a client that calls itself like a user could be taken for that user.
    Remedy: make up the client_id yourself, and ignore the member in the request.
    """
    chosen = f"assay-{secrets.token_hex(8)}"
    answer = ctx.register(client_id=chosen)
    if not was_registered(answer):
        expect_refused(answer, what="the chosen client_id")
        return
    expect(answer.json["client_id"] != chosen, "a client_id of the server's making", "the chosen one was given", answer)


def expect_not_kept(answer: Answer, uri: str) -> None:
    """The answer to a registration or an update is a refusal, or says that the redirect URI was left out."""
    if was_registered(answer):
        expect(not was_kept(answer, uri), f"{uri} not to be registered", "it was", answer)
    else:
        expect_oauth_error(answer, "invalid_redirect_uri", what="the redirect URI")


def was_kept(answer: Answer, uri: str) -> bool:
    """Whether the redirect URI was registered; an answer that does not say counts as yes."""
    return uri in (answer.strings("redirect_uris") or [uri])


def was_registered(answer: Answer) -> Any:
    """Whether the answer is that of a registration; true is the client_id."""
    return answer.status in (200, 201) and answer.json.get("client_id")
