"""The authorization endpoint: an authentication request is read and checked (OpenID Connect Core section 3.1.2)."""

from __future__ import annotations

import re

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.errors import InvalidRequestError, InvalidScopeError
from authlib.oidc.core.errors import RequestNotSupportedError, RequestURINotSupportedError
from starlette.requests import Request
from starlette.responses import Response

from mock_idp.errors import ShownError
from mock_idp.id_token import IdTokens
from mock_idp.issuer import AuthorizationRequest, Issuer
from mock_idp.login import Login
from mock_idp.parameters import Parameters, read_parameters
from mock_idp.responses import authorization_error
from mock_idp.settings import PROMPTS, SCOPES

_S256_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_SECONDS = re.compile(r"[0-9]{1,9}")


class AuthorizationEndpoint:
    """One issuer's authorization endpoint.

    Until client and redirect URI are known to belong together a refusal is a page; from there on it is an
    authorization response with `error` and `iss`.
    """

    def __init__(self, issuer: Issuer, login: Login) -> None:
        self._issuer = issuer
        self._login = login

    async def answer(self, request: Request) -> Response:
        """Answer a request by GET or POST with a page or with an authorization response."""
        sent = await self._parameters(request)
        self.check_client(sent)
        self.check_redirect_uri(sent)
        try:
            return self._login.answer(request, self.validated(sent))
        except OAuth2Error as error:
            return authorization_error(self._issuer.url, sent.get("redirect_uri") or "", sent.get("state"), error)

    def validated(self, sent: Parameters) -> AuthorizationRequest:
        """Return the request, once every check has passed.

        Raises:
            OAuth2Error: the first check that did not.
        """
        self.check_single_values(sent)
        self.check_no_request_object(sent)
        self.check_response_type(sent)
        self.check_response_mode(sent)
        self.check_scope(sent)
        self.check_code_challenge_method(sent)
        self.check_code_challenge(sent)
        self.check_prompt(sent)
        self.check_max_age(sent)
        return self._read(sent, self.expected_sub(sent))

    def check_client(self, sent: Parameters) -> None:
        """The client is registered (RFC 6749 section 3.1.2.4)."""
        if sent.get("client_id") not in self._issuer.clients or "client_id" in sent.repeated:
            raise ShownError("The request comes from no client of this provider: its client_id is not known here.")

    def check_redirect_uri(self, sent: Parameters) -> None:
        """The redirect URI is registered, character by character (OpenID Connect Core section 3.1.2.1)."""
        registered = self._issuer.clients[sent.get("client_id") or ""].redirect_uris
        if sent.get("redirect_uri") not in registered or "redirect_uri" in sent.repeated:
            raise ShownError("The request names a redirect_uri that is not registered for this client at this issuer.")

    def check_single_values(self, sent: Parameters) -> None:
        """No parameter comes twice (RFC 6749 section 3.1)."""
        if sent.repeated:
            raise InvalidRequestError("A parameter was sent more than once.")

    def check_no_request_object(self, sent: Parameters) -> None:
        """Request objects are refused rather than ignored (OpenID Connect Core section 3.1.2.6)."""
        if sent.get("request"):
            raise RequestNotSupportedError("This provider does not read request objects.")
        if sent.get("request_uri"):
            raise RequestURINotSupportedError("This provider does not read request objects.")

    def check_response_type(self, sent: Parameters) -> None:
        """The code flow is the only one (OpenID Connect Core section 3.1.2.1)."""
        if sent.get("response_type") is None:
            raise InvalidRequestError("response_type is missing.")
        if sent.get("response_type") != "code":
            raise OAuth2Error("The only response_type here is code.", error="unsupported_response_type")

    def check_response_mode(self, sent: Parameters) -> None:
        """Answers travel in the query (OAuth 2.0 Multiple Response Types section 2.1)."""
        if sent.get("response_mode") not in {None, "query"}:
            raise InvalidRequestError("The only response_mode here is query.")

    def check_scope(self, sent: Parameters) -> None:
        """The scope has `openid` (OpenID Connect Core section 3.1.2.1)."""
        if "openid" not in (sent.get("scope") or "").split(" "):
            raise InvalidScopeError("The scope must have openid.")

    def check_code_challenge_method(self, sent: Parameters) -> None:
        """The challenge is hashed: `plain`, the default, is refused (RFC 7636 section 4.3, RFC 9700 section 2.1.1)."""
        if sent.get("code_challenge_method") != "S256":
            raise InvalidRequestError("code_challenge_method must be S256.")

    def check_code_challenge(self, sent: Parameters) -> None:
        """There is a challenge in the form of a SHA-256 hash (RFC 7636 section 4.2)."""
        if not _S256_CHALLENGE.fullmatch(sent.get("code_challenge") or ""):
            raise InvalidRequestError("code_challenge is missing, or is no base64url of a SHA-256 hash.")

    def check_prompt(self, sent: Parameters) -> None:
        """Prompts are known, and `none` stands alone (OpenID Connect Core section 3.1.2.1)."""
        prompt = _words(sent, "prompt")
        if not prompt <= set(PROMPTS):
            raise InvalidRequestError("prompt has a value that this provider does not know.")
        if "none" in prompt and len(prompt) > 1:
            raise InvalidRequestError("prompt cannot be none and something else.")

    def check_max_age(self, sent: Parameters) -> None:
        """The age is a number of seconds (OpenID Connect Core section 3.1.2.1)."""
        if not _SECONDS.fullmatch(sent.get("max_age") or "0"):
            raise InvalidRequestError("max_age must be a number of seconds.")

    def expected_sub(self, sent: Parameters) -> str | None:
        """Return the user of `id_token_hint`: nobody else may be answered with (OpenID Connect Core 3.1.2.2)."""
        hint = sent.get("id_token_hint")
        return IdTokens(self._issuer).subject_of_hint(hint) if hint else None

    async def _parameters(self, request: Request) -> Parameters:
        try:
            return await read_parameters(request)
        except InvalidRequestError as error:
            raise ShownError(f"The request cannot be read. {error.description}") from error

    def _read(self, sent: Parameters, expected_sub: str | None) -> AuthorizationRequest:
        asked = _words(sent, "scope")
        max_age = sent.get("max_age")
        return AuthorizationRequest(
            client_id=sent.get("client_id") or "",
            redirect_uri=sent.get("redirect_uri") or "",
            state=sent.get("state"),
            nonce=sent.get("nonce"),
            scope=tuple(scope for scope in SCOPES if scope in asked),
            code_challenge=sent.get("code_challenge") or "",
            prompt=_words(sent, "prompt"),
            max_age=int(max_age) if max_age else None,
            login_hint=sent.get("login_hint"),
            expected_sub=expected_sub,
        )


def _words(sent: Parameters, name: str) -> frozenset[str]:
    return frozenset((sent.get(name) or "").split())
