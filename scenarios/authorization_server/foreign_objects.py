"""What another tenant has, each beside the same that nobody has, and how the tenant is asked about it.

`home` owns it, and `other` is asked, but for ID-JAGs. The scenarios that ask are in `tenant_enumeration`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from harness import Context, Fault, fault
from harness.alike import Pair, unknown_like
from harness.capability import (
    ACTOR_TOKENS,
    CONFIDENTIAL_CLIENT,
    ID_JAG,
    INTROSPECTION,
    REFRESH_TOKENS,
    REGISTRATION,
    REGISTRATION_MANAGEMENT,
    REVOCATION,
    TOKEN_EXCHANGE,
)
from harness.context import ACCESS_TOKEN_TYPE
from harness.exchange import Answer
from harness.id_jag import IdentityProvider, KeySigner, id_jag, provider_of, redeem
from harness.keys import stranger_key
from harness.support import Capability
from harness.target import Login, LoginPage, OAuthClient
from harness.verdict import Blocked

STRANGER = "https://stranger.example"
NOBODYS_CODE = "assay-nobodys-code"
NO_PASSWORD = "assay-is-not-the-password"  # noqa: S105 - it is none
SECRETS = ("pass", "pwd", "secret", "pin", "otp")
REMEDY = "Look up {} within the tenant that is asked, so that there is only one way to find none, and one answer."


def _client_at_authorization(ctx: Context) -> Pair:
    """A client that exists at home only, in an authorization request elsewhere."""
    client = _client_of_home(ctx, ctx.clients.first, "first")

    def send(client_id: str) -> Answer:
        request = ctx.authorization_request(at=ctx.other, client=replace(client, client_id=client_id))
        return ctx.http.send("GET", request.url, headers={"accept": "text/html"})

    return Pair("a client", send, client.client_id, unknown_like(client.client_id))


def _client_at_token(ctx: Context) -> Pair:
    """The same with its own secret, at the token endpoint."""
    client = _client_of_home(ctx, ctx.clients.confidential, "confidential")

    def send(client_id: str) -> Answer:
        named = replace(client, client_id=client_id)
        return ctx.token_request(named, {"grant_type": "authorization_code", "code": NOBODYS_CODE}, at=ctx.other)

    return Pair("a client with its secret", send, client.client_id, unknown_like(client.client_id))


def _client_of_home(ctx: Context, usual: OAuthClient, kind: str) -> OAuthClient:
    """Return a client that home knows and the other tenant does not; a new one where those in use are called the same.

    What is described by a document is known to whoever fetches it.
    """
    elsewhere = {client.client_id for client in ctx.other.tenant.clients.values()}
    elsewhere.add(ctx.other.clients.first.client_id)
    if usual.client_id not in elsewhere and not usual.client_id.startswith("https://"):
        return usual
    ctx.require(ctx.offers(REGISTRATION), "the two tenants know their clients by the same identifiers")
    return ctx.registered_client(kind=kind, at=ctx.home)


def _code(ctx: Context) -> Pair:
    granted, client = ctx.authorize(), ctx.other.clients.first

    def send(code: str) -> Answer:
        return ctx.redeem(granted, at=ctx.other, client=client, resource=None, code=code)

    return Pair("a code", send, granted.code, unknown_like(granted.code))


def _refresh_token(ctx: Context) -> Pair:
    granted = ctx.refreshable()

    def send(token: str) -> Answer:
        return ctx.refresh(granted, at=ctx.other, client=ctx.other.clients.first, refresh_token=token)

    return Pair("a refresh token", send, granted.refresh_token, unknown_like(granted.refresh_token))


def _introspected_access_token(ctx: Context) -> Pair:
    return _introspected(ctx, "an access token at introspection", ctx.grant().access_token)


def _introspected_refresh_token(ctx: Context) -> Pair:
    return _introspected(ctx, "a refresh token at introspection", ctx.refreshable().refresh_token)


def _introspected(ctx: Context, what: str, token: str) -> Pair:
    ctx.active(ctx.grant(at=ctx.other))
    return Pair(what, partial(ctx.introspect, at=ctx.other), token, unknown_like(token))


def _revoked_access_token(ctx: Context) -> Pair:
    return _revoked(ctx, "an access token at revocation", ctx.grant().access_token)


def _revoked_refresh_token(ctx: Context) -> Pair:
    return _revoked(ctx, "a refresh token at revocation", ctx.refreshable().refresh_token)


def _revoked(ctx: Context, what: str, token: str) -> Pair:
    send = partial(ctx.revoke, at=ctx.other, client=ctx.other.clients.first)
    return Pair(what, send, token, unknown_like(token))


def _subject_token(ctx: Context) -> Pair:
    """A user's token of home, exchanged elsewhere, where a user's token of that tenant can be."""
    own = ctx.subject_token(at=ctx.other)
    ctx.exchanged(own)
    token = ctx.subject_token().access_token
    return Pair("a subject token", lambda sent: ctx.exchange(own, subject_token=sent), token, unknown_like(token))


def _actor_token(ctx: Context) -> Pair:
    """An agent's token of home, in an exchange elsewhere."""
    own = ctx.subject_token(at=ctx.other)
    ctx.exchanged(own)
    token = ctx.machine_token(client=ctx.clients.exchanger).access_token

    def send(sent: str) -> Answer:
        return ctx.exchange(own, actor_token=sent, actor_token_type=ACCESS_TOKEN_TYPE)

    return Pair("an actor token", send, token, unknown_like(token))


