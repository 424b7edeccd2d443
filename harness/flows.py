"""The building blocks of a flow: valid by default, each parameter replaceable, nothing judged."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from harness import keys, pkce
from harness.browser import FORM, Browser, Landing
from harness.exchange import Answer
from harness.insight import Insight
from harness.target import Login, OAuthClient
from harness.verdict import Blocked

if TYPE_CHECKING:
    from harness.context import Context
    from harness.run import Site

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
Value = str | Iterable[str] | None


@dataclass(frozen=True)
class Grant:
    """An authorization code, with all that its redemption needs."""

    code: str = field(repr=False)
    client: OAuthClient
    site: Site
    redirect_uri: str
    code_verifier: str = field(repr=False)
    resource: str
    landing: Landing


@dataclass(frozen=True)
class Tokens:
    """A successful token response. `claims` are those of the access token, unverified; empty when it is opaque."""

    answer: Answer
    client: OAuthClient
    site: Site

    @property
    def access_token(self) -> str:
        """The access token."""
        return str(self.answer.json["access_token"])

    @property
    def refresh_token(self) -> str:
        """The refresh token, or an empty string."""
        return str(self.answer.json.get("refresh_token") or "")

    @property
    def scope(self) -> str:
        """The granted scope; empty when the response does not say."""
        return str(self.answer.json.get("scope") or "")

    @property
    def claims(self) -> dict[str, Any]:
        """The claims of the access token."""
        return keys.claims_of(self.access_token)

    @property
    def known(self) -> dict[str, Any]:
        """The claims of the access token, or what introspection says of an opaque one; empty where neither tells."""
        return known_of(self.answer)

    @property
    def header(self) -> dict[str, Any]:
        """The JOSE header of the access token."""
        return keys.header_of(self.access_token)


def known_of(answer: Answer) -> dict[str, Any]:
    """Return what is known of the access token in a token response: its claims, or what introspection says of it."""
    token = str(answer.json.get("access_token") or "")
    return answer.insight.claims(token) if answer.insight else keys.claims_of(token)


def pairs(base: Mapping[str, Value], deviations: Mapping[str, Value]) -> list[tuple[str, str]]:
    """Merge parameters: None removes one, a list repeats it."""
    merged = {**base, **deviations}
    flat: list[tuple[str, str]] = []
    for name, value in merged.items():
        values = [value] if isinstance(value, str) else list(value or ())
        flat.extend((name, item) for item in values)
    return flat


@dataclass(frozen=True)
class AuthorizationRequest:
    """An authorization request as it will be sent, and the secrets that belong to it."""

    site: Site
    client: OAuthClient
    parameters: tuple[tuple[str, str], ...]
    code_verifier: str = field(repr=False)

    @property
    def url(self) -> str:
        """The URL to open in a browser."""
        endpoint = self.site.endpoint("authorization")
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(self.parameters)}"

    def get(self, name: str) -> str:
        """Return the first value of a parameter, or an empty string."""
        return next((value for key, value in self.parameters if key == name), "")


def authorization_request(
    ctx: Context, client: OAuthClient, site: Site, login: Login, deviations: Mapping[str, Value]
) -> AuthorizationRequest:
    """Build an authorization request (OAuth 2.1 section 4.1.1) that is valid but for the deviations."""
    code_verifier = pkce.verifier()
    base: dict[str, Value] = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": client.redirect_uri,
        "scope": ctx.world.narrow_scope or None,
        "state": secrets.token_urlsafe(16),
        "code_challenge": pkce.challenge(code_verifier),
        "code_challenge_method": "S256",
        "resource": ctx.world.resource_of(site) or None,
        "login_hint": login.hint or None,
        **login.parameters,
    }
    return AuthorizationRequest(site, client, tuple(pairs(base, deviations)), code_verifier)


def open_in_browser(browser: Browser, request: AuthorizationRequest, login: Login, *, refuse: bool = False) -> Landing:
    """Send an authorization request through a browser and act for the human as the login says."""
    if login.method == "manual":
        from harness.manual import wait_for_human

        return wait_for_human(browser, request)
    clients = tuple({request.client.redirect_uri, request.get("redirect_uri") or request.client.redirect_uri})
    pages = (*login.refusal, *login.pages) if refuse else login.pages
    return browser.visit(request.url, clients=clients, pages=pages)


def grant_of(request: AuthorizationRequest, landing: Landing) -> Grant:
    """Return the code that an authorization ended with.

    Raises:
        Blocked: it ended without one.
    """
    code = landing.get("code")
    if not code:
        raise Blocked(
            f"no authorization code was issued: {landing.summary()}", "check [login]", landing.answer.exchange
        )
    redirect_uri = request.get("redirect_uri")
    resource = request.get("resource")
    return Grant(code, request.client, request.site, redirect_uri, request.code_verifier, resource, landing)


def token_request(
    ctx: Context, client: OAuthClient, site: Site, base: Mapping[str, Value], deviations: Mapping[str, Value]
) -> Answer:
    """Send a request to the token endpoint, authenticated as the client was registered, and return the raw answer."""
    answer = send_form(ctx, site.endpoint("token"), client, site, base, deviations)
    return replace(answer, insight=Insight(ctx, site))


def send_form(
    ctx: Context,
    url: str,
    client: OAuthClient,
    site: Site,
    base: Mapping[str, Value],
    deviations: Mapping[str, Value],
) -> Answer:
    """Post a form to an endpoint that authenticates clients."""
    headers, credentials = authentication(ctx, client, site)
    content = urlencode(pairs({**base, **credentials}, deviations))
    headers = {"content-type": FORM, "accept": "application/json", **headers}
    return ctx.http.send("POST", url, headers=headers, content=content)


def authentication(ctx: Context, client: OAuthClient, site: Site) -> tuple[dict[str, str], dict[str, Value]]:
    """Return the headers and parameters by which a client authenticates (OAuth 2.1 section 2.4)."""
    if client.auth_method == "client_secret_basic":
        pair = f"{quote(client.client_id, safe='')}:{quote(client.secret or '', safe='')}"
        return {"authorization": f"Basic {keys.encode_basic(pair)}"}, {}
    if client.auth_method == "client_secret_post":
        return {}, {"client_id": client.client_id, "client_secret": client.secret or ""}
    if client.auth_method == "private_key_jwt":
        return {}, {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion(ctx, client, site)}
    return {}, {"client_id": client.client_id}


def assertion(
    ctx: Context,
    client: OAuthClient,
    site: Site,
    *,
    key: Mapping[str, Any] | None = None,
    header: Mapping[str, Any] | None = None,
    **claims: Any,
) -> str:
    """Return a client assertion (RFC 7523 section 3); None removes a claim, times are seconds from now."""
    now = int(ctx.now())
    audience = site.issuer if client.assertion_audience == "issuer" else site.endpoint("token")
    base = {"iss": client.client_id, "sub": client.client_id, "aud": audience, "exp": 60, "iat": 0}
    merged = {**base, "jti": secrets.token_urlsafe(16), **claims}
    for name in ("exp", "iat", "nbf"):
        if isinstance(merged.get(name), int):
            merged[name] = now + merged[name]
    present = {name: value for name, value in merged.items() if value is not None}
    signing_key = key or client.private_key
    if not signing_key:
        raise Blocked(f"client {client.client_id} has no private key", "add private_key_env to its table")
    return keys.sign(present, signing_key, {"typ": client.assertion_type, **(header or {})})


def tokens_of(answer: Answer, client: OAuthClient, site: Site, what: str) -> Tokens:
    """Read a token response that has to be a success for the scenario to go on.

    Raises:
        Blocked: it is none.
    """
    if answer.status != 200 or not isinstance(answer.json.get("access_token"), str):
        raise Blocked(f"{what} failed: {answer.summary()}", exchange=answer.exchange)
    return Tokens(answer, client, site)


def json_request(ctx: Context, method: str, url: str, token: str | None, document: Any | None = None) -> Answer:
    """Send a JSON request with a bearer token, as the endpoints of RFC 7592 want it."""
    headers = {"accept": "application/json", **({"authorization": f"Bearer {token}"} if token else {})}
    if document is None:
        return ctx.http.send(method, url, headers=headers)
    headers["content-type"] = "application/json"
    return ctx.http.send(method, url, headers=headers, content=json.dumps(document))
