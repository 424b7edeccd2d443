"""Login: a session that is there, a user whom `login_hint` names, or a page to choose on."""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749.errors import AccessDeniedError, InvalidRequestError
from authlib.oidc.core.errors import LoginRequiredError
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from fixtures.service.cookies import Cookie
from mock_idp.errors import ShownError
from mock_idp.issuer import AuthorizationCode, AuthorizationRequest, Issuer, PendingLogin, Session
from mock_idp.pages import page
from mock_idp.parameters import Parameters, read_form
from mock_idp.responses import authorization_code_response, authorization_error
from mock_idp.sessions import Sessions

CHOSEN = ("user",)
"""How a user signs in on the page: by being there (RFC 8176 section 2)."""
HINTED = ("login_hint",)
"""How a user signs in automatically; a private value, since nobody was there."""


class Login:
    """One issuer's way from a valid request to a code."""

    def __init__(self, issuer: Issuer, sessions: Sessions) -> None:
        self._issuer = issuer
        self._sessions = sessions
        self._browser = Cookie("idp_login", issuer.url)

    def answer(self, request: Request, asked: AuthorizationRequest) -> Response:
        """Answer a valid request with a code at once, or with the login page.

        Raises:
            LoginRequiredError: nobody may be asked, and no session will do.
        """
        session = self._sessions.usable(request, asked)
        if session:
            return self._code_response(asked, session)
        self.check_may_interact(asked)
        user = self._issuer.user(asked.login_hint)
        if user and asked.expected_sub in {None, user.sub}:
            return self._sign_in(request, asked, user.sub, HINTED)
        return self._login_page(request, asked)

    async def choose(self, request: Request) -> Response:
        """Answer the form of the login page (POST): the choice of a user, or the refusal."""
        form = await self._form(request)
        pending = self.pending_login(form)
        self.check_browser(pending, request)
        self.check_csrf(pending, form)
        self._issuer.logins.drop(form.get("login"))
        try:
            return self._sign_in(request, pending.request, self.chosen_user(pending, form), CHOSEN)
        except (AccessDeniedError, LoginRequiredError) as error:
            asked = pending.request
            return authorization_error(self._issuer.url, asked.redirect_uri, asked.state, error)

    def check_may_interact(self, asked: AuthorizationRequest) -> None:
        """With `prompt=none` no login takes place, not even an automatic one (OpenID Connect Core section 3.1.2.1)."""
        if "none" in asked.prompt:
            raise LoginRequiredError("Nobody is signed in here whom this request would accept.")

    def pending_login(self, form: Parameters) -> PendingLogin:
        """The page is one that still waits."""
        pending = self._issuer.logins.find(form.get("login"))
        if pending is None or self._issuer.clock.now() >= pending.expires_at:
            raise ShownError(
                "This login page was used before, or is too old. Go back to the application and start anew."
            )
        return pending

    def check_browser(self, pending: PendingLogin, request: Request) -> None:
        """The choice comes from the browser that was shown the page, so that nobody signs in somebody else."""
        if not hmac.compare_digest(pending.browser.encode(), (self._browser.read(request) or "").encode()):
            raise ShownError("This login page was opened in another browser, or cookies are blocked.", 403)

    def check_csrf(self, pending: PendingLogin, form: Parameters) -> None:
        """The choice comes from the page itself."""
        if not hmac.compare_digest(pending.csrf.encode(), (form.get("csrf") or "").encode()):
            raise ShownError("This choice did not come from the login page.", 403)

    def chosen_user(self, pending: PendingLogin, form: Parameters) -> str:
        """Return the `sub` of the user who was chosen.

        Raises:
            AccessDeniedError: the login was refused.
            LoginRequiredError: `id_token_hint` demands another user (OpenID Connect Core section 3.1.2.2).
            ShownError: there is no such user.
        """
        if form.get("decision") == "refuse":
            raise AccessDeniedError("The login was refused.")
        sub = form.get("user")
        if sub not in self._issuer.tenant.users:
            raise ShownError("No such user lives in this tenant.")
        if pending.request.expected_sub not in {None, sub}:
            raise LoginRequiredError("Another user signed in than the one of the id_token_hint.")
        return str(sub)

    async def _form(self, request: Request) -> Parameters:
        try:
            return await read_form(request)
        except InvalidRequestError as error:
            raise ShownError(f"The choice cannot be read. {error.description}") from error

    def _sign_in(self, request: Request, asked: AuthorizationRequest, sub: str, amr: tuple[str, ...]) -> Response:
        handle, session = self._sessions.begin(request, sub, amr)
        response = self._code_response(asked, session)
        self._sessions.hand_over(response, handle)
        return response

    def _code_response(self, asked: AuthorizationRequest, session: Session) -> Response:
        expires_at = self._issuer.clock.now() + self._issuer.lifetimes.authorization_code
        code = self._issuer.codes.add(AuthorizationCode(asked, session, expires_at))
        return authorization_code_response(self._issuer.url, asked.redirect_uri, asked.state, code)

    def _login_page(self, request: Request, asked: AuthorizationRequest) -> HTMLResponse:
        browser = self._browser.read(request) or secrets.token_urlsafe(32)
        csrf = secrets.token_urlsafe(32)
        expires_at = self._issuer.clock.now() + self._issuer.settings.login_lifetime
        handle = self._issuer.logins.add(PendingLogin(asked, browser, csrf, expires_at))
        response = page(
            "login.html",
            tenant=self._issuer.tenant,
            action=f"{self._issuer.url}/login",
            client=asked.client_id,
            host=urlsplit(asked.redirect_uri).netloc,
            hint=asked.login_hint,
            login=handle,
            csrf=csrf,
        )
        self._browser.write(response, browser)
        return response