def _managed_client(ctx: Context) -> Pair:
    """A client of home in the place of one's own; a registration token of one's own may not outlive that."""

    def send(client_id: str) -> Answer:
        own = ctx.registered(at=ctx.other).json
        place, token, name = own.get("registration_client_uri"), own.get("registration_access_token"), own["client_id"]
        if not (isinstance(place, str) and isinstance(token, str)):
            raise Blocked("a registration answer lacks registration_client_uri or registration_access_token")
        ctx.require(name in place, "registration_client_uri does not hold the client_id")
        return ctx.manage("GET", place.replace(name, client_id), token)

    foreign = _client_of_home(ctx, ctx.clients.first, "first").client_id
    return Pair("a registration", send, foreign, unknown_like(foreign))


def _registration_token(ctx: Context) -> Pair:
    """A registration token of home, at the registration of a client elsewhere."""
    place = ctx.registered(at=ctx.other).json.get("registration_client_uri")
    token = ctx.registered(at=ctx.home).json.get("registration_access_token")
    if not (isinstance(place, str) and isinstance(token, str)):
        raise Blocked("a registration answer lacks registration_client_uri or registration_access_token")
    return Pair("a registration token", partial(ctx.manage, "GET", place), token, unknown_like(token))


def _id_jag(ctx: Context) -> Pair:
    """An ID-JAG that the other tenant's provider signs, beside one that nobody's does."""
    home, other = provider_of(ctx.home), ctx.other.tenant.identity_provider
    ctx.require(other, "no [other_tenant.id_jag] is described")
    assert other
    ctx.require(other.issuer != home.issuer, "the tenants have one provider")
    stranger = IdentityProvider(STRANGER, home.subject, KeySigner(partial(stranger_key, "ES256")))
    signed = (id_jag(ctx, signed_by=provider) for provider in (other, stranger))
    return Pair("an ID-JAG", partial(redeem, ctx), *signed)


def _user_of_id_jag(ctx: Context) -> Pair:
    """A user of the other tenant, in an ID-JAG that the provider of this one signs."""
    other = ctx.other.tenant.identity_provider
    ctx.require(other, "no [other_tenant.id_jag] is described")
    assert other
    ctx.require(other.subject != provider_of(ctx.home).subject, "the users of both tenants are called the same")
    return Pair(
        "a user in an ID-JAG", lambda sub: redeem(ctx, id_jag(ctx, sub=sub)), other.subject, unknown_like(other.subject)
    )


