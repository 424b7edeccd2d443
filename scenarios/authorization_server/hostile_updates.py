"""Abuse of registration management: whose token, for which client, and with what in it (RFC 7592)."""

from __future__ import annotations

import secrets

from harness import Context, Fault, expect, expect_oauth_error, expect_refused, fault, scenario
from harness.capability import AUTHORIZATION_CODE, REGISTRATION_MANAGEMENT
from harness.exchange import Answer
from harness.flows import tokens_of
from harness.verdict import Blocked
from scenarios.authorization_server.registration import PUBLIC_KEY, was_registered
from scenarios.authorization_server.registration_management import (
    OTHER_REDIRECT_URI,
    Registration,
    is_hidden,
    managed,
    readable,
    register,
    updated,
)

UNKNOWN_METHOD = "PROPFIND"
"""A method that every HTTP library knows, and no client configuration endpoint."""

UPDATES = (
    fault(
        "with-a-script",
        "rfc7592-2.2-5",
        "rfc7591-5-3",
        remedy="Check the redirect URIs of an update as those of a registration.",
        redirect_uris=["javascript:alert(1)"],
    ),
    fault(
        "with-http-off-loopback",
        "rfc7592-2.2-5",
        "rfc7591-5-3",
        "rfc9700-2.6-1",
        remedy="Check the redirect URIs of an update as those of a registration.",
        redirect_uris=["http://client.example/callback"],
        application_type="web",
    ),
    fault(
        "with-two-key-sources",
        "rfc7592-2.2-5",
        "rfc7591-2-2",
        remedy="Refuse an update that has both jwks and jwks_uri, as a registration is refused.",
        jwks={"keys": [PUBLIC_KEY]},
        jwks_uri="https://client.example/jwks",
    ),
    fault(
        "with-an-unknown-method",
        "rfc7592-2.2-5",
        remedy="Compare the values of an update with what you support, as those of a registration.",
        token_endpoint_auth_method="assay_method",  # noqa: S106
    ),
)


@scenario.each(UPDATES, needs={REGISTRATION_MANAGEMENT})
def a_bad_update_is_not_registered(ctx: Context, fault: Fault) -> None:
    """What a registration cannot have, an update does not bring either: it is refused, or something else is taken."""
    registration = register(ctx)
    updated(ctx, registration.update())
    answer = registration.update(**fault.claims)
    if answer.status == 200:
        expect(not _was_kept(answer, fault), "another value", "the update was registered", answer)
        return
    expect_oauth_error(answer, "invalid_redirect_uri", "invalid_client_metadata", what="the update")
    after = registration.send("GET")
    expect(not _was_kept(after, fault), "the registration as it was", "what was refused is registered", after)


@scenario("rfc7592-2-2", needs={REGISTRATION_MANAGEMENT, AUTHORIZATION_CODE})
def no_other_credential_manages_a_registration(ctx: Context) -> None:
    """A registration cannot be read without a token, nor with the client's secret or its user's access token.

    Why: access tokens are sent to resource servers, which could send them on to change redirect URIs.
    Remedy: accept registration access tokens only, and know them from all other tokens.
    """
    registration = readable(register(ctx, kind="confidential"))
    client = registration.client
    tokens = tokens_of(ctx.redeem(ctx.authorize(client=client)), client, ctx.home, "redeeming a code")
    held = {"no token": "", "the client's secret": client.secret or "", "an access token": tokens.access_token}
    for what, credential in held.items():
        answer = ctx.manage("GET", registration.url, credential)
        if not is_hidden(answer):
            expect_refused(answer, what=f"a read with {what}")


@scenario("rfc7592-5-3", needs={REGISTRATION_MANAGEMENT})
def a_client_cannot_choose_its_registration_token(ctx: Context) -> None:
    """A registration access token that a registration or an update asks for opens nothing.

    Why: tokens that people choose can be guessed, and this one changes redirect URIs.
    Remedy: make the token up yourself, and ignore or refuse the member in a request.
    """
    chosen = f"assay-{secrets.token_hex(16)}"
    answer = ctx.register(registration_access_token=chosen)
    registration = readable(managed(ctx, answer) if was_registered(answer) else register(ctx))
    registration.update(registration_access_token=chosen)
    read = registration.send("GET", token=chosen)
    if not is_hidden(read):
        expect_refused(read, what="the token that was asked for")


