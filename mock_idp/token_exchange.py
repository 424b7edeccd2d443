"""Token exchange: an ID token becomes an ID-JAG, which an authorization server of others takes for a grant.

ID-JAG is the Identity Assertion JWT Authorization Grant, draft-ietf-oauth-identity-assertion-authz-grant; the sections
are of that document.
"""

from __future__ import annotations

import re
import secrets
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.errors import InvalidRequestError, InvalidScopeError, UnauthorizedClientError

from mock_idp.id_token import IdTokens
from mock_idp.issuer import Issuer, RelyingParty
from mock_idp.parameters import Parameters
from mock_idp.settings import ID_JAG

ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105 - a type's name
TYPE = "oauth-id-jag+jwt"
AUTHENTICATION = ("auth_time", "acr", "amr")
_ABSOLUTE_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s#]+")

Claims = dict[str, Any]


class TokenExchange:
    """One issuer's exchange of ID tokens for ID-JAGs."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self._id_tokens = IdTokens(issuer)
        self._users = issuer.tenant.users

    def issue(self, client: RelyingParty, form: Parameters) -> dict[str, Any]:
        """Return the answer with the ID-JAG (section 4.3.4), once every check has passed.

        Raises:
            OAuth2Error: the first check that did not.
        """
        self.check_client(client)
        self.check_requested_token_type(form)
        self.check_no_actor(form)
        subject = self.subject(form)
        self.check_audience_of(subject, client)
        self.check_expiry_of(subject)
        self.check_audience(form)
        self.check_resource(form)
        scope = self.granted_scope(subject, form)
        return {
            "access_token": self.id_jag(client, subject, form, scope),
            "issued_token_type": ID_JAG,
            "token_type": "N_A",
            "expires_in": self._issuer.settings.id_jag_lifetime,
            **({"scope": scope} if scope else {}),
        }

    def check_client(self, client: RelyingParty) -> None:
        """It is known who the client is at the authorization servers of others (section 5)."""
        if not client.agent:
            raise UnauthorizedClientError("This client gets no ID-JAGs.")

    def check_requested_token_type(self, form: Parameters) -> None:
        """An ID-JAG is asked for: there is nothing else here to exchange for (section 4.3)."""
        if form.get("requested_token_type") != ID_JAG:
            raise InvalidRequestError("requested_token_type must be that of an ID-JAG.")

    def check_no_actor(self, form: Parameters) -> None:
        """Nobody acts for the user but the client: what an actor would mean is left open (section 4.3)."""
        if form.get("actor_token") or form.get("actor_token_type"):
            raise InvalidRequestError("No actor_token is taken here.")

    def subject(self, form: Parameters) -> Claims:
        """Return the claims of the subject token: an ID token of this issuer (section 4.3.3)."""
        if form.get("subject_token_type") != ID_TOKEN:
            raise InvalidRequestError("subject_token_type must be that of an ID token.")
        claims = self._id_tokens.read(form.get("subject_token") or "")
        if claims is None or claims.get("iss") != self._issuer.url or claims.get("sub") not in self._users:
            raise InvalidRequestError("subject_token is no ID token of this issuer.")
        return claims

    def check_audience_of(self, subject: Claims, client: RelyingParty) -> None:
        """The ID token was issued to the client that asks (section 4.3.3)."""
        if subject.get("aud") != client.client_id:
            raise InvalidRequestError("subject_token was issued to another client.")

    def check_expiry_of(self, subject: Claims) -> None:
        """The ID token has not expired."""
        if self._issuer.clock.now() >= subject.get("exp", 0):
            raise InvalidRequestError("subject_token has expired.")

    def check_audience(self, form: Parameters) -> None:
        """The audience is the issuer identifier of an authorization server that this tenant's people sign in to."""
        if form.get("audience") is None:
            raise InvalidRequestError("audience is missing.")
        if form.get("audience") not in self._issuer.settings.audiences(self._issuer.tenant.id):
            raise OAuth2Error("audience is no authorization server that is known here.", error="invalid_target")

    def check_resource(self, form: Parameters) -> None:
        """A resource is an absolute URI without fragment (RFC 8707 section 2); which there are, others know."""
        resource = form.get("resource")
        if resource is not None and not _ABSOLUTE_URI.fullmatch(resource):
            raise OAuth2Error("resource is no absolute URI without fragment.", error="invalid_target")

    def granted_scope(self, subject: Claims, form: Parameters) -> str:
        """Return what is left of the scope for this user; empty where none was asked for."""
        asked = (form.get("scope") or "").split()
        rights = self._users[subject["sub"]].scopes
        granted = [scope for scope in asked if scope in rights]
        if asked and not granted:
            raise InvalidScopeError("Nothing is left of the scope for this user.")
        return " ".join(granted)

    def id_jag(self, client: RelyingParty, subject: Claims, form: Parameters, scope: str) -> str:
        """Return a signed ID-JAG (section 3.1)."""
        now = self._issuer.clock.seconds()
        claims = {
            "iss": self._issuer.url,
            "sub": subject["sub"],
            "aud": form.get("audience"),
            "client_id": client.agent,
            "jti": secrets.token_urlsafe(24),
            "exp": now + self._issuer.settings.id_jag_lifetime,
            "iat": now,
            "resource": form.get("resource"),
            "scope": scope or None,
            "tenant": self._issuer.tenant.id,
            "email": self._users[subject["sub"]].email,
            **{name: subject.get(name) for name in AUTHENTICATION},
        }
        given = {name: value for name, value in claims.items() if value is not None}
        return self._issuer.keys.sign(given, alg=client.id_token_signed_response_alg, header={"typ": TYPE})
