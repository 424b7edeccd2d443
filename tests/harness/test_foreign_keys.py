"""Tokens that bring or name their own keys: no published key verifies one, whatever the issuer signs with."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from cryptography import x509

from harness import foreign_keys, keys
from harness.minting import genuine
from harness.verdict import NotApplicable

CLAIMS = {"iss": "https://as.example", "sub": "alice", "exp": 2_000_000_000}


@pytest.fixture(params=["RS256", "ES384", "EdDSA"])
def key(request: pytest.FixtureRequest) -> dict[str, Any]:
    return keys.new_private_key(request.param)


def _forged(key: dict[str, Any], make: Any) -> str:
    token = keys.sign(CLAIMS, key, {"kid": None})
    return str(make(genuine(token, lambda: {"keys": [keys.public(key)]})))


@pytest.mark.parametrize("member", ["jku", "x5u"])
def test_the_key_that_a_token_points_to_is_served_there(key: dict[str, Any], member: str) -> None:
    with foreign_keys.key_server() as strangers:
        token = _forged(key, foreign_keys.pointing_to(member, strangers.url))
        answer = httpx.get(keys.header_of(token)[member])
    if member == "jku":
        assert keys.verifies(token, answer.json()["keys"])
    else:
        assert x509.load_pem_x509_certificate(answer.content).subject
    assert not keys.verifies(token, [keys.public(key)])


def test_a_certificate_comes_with_any_kind_of_key(key: dict[str, Any]) -> None:
    assert not keys.verifies(_forged(key, foreign_keys.with_certificate), [keys.public(key)])


@pytest.mark.parametrize("make", [foreign_keys.encrypted_claims, foreign_keys.encrypted_token_of_stranger])
def test_a_token_without_kid_is_encrypted_to_the_only_key(key: dict[str, Any], make: Any) -> None:
    if key["kty"] == "OKP":
        with pytest.raises(NotApplicable):
            _forged(key, make)
    else:
        assert _forged(key, make).count(".") == 4