@scenario("rfc7592-2.1-2", needs={REGISTRATION_MANAGEMENT})
def an_unknown_client_is_answered_401(ctx: Context) -> None:
    """A request about a client that does not exist is answered 401, like one whose token is wrong.

    Why: any other answer tells which clients there are.
    Remedy: answer alike whether the client is unknown or the token is not its own.
    """
    answer = _asked_for_nobody(ctx, readable(register(ctx)))
    if not is_hidden(answer):
        expect_refused(answer, what="a client that does not exist")
        if answer.status != 401:
            answer.warn("status 401", answer.summary())


@scenario("rfc7592-2.1-3", needs={REGISTRATION_MANAGEMENT})
def asking_for_an_unknown_client_costs_the_token(ctx: Context) -> None:
    """The token that was used to ask for a client that does not exist is revoked.

    Why: a client asks for itself; whoever asks for others has the token from elsewhere.
    Remedy: revoke a registration access token that comes with the URL of a client that is not there.
    """
    registration = readable(register(ctx))
    answer = _asked_for_nobody(ctx, registration)
    if answer.status < 400:
        raise Blocked(f"a client that does not exist was answered: {answer.summary()}", exchange=answer.exchange)
    expect_refused(registration.send("GET"), what="the token that was misused")


@scenario("rfc7592-2.2-2", needs={REGISTRATION_MANAGEMENT})
def an_update_under_another_client_id_is_refused(ctx: Context) -> None:
    """An update that has the client_id of another client is refused, and leaves the other client as it is.

    Why: a server that goes by the client_id in the body lets any client take over any other.
    Remedy: compare client_id in the body with the client that the token was issued for.
    """
    own, victim = register(ctx), readable(register(ctx, client_name="mcp-assay other"))
    updated(ctx, own.update())
    answer = own.update(client_id=victim.client.client_id, redirect_uris=[OTHER_REDIRECT_URI])
    after = victim.send("GET")
    spared = after.status == 200 and OTHER_REDIRECT_URI not in after.strings("redirect_uris")
    expect(spared, "the other client as it was", f"it was changed: {after.summary()}", after)
    if answer.status != 200:
        expect_refused(answer, what="the client_id of another client")
        return
    same = answer.json.get("client_id") == own.client.client_id
    expect(same, "the update to be refused", "it was answered with another client_id", answer)
    answer.warn("the update to be refused", "its client_id was ignored")


@scenario("rfc7592-2.3-3", needs={REGISTRATION_MANAGEMENT})
def a_method_that_does_not_exist_is_refused(ctx: Context) -> None:
    """A request with a method that RFC 7592 does not have is answered with an error.

    Remedy: answer 405 to all methods but GET, PUT and DELETE, and to those of them that you do not support.
    """
    answer = readable(register(ctx)).send(UNKNOWN_METHOD)
    if answer.status in (502, 503, 504):
        raise Blocked(f"the endpoint is out of order: {answer.summary()}", exchange=answer.exchange)
    refused = 400 <= answer.status < 500 or answer.status == 501
    expect(refused, f"an error for {UNKNOWN_METHOD}, such as 405", answer.summary(), answer)


def _was_kept(answer: Answer, fault: Fault) -> bool:
    """Whether all of an update is what is registered now."""
    return all(answer.json.get(name) == value for name, value in fault.claims.items() if name != "application_type")


def _asked_for_nobody(ctx: Context, registration: Registration) -> Answer:
    """Ask, with a good token, for a client whose identifier differs from a real one in its last sign."""
    client_id = registration.client.client_id
    ctx.require(registration.url.count(client_id) == 1, "the URL does not tell how others are made")
    nobody = f"{client_id[:-1]}{'1' if client_id[-1] == '0' else '0'}"
    return ctx.manage("GET", registration.url.replace(client_id, nobody), registration.token)
