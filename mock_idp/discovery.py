"""What an issuer says of itself: its metadata (OpenID Connect Discovery section 3) and its keys."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from mock_idp.issuer import Issuer
from mock_idp.settings import ACR, ALGORITHMS, GRANT_TYPES, ID_JAG, PROMPTS, SCOPES

_CLAIMS = ("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "name", "email", "groups", "tenant")
_REVALIDATED = {"Cache-Control": "no-cache"}


class Discovery:
    """The two documents that a relying party reads before it trusts anything."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer

    async def configuration(self, _request: Request) -> JSONResponse:
        """Answer the metadata (OpenID Connect Discovery section 4.2)."""
        return JSONResponse(self.metadata(), headers=_REVALIDATED)

    async def jwks(self, _request: Request) -> JSONResponse:
        """Answer the public keys, the retired ones until their tokens are gone (OpenID Connect Core section 10.1.1)."""
        return JSONResponse(self._issuer.keys.jwks(), headers=_REVALIDATED)

    def metadata(self) -> dict[str, Any]:
        """Return the provider metadata; every URL begins with the configured issuer."""
        url = self._issuer.url
        return {
            "issuer": url,
            "authorization_endpoint": f"{url}/authorize",
            "token_endpoint": f"{url}/token",
            "userinfo_endpoint": f"{url}/userinfo",
            "jwks_uri": f"{url}/jwks",
            "end_session_endpoint": f"{url}/logout",
            "scopes_supported": SCOPES,
            "response_types_supported": ("code",),
            "response_modes_supported": ("query",),
            "grant_types_supported": GRANT_TYPES,
            "identity_chaining_requested_token_types_supported": (ID_JAG,),
            "subject_types_supported": ("public",),
            "acr_values_supported": (ACR,),
            "id_token_signing_alg_values_supported": ALGORITHMS,
            "token_endpoint_auth_methods_supported": ("client_secret_basic", "client_secret_post"),
            "code_challenge_methods_supported": ("S256",),
            "prompt_values_supported": PROMPTS,
            "claim_types_supported": ("normal",),
            "claims_supported": _CLAIMS,
            "claims_parameter_supported": False,
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
            "authorization_response_iss_parameter_supported": True,
        }
