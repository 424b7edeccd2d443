"""Keys rotate, and the old ones stay published for as long as they were promised."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from fixtures.service.clock import Clock
from fixtures.service.keys import MAKERS, KeyRing

CLAIMS = {"sub": "alice"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ring(clock: Clock) -> KeyRing:
    return KeyRing(clock, ("ES256", "RS256"), retention=900)


def test_a_signature_verifies_with_the_published_keys(ring: KeyRing) -> None:
    for alg in ("RS256", "ES256"):
        token = jwt.decode(ring.sign(CLAIMS, alg=alg), ring.key_set(), algorithms=[alg])
        assert (token.claims, token.header["alg"]) == (CLAIMS, alg)


def test_the_first_algorithm_is_the_default(ring: KeyRing) -> None:
    assert _header(ring.sign(CLAIMS))["alg"] == "ES256"


def test_no_private_member_is_published(ring: KeyRing) -> None:
    for key in ring.jwks()["keys"]:
        assert not {"d", "p", "q", "dp", "dq", "qi"} & key.keys()
        assert {"kid", "alg", "use"} <= key.keys()


def test_whatever_is_sealed_is_kept_as_it_is(ring: KeyRing) -> None:
    header, payload, _ = ring.sign(CLAIMS).split(".")
    assert jwt.decode(ring.seal(f"{header}.{payload}"), ring.key_set(), algorithms=["ES256"]).claims == CLAIMS
    assert ring.seal("not a JWT").startswith("not a JWT.")


def test_the_header_of_the_caller_is_kept_even_where_it_lies(ring: KeyRing) -> None:
    token = ring.sign(CLAIMS, header={"alg": "none", "kid": "mine", "typ": "at+jwt", "crit": ["x"], "x": 1})
    assert _header(token) == {"alg": "none", "kid": "mine", "typ": "at+jwt", "crit": ["x"], "x": 1}
    assert token.split(".")[2]


def test_the_algorithm_of_the_header_is_signed_with(ring: KeyRing) -> None:
    assert jwt.decode(ring.sign(CLAIMS, header={"alg": "RS256"}), ring.key_set(), algorithms=["RS256"])


def test_an_unknown_algorithm_is_refused(ring: KeyRing) -> None:
    with pytest.raises(KeyError):
        ring.sign(CLAIMS, alg="HS256")


def test_after_a_rotation_old_signatures_verify_until_the_retention_is_over(ring: KeyRing, clock: Clock) -> None:
    old = ring.sign(CLAIMS)
    ring.rotate()
    new = ring.sign(CLAIMS)
    assert _header(old)["kid"] != _header(new)["kid"]
    clock.advance(899)
    assert jwt.decode(old, ring.key_set()).claims == CLAIMS
    clock.advance(2)
    with pytest.raises((JoseError, ValueError)):
        jwt.decode(old, ring.key_set())
    assert jwt.decode(new, ring.key_set()).claims == CLAIMS


def test_only_used_keys_are_retired(ring: KeyRing) -> None:
    ring.rotate()
    assert len(ring.jwks()["keys"]) == 2
    ring.rotate()
    assert len(ring.jwks()["keys"]) == 4


def test_the_current_keys_come_first(ring: KeyRing) -> None:
    ring.sign(CLAIMS)
    ring.rotate()
    assert ring.jwks()["keys"][0]["kid"] == _header(ring.sign(CLAIMS))["kid"]


def test_an_additional_key_signs_beside_the_current_ones_until_it_is_withdrawn(ring: KeyRing) -> None:
    before = ring.sign(CLAIMS)
    kid = ring.publish("RS256")
    token = ring.sign(CLAIMS, kid=kid)
    assert _header(token) == {"alg": "RS256", "kid": kid}
    assert jwt.decode(token, ring.key_set(), algorithms=["RS256"]).claims == CLAIMS
    ring.withdraw(kid)
    with pytest.raises((JoseError, ValueError)):
        jwt.decode(token, ring.key_set(), algorithms=["RS256"])
    assert jwt.decode(before, ring.key_set()).claims == CLAIMS
    assert _header(ring.sign(CLAIMS))["kid"] == _header(before)["kid"]


def test_an_additional_key_of_the_same_material_has_a_name_of_its_own(
    ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = MAKERS["ES256"]()
    monkeypatch.setitem(MAKERS, "ES256", lambda: made)
    assert len({ring.publish("ES256"), ring.publish("ES256"), _header(ring.sign(CLAIMS))["kid"]}) == 3


def test_keys_of_ed25519_go_by_both_names(ring: KeyRing) -> None:
    for name in ("Ed25519", "EdDSA"):
        token = ring.sign(CLAIMS, kid=ring.publish(name))
        assert _header(token)["alg"] == name
        assert len(token.rpartition(".")[2]) == 86  # 64 bytes (RFC 8037 section 3.1)


def test_a_key_can_be_made_to_sign_by_another_algorithm_than_its_own(ring: KeyRing) -> None:
    kid = _header(ring.sign(CLAIMS, alg="RS256"))["kid"]
    token = ring.sign(CLAIMS, alg="PS256", kid=kid)
    assert _header(token) == {"alg": "PS256", "kid": kid}
    public = RSAKey.import_key(
        {name: value for name, value in ring.jwks()["keys"][1].items() if name not in ("alg", "use")}
    )
    assert jwt.decode(token, public, algorithms=["PS256"]).claims == CLAIMS


def test_a_key_that_is_not_there_neither_signs_nor_goes(ring: KeyRing) -> None:
    with pytest.raises(KeyError):
        ring.sign(CLAIMS, kid="gone")
    with pytest.raises(KeyError):
        ring.withdraw("gone")


def _header(token: str) -> dict[str, Any]:
    encoded = token.split(".")[0]
    header: dict[str, Any] = json.loads(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    return header
