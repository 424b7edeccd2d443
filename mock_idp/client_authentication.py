"""Client authentication with the shared secret, by HTTP Basic or in the form (RFC 6749 section 2.3.1)."""

from __future__ import annotations

import base64
import binascii
import hmac
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError
from starlette.requests import Request

from mock_idp.issuer import RelyingParty
from mock_idp.parameters import Parameters


class ClientAuthentication:
    """Authentication of one issuer's relying party."""

    def __init__(self, client: RelyingParty) -> None:
        self._client = client

    def authenticate(self, request: Request, form: Parameters) -> None:
        """Let the client pass.

        Raises:
            InvalidRequestError: two methods at once.
            InvalidClientError: the client is unknown, or its secret is wrong or missing.
        """
        self.check_single_method(request, form)
        client_id, secret = self._credentials(request, form)
        self.check_client_id(client_id)
        self.check_client_secret(secret)

    def check_single_method(self, request: Request, form: Parameters) -> None:
        """One method for each request (RFC 6749 section 2.3)."""
        if "authorization" in request.headers and form.get("client_secret"):
            raise InvalidRequestError("The client authenticates in two ways at once.")

    def check_client_id(self, client_id: str) -> None:
        """The client is registered."""
        if not hmac.compare_digest(client_id.encode(), self._client.client_id.encode()):
            raise _refusal()

    def check_client_secret(self, secret: str) -> None:
        """The secret is the client's."""
        if not hmac.compare_digest(secret.encode(), self._client.client_secret.encode()):
            raise _refusal()

    def _credentials(self, request: Request, form: Parameters) -> tuple[str, str]:
        header = request.headers.get("authorization")
        if header is None:
            return form.get("client_id") or "", form.get("client_secret") or ""
        return _basic(header)


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    try:
        client_id, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise _refusal() from None
    if scheme.lower() != "basic" or not colon:
        raise _refusal()
    return unquote_plus(client_id), unquote_plus(secret)


def _refusal() -> InvalidClientError:
    return InvalidClientError("Client authentication failed.", status_code=401)
