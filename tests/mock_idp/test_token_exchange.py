"""Token exchange: an ID token becomes an ID-JAG, and each refusal."""

from __future__ import annotations

from typing import Any

import httpx
import jwt
import pytest

from tests.mock_idp.relying_party import DISCOVERY, RP, VERIFIER, Provider, RelyingParty

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ID_JAG = "urn:ietf:params:oauth:token-type:id-jag"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
APPLICATION = ("enterprise-desktop", "enterprise-desktop-secret")
CALLBACK = "http://127.0.0.1:8976/callback"
BALANCE, DELETE = "urn:ledger:balance:read", "urn:infra:deploy:delete"
RESOURCE = "http://127.0.0.1:7402/acme/mcp"


def id_token(rp: RelyingParty, login_hint: str = "alice") -> str:
    sent = rp.authorize(client_id=APPLICATION[0], redirect_uri=CALLBACK, login_hint=login_hint)
    code = httpx.URL(sent.headers["location"]).params["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    answer = rp.back_channel.post(f"{rp.issuer}/token", data=form, auth=APPLICATION)
    return str(answer.json()["id_token"])


def exchange(rp: RelyingParty, auth: tuple[str, str] = APPLICATION, **changes: str | None) -> httpx.Response:
    form: dict[str, str | None] = {
        "grant_type": EXCHANGE,
        "requested_token_type": ID_JAG,
        "subject_token_type": ID_TOKEN,
        "audience": f"{RP}/acme",
        "resource": RESOURCE,
        "scope": BALANCE,
        **changes,
    }
    given = {name: value for name, value in form.items() if value is not None}
    return rp.back_channel.post(f"{rp.issuer}/token", data=given, auth=auth)


def opened(rp: RelyingParty, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header = jwt.get_unverified_header(token)
    jwk = next(key for key in rp.jwks() if key["kid"] == header["kid"])
    late: Any = {"verify_exp": False, "verify_iat": False}
    return header, jwt.decode(token, jwt.PyJWK(jwk), ["RS256"], options=late, audience=f"{RP}/acme", issuer=rp.issuer)


def test_an_id_token_becomes_an_id_jag(rp: RelyingParty, provider: Provider) -> None:
    answer = exchange(rp, subject_token=id_token(rp))
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert (body["issued_token_type"], body["token_type"], body["expires_in"]) == (ID_JAG, "N_A", 300)
    assert body["scope"] == BALANCE
    header, claims = opened(rp, body["access_token"])
    assert header["typ"] == "oauth-id-jag+jwt"
    assert (claims["sub"], claims["client_id"], claims["tenant"]) == ("alice", "ledger-agent", "acme")
    assert (claims["resource"], claims["scope"]) == (RESOURCE, BALANCE)
    assert claims["exp"] - claims["iat"] == 300
    assert claims["auth_time"] <= provider.clock.now()
    assert claims["jti"] != opened(rp, exchange(rp, subject_token=id_token(rp)).json()["access_token"])[1]["jti"]


def test_the_scope_is_what_the_user_may_hand_on(rp: RelyingParty) -> None:
    token = id_token(rp, "bob")
    assert exchange(rp, subject_token=token, scope=f"{BALANCE} {DELETE}").json()["scope"] == BALANCE
    assert exchange(rp, subject_token=token, scope=DELETE).json()["error"] == "invalid_scope"
    answer = exchange(rp, subject_token=token, scope=None, resource=None).json()
    assert "scope" not in answer
    assert not {"scope", "resource"} & opened(rp, answer["access_token"])[1].keys()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"requested_token_type": None}, "invalid_request"),
        ({"requested_token_type": ID_TOKEN}, "invalid_request"),
        ({"subject_token_type": None}, "invalid_request"),
        ({"subject_token": None}, "invalid_request"),
        ({"subject_token": "forged"}, "invalid_request"),
        ({"actor_token": "x"}, "invalid_request"),
        ({"actor_token_type": ID_TOKEN}, "invalid_request"),
        ({"audience": None}, "invalid_request"),
        ({"audience": f"{RP}/globex"}, "invalid_target"),
        ({"resource": "/mcp"}, "invalid_target"),
        ({"resource": f"{RESOURCE}#x"}, "invalid_target"),
    ],
)
def test_a_wrong_exchange_is_refused(rp: RelyingParty, changes: dict[str, str | None], error: str) -> None:
    answer = exchange(rp, **{"subject_token": id_token(rp), **changes})  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_an_id_token_of_another_client_is_refused(rp: RelyingParty) -> None:
    answer = exchange(rp, subject_token=rp.tokens()["id_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_an_expired_id_token_is_refused(rp: RelyingParty, provider: Provider) -> None:
    token = id_token(rp)
    provider.clock.advance(300)
    assert exchange(rp, subject_token=token).json()["error"] == "invalid_request"


def test_an_id_token_of_another_tenant_is_refused(rp: RelyingParty, provider: Provider) -> None:
    other = RelyingParty(provider, "globex")
    token = id_token(other, "gina")
    other.close()
    assert exchange(rp, subject_token=token).json()["error"] == "invalid_request"


def test_a_client_that_is_known_nowhere_else_gets_no_id_jag(rp: RelyingParty) -> None:
    answer = exchange(rp, ("reference-as", "reference-as-secret"), subject_token=rp.tokens()["id_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")


def test_a_code_works_for_the_client_that_it_was_issued_to(rp: RelyingParty) -> None:
    code = rp.code()
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": rp.redirect_uri}
    answer = rp.back_channel.post(f"{rp.issuer}/token", data={**form, "code_verifier": VERIFIER}, auth=APPLICATION)
    assert answer.json()["error"] == "invalid_grant"
    assert rp.redeem(code).status_code == 200


def test_nothing_is_given_for_an_id_jag_where_it_was_issued(rp: RelyingParty) -> None:
    issued = exchange(rp, subject_token=id_token(rp)).json()["access_token"]
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": issued}
    answer = rp.back_channel.post(f"{rp.issuer}/token", data=form, auth=APPLICATION)
    assert answer.json()["error"] == "unsupported_grant_type"
    assert exchange(rp, subject_token=issued).json()["error"] == "invalid_request"
    assert rp.authorize(id_token_hint=issued, prompt="none").headers["location"].find("error=invalid_request") > 0


def test_the_metadata_says_that_id_jags_are_issued(rp: RelyingParty) -> None:
    document = rp.back_channel.get(f"{rp.issuer}{DISCOVERY}").json()
    assert document["identity_chaining_requested_token_types_supported"] == [ID_JAG]
    assert EXCHANGE in document["grant_types_supported"]


def test_the_control_plane_tells_the_keys_that_id_jags_are_signed_with(rp: RelyingParty, provider: Provider) -> None:
    told = provider.control("GET", "/acme/keys").json()
    assert {key["kid"] for key in told["current"]} <= {key["kid"] for key in rp.jwks()}
    assert all("d" in key for key in told["current"])
    assert provider.control("GET", "/initech/keys").status_code == 404
