"""Registration management: a client reads, updates and deletes its own registration, and no other (RFC 7592)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from harness import (
    Context,
    expect,
    expect_challenge,
    expect_members,
    expect_no_code,
    expect_not_redirected_to,
    expect_refused,
    expect_status,
    scenario,
)
from harness.capability import AUTHORIZATION_CODE, REFRESH_TOKENS, REGISTRATION, REGISTRATION_MANAGEMENT
from harness.clients import registered_client, registration_metadata
from harness.exchange import Answer
from harness.flows import tokens_of
from harness.http import is_loopback, origin_of
from harness.target import OAuthClient
from harness.verdict import Blocked

MANAGED = ("registration_client_uri", "registration_access_token")
SERVER_ONLY = (*MANAGED, "client_secret_expires_at", "client_id_issued_at")
NOT_OFFERED = (403, 405, 501)
"""The answers of a server that does not do this, or not for this client (RFC 7592 section 2)."""
OTHER_REDIRECT_URI = "http://127.0.0.1:8976/other"
CHOSEN_SECRET = "assay-chosen-secret-of-at-least-32-characters"  # noqa: S105


@dataclass
class Registration:
    """A registration of our own, with what it is managed by.

    Attributes:
        token: the newest registration access token: each answer may bring another one (RFC 7592 section 5).
    """

    ctx: Context
    answer: Answer
    kind: str
    token: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        self.token = str(self.answer.json["registration_access_token"])

    @property
    def url(self) -> str:
        """The client configuration endpoint."""
        return str(self.answer.json["registration_client_uri"])

    @property
    def client(self) -> OAuthClient:
        """The client."""
        return registered_client(self.answer, registration_metadata(self.ctx.home, self.kind))

    def send(self, method: str, document: Any | None = None, *, token: str = "") -> Answer:
        """Send a management request, with the client's own token unless another is given."""
        answer = self.ctx.manage(method, self.url, token or self.token, document)
        if not token and answer.status == 200:
            self.token = str(answer.json.get("registration_access_token") or self.token)
        return answer

    @property
    def metadata(self) -> dict[str, Any]:
        """What an update sends: everything that is registered, but for what only the server says."""
        return {name: value for name, value in self.answer.json.items() if name not in SERVER_ONLY}

    def update(self, **changes: Any) -> Answer:
        """Send everything that is registered, but for the changes."""
        return self.send("PUT", {**self.metadata, **changes})


@scenario("rfc7592-3-1", "rfc7592-2-3", needs={REGISTRATION})
def a_managed_registration_comes_with_url_and_token(ctx: Context) -> None:
    """A registration response has registration_client_uri and registration_access_token, or neither; the URL is https.

    Why: what the token opens can change where codes are sent.
    Remedy: return both, or neither where registrations cannot be managed; make the URL a whole one, with https.
    """
    answer = ctx.registered()
    ctx.require(any(name in answer.json for name in MANAGED), "registrations cannot be managed")
    expect_members(answer, MANAGED)
    url = str(answer.json["registration_client_uri"])
    secure = origin_of(url) and (url.startswith("https://") or is_loopback(url))
    expect(secure, "an https URL in registration_client_uri; http will do on loopback", f"it was {url!r}", answer)


@scenario("rfc7592-2.1-1", needs={REGISTRATION_MANAGEMENT})
def a_client_reads_its_registration(ctx: Context) -> None:
    """A read is answered with 200 and what is registered.

    Remedy: answer GET at the client configuration endpoint with the client information.
    """
    registration = register(ctx)
    answer = registration.send("GET")
    expect_status(answer, 200)
    expect_members(answer, ("client_id", "redirect_uris"))
    same = answer.json["client_id"] == registration.client.client_id
    expect(same, "the registration of the client", "it was another one", answer)


