"""Client authentication with the shared secret, by HTTP Basic or in the form (RFC 6749 section 2.3.1)."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError
from starlette.requests import Request

from mock_idp.issuer import RelyingParty
from mock_idp.parameters import Parameters


class ClientAuthentication:
    """Authentication of one issuer's clients.

    Args:
        clients: by identifier.
    """

    def __init__(self, clients: Mapping[str, RelyingParty]) -> None:
        self._clients = clients

    def authenticate(self, request: Request, form: Parameters) -> RelyingParty:
        """Return the client of a request.

        Raises:
            InvalidRequestError: two methods at once.
            InvalidClientError: the client is unknown, or its secret is wrong or missing.
        """
        self.check_single_method(request, form)
        client_id, secret = self._credentials(request, form)
        client = self.known_client(client_id)
        self.check_client_secret(client, secret)
        return client

    def check_single_method(self, request: Request, form: Parameters) -> None:
        """One method for each request (RFC 6749 section 2.3)."""
        if "authorization" in request.headers and form.get("client_secret"):
            raise InvalidRequestError("The client authenticates in two ways at once.")

    def known_client(self, client_id: str) -> RelyingParty:
        """The client is registered."""
        client = self._clients.get(client_id)
        if client is None:
            raise _refusal()
        return client

    def check_client_secret(self, client: RelyingParty, secret: str) -> None:
        """The secret is the client's, compared in constant time."""
        if not hmac.compare_digest(secret.encode(), client.client_secret.encode()):
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
