"""Keys and forgeries: what a published key verifies, and what is made of a token of the issuer's own."""

from __future__ import annotations

from typing import Any

import pytest

from harness import keys
from harness.minting import altered, genuine, signed_by_stranger, signed_with_public_key, unsigned

CLAIMS = {"iss": "https://as.example", "sub": "alice", "exp": 2_000_000_000}


@pytest.fixture(params=["RS256", "PS384", "ES256", "ES384", "EdDSA", "Ed25519"])
def key(request: pytest.FixtureRequest) -> dict[str, Any]:
    return keys.new_private_key(request.param)


def test_a_published_key_verifies_a_token_also_an_expired_one(key: dict[str, Any]) -> None:
    strangers = [keys.public(keys.new_private_key("ES256")), {"kty": "of a kind that nobody knows"}]
    assert keys.verifies(keys.sign({**CLAIMS, "exp": 1}, key), [*strangers, keys.public(key)])


def test_no_other_key_verifies_it(key: dict[str, Any]) -> None:
    other = keys.public(keys.new_private_key(key["alg"]))
    assert not keys.verifies(keys.sign(CLAIMS, key), [other])
    assert not keys.verifies(keys.sign(CLAIMS, key), [])


@pytest.mark.parametrize(
    "forge", [unsigned, signed_by_stranger, signed_with_public_key, lambda forge: altered(forge, sub="bob")]
)
def test_no_published_key_verifies_a_forgery(key: dict[str, Any], forge: Any) -> None:
    token, published = keys.sign(CLAIMS, key, {"typ": "at+jwt"}), [keys.public(key)]
    forged = forge(genuine(token, lambda: {"keys": published}))
    assert not keys.verifies(forged, published)
    assert keys.header_of(forged)["typ"] == "at+jwt"
    assert keys.claims_of(forged).keys() == CLAIMS.keys()


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "opaque"])
def test_what_is_no_token_is_not_verified(token: str) -> None:
    assert not keys.verifies(token, [keys.public(keys.new_private_key())])
