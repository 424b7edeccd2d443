"""An authorization server provider for the Python SDK that keeps everything in memory and consents at once.

It does what the SDK's `OAuthAuthorizationServerProvider` asks of an implementation, its SHOULDs too, so that what the
harness finds is the SDK's: codes and refresh tokens work once, a second use ends the grant, and so does a revocation.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable

from mcp.server.auth.provider import (
    AccessToken,
    AuthorizationCode,
    AuthorizationParams,
    AuthorizeError,
    OAuthAuthorizationServerProvider,
    RefreshToken,
    construct_redirect_uri,
)
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken

# In seconds, and so short that their end can be waited for.
CODE_LIFETIME = 15
ACCESS_TOKEN_LIFETIME = 20
REFRESH_TOKEN_LIFETIME = 20


class GrantedCode(AuthorizationCode):
    """A code, with the grant that it began."""

    grant: str


class GrantedRefreshToken(RefreshToken):
    """A refresh token, with the grant that it belongs to."""

    grant: str


class GrantedAccessToken(AccessToken):
    """An access token, with the grant that it belongs to."""

    grant: str


class InMemoryProvider(OAuthAuthorizationServerProvider[GrantedCode, GrantedRefreshToken, GrantedAccessToken]):
    """Clients, codes and tokens of one process; every request is consented to by `subject`."""

    def __init__(self, *, resources: Iterable[str], default_scopes: Iterable[str], subject: str) -> None:
        self._resources = frozenset(resources)
        self._default_scopes = list(default_scopes)
        self._subject = subject
        self._clients: dict[str, OAuthClientInformationFull] = {}
        self._codes: dict[str, GrantedCode] = {}
        self._access_tokens: dict[str, GrantedAccessToken] = {}
        self._refresh_tokens: dict[str, GrantedRefreshToken] = {}
        self._spent: dict[str, tuple[str, str]] = {}

    async def get_client(self, client_id: str) -> OAuthClientInformationFull | None:
        """Return the registered client."""
        return self._clients.get(client_id)

    async def register_client(self, client_info: OAuthClientInformationFull) -> None:
        """Keep a client that the SDK has validated."""
        self._clients[client_info.client_id] = client_info

    async def authorize(self, client: OAuthClientInformationFull, params: AuthorizationParams) -> str:
        """Consent at once: the URL leads back to the client with a code."""
        if params.resource is not None and params.resource not in self._resources:
            raise AuthorizeError("invalid_target", "the resource is not known here")
        code = GrantedCode(
            code=secrets.token_urlsafe(32),
            scopes=params.scopes or self._default_scopes,
            expires_at=time.time() + CODE_LIFETIME,
            client_id=client.client_id,
            code_challenge=params.code_challenge,
            redirect_uri=params.redirect_uri,
            redirect_uri_provided_explicitly=params.redirect_uri_provided_explicitly,
            resource=params.resource,
            subject=self._subject,
            grant=secrets.token_urlsafe(16),
        )
        self._codes[code.code] = code
        return construct_redirect_uri(str(params.redirect_uri), code=code.code, state=params.state)

    async def load_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: str
    ) -> GrantedCode | None:
        """Return the code unless it was redeemed; then its grant ends."""
        self._end_grant_of_spent(authorization_code, client)
        return self._codes.get(authorization_code)

    async def exchange_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: GrantedCode
    ) -> OAuthToken:
        """Redeem the code, once."""
        del self._codes[authorization_code.code]
        self._spent[authorization_code.code] = (client.client_id, authorization_code.grant)
        return self._issue(authorization_code, authorization_code.scopes)

    async def load_refresh_token(
        self, client: OAuthClientInformationFull, refresh_token: str
    ) -> GrantedRefreshToken | None:
        """Return the refresh token unless it was rotated; then its grant ends."""
        self._end_grant_of_spent(refresh_token, client)
        return self._refresh_tokens.get(refresh_token)

    async def exchange_refresh_token(
        self, client: OAuthClientInformationFull, refresh_token: GrantedRefreshToken, scopes: list[str]
    ) -> OAuthToken:
        """Rotate: the new refresh token keeps the scopes of the old one, the access token has those asked for."""
        del self._refresh_tokens[refresh_token.token]
        self._spent[refresh_token.token] = (client.client_id, refresh_token.grant)
        return self._issue(refresh_token, scopes)

    async def load_access_token(self, token: str) -> GrantedAccessToken | None:
        """Return the access token while it lives."""
        found = self._access_tokens.get(token)
        return found if found and found.expires_at and found.expires_at > time.time() else None

    async def revoke_token(self, token: GrantedAccessToken | GrantedRefreshToken) -> None:
        """End the grant, with all its tokens."""
        self._end(token.grant)

    def _issue(self, source: GrantedCode | GrantedRefreshToken, scopes: list[str]) -> OAuthToken:
        now = int(time.time())
        access = GrantedAccessToken(
            token=secrets.token_urlsafe(32),
            client_id=source.client_id,
            scopes=scopes,
            expires_at=now + ACCESS_TOKEN_LIFETIME,
            resource=source.resource,
            subject=source.subject,
            grant=source.grant,
        )
        refresh = GrantedRefreshToken(
            token=secrets.token_urlsafe(32),
            client_id=source.client_id,
            scopes=source.scopes,
            expires_at=now + REFRESH_TOKEN_LIFETIME,
            resource=source.resource,
            subject=source.subject,
            grant=source.grant,
        )
        self._access_tokens[access.token] = access
        self._refresh_tokens[refresh.token] = refresh
        return OAuthToken(
            access_token=access.token,
            token_type="Bearer",
            expires_in=ACCESS_TOKEN_LIFETIME,
            scope=" ".join(scopes),
            refresh_token=refresh.token,
        )

    def _end_grant_of_spent(self, value: str, client: OAuthClientInformationFull) -> None:
        client_id, grant = self._spent.get(value, ("", ""))
        if grant and client_id == client.client_id:
            self._end(grant)

    def _end(self, grant: str) -> None:
        self._codes = {key: code for key, code in self._codes.items() if code.grant != grant}
        self._access_tokens = {key: token for key, token in self._access_tokens.items() if token.grant != grant}
        self._refresh_tokens = {key: token for key, token in self._refresh_tokens.items() if token.grant != grant}