@scenario("rfc7592-2-2", needs={REGISTRATION_MANAGEMENT})
def a_wrong_registration_token_is_refused(ctx: Context) -> None:
    """A management request with a token that was never issued is answered 401 with invalid_token.

    Why: the registration holds the client's secret.
    Remedy: look the token up before anything else, and answer as RFC 6750 says when it is not there.
    """
    registration = readable(register(ctx))
    answer = registration.send("GET", token="assay-never-issued")  # noqa: S106
    if is_hidden(answer):
        return
    expect_refused(answer, what="a token that was never issued")
    if answer.status != 401:
        answer.warn("status 401", answer.summary())
        return
    expect_challenge(answer, status=401, error="invalid_token")


@scenario("rfc7592-5-1", needs={REGISTRATION_MANAGEMENT})
def the_token_of_another_client_is_refused(ctx: Context) -> None:
    """The registration access token of one client does not read, update or delete the registration of another.

    Why: anybody can register a client and has such a token.
    Remedy: compare the client that the token was issued for with the client in the URL, whatever the method.
    """
    own = readable(register(ctx))
    changed = {**own.metadata, "redirect_uris": [OTHER_REDIRECT_URI]}
    for method, document in (("GET", None), ("PUT", changed), ("DELETE", None)):
        others = register(ctx, client_name="mcp-assay other")  # a server may end a token that was misused
        answer = own.send(method, document, token=others.token)
        if answer.status not in (404, 405, 501):
            expect_refused(answer, what=f"{method} with the token of another client")
        elif method == "GET":
            answer.warn("status 401", answer.summary())
    after = own.send("GET")
    held = after.status == 200 and OTHER_REDIRECT_URI not in after.strings("redirect_uris")
    expect(held, "the registration as it was", f"it was changed or deleted: {after.summary()}", after)


@scenario("rfc7592-2.2-4", "rfc7592-2.2-6", needs={REGISTRATION_MANAGEMENT})
def an_update_replaces_what_was_registered(ctx: Context) -> None:
    """New redirect URIs take the place of the registered ones, and the client_id stays as it is.

    Why: a client that removes a redirect URI wants no code to be sent there any more.
    Remedy: replace the metadata as a whole, instead of merging the new values into it.
    """
    registration = register(ctx)
    answer = updated(ctx, registration.update(redirect_uris=[OTHER_REDIRECT_URI]))
    now = answer.json.get("redirect_uris")
    expect(now == [OTHER_REDIRECT_URI], f"redirect_uris {[OTHER_REDIRECT_URI]}", f"they were {now}", answer)
    expect(answer.json.get("client_id") == registration.client.client_id, "the same client_id", "it changed", answer)


@scenario("rfc7592-2.2-4", needs={REGISTRATION_MANAGEMENT, AUTHORIZATION_CODE})
def a_removed_redirect_uri_gets_no_code(ctx: Context) -> None:
    """A redirect URI that an update took away is redirected to no more.

    Why: the address may belong to somebody else by now.
    Remedy: read the redirect URIs of a client when they are needed, instead of keeping a copy.
    """
    registration = register(ctx)
    client = registration.client
    ctx.authorize(client=client)
    updated(ctx, registration.update(redirect_uris=[OTHER_REDIRECT_URI]))
    expect_not_redirected_to(ctx.send_authorization(client=client), client.redirect_uri)


@scenario("rfc7592-2.2-3", needs={REGISTRATION_MANAGEMENT, AUTHORIZATION_CODE})
def a_client_cannot_choose_its_secret(ctx: Context) -> None:
    """An update with another client_secret is refused, or leaves the secret as it is.

    Why: a stolen registration access token would be enough to take the client over for good.
    Remedy: compare a client_secret that is sent with the issued one, and refuse any other.
    """
    registration = register(ctx, kind="confidential")
    client = registration.client
    ctx.require(client.secret, "no client is given a secret")
    answer = registration.update(client_secret=CHOSEN_SECRET)
    if answer.status != 200:
        expect_refused(answer, what="the chosen secret")
        return
    granted = ctx.authorize(client=client)
    expect_refused(ctx.redeem(granted, client=replace(client, secret=CHOSEN_SECRET)), what="the chosen secret")


