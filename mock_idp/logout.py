"""End session: the relying party signs its user out (OpenID Connect RP-Initiated Logout 1.0)."""

from __future__ import annotations

import hmac

from authlib.oauth2.rfc6749.errors import InvalidRequestError
from starlette.requests import Request
from starlette.responses import Response

from mock_idp.errors import ShownError
from mock_idp.id_token import IdTokens
from mock_idp.issuer import Issuer, Session
from mock_idp.pages import page
from mock_idp.parameters import Parameters, read_parameters
from mock_idp.responses import redirect
from mock_idp.sessions import Sessions


class EndSessionEndpoint:
    """One issuer's end session endpoint, and the form of its confirmation page."""

    def __init__(self, issuer: Issuer, sessions: Sessions) -> None:
        self._issuer = issuer
        self._sessions = sessions
        self._id_tokens = IdTokens(issuer)

    async def answer(self, request: Request) -> Response:
        """Answer a logout request by GET or POST: sign out, or ask first (sections 2 and 6)."""
        sent = await self._parameters(request)
        subject = self.checked(sent)
        session = self._sessions.current(request)
        if session and self.must_confirm(session, subject):
            return self._confirmation(sent, session)
        return self._signed_out(request, sent)

    async def confirm(self, request: Request) -> Response:
        """Answer the form of the confirmation page (POST)."""
        sent = await self._parameters(request)
        self.checked(sent)
        session = self._sessions.current(request)
        if session is None:
            return self._signed_out(request, sent)
        self.check_csrf(session, sent)
        if sent.get("decision") != "sign-out":
            return page("stayed.html", tenant=self._issuer.tenant)
        return self._signed_out(request, sent)

    def checked(self, sent: Parameters) -> str | None:
        """Return the user of `id_token_hint`, where there is one, once every check has passed.

        Raises:
            ShownError: the first check that did not; nobody is signed out, and no redirect takes place (section 4).
        """
        self.check_single_values(sent)
        subject = self.subject(sent)
        self.check_client_id(sent)
        self.check_post_logout_redirect_uri(sent)
        self.check_whose_redirect(sent)
        return subject

    def check_single_values(self, sent: Parameters) -> None:
        """No parameter comes twice."""
        if sent.repeated:
            raise ShownError("The logout request has a parameter more than once.")

    def subject(self, sent: Parameters) -> str | None:
        """The hint, where there is one, is an ID token of this issuer, whose time may be over (section 2)."""
        hint = sent.get("id_token_hint")
        try:
            return self._id_tokens.subject_of_hint(hint) if hint else None
        except InvalidRequestError as error:
            raise ShownError(f"The logout request cannot be followed. {error.description}") from error

    def check_client_id(self, sent: Parameters) -> None:
        """The client, where one is named, is the registered one (section 2)."""
        if sent.get("client_id") not in {None, self._issuer.client.client_id}:
            raise ShownError("The logout request comes from no client of this provider.")

    def check_post_logout_redirect_uri(self, sent: Parameters) -> None:
        """The place to go afterwards, where one is named, is registered, character by character (section 3)."""
        uri = sent.get("post_logout_redirect_uri")
        if uri is not None and uri not in self._issuer.client.post_logout_redirect_uris:
            raise ShownError("The logout request names a post_logout_redirect_uri that is not registered.")

    def check_whose_redirect(self, sent: Parameters) -> None:
        """Whoever names a place to go says who they are, by hint or client_id (section 3)."""
        anonymous = not sent.get("id_token_hint") and not sent.get("client_id")
        if sent.get("post_logout_redirect_uri") and anonymous:
            raise ShownError("post_logout_redirect_uri needs an id_token_hint or a client_id beside it.")

    def must_confirm(self, session: Session, subject: str | None) -> bool:
        """Without a hint of the user's own ID token anybody could have sent the browser here (section 6)."""
        return subject != session.sub

    def check_csrf(self, session: Session, sent: Parameters) -> None:
        """The confirmation comes from the page itself."""
        if not hmac.compare_digest(session.csrf.encode(), (sent.get("csrf") or "").encode()):
            raise ShownError("This confirmation did not come from the logout page.", 403)

    async def _parameters(self, request: Request) -> Parameters:
        try:
            return await read_parameters(request)
        except InvalidRequestError as error:
            raise ShownError(f"The logout request cannot be read. {error.description}") from error

    def _confirmation(self, sent: Parameters, session: Session) -> Response:
        kept = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state")
        return page(
            "logout.html",
            tenant=self._issuer.tenant,
            user=self._issuer.tenant.users[session.sub],
            action=f"{self._issuer.url}/logout/confirm",
            csrf=session.csrf,
            kept={name: sent.get(name) for name in kept if sent.get(name)},
        )

    def _signed_out(self, request: Request, sent: Parameters) -> Response:
        uri = sent.get("post_logout_redirect_uri")
        response = redirect(uri, {"state": sent.get("state")}) if uri else self._farewell()
        self._sessions.end(request, response)
        return response

    def _farewell(self) -> Response:
        return page("signed_out.html", tenant=self._issuer.tenant)
