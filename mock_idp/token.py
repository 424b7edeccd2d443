"""The token endpoint: a code becomes an ID token and an access token (OpenID Connect Core section 3.1.3).

An ID token becomes an ID-JAG by token exchange, which is in a module of its own.
"""

from __future__ import annotations

import re
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.errors import InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from starlette.requests import Request
from starlette.responses import JSONResponse

from mock_idp.client_authentication import ClientAuthentication
from mock_idp.id_token import IdTokens
from mock_idp.issuer import AccessToken, AuthorizationCode, Issuer, RelyingParty
from mock_idp.parameters import Parameters, read_form
from mock_idp.responses import NO_STORE
from mock_idp.settings import GRANT_TYPES, TOKEN_EXCHANGE
from mock_idp.token_exchange import TokenExchange

_CODE_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


class TokenEndpoint:
    """One issuer's token endpoint; its grants are `authorization_code` and token exchange."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self._clients = ClientAuthentication(issuer.clients)
        self._id_tokens = IdTokens(issuer)
        self._exchange = TokenExchange(issuer)

    async def answer(self, request: Request) -> JSONResponse:
        """Answer a token request (POST) with tokens, or with an error (RFC 6749 section 5)."""
        try:
            return JSONResponse(self.granted(request, await read_form(request)), headers=NO_STORE)
        except OAuth2Error as error:
            return self._refusal(error)

    def granted(self, request: Request, form: Parameters) -> dict[str, Any]:
        """Return what a client is given for its grant.

        Raises:
            OAuth2Error: the first check that did not pass.
        """
        self.check_single_values(form)
        client = self._clients.authenticate(request, form)
        self.check_grant_type(form)
        if form.get("grant_type") == TOKEN_EXCHANGE:
            return self._exchange.issue(client, form)
        return self.issue(self.redeemable(client, form))

    def redeemable(self, client: RelyingParty, form: Parameters) -> AuthorizationCode:
        """Return the code of a token request, once every check has passed.

        Raises:
            OAuth2Error: the first check that did not.
        """
        code = self.known_code(form)
        self.check_client(code, client)
        self.check_unspent(code)
        self.check_not_expired(code)
        self.check_redirect_uri(code, form)
        self.check_code_verifier(code, form)
        return code

    def issue(self, code: AuthorizationCode) -> dict[str, Any]:
        """Spend a code and return the token response (OpenID Connect Core section 3.1.3.3)."""
        lifetime = self._issuer.settings.access_token_lifetime
        scope = code.request.scope
        granted = AccessToken(code.session.sub, scope, self._issuer.clock.now() + lifetime)
        access_token = self._issuer.access_tokens.add(granted)
        self.spend(code, access_token)
        return {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": lifetime,
            "scope": " ".join(scope),
            "id_token": self._id_tokens.issue(code.request, code.session, access_token),
        }

    def spend(self, code: AuthorizationCode, access_token: str) -> None:
        """Note that a code was used, and for what."""
        code.spent = True
        code.access_token = access_token

    def check_single_values(self, form: Parameters) -> None:
        """No parameter comes twice (RFC 6749 section 3.2)."""
        if form.repeated:
            raise InvalidRequestError("A parameter was sent more than once.")

    def check_grant_type(self, form: Parameters) -> None:
        """The grant is one of ours (RFC 6749 section 5.2); an ID-JAG is none (ID-JAG section 8.3)."""
        if form.get("grant_type") is None:
            raise InvalidRequestError("grant_type is missing.")
        if form.get("grant_type") not in GRANT_TYPES:
            raise OAuth2Error("The grant_type is unknown here.", error="unsupported_grant_type")

    def known_code(self, form: Parameters) -> AuthorizationCode:
        """The code was issued here (RFC 6749 section 4.1.3)."""
        if form.get("code") is None:
            raise InvalidRequestError("code is missing.")
        code = self._issuer.codes.find(form.get("code"))
        if code is None:
            raise InvalidGrantError("The code is not known.")
        return code

    def check_client(self, code: AuthorizationCode, client: RelyingParty) -> None:
        """The code was issued to this client (RFC 6749 section 4.1.3)."""
        if code.request.client_id != client.client_id:
            raise InvalidGrantError("The code was issued to another client.")

    def check_unspent(self, code: AuthorizationCode) -> None:
        """A code works once; used again it takes its access token with it (RFC 6749 section 4.1.2)."""
        if code.spent:
            self._issuer.access_tokens.drop(code.access_token)
            raise InvalidGrantError("The code was used before.")

    def check_not_expired(self, code: AuthorizationCode) -> None:
        """A code is short-lived (RFC 6749 section 4.1.2)."""
        if self._issuer.clock.now() >= code.expires_at:
            raise InvalidGrantError("The code has expired.")

    def check_redirect_uri(self, code: AuthorizationCode, form: Parameters) -> None:
        """The redirect URI is the one of the authentication request (OpenID Connect Core section 3.1.3.2)."""
        if form.get("redirect_uri") != code.request.redirect_uri:
            raise InvalidGrantError("redirect_uri is not the one of the authentication request.")

    def check_code_verifier(self, code: AuthorizationCode, form: Parameters) -> None:
        """The verifier is the one whose hash came with the request (RFC 7636 section 4.6)."""
        verifier = form.get("code_verifier") or ""
        if not _CODE_VERIFIER.fullmatch(verifier):
            raise InvalidGrantError("code_verifier is missing or malformed.")
        if create_s256_code_challenge(verifier) != code.request.code_challenge:
            raise InvalidGrantError("code_verifier does not fit the code_challenge.")

    def _refusal(self, error: OAuth2Error) -> JSONResponse:
        challenge = {"WWW-Authenticate": f'Basic realm="{self._issuer.url}"'} if error.status_code == 401 else {}
        return JSONResponse(dict(error.get_body()), error.status_code, headers={**NO_STORE, **challenge})
