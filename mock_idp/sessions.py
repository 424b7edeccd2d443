"""Sign-in sessions: a cookie for each tenant, and when a session will do for a request."""

from __future__ import annotations

import secrets

from starlette.requests import Request
from starlette.responses import Response

from fixtures.service.cookies import Cookie
from mock_idp.issuer import AuthorizationRequest, Issuer, Session


class Sessions:
    """One issuer's sessions."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self._cookie = Cookie("idp_session", issuer.url)

    def current(self, request: Request) -> Session | None:
        """Return the session of the browser, unless it has ended."""
        session = self._issuer.sessions.find(self._cookie.read(request))
        return session if session and self.is_alive(session) else None

    def usable(self, request: Request, asked: AuthorizationRequest) -> Session | None:
        """Return the session of the browser, where it answers the request without a new login."""
        session = self.current(request)
        conditions = (self.is_young_enough, self.is_left_alone, self.is_whom_the_client_means, self.is_whom_it_expects)
        return session if session and all(holds(session, asked) for holds in conditions) else None

    def begin(self, request: Request, sub: str, amr: tuple[str, ...]) -> tuple[str, Session]:
        """Sign a user in and return the session under its new handle: what the browser had before is over."""
        self._issuer.sessions.drop(self._cookie.read(request))
        now = self._issuer.clock.seconds()
        session = Session(sub, now, amr, secrets.token_urlsafe(32), now + self._issuer.settings.session_lifetime)
        return self._issuer.sessions.add(session), session

    def hand_over(self, response: Response, handle: str) -> None:
        """Give the browser the handle of its session."""
        self._cookie.write(response, handle)

    def end(self, request: Request, response: Response) -> None:
        """Sign the browser out."""
        self._issuer.sessions.drop(self._cookie.read(request))
        self._cookie.delete(response)

    def is_alive(self, session: Session) -> bool:
        """A session lasts for a working day."""
        return self._issuer.clock.now() < session.expires_at

    def is_young_enough(self, session: Session, asked: AuthorizationRequest) -> bool:
        """The login is no older than `max_age`; 0 asks for a new one (OpenID Connect Core section 3.1.2.1)."""
        age = self._issuer.clock.seconds() - session.auth_time
        return asked.max_age is None or (asked.max_age > 0 and age <= asked.max_age)

    def is_left_alone(self, _session: Session, asked: AuthorizationRequest) -> bool:
        """The client does not ask for a new login or another account (OpenID Connect Core section 3.1.2.1)."""
        return not asked.prompt & {"login", "select_account"}

    def is_whom_the_client_means(self, session: Session, asked: AuthorizationRequest) -> bool:
        """A `login_hint`, where there is one, names this user."""
        user = self._issuer.user(asked.login_hint)
        return asked.login_hint is None or (user is not None and user.sub == session.sub)

    def is_whom_it_expects(self, session: Session, asked: AuthorizationRequest) -> bool:
        """An `id_token_hint`, where there is one, is of this user (OpenID Connect Core section 3.1.2.2)."""
        return asked.expected_sub in {None, session.sub}
