"""ID tokens: what a relying party learns about a login (OpenID Connect Core section 2)."""

from __future__ import annotations

from typing import Any

from authlib.oauth2.rfc6749.errors import InvalidRequestError
from authlib.oidc.core.util import create_half_hash
from joserfc import jwt
from joserfc.errors import JoseError

from fixtures.world import User
from mock_idp.issuer import AuthorizationRequest, Issuer, Session
from mock_idp.settings import ACR, ALGORITHMS

TYPE = "JWT"


class IdTokens:
    """One issuer's ID tokens: each group of claims is a method of its own."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer

    def issue(self, request: AuthorizationRequest, session: Session, access_token: str) -> str:
        """Return a signed ID token, as compact JWS, for a login that answers a request."""
        claims = {
            "iss": self.issuer_claim(),
            "aud": self.audience(request),
            **self.times(),
            **self.authentication(session),
            **self.nonce(request),
            **self.access_token_hash(access_token),
            **self.identity(self._issuer.tenant.users[session.sub]),
        }
        return self._issuer.keys.sign(claims, alg=self.algorithm(), header={"typ": TYPE})

    def algorithm(self) -> str:
        """Return the JWS algorithm that the relying party registered."""
        return self._issuer.client.id_token_signed_response_alg

    def issuer_claim(self) -> str:
        """Return `iss`: the issuer of this tenant, never another's."""
        return self._issuer.url

    def audience(self, request: AuthorizationRequest) -> str:
        """Return `aud`: the client that asked."""
        return request.client_id

    def times(self) -> dict[str, int]:
        """Return `iat` and `exp`, in seconds since the epoch."""
        now = self._issuer.clock.seconds()
        return {"iat": now, "exp": now + self._issuer.lifetimes.id_token}

    def authentication(self, session: Session) -> dict[str, Any]:
        """Return when and how the user signed in: `auth_time`, `acr` and `amr`."""
        return {"auth_time": session.auth_time, "acr": ACR, "amr": session.amr}

    def nonce(self, request: AuthorizationRequest) -> dict[str, str]:
        """Return the `nonce` of the request, unmodified, where it had one."""
        return {} if request.nonce is None else {"nonce": request.nonce}

    def access_token_hash(self, access_token: str) -> dict[str, str]:
        """Return `at_hash`, which ties the access token to this ID token (OpenID Connect Core section 3.1.3.6)."""
        return {"at_hash": create_half_hash(access_token, self.algorithm()).decode()}

    def identity(self, user: User) -> dict[str, Any]:
        """Return who the user is: `sub`, `tenant`, `groups`, `name` and `email`."""
        return {
            "sub": user.sub,
            "tenant": self._issuer.tenant.id,
            "groups": user.groups,
            "name": user.name,
            "email": user.email,
        }

    def subject_of_hint(self, hint: str) -> str:
        """Return the user of an `id_token_hint`: an ID token of this issuer, whose time may be over.

        Raises:
            InvalidRequestError: it is none (RP-Initiated Logout section 2, OpenID Connect Core section 3.1.2.1).
        """
        claims = self.read(hint)
        if claims is None:
            raise InvalidRequestError("id_token_hint is no ID token that this issuer signed.")
        return str(claims["sub"])

    def read(self, token: str) -> dict[str, Any] | None:
        """Return the claims of an ID token that this issuer signed, whose time may be over; None for anything else.

        These keys sign ID tokens and ID-JAGs, each of its type, so signature and type say it all.
        """
        try:
            decoded = jwt.decode(token, self._issuer.keys.key_set(), algorithms=list(ALGORITHMS))
        except (JoseError, ValueError):
            return None
        return dict(decoded.claims) if decoded.header.get("typ") == TYPE else None
