"""Authorization responses: what goes back to the relying party through the browser."""

from __future__ import annotations

from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import OAuth2Error
from starlette.responses import RedirectResponse

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache", "Referrer-Policy": "no-referrer"}


def authorization_code_response(issuer: str, redirect_uri: str, state: str | None, code: str) -> RedirectResponse:
    """Return the redirect that carries a code (OpenID Connect Core section 3.1.2.5, RFC 9207 section 2)."""
    return redirect(redirect_uri, {"code": code, "state": state, "iss": issuer})


def authorization_error(issuer: str, redirect_uri: str, state: str | None, error: OAuth2Error) -> RedirectResponse:
    """Return the redirect that carries a refusal (OpenID Connect Core section 3.1.2.6, RFC 9207 section 2)."""
    return redirect(redirect_uri, {**dict(error.get_body()), "state": state, "iss": issuer})


def redirect(uri: str, parameters: dict[str, str | None]) -> RedirectResponse:
    """Return a 303 to a URI with parameters added to its query; those that are None are left out.

    303, so that a browser which came here by POST does not post again (RFC 9700 section 4.12).
    """
    given = [(name, value) for name, value in parameters.items() if value is not None]
    target = add_params_to_uri(uri, given) if given else uri
    return RedirectResponse(target, status_code=303, headers=NO_STORE)
