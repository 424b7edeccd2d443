"""What belongs to one tenant is worth nothing at another one (docs/tenant-profile.md)."""

from harness import Context, Fault, expect, expect_oauth_error, expect_token, fault, scenario
from harness.browser import Browser, Landing
from harness.capability import (
    CLIENT_CREDENTIALS,
    INTROSPECTION,
    PRIVATE_KEY_JWT,
    REFRESH_TOKENS,
    REGISTRATION_MANAGEMENT,
    REVOCATION,
    TENANTS,
    TOKEN_EXCHANGE,
)
from harness.exchange import Answer
from harness.http import origin_of
from harness.run import Site
from harness.target import Login, OAuthClient
from harness.verdict import Blocked

KEPT_OUT = (400, 401, 403, 404)
"""A client that is not the caller's may also be answered as one that does not exist."""

MANAGEMENT = (
    fault(
        "read",
        "tenant-11-1",
        remedy="Look the registration access token up together with its tenant and its client_id.",
        method="GET",
    ),
    fault(
        "change",
        "tenant-11-1",
        remedy="Check whose registration access token it is before the new metadata is looked at.",
        method="PUT",
    ),
    fault(
        "delete",
        "tenant-11-1",
        remedy="Check whose registration access token it is before anything is removed.",
        method="DELETE",
    ),
)


@scenario("tenant-1-1", needs={TENANTS})
def each_tenant_has_its_own_issuer(ctx: Context) -> None:
    """The metadata of two tenants names two issuers, each that of its own tenant.

    Why: with one issuer for both, clients and resource servers cannot tell the tenants apart.
    Remedy: build issuer from the tenant's own URL, and publish metadata for each.
    """
    for site in (ctx.home, ctx.other):
        expected, actual = site.tenant.authorization_server, site.metadata.get("issuer")
        same = isinstance(actual, str) and actual.rstrip("/") == expected.rstrip("/")
        expect(same, f"issuer {expected!r}", f"issuer was {actual!r}")
    expect(ctx.home.issuer != ctx.other.issuer, "two issuers", f"both are {ctx.home.issuer!r}")


@scenario("tenant-2-1", needs={TENANTS})
def a_code_is_refused_at_another_tenant(ctx: Context) -> None:
    """A code of one tenant is refused at the token endpoint of another.

    Remedy: store the tenant with the code and compare it with the tenant of the token endpoint.
    """
    granted = ctx.authorize()
    for client in _askers(ctx, granted.client):
        answer = ctx.redeem(granted, at=ctx.other, client=client, resource=None)
        expect_oauth_error(answer, "invalid_grant", "invalid_client", what="redeeming another tenant's code")


@scenario("tenant-3-1", needs={TENANTS, REFRESH_TOKENS})
def a_refresh_token_is_refused_at_another_tenant(ctx: Context) -> None:
    """A refresh token of one tenant is refused at the token endpoint of another.

    Remedy: store the tenant with the refresh token and compare it with the tenant of the token endpoint.
    """
    granted = ctx.refreshable()
    for client in _askers(ctx, granted.client):
        answer = ctx.refresh(granted, at=ctx.other, client=client)
        expect_oauth_error(answer, "invalid_grant", "invalid_client", what="a refresh at another tenant")


@scenario("tenant-4-1", needs={TENANTS, CLIENT_CREDENTIALS})
def a_secret_opens_one_tenant_only(ctx: Context) -> None:
    """The identifier and secret of a client of one tenant are refused by another.

    Remedy: look clients up by tenant and client_id, never by client_id alone.
    """
    answer = ctx.client_credentials(client=ctx.clients.machine, at=ctx.other)
    expect_oauth_error(answer, "invalid_client", what="another tenant's client")


@scenario("tenant-4-1", needs={TENANTS, PRIVATE_KEY_JWT})
def a_key_opens_one_tenant_only(ctx: Context) -> None:
    """An assertion that a client of one tenant signs for another tenant is refused there.

    Remedy: verify a client assertion with the keys of the client of this tenant.
    """
    answer = ctx.client_credentials(client=ctx.clients.keyed, at=ctx.other)
    expect_oauth_error(answer, "invalid_client", what="another tenant's client")


@scenario("tenant-5-1", "rfc7662-2.3-1", needs={TENANTS, INTROSPECTION})
def introspection_elsewhere_says_nothing(ctx: Context) -> None:
    """A resource server of another tenant is told that the token is not active, and no more.

    Remedy: introspect tokens of the caller's own tenant only; answer active false for all others.
    """
    ctx.active(ctx.grant(at=ctx.other))
    tokens = ctx.grant()
    answer = ctx.introspect(tokens.access_token, at=ctx.other)
    expect(answer.json == {"active": False}, "active false and nothing more", _told(answer), answer)


@scenario("tenant-5-1", "rfc7662-2.3-1", needs={TENANTS, INTROSPECTION, REFRESH_TOKENS})
def introspection_elsewhere_says_nothing_of_a_refresh_token(ctx: Context) -> None:
    """A resource server of another tenant is told that a refresh token is not active, and no more.

    Remedy: look refresh tokens up within the caller's own tenant; answer active false for all others.
    """
    ctx.active(ctx.grant(at=ctx.other))
    answer = ctx.introspect(ctx.refreshable().refresh_token, at=ctx.other)
    ctx.require(answer.error != "unsupported_token_type", "the target does not introspect refresh tokens")
    expect(answer.json == {"active": False}, "active false and nothing more", _told(answer), answer)


