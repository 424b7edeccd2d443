"""The mock OpenID provider as an ASGI app, and its control plane."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fixtures.service.control import control_app
from fixtures.service.surroundings import Surroundings
from mock_idp.authorize import AuthorizationEndpoint
from mock_idp.discovery import Discovery
from mock_idp.errors import ShownError
from mock_idp.issuer import Issuer
from mock_idp.login import Login
from mock_idp.logout import EndSessionEndpoint
from mock_idp.pages import page
from mock_idp.sessions import Sessions
from mock_idp.settings import Settings
from mock_idp.token import TokenEndpoint
from mock_idp.userinfo import UserinfoEndpoint

if TYPE_CHECKING:
    from starlette.types import ASGIApp


class Provider:
    """The issuers of one provider, by tenant."""

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        tenants = surroundings.world.tenants.values()
        self.root = urlsplit(settings.base_url).path.rstrip("/")
        self.issuers = {tenant.id: Issuer(tenant, settings, surroundings) for tenant in tenants}

    def reset(self) -> None:
        """Bring every issuer back to its seed."""
        for issuer in self.issuers.values():
            issuer.reset()

    async def index(self, _request: Request) -> Response:
        """Answer the list of issuers."""
        return page("index.html", issuers=self.issuers.values())

    async def rotate_keys(self, request: Request) -> Response:
        """Give a tenant new signing keys; the old ones stay published until their tokens are gone."""
        self._issuer(request).keys.rotate()
        return JSONResponse({"rotated": True})

    async def tell_keys(self, request: Request) -> Response:
        """Tell a tenant's private keys, as `KeyRing.private_keys` has them."""
        return JSONResponse(self._issuer(request).keys.private_keys())

    def _issuer(self, request: Request) -> Issuer:
        issuer = self.issuers.get(request.path_params["tenant"])
        if issuer is None:
            raise HTTPException(404, "there is no such tenant")
        return issuer


def create_app(settings: Settings, surroundings: Surroundings) -> Starlette:
    """Build a provider with one issuer for each tenant of the world.

    The app's `state.provider` is its `Provider`. No URL in any answer comes from the Host header.
    """
    provider = Provider(settings, surroundings)
    routes = [Route(provider.root + "/", provider.index, methods=["GET"])]
    for issuer in provider.issuers.values():
        routes += _routes(issuer)
    app = Starlette(routes=routes, exception_handlers={ShownError: _shown, HTTPException: _no_such_page})
    app.router.redirect_slashes = False  # these redirects would be built from the Host header
    app.state.provider = provider
    return app


def create_control(app: Starlette, surroundings: Surroundings, token: str) -> ASGIApp:
    """Build the control plane of an app that `create_app` made.

    Besides what all services offer, `GET /{tenant}/keys` answers the tenant's private keys: whoever may ask here can
    sign whatever it likes. `POST /{tenant}/rotate-keys` retires them.
    """
    provider: Provider = app.state.provider
    routes = [
        Route("/{tenant}/rotate-keys", provider.rotate_keys, methods=["POST"]),
        Route("/{tenant}/keys", provider.tell_keys, methods=["GET"]),
    ]
    return control_app(surroundings, token, reset=provider.reset, extra_routes=routes)


def _routes(issuer: Issuer) -> list[Route]:
    discovery = Discovery(issuer)
    sessions = Sessions(issuer)
    login = Login(issuer, sessions)
    logout = EndSessionEndpoint(issuer, sessions)
    root = urlsplit(issuer.url).path
    return [
        Route(f"{root}/.well-known/openid-configuration", discovery.configuration, methods=["GET"]),
        Route(f"{root}/jwks", discovery.jwks, methods=["GET"]),
        Route(f"{root}/authorize", AuthorizationEndpoint(issuer, login).answer, methods=["GET", "POST"]),
        Route(f"{root}/login", login.choose, methods=["POST"]),
        Route(f"{root}/token", TokenEndpoint(issuer).answer, methods=["POST"]),
        Route(f"{root}/userinfo", UserinfoEndpoint(issuer).answer, methods=["GET", "POST"]),
        Route(f"{root}/logout", logout.answer, methods=["GET", "POST"]),
        Route(f"{root}/logout/confirm", logout.confirm, methods=["POST"]),
    ]


async def _shown(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ShownError)
    return page("error.html", status=error.status, sentence=error.sentence)


async def _no_such_page(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    response = page("error.html", status=error.status_code, sentence=f"{error.detail}.")
    response.headers.update(error.headers or {})
    return response
