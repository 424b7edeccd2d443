"""The userinfo endpoint."""

import httpx
import pytest

from tests.mock_idp.relying_party import Provider, RelyingParty

ALWAYS = {"sub": "alice", "tenant": "acme"}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_claims_of_the_scope_are_answered(rp: RelyingParty, method: str) -> None:
    answer = rp.userinfo(rp.tokens()["access_token"], method)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {
        **ALWAYS,
        "name": "Alice Operator",
        "email": "alice@acme.example",
        "groups": ["operators"],
    }


def test_no_more_than_the_scope_asks_for_is_answered(rp: RelyingParty) -> None:
    assert rp.userinfo(rp.tokens(scope="openid")["access_token"]).json() == ALWAYS
    only_email = rp.userinfo(rp.tokens(scope="openid email")["access_token"]).json()
    assert only_email == {**ALWAYS, "email": "alice@acme.example"}


def test_without_a_token_there_is_a_challenge_without_error(rp: RelyingParty) -> None:
    answer = httpx.get(f"{rp.issuer}/userinfo")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == f'Bearer realm="{rp.issuer}"'


def test_an_unknown_token_is_invalid(rp: RelyingParty) -> None:
    answer = rp.userinfo("guessed")
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_an_id_token_is_no_access_token(rp: RelyingParty) -> None:
    assert rp.userinfo(rp.tokens()["id_token"]).status_code == 401


def test_a_token_expires_after_five_minutes(rp: RelyingParty, provider: Provider) -> None:
    access_token = rp.tokens()["access_token"]
    provider.clock.advance(290)
    assert rp.userinfo(access_token).status_code == 200
    provider.clock.advance(10)
    assert rp.userinfo(access_token).status_code == 401


def test_a_token_of_one_tenant_is_unknown_at_another(rp: RelyingParty, provider: Provider) -> None:
    other = RelyingParty(provider, "globex")
    assert other.userinfo(rp.tokens()["access_token"]).status_code == 401
    other.close()


def test_a_token_in_the_query_is_not_read(rp: RelyingParty) -> None:
    access_token = rp.tokens()["access_token"]
    assert httpx.get(f"{rp.issuer}/userinfo", params={"access_token": access_token}).status_code == 401