@scenario("tenant-6-1", needs={TENANTS, REVOCATION, REFRESH_TOKENS})
def revocation_elsewhere_leaves_a_refresh_token_alive(ctx: Context) -> None:
    """A refresh token goes on working after another tenant's revocation endpoint was shown it.

    Remedy: revoke tokens of the endpoint's own tenant only.
    """
    granted = ctx.refreshable()
    ctx.revoke(granted.refresh_token, at=ctx.other, client=ctx.other.clients.first)
    expect_token(ctx.refresh(granted))


@scenario("tenant-6-1", needs={TENANTS, REVOCATION, INTROSPECTION})
def revocation_elsewhere_leaves_an_access_token_alive(ctx: Context) -> None:
    """An access token stays active after another tenant's revocation endpoint was shown it.

    Remedy: revoke tokens of the endpoint's own tenant only.
    """
    tokens = ctx.grant()
    ctx.active(tokens)
    ctx.revoke(tokens.access_token, at=ctx.other, client=ctx.other.clients.first)
    answer = ctx.introspect(tokens.access_token)
    expect(answer.json.get("active") is True, "the token to stay active", _told(answer), answer)


@scenario("tenant-9-1", needs={TENANTS, TOKEN_EXCHANGE})
def a_foreign_subject_token_is_refused(ctx: Context) -> None:
    """A user's token of one tenant cannot be exchanged at another.

    Remedy: accept subject tokens of the tenant's own issuer only.
    """
    ctx.exchanged(ctx.subject_token(at=ctx.other))
    answer = ctx.exchange(ctx.subject_token(), at=ctx.other)
    expect_oauth_error(answer, "invalid_request", what="the exchange of another tenant's token")


@scenario.each(MANAGEMENT, needs={TENANTS, REGISTRATION_MANAGEMENT})
def a_foreign_registration_token_manages_nothing(ctx: Context, row: Fault) -> None:
    """A registration access token of one tenant does nothing to a client of another."""
    token = ctx.registered().json.get("registration_access_token")
    victim = ctx.registered(at=ctx.other).json
    place, own = victim.get("registration_client_uri"), victim.get("registration_access_token")
    if not (isinstance(token, str) and isinstance(own, str) and isinstance(place, str)):
        raise Blocked("a registration answer lacks registration_client_uri or registration_access_token")
    method = row.claims["method"]
    answer = ctx.manage(method, place, token, _update(victim) if method == "PUT" else None)
    ctx.require(answer.status not in (405, 501), f"{method} is not supported")
    expect(answer.status in KEPT_OUT, "a refusal", answer.summary(), answer)
    still = ctx.manage("GET", place, own)
    unchanged = still.status == 200 and still.json.get("client_name") == victim.get("client_name")
    expect(unchanged, "the client to be as it was", still.summary(), still)


@scenario("tenant-12-1", needs={TENANTS})
def a_session_authorizes_nothing_elsewhere(ctx: Context) -> None:
    """Who is logged in at one tenant is not logged in at another, whatever the browser sends along.

    Why: the path of a cookie keeps no secret, so a session has to know its tenant itself.
    Remedy: store the tenant with the session and compare it with the tenant that is asked.
    """
    browser = ctx.new_browser()
    ctx.authorize(browser=browser)
    ctx.require(_silently(ctx, ctx.home, browser).get("code"), "a login does not last beyond one authorization")
    _send_everywhere(browser)
    before = len(list(ctx.evidence))
    landing = _silently(ctx, ctx.other, browser)
    visited = {origin_of(exchange.url) for exchange in list(ctx.evidence)[before:]}
    if landing.get("code") and visited - {origin_of(ctx.other.endpoint("authorization"))}:
        landing.answer.warn("a login, or a refusal", "a code, after another server logged the user in: single sign-on")
        return
    if landing.answer.status >= 500:
        raise Blocked(f"neither refused nor accepted: {landing.summary()}", exchange=landing.answer.exchange)
    expect(not landing.get("code"), "a login, or a refusal", landing.summary(), landing.answer)


def _silently(ctx: Context, site: Site, browser: Browser) -> Landing:
    """Ask for authorization without logging in: buttons are pressed, but nothing is filled in."""
    usual = site.tenant.login
    consent = tuple(page for page in usual.pages if not page.fill)
    login = Login(usual.method, parameters=usual.parameters, pages=consent)
    return ctx.send_authorization(ctx.authorization_request(at=site, login=login), login=login, browser=browser)


def _send_everywhere(browser: Browser) -> None:
    """Have the browser send its cookies to every path of their host."""
    cookies = list(browser.cookies.jar)
    browser.cookies.jar.clear()
    for cookie in cookies:
        cookie.path = "/"
        browser.cookies.jar.set_cookie(cookie)


def _update(registered: dict[str, object]) -> dict[str, object]:
    """Return metadata that the owner of a registration could send (RFC 7592 section 2.2)."""
    kept_back = {"registration_access_token", "registration_client_uri", "client_secret_expires_at"}
    kept_back.add("client_id_issued_at")
    changed = {name: value for name, value in registered.items() if name not in kept_back}
    return {**changed, "client_name": "taken over"}


def _told(answer: Answer) -> str:
    members = ", ".join(sorted(answer.json)) or "none"
    return f"the answer was {answer.status} with active {answer.json.get('active')!r} (members: {members})"


def _askers(ctx: Context, owner: OAuthClient) -> tuple[OAuthClient, ...]:
    """Who tries what the owner was given: the other tenant's client of the same id, for which only the tenant is wrong.

    Where there is none, the owner itself, with what it authenticates by at home, and then some client of that tenant.
    """
    client = ctx.other.clients.first
    return (client,) if client.client_id == owner.client_id else (owner, client)
