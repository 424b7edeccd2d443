"""Forged tokens: no published key verifies one, whatever it is made of; and what is minted says when."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from fixtures.service.clock import Clock
from fixtures.service.keys import KeyRing
from harness import keys
from harness.minting import Beyond, Exactly, Forge, Moment, genuine, mint
from harness.scenario import fault
from harness.verdict import Blocked, NotApplicable
from scenarios.mcp_server.faulty_tokens import FORGED, SIGNED
from scenarios.mcp_server.faulty_tokens.audiences import AUDIENCES

NOW = 1_800_000_000
BASE = {"iss": "https://as.example/acme", "sub": "alice", "aud": "https://mcp.example/acme/mcp", "client_id": "assay"}


class Signer:
    """An issuer with one key."""

    def __init__(self, algorithm: str) -> None:
        self.algorithm = algorithm
        self._ring = KeyRing(Clock(), (algorithm,), retention=0)
        self.seal, self.jwks = self._ring.seal, self._ring.jwks

    def sign(self, header: Mapping[str, Any], claims: Mapping[str, Any], *, alg: str = "", kid: str = "") -> str:
        return self._ring.sign(claims, header=header, alg=alg or None, kid=kid or None)


@pytest.fixture(scope="module", params=["RS256", "ES256", "Ed25519"])
def signer(request: pytest.FixtureRequest) -> Signer:
    return Signer(request.param)


def _minted(signer: Signer, row: Any = None, leeway: int = 0, **claims: Any) -> str:
    return mint(signer, {**BASE, **claims}, Moment(NOW, leeway), signer.jwks, row)


@pytest.mark.parametrize("row", FORGED, ids=lambda row: row.name)
def test_no_published_key_verifies_a_forgery(signer: Signer, row: Any) -> None:
    forge = genuine(_minted(signer), signer.jwks)
    try:
        token = row.forge(forge)
    except NotApplicable:
        assert signer.algorithm != "ES256"
        return
    assert not keys.verifies(token, signer.jwks()["keys"])


@pytest.mark.parametrize("row", SIGNED, ids=lambda row: row.name)
def test_each_row_differs_from_a_good_token(signer: Signer, row: Any) -> None:
    good, bad = (_minted(signer, made, jti="same") for made in (None, row))
    rewritten = {"with-padding-behind-it", "with-a-space-in-its-signature", "with-a-stray-sign-in-its-signature"}
    assert row.name in rewritten or bad.rpartition(".")[0] != good.rpartition(".")[0]
    assert bad != good


def test_a_token_of_somebody_else_cannot_be_signed_anew(signer: Signer) -> None:
    forge = genuine(_minted(signer), signer.jwks)
    with pytest.raises(NotApplicable):
        forge.seal("a.b")


def test_an_issuer_without_keys_cannot_be_confused(signer: Signer) -> None:
    row = next(row for row in FORGED if row.name == "with-hmac-over-the-public-jwk")
    assert row.forge
    with pytest.raises(Blocked):
        row.forge(genuine(_minted(signer), dict))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (60, NOW + 60),
        (Beyond(60), NOW + 360),
        (Beyond(-60, str), str(NOW - 360)),
        (Beyond(0), NOW - 300),
        (Exactly(0), 0),
    ],
)
def test_a_time_is_counted_from_now_and_beyond_the_leeway(signer: Signer, value: Any, expected: Any) -> None:
    token = _minted(signer, fault("timed", remedy="", exp=value), leeway=300)
    assert keys.claims_of(token)["exp"] == expected


def test_null_is_not_nothing(signer: Signer) -> None:
    claims = keys.claims_of(_minted(signer, fault("null", remedy="", aud=Exactly(None), sub=None)))
    assert claims["aud"] is None
    assert "sub" not in claims


@pytest.mark.parametrize(
    "own", ["https://mcp.example", "https://mcp.example/", "https://mcp.example/m", "api://ledger", "ledger"]
)
def test_no_near_miss_is_the_audience_itself(signer: Signer, own: str) -> None:
    for row in AUDIENCES:
        try:
            audience = keys.claims_of(_minted(signer, row, aud=own)).get("aud")
        except NotApplicable:
            continue
        assert audience not in (own, [own], own.rstrip("/"), f"{own}/"), row.name


def test_what_repeats_stands_there_twice(signer: Signer) -> None:
    row = next(row for row in SIGNED if row.name == "with-another-audience-behind-ours")
    payload = _minted(signer, row).split(".")[1]
    pairs = json.loads(base64.urlsafe_b64decode(payload + "=="), object_pairs_hook=list)
    assert [value for name, value in pairs if name == "aud"] == [BASE["aud"], "https://other.example/mcp"]


def test_a_good_token_is_signed_once(signer: Signer) -> None:
    asked: list[Any] = []
    forge = Forge({}, BASE, lambda *parts: asked.append(parts) or "a.b.c", dict)  # type: ignore[func-returns-value]
    assert forge.token == forge.token
    assert len(asked) == 1
