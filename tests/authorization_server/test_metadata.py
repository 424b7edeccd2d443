"""What the issuers publish, and what they do with requests that are none."""

from __future__ import annotations

import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oidc.discovery import OpenIDProviderMetadata
from starlette.routing import Route

from fixtures.authorization_server.app import create_app
from fixtures.authorization_server.redirects import same_redirect
from fixtures.authorization_server.settings import Settings
from tests.authorization_server.trio import MCP_SERVER, Client, Trio


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_the_documents_agree(trio: Trio, tenant: str) -> None:
    oauth = trio.http.get(f"{trio.base_url}/.well-known/oauth-authorization-server/{tenant}").json()
    inserted = trio.http.get(f"{trio.base_url}/.well-known/openid-configuration/{tenant}").json()
    appended = trio.http.get(f"{trio.issuer(tenant)}/.well-known/openid-configuration").json()
    assert inserted == appended
    assert oauth["issuer"] == trio.issuer(tenant)
    assert {name: inserted[name] for name in oauth} == oauth
    AuthorizationServerMetadata(oauth).validate()
    OpenIDProviderMetadata(inserted).validate()


def test_the_host_header_is_never_asked(trio: Trio) -> None:
    headers = {"Host": "attacker.example", "X-Forwarded-Host": "attacker.example", "Forwarded": "host=attacker.example"}
    answer = trio.http.get(f"{trio.base_url}/.well-known/oauth-authorization-server/acme", headers=headers)
    assert "attacker" not in answer.text


def test_only_public_keys_are_published(trio: Trio) -> None:
    keys = trio.http.get(f"{trio.issuer()}/jwks").json()["keys"]
    assert {key["alg"] for key in keys} == {"RS256", "ES256"}
    assert not any("d" in key for key in keys)


def test_scripts_may_call_what_goes_by_no_cookie(trio: Trio) -> None:
    origin = {"Origin": "https://inspector.example", "Access-Control-Request-Method": "POST"}
    for path in ("/acme/token", "/acme/register", "/acme/revoke", "/.well-known/oauth-authorization-server/acme"):
        answer = trio.http.options(f"{trio.base_url}{path}", headers={**origin, "Access-Control-Request-Method": "GET"})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers
    for path in ("/acme/authorize", "/acme/consent", "/acme/callback"):
        for answer in (
            trio.http.options(f"{trio.base_url}{path}", headers=origin),
            trio.http.get(f"{trio.base_url}{path}"),
        ):
            assert not any(name.startswith("access-control") for name in answer.headers)
    assert trio.http.options(f"{trio.issuer()}/register/any").status_code == 204


def test_a_base_url_may_have_a_path(trio: Trio) -> None:
    app = create_app(Settings("https://as.example/base/", "https://idp.example", MCP_SERVER), trio.surroundings)
    paths = {route.path for route in app.routes if isinstance(route, Route)}
    assert {"/base/acme/token", "/.well-known/oauth-authorization-server/base/acme"} <= paths
    assert app.tenants["acme"].issuer.metadata()["token_endpoint"] == "https://as.example/base/acme/token"


def test_settings_that_cannot_work_are_named() -> None:
    with pytest.raises(ValueError, match="'nowhere' cannot be used"):
        Settings("http://127.0.0.1:7401", "nowhere", MCP_SERVER)


def test_a_tenant_that_does_not_exist_is_not_found(trio: Trio) -> None:
    for path in ("/nowhere/token", "/.well-known/oauth-authorization-server/nowhere", "/", "/acme/token/"):
        assert trio.http.get(f"{trio.base_url}{path}").status_code == 404
    assert trio.http.get(f"{trio.issuer()}/token").status_code == 405


@pytest.mark.parametrize("body", [b"", b"\xff=\xff", b"grant_type=%ff", b"&" * 500, b"a=b&" * 200, b"x" * 70_000])
@pytest.mark.parametrize("endpoint", ["token", "revoke", "introspect"])
def test_no_body_is_a_crash(trio: Trio, endpoint: str, body: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = trio.http.post(f"{trio.issuer()}/{endpoint}", content=body, headers=headers)
    assert answer.status_code in {400, 401}
    assert answer.headers["cache-control"] == "no-store"
    assert trio.http.post(f"{trio.issuer()}/{endpoint}", json={}).status_code == 400


HOSTILE = ['"\\', "\r\nSet-Cookie: a=b", "\x00", "ä€", "{{7*7}}", "a" * 4000, "<script>", "javascript:alert(1)"]


@pytest.mark.parametrize("value", HOSTILE, ids=ascii)
@pytest.mark.parametrize(
    "name", ["client_id", "redirect_uri", "response_type", "scope", "state", "code_challenge", "resource", "login_hint"]
)
def test_no_parameter_is_a_crash(console: Client, name: str, value: str) -> None:
    answer = console.start(**{name: value})
    assert answer.status_code in {200, 303, 400}
    assert "<script" not in answer.text
    assert "set-cookie" not in {header.lower() for header in answer.headers} or "a=b" not in str(answer.headers)


@pytest.mark.parametrize(
    ("requested", "registered", "matches"),
    [
        ("http://127.0.0.1:5/cb", "http://127.0.0.1/cb", True),
        ("http://[::1]:5/cb", "http://[::1]:6/cb", True),
        ("http://localhost:5/cb?x=1", "http://localhost/cb?x=1", True),
        ("http://127.0.0.1:5/cb/", "http://127.0.0.1/cb", False),
        ("http://127.0.0.1:5/cb?x=1", "http://127.0.0.1/cb", False),
        ("http://127.0.0.1:5/cb#x", "http://127.0.0.1/cb", False),
        ("http://127.0.0.1:99999/cb", "http://127.0.0.1/cb", False),
        ("http://127.0.0.1:/cb", "http://127.0.0.1/cb", False),
        ("http://127.0.0.1:5@evil.example/cb", "http://127.0.0.1/cb", False),
        ("http://127.0.0.1.evil.example/cb", "http://127.0.0.1/cb", False),
        ("http://localhost:5/cb", "http://127.0.0.1/cb", False),
        ("https://127.0.0.1:5/cb", "https://127.0.0.1/cb", False),
        ("https://app.example:5/cb", "https://app.example/cb", False),
        ("https://app.example/CB", "https://app.example/cb", False),
        ("https://app.example/cb", "https://app.example/cb", True),
    ],
)
def test_only_the_port_of_a_loopback_uri_may_differ(requested: str, registered: str, matches: bool) -> None:
    assert same_redirect(requested, registered) is matches
