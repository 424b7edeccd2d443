"""The userinfo endpoint: the claims that a scope asks for (OpenID Connect Core section 5.3)."""

from __future__ import annotations

from typing import Any

from authlib.oauth2.rfc6750 import InvalidTokenError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mock_idp.issuer import AccessToken, Issuer
from mock_idp.responses import NO_STORE


class UserinfoEndpoint:
    """One issuer's userinfo endpoint; the token comes in the Authorization header (RFC 6750 section 2.1)."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer

    async def answer(self, request: Request) -> Response:
        """Answer a request by GET or POST with claims, or with a challenge (RFC 6750 section 3)."""
        scheme, _, handle = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return self._challenge(None)
        try:
            token = self.known_token(handle.strip())
            self.check_not_expired(token)
        except InvalidTokenError as error:
            return self._challenge(error)
        return JSONResponse(self.claims(token), headers=NO_STORE)

    def known_token(self, handle: str) -> AccessToken:
        """The token was issued here, for this tenant, and not revoked."""
        token = self._issuer.access_tokens.find(handle)
        if token is None:
            raise InvalidTokenError("The access token is not known.")
        return token

    def check_not_expired(self, token: AccessToken) -> None:
        """The token still lives."""
        if self._issuer.clock.now() >= token.expires_at:
            raise InvalidTokenError("The access token has expired.")

    def claims(self, token: AccessToken) -> dict[str, Any]:
        """Return `sub`, `tenant` and what the scope asks for besides (OpenID Connect Core section 5.4)."""
        user = self._issuer.tenant.users[token.sub]
        by_scope = {"profile": ("name", user.name), "email": ("email", user.email), "groups": ("groups", user.groups)}
        asked = dict(by_scope[scope] for scope in token.scope if scope in by_scope)
        return {"sub": user.sub, "tenant": self._issuer.tenant.id, **asked}

    def _challenge(self, error: InvalidTokenError | None) -> Response:
        challenge = f'Bearer realm="{self._issuer.url}"'
        if error:
            challenge += f', error="{error.error}", error_description="{error.description}"'
        return Response(status_code=401, headers={**NO_STORE, "WWW-Authenticate": challenge})
