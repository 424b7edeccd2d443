"""ID tokens, as a relying party validates them, and the keys behind them."""

import base64
import hashlib

import jwt

from tests.mock_idp.relying_party import Provider, RelyingParty, running


def kid_of(id_token: str) -> str:
    return str(jwt.get_unverified_header(id_token)["kid"])


def kids(rp: RelyingParty) -> set[str]:
    return {key["kid"] for key in rp.jwks()}


def test_the_id_token_says_who_for_whom_when_and_how(rp: RelyingParty, provider: Provider) -> None:
    tokens = rp.tokens()
    claims = rp.validated(tokens["id_token"])
    assert abs(claims.pop("iat") - provider.clock.now()) < 5
    assert claims.pop("exp") - claims["auth_time"] in {300, 301}
    assert claims.pop("auth_time")
    half = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    assert claims.pop("at_hash") == base64.urlsafe_b64encode(half).decode().rstrip("=")
    assert claims == {
        "iss": rp.issuer,
        "sub": "alice",
        "aud": "reference-as",
        "nonce": "nonce-1",
        "acr": "0",
        "amr": ["login_hint"],
        "groups": ["operators"],
        "tenant": "acme",
        "name": "Alice Operator",
        "email": "alice@acme.example",
    }


def test_the_algorithm_is_rs256_unless_another_is_registered(rp: RelyingParty) -> None:
    header = jwt.get_unverified_header(rp.tokens()["id_token"])
    assert header.keys() == {"alg", "kid", "typ"}
    assert (header["alg"], header["typ"]) == ("RS256", "JWT")


def test_es256_is_used_where_it_is_registered() -> None:
    with running(id_token_signed_response_alg="ES256") as provider:
        rp = RelyingParty(provider)
        id_token = rp.tokens()["id_token"]
        assert jwt.get_unverified_header(id_token)["alg"] == "ES256"
        assert rp.validated(id_token, "ES256")["sub"] == "alice"
        assert "code" in rp.authorize(id_token_hint=id_token, prompt="none").headers["location"]
        rp.close()


def test_a_request_without_nonce_gets_an_id_token_without(rp: RelyingParty) -> None:
    assert "nonce" not in rp.validated(rp.tokens(nonce=None)["id_token"])


def test_times_follow_the_clock(rp: RelyingParty, provider: Provider) -> None:
    provider.clock.advance(86_400)
    claims = rp.validated(rp.tokens()["id_token"])
    assert abs(claims["iat"] - provider.clock.now()) < 5
    assert abs(claims["auth_time"] - provider.clock.now()) < 5


def test_rotation_changes_the_key_and_keeps_the_old_one_until_its_tokens_are_gone(
    rp: RelyingParty, provider: Provider
) -> None:
    old = rp.tokens()["id_token"]
    assert provider.control("POST", "/acme/rotate-keys").status_code == 200
    new = rp.tokens()["id_token"]
    assert kid_of(new) != kid_of(old)
    assert {kid_of(old), kid_of(new)} <= kids(rp)
    assert rp.validated(old)["sub"] == "alice"
    provider.clock.advance(provider.surroundings.world.lifetimes.signing_key_retention)
    assert kid_of(old) not in kids(rp)
    assert kid_of(new) in kids(rp)


def test_retired_keys_outlive_every_token_that_they_signed(provider: Provider) -> None:
    lifetimes = provider.surroundings.world.lifetimes
    assert lifetimes.signing_key_retention >= lifetimes.id_token


def test_rotation_is_of_one_tenant(rp: RelyingParty, provider: Provider) -> None:
    other = RelyingParty(provider, "globex")
    before = kids(other)
    assert provider.control("POST", "/acme/rotate-keys").status_code == 200
    assert kids(other) == before
    other.close()


def test_rotation_for_an_unknown_tenant_is_a_404(provider: Provider) -> None:
    assert provider.control("POST", "/initech/rotate-keys").status_code == 404