def _user_at_login(ctx: Context) -> Pair:
    """A user of home who wants to log in elsewhere: typed into a form with a wrong password, or named by login_hint."""
    mine, theirs = ctx.home.tenant.login, ctx.other.tenant.login
    ctx.require(theirs.method != "manual", "the login is done by a person")
    field, foreign = user_field(mine, theirs) or ("", mine.hint)
    ctx.require(foreign and (field or foreign != theirs.hint), "the logins of the two tenants name no different users")

    def send(user: str) -> Answer:
        request = ctx.authorization_request(at=ctx.other, login_hint=(theirs.hint or None) if field else user)
        pages = typed(theirs, field, user) if field else ()
        landing = ctx.new_browser().visit(request.url, clients=(request.client.redirect_uri,), pages=pages)
        ctx.require(not landing.get("code"), "the other tenant knows the user as well")
        return landing.answer

    return Pair("a user at the login", send, foreign, unknown_like(foreign))


def user_field(mine: Login, theirs: Login) -> tuple[str, str] | None:
    """Return the field of a login's pages that names the user, and the user of the first login.

    It is the first in which the logins of two tenants differ, secrets aside; None where there is none.
    """
    for page, other in zip(mine.pages, theirs.pages, strict=False):
        for name, value in page.fill.items():
            if not _is_secret(name) and other.fill.get(name, value) != value:
                return name, value
    return None


def typed(login: Login, field: str, user: str) -> tuple[LoginPage, ...]:
    """Return a login's pages as they are filled in by somebody who is that user and knows no password."""
    return tuple(replace(page, fill=dict(_typed(page, field, user))) for page in login.pages)


def _typed(page: LoginPage, field: str, user: str) -> Iterator[tuple[str, str]]:
    for name, value in page.fill.items():
        yield name, user if name == field else NO_PASSWORD if _is_secret(name) else value


def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in SECRETS)


def _row(name: str, what: str, pair: Callable[[Context], Pair], *needs: Capability) -> Fault:
    return fault(name, "tenant-13-1", remedy=REMEDY.format(what), needs=needs, pair=pair)


FOREIGN = (
    _row("client-at-authorization", "clients", _client_at_authorization),
    _row("client-at-the-token-endpoint", "clients", _client_at_token, CONFIDENTIAL_CLIENT),
    _row("code", "codes", _code),
    _row("refresh-token", "refresh tokens", _refresh_token, REFRESH_TOKENS),
    _row("introspected-access-token", "access tokens", _introspected_access_token, INTROSPECTION),
    _row("introspected-refresh-token", "refresh tokens", _introspected_refresh_token, INTROSPECTION, REFRESH_TOKENS),
    _row("revoked-access-token", "access tokens", _revoked_access_token, REVOCATION),
    _row("revoked-refresh-token", "refresh tokens", _revoked_refresh_token, REVOCATION, REFRESH_TOKENS),
    _row("subject-token", "subject tokens", _subject_token, TOKEN_EXCHANGE),
    _row("actor-token", "actor tokens", _actor_token, ACTOR_TOKENS),
    _row("managed-client", "clients", _managed_client, REGISTRATION_MANAGEMENT),
    _row("registration-token", "registration access tokens", _registration_token, REGISTRATION_MANAGEMENT),
    _row("id-jag", "ID-JAGs and their issuers", _id_jag, ID_JAG),
    _row("user-of-an-id-jag", "users", _user_of_id_jag, ID_JAG),
    _row("user-at-the-login", "users", _user_at_login),
)
"""What another tenant has; `claims["pair"]` makes the two requests of a row."""

OFTEN = frozenset(
    {"client-at-authorization", "code", "refresh-token", "introspected-access-token", "revoked-access-token"}
)
"""What may be asked for many times: nothing is used up, nothing is locked, and no secret is sent."""
