"""What a scenario is handed: building blocks that are valid by default and return raw answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from httpx import Cookies

from harness import clients, flows
from harness.browser import Browser, Landing
from harness.data import TestData
from harness.exchange import Answer, Evidence
from harness.expect import granted_audience
from harness.flows import Grant, Tokens, Value
from harness.http import Client
from harness.mcp_context import McpContext
from harness.passing_time import PassingTime
from harness.target import Login, OAuthClient
from harness.verdict import Blocked, NotApplicable

if TYPE_CHECKING:
    from harness.run import Run, Site
    from harness.support import Capability
    from harness.target import ClockControl, RightsControl, Target

ACCESS_TOKEN_TYPE = clients.ACCESS_TOKEN_TYPE


class Context(McpContext):
    """One scenario's view of the target. Everything defaults to valid; a scenario writes its deviation only.

    Deviations are request parameters by name: None leaves one out, a list repeats it.
    """

    def __init__(self, run: Run, evidence: Evidence) -> None:
        self._run = run
        self.evidence = evidence
        self.seed = run.seed
        self.examples = run.examples
        self.target: Target = run.target
        self.home: Site = run.home
        self.world: TestData = TestData(run)
        self.http = Client(run.wire, evidence)

    # -- where and who ---------------------------------------------------------------------------------------------

    @property
    def other(self) -> Site:
        """The second tenant's site."""
        site: Site | None = self._run.other
        if site is None:
            raise NotApplicable("no second tenant is configured")
        return site

    @property
    def clients(self) -> clients.ClientPool:
        """The clients of the home site, by what they are for."""
        return self.home.clients

    @property
    def metadata(self) -> dict[str, Any]:
        """The authorization server's metadata.

        Raises:
            Blocked: there is none to be had.
        """
        if not self.home.metadata:
            self.home.endpoint("token")
        return self.home.metadata

    def new_browser(self) -> Browser:
        """Return a browser with no cookies yet."""
        return Browser(self._run.wire, self.evidence)

    def _browser_of(self, login: Login, site: Site) -> Browser:
        """Return a fresh browser; the session that the login remembers is in it."""
        browser = self.new_browser()
        if login.remember:
            browser.cookies = Cookies(self._run.session(login, site))
        return browser

    @property
    def clock(self) -> ClockControl:
        """The target's clock."""
        if self.target.clock is None:
            raise NotApplicable("the target's clock cannot be moved")
        return self.target.clock

    @property
    def rights(self) -> RightsControl:
        """What the users of the target may do."""
        if self.target.rights is None:
            raise NotApplicable("the rights of the target's users cannot be changed")
        return self.target.rights

    @property
    def time(self) -> PassingTime:
        """What lets time pass at the target.

        Raises:
            Blocked: its clock cannot be moved, and the user allows no wait.
        """
        return PassingTime(self.target.clock, self._run.max_wait, self._run.wire.stop)

    def now(self) -> float:
        """Return the target's time in seconds since the epoch, as far as it is known."""
        return self._run.now()

    def offers(self, capability: Capability) -> bool:
        """Tell whether the target has an optional capability that works; its control is run where it was not before."""
        try:
            self._run.control(capability)
        except (Blocked, NotApplicable):
            return False
        return True

    def require(self, holds: object, otherwise: str) -> None:
        """End the scenario as not applicable unless an optional thing is there."""
        if not holds:
            raise NotApplicable(otherwise)

    # -- the authorization endpoint ----------------------------------------------------------------------------------

    def authorization_request(
        self,
        *,
        client: OAuthClient | None = None,
        at: Site | None = None,
        login: Login | None = None,
        **deviations: Value,
    ) -> flows.AuthorizationRequest:
        """Build an authorization request without sending it."""
        site = at or self.home
        chosen = client or site.clients.first
        return flows.authorization_request(self, chosen, site, login or site.tenant.login, deviations)

    def send_authorization(
        self,
        request: flows.AuthorizationRequest | None = None,
        *,
        login: Login | None = None,
        browser: Browser | None = None,
        refuse: bool = False,
        **options: Any,
    ) -> Landing:
        """Send an authorization request through a browser, a fresh one by default, and return where it ended.

        The login says what is done for the human; `refuse` has them refuse.
        """
        request = request or self.authorization_request(login=login, **options)
        login = login or request.site.tenant.login
        browser = browser or self._browser_of(login, request.site)
        return flows.open_in_browser(browser, request, login, refuse=refuse)

    def authorize(self, *, login: Login | None = None, browser: Browser | None = None, **options: Any) -> Grant:
        """Get an authorization code. A failure is `blocked`."""
        request = self.authorization_request(login=login, **options)
        return flows.grant_of(request, self.send_authorization(request, login=login, browser=browser))

    # -- the token endpoint ------------------------------------------------------------------------------------------

    def token_request(
        self, client: OAuthClient, parameters: Mapping[str, Value], *, at: Site | None = None, **deviations: Value
    ) -> Answer:
        """Send any request to the token endpoint, authenticated as the client."""
        return flows.token_request(self, client, at or self.home, parameters, deviations)

    def redeem(
        self, grant: Grant, *, client: OAuthClient | None = None, at: Site | None = None, **deviations: Value
    ) -> Answer:
        """Redeem a code (OAuth 2.1 section 4.1.3)."""
        base: dict[str, Value] = {
            "grant_type": "authorization_code",
            "code": grant.code,
            "redirect_uri": grant.redirect_uri or None,
            "code_verifier": grant.code_verifier,
            "resource": grant.resource or None,
        }
        return flows.token_request(self, client or grant.client, at or grant.site, base, deviations)

    def grant(self, **options: Any) -> Tokens:
        """Get tokens by the authorization code flow. A failure is `blocked`."""
        granted = self.authorize(**options)
        return flows.tokens_of(self.redeem(granted), granted.client, granted.site, "redeeming a code")

    def refreshable(self, **options: Any) -> Tokens:
        """Get tokens with a refresh token among them; not applicable when none is issued."""
        tokens = self.grant(**options)
        self.require(tokens.refresh_token, "no refresh token was issued with the authorization code")
        return tokens

    def refresh(
        self, tokens: Tokens, *, client: OAuthClient | None = None, at: Site | None = None, **deviations: Value
    ) -> Answer:
        """Use a refresh token (OAuth 2.1 section 4.3.1)."""
        base = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}
        return flows.token_request(self, client or tokens.client, at or tokens.site, base, deviations)

    def refreshed(self, tokens: Tokens, **deviations: Any) -> Tokens:
        """Use a refresh token that has to work. A failure is `blocked`."""
        return flows.tokens_of(self.refresh(tokens, **deviations), tokens.client, tokens.site, "refreshing")

    def client_credentials(
        self, *, client: OAuthClient | None = None, at: Site | None = None, **deviations: Value
    ) -> Answer:
        """Ask for a token by client credentials (OAuth 2.1 section 4.2)."""
        site = at or self.home
        base = {"grant_type": "client_credentials", "resource": self.world.resource_of(site) or None}
        return flows.token_request(self, client or site.clients.machine, site, base, deviations)

    def machine_token(
        self, *, client: OAuthClient | None = None, at: Site | None = None, **deviations: Value
    ) -> Tokens:
        """Get a token by client credentials. A failure is `blocked`."""
        site = at or self.home
        answer = self.client_credentials(client=client, at=site, **deviations)
        return flows.tokens_of(answer, client or site.clients.machine, site, "the client credentials grant")

    def subject_token(self, *, at: Site | None = None, **options: Any) -> Tokens:
        """Get a user's access token that an agent can exchange."""
        return self.grant(at=at, **{"scope": self.world.exchange_scope, **options})

    def exchange(
        self, subject: Tokens, *, client: OAuthClient | None = None, at: Site | None = None, **deviations: Value
    ) -> Answer:
        """Exchange a user's access token as an agent (RFC 8693 section 2.1)."""
        site = at or subject.site
        base: dict[str, Value] = {
            "grant_type": clients.TOKEN_EXCHANGE_GRANT,
            "subject_token": subject.access_token,
            "subject_token_type": ACCESS_TOKEN_TYPE,
            "resource": self.world.resource_of(site) or None,
        }
        return flows.token_request(self, client or site.clients.exchanger, site, base, deviations)

    def exchanged(self, subject: Tokens, **deviations: Any) -> Tokens:
        """Exchange a token that has to be exchangeable. A failure is `blocked`."""
        answer = self.exchange(subject, **deviations)
        client = deviations.get("client") or subject.site.clients.exchanger
        return flows.tokens_of(answer, client, subject.site, "the token exchange")

    def assertion(self, client: OAuthClient, *, at: Site | None = None, **options: Any) -> str:
        """Return a client assertion; see `flows.assertion` for its deviations."""
        return flows.assertion(self, client, at or self.home, **options)

    # -- what becomes of tokens --------------------------------------------------------------------------------------

    def revoke(
        self, token: str, *, client: OAuthClient | None = None, at: Site | None = None, **deviations: Value
    ) -> Answer:
        """Send a revocation request (RFC 7009 section 2.1)."""
        site = at or self.home
        chosen = client or site.clients.first
        return flows.send_form(self, site.endpoint("revocation"), chosen, site, {"token": token}, deviations)

    def revoked(self, tokens: Tokens) -> Answer:
        """Revoke a token set's strongest token. A failure is `blocked`."""
        answer = self.revoke(tokens.refresh_token or tokens.access_token, client=tokens.client, at=tokens.site)
        if answer.status != 200:
            raise Blocked(f"revoking a token failed: {answer.summary()}", exchange=answer.exchange)
        return answer

    def introspect(
        self, token: str, *, client: OAuthClient | None = None, at: Site | None = None, **deviations: Value
    ) -> Answer:
        """Ask about a token (RFC 7662 section 2.1)."""
        site = at or self.home
        chosen = client or site.clients.resource_server
        return flows.send_form(self, site.endpoint("introspection"), chosen, site, {"token": token}, deviations)

    def active(self, tokens: Tokens) -> dict[str, Any]:
        """Introspect a token that has to be active. A failure is `blocked`."""
        answer = self.introspect(tokens.access_token, at=tokens.site)
        self.require(answer.error != "unsupported_token_type", "the target does not introspect such access tokens")
        if answer.json.get("active") is not True:
            raise Blocked(f"a fresh token is not active by introspection: {answer.summary()}", exchange=answer.exchange)
        return answer.json

    def bound_to_resource(self) -> Tokens:
        """Get a token for the resource that says so; not applicable where the target ignores `resource`."""
        tokens = self.grant(resource=self.world.resource)
        audience = granted_audience(tokens.answer)
        self.require(audience is not None, "access tokens are opaque, so their audience cannot be seen")
        self.require(self.world.resource in (audience or ()), "the target does not support resource indicators")
        return tokens

    # -- registration ------------------------------------------------------------------------------------------------

    def register(self, *, kind: str = "first", at: Site | None = None, **deviations: Any) -> Answer:
        """Send a registration request (RFC 7591 section 3.1); deviations are metadata members."""
        site = at or self.home
        document = {**clients.registration_metadata(site, kind), **deviations}
        present = {name: value for name, value in document.items() if value is not None}
        return clients.send_registration(self.http, site.endpoint("registration"), present)

    def registered(self, *, kind: str = "first", at: Site | None = None, **deviations: Any) -> Answer:
        """Register a client. A failure is `blocked`."""
        answer = self.register(kind=kind, at=at, **deviations)
        if answer.status not in (200, 201) or not answer.json.get("client_id"):
            raise Blocked(f"registering a client failed: {answer.summary()}", exchange=answer.exchange)
        return answer

    def registered_client(self, *, kind: str = "first", at: Site | None = None, **deviations: Any) -> OAuthClient:
        """Register a client and return it as it was registered."""
        answer = self.registered(kind=kind, at=at, **deviations)
        return clients.registered_client(answer, clients.registration_metadata(at or self.home, kind))

    def manage(self, method: str, url: str, token: str | None, document: Any | None = None) -> Answer:
        """Send a request to a client configuration endpoint (RFC 7592 section 2)."""
        return flows.json_request(self, method, url, token, document)