@scenario("rfc7592-2.3-1", needs={REGISTRATION_MANAGEMENT})
def a_deletion_is_answered_204(ctx: Context) -> None:
    """A successful deletion is answered with 204.

    Remedy: answer DELETE at the client configuration endpoint with 204 No Content.
    """
    answer = register(ctx).send("DELETE")
    _require_deletable(ctx, answer)
    expect_status(answer, 204)


@scenario("rfc7592-5-2", needs={REGISTRATION_MANAGEMENT})
def the_token_of_a_deleted_client_is_refused(ctx: Context) -> None:
    """The registration access token of a deleted client is answered 401.

    Remedy: forget the registration access token together with the client.
    """
    registration = _deleted(ctx, readable(register(ctx)))
    answer = registration.send("GET")
    if not is_hidden(answer):
        expect_refused(answer, what="the token of a deleted client")
        expect_status(answer, 401)


@scenario("rfc7592-2.3-2", needs={REGISTRATION_MANAGEMENT, REFRESH_TOKENS})
def a_deleted_client_loses_its_tokens(ctx: Context) -> None:
    """The refresh token of a deleted client stops working.

    Remedy: when a client is deleted, revoke its grants and tokens with it.
    """
    registration = register(ctx)
    client = registration.client
    tokens = tokens_of(ctx.redeem(ctx.authorize(client=client)), client, ctx.home, "redeeming a code")
    ctx.require(tokens.refresh_token, "no refresh token was issued with the authorization code")
    _deleted(ctx, registration)
    expect_refused(ctx.refresh(tokens), what="the refresh of a deleted client")


@scenario("rfc7592-2.3-4", needs={REGISTRATION_MANAGEMENT, AUTHORIZATION_CODE})
def a_deleted_client_gets_no_code_and_no_token(ctx: Context) -> None:
    """A deleted client gets no code, and no token for a code that it had.

    Remedy: forget the client, and end the codes that were issued to it.
    """
    registration = register(ctx)
    client = registration.client
    granted = ctx.authorize(client=client)
    _deleted(ctx, registration)
    expect_refused(ctx.redeem(granted), what="the code of a deleted client")
    expect_no_code(ctx.send_authorization(client=client))


def register(ctx: Context, *, kind: str = "first", **deviations: Any) -> Registration:
    """Register a client that can manage itself. A failure is `blocked`."""
    return managed(ctx, ctx.registered(kind=kind, **deviations), kind)


def managed(ctx: Context, answer: Answer, kind: str = "first") -> Registration:
    """Return what was registered with what it is managed by.

    Raises:
        Blocked: the answer lacks it.
    """
    if not all(answer.json.get(name) for name in MANAGED):
        raise Blocked("the registration response lacks what it is managed by", exchange=answer.exchange)
    return Registration(ctx, answer, kind)


def readable(registration: Registration) -> Registration:
    """Read a registration with its own token, so that a refusal of another one means something."""
    answer = registration.send("GET")
    if answer.status != 200:
        raise Blocked(f"a registration could not be read: {answer.summary()}", exchange=answer.exchange)
    return registration


def updated(ctx: Context, answer: Answer) -> Answer:
    """Return the answer to an update that has to be served; not applicable where clients cannot be updated."""
    ctx.require(answer.status not in NOT_OFFERED, "clients cannot be updated here")
    if answer.status != 200:
        raise Blocked(f"a valid update was not served: {answer.summary()}", exchange=answer.exchange)
    return answer


def is_hidden(answer: Answer) -> bool:
    """Whether the answer is 404: a refusal with another status than the specified one."""
    if answer.status == 404:
        answer.warn("status 401", answer.summary())
    return answer.status == 404


def _require_deletable(ctx: Context, answer: Answer) -> None:
    ctx.require(answer.status not in NOT_OFFERED, "clients cannot be deleted here")


def _deleted(ctx: Context, registration: Registration) -> Registration:
    answer = registration.send("DELETE")
    _require_deletable(ctx, answer)
    if answer.status not in (200, 202, 204):
        raise Blocked(f"a client could not be deleted: {answer.summary()}", exchange=answer.exchange)
    return registration
