"""Tokens with exactly one fault are refused, and so is everything while it cannot be judged."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from fixtures.mcp_server.issuer import REFETCH_BURST
from fixtures.mcp_server.settings import FRESH
from fixtures.mcp_server.validation import TOKEN_STEPS, Step, TokenValidator
from tests.mcp_server.stage import Stage, challenge

SCOPE = "urn:ledger:balance:read"
Forge = Callable[[Stage], str]


def _claims(**changes: Any) -> Forge:
    return lambda stage: stage.token(SCOPE, **changes)


def _header(**changes: Any) -> Forge:
    return lambda stage: stage.token(SCOPE, header=changes)


def _moved(claim: str, seconds: float) -> Forge:
    def forge(stage: Stage) -> str:
        changes: dict[str, Any] = {claim: stage.clock.seconds() + seconds}
        return stage.token(SCOPE, **changes)

    return forge


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _altered(stage: Stage) -> str:
    header, _, signature = stage.token().split(".")
    return f"{header}.{_part(stage.issuer.claims('acme', stage.mcp(), scope=SCOPE))}.{signature}"


def _unsigned(stage: Stage) -> str:
    header, payload, _ = stage.token(SCOPE, header={"alg": "none"}).split(".")
    return f"{header}.{payload}."


def _known(stage: Stage, alg: str = "RS256") -> dict[str, Any]:
    keys: list[dict[str, Any]] = stage.issuer.keys["acme"].jwks()["keys"]
    return next(key for key in keys if key["alg"] == alg)


def _with_another_key(stage: Stage) -> str:
    header = {"alg": "RS256", "kid": _known(stage)["kid"], "typ": "at+jwt"}
    return jwt.encode(header, stage.issuer.claims("acme", stage.mcp(), scope=SCOPE), RSAKey.generate_key(2048))


def _with_the_public_key_as_secret(stage: Stage) -> str:
    public = _known(stage)
    header = {"alg": "HS256", "kid": public["kid"], "typ": "at+jwt"}
    secret = OctKey.import_key(json.dumps(public))
    return jwt.encode(header, stage.issuer.claims("acme", stage.mcp(), scope=SCOPE), secret, algorithms=["HS256"])


def _with_a_key_of_its_own(stage: Stage) -> str:
    key = RSAKey.generate_key(2048)
    header = {"alg": "RS256", "kid": "own", "typ": "at+jwt", "jwk": key.as_dict(private=False)}
    return jwt.encode(header, stage.issuer.claims("acme", stage.mcp(), scope=SCOPE), key)


def _of_the_other_tenants_issuer(stage: Stage) -> str:
    return stage.issuer.sign("globex", stage.issuer.claims("acme", stage.mcp(), scope=SCOPE))


FAULTS: dict[str, Forge] = {
    "expired": _moved("exp", 0),
    "not-valid-yet": _moved("nbf", 2),
    "with-beginning-in-words": _claims(nbf="tomorrow"),
    "for-another-audience": _claims(aud="https://other.example/mcp"),
    "for-the-origin": lambda stage: stage.token(SCOPE, aud=stage.base_url),
    "for-the-other-tenant": lambda stage: stage.token(SCOPE, aud=stage.mcp("globex")),
    "for-the-downstream-api": lambda stage: stage.token(SCOPE, aud=stage.fx()),
    "for-nobody": _claims(aud=[]),
    "without-audience": _claims(aud=None),
    "without-expiry": _claims(exp=None),
    "with-expiry-in-words": _claims(exp="tomorrow"),
    "without-subject": _claims(sub=None),
    "without-jti": _claims(jti=None),
    "without-client": _claims(client_id=None),
    "from-another-issuer": _claims(iss="https://other.example/acme"),
    "of-another-tenant": _claims(tenant="globex"),
    "of-no-tenant": _claims(tenant=None),
    "untyped": lambda stage: stage.issuer.keys["acme"].sign(stage.issuer.claims("acme", stage.mcp(), scope=SCOPE)),
    "typed-as-null": _header(typ=None),
    "typed-as-jwt": _header(typ="JWT"),
    "with-unknown-kid": _header(kid="unknown"),
    "with-hostile-kid": _header(kid="../../etc/passwd' OR 1=1"),
    "with-kid-of-wrong-type": _header(kid=["a"]),
    "without-kid": _header(kid=None),
    "with-key-for-another-algorithm": lambda stage: stage.token(SCOPE, header={"kid": _known(stage, "ES256")["kid"]}),
    "with-unknown-algorithm": _header(alg="PS512"),
    "with-critical-extension": _header(crit=["x"], x=1),
    "unsigned": _unsigned,
    "altered": _altered,
    "with-another-key": _with_another_key,
    "with-the-public-key-as-secret": _with_the_public_key_as_secret,
    "with-a-key-of-its-own": _with_a_key_of_its_own,
    "signed-by-the-other-tenant": _of_the_other_tenants_issuer,
    "opaque": lambda _: "2YotnFZFEjr1zCsicMWpAA",
    "encrypted": lambda stage: stage.token(SCOPE) + ".a.b",
    "with-padding": lambda stage: stage.token(SCOPE) + "=",
    "with-no-object-inside": lambda stage: f"{stage.token().split('.')[0]}.{_part([1])}.AA",
}


@pytest.mark.parametrize("forge", FAULTS.values(), ids=FAULTS)
def test_a_token_with_one_fault_is_answered_401(stage: Stage, forge: Forge) -> None:
    answer = stage.call("get_balance", token=forge(stage))
    assert answer.status_code == 401
    members = challenge(answer)
    assert members["error"] == "invalid_token"
    assert (members["scope"], members["resource_metadata"][-9:]) == (SCOPE, "/acme/mcp")


GOOD: dict[str, Forge] = {
    "plain": _claims(),
    "several-audiences": lambda stage: stage.token(SCOPE, aud=["https://other.example", stage.mcp()]),
    "type-in-capitals": _header(typ="AT+JWT"),
    "type-in-full": _header(typ="application/at+jwt"),
    "elliptic": lambda stage: stage.issuer.keys["acme"].sign(
        stage.issuer.claims("acme", stage.mcp(), scope=SCOPE), alg="ES256", header={"typ": "at+jwt"}
    ),
    "unknown-header": _header(x=1),
    "last-second": _moved("exp", 5),
    "valid-already": _moved("nbf", 0),
}


@pytest.mark.parametrize("forge", GOOD.values(), ids=GOOD)
def test_a_good_token_is_accepted(stage: Stage, forge: Forge) -> None:
    assert stage.call("get_balance", token=forge(stage)).status_code == 200


@given(garbage=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=60))
@settings(max_examples=30, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_garbage_is_answered_401(stage: Stage, garbage: str) -> None:
    assert stage.call("get_balance", token=garbage).status_code == 401


def test_a_token_dies_when_the_shared_clock_says_so(stage: Stage) -> None:
    token = stage.token(SCOPE)
    stage.clock.advance(890)
    assert stage.call("get_balance", token=token).status_code == 200
    stage.clock.advance(11)
    assert stage.call("get_balance", token=token).status_code == 401


def test_a_revoked_token_is_refused_at_once(stage: Stage) -> None:
    token = stage.token(SCOPE, jti="to-be-revoked")
    assert stage.call("get_balance", token=token).status_code == 200
    stage.issuer.revoked.add("to-be-revoked")
    answer = stage.call("get_balance", token=token)
    assert (answer.status_code, challenge(answer)["error"]) == (401, "invalid_token")


@pytest.mark.parametrize("said", [{}, {"active": "true"}, {"active": 1}, []], ids=str)
def test_nobody_is_let_in_while_introspection_says_nothing(stage: Stage, said: Any) -> None:
    stage.issuer.introspection = said
    answer = stage.call("get_balance", token=stage.token(SCOPE))
    assert answer.status_code == 503
    assert "www-authenticate" not in answer.headers


def test_metadata_of_another_issuer_is_not_used(stage: Stage) -> None:
    stage.issuer.named_issuer = "https://attacker.example"
    assert stage.call("get_balance", token=stage.token(SCOPE)).status_code == 503


def test_rotated_keys_are_found_and_withdrawn_ones_forgotten(stage: Stage) -> None:
    old = stage.token(SCOPE, exp=stage.clock.seconds() + 5000)
    assert stage.call("get_balance", token=old).status_code == 200
    stage.issuer.keys["acme"].rotate()
    assert stage.call("get_balance", token=stage.token(SCOPE)).status_code == 200
    assert stage.call("get_balance", token=old).status_code == 200
    stage.clock.advance(901)
    assert stage.call("get_balance", token=old).status_code == 401


def test_keys_are_fetched_once_and_again_when_they_are_stale(stage: Stage) -> None:
    for _ in range(3):
        assert stage.call("get_balance", token=stage.token(SCOPE)).status_code == 200
    assert stage.issuer.requests.count("jwks") == 1
    stage.clock.advance(FRESH)
    assert stage.call("get_balance", token=stage.token(SCOPE)).status_code == 200
    assert stage.issuer.requests.count("jwks") == 2


def test_unknown_key_ids_cost_the_issuer_a_bounded_number_of_requests(stage: Stage) -> None:
    for number in range(REFETCH_BURST + 20):
        assert stage.call("get_balance", token=stage.token(header={"kid": str(number)})).status_code == 401
    assert stage.issuer.requests.count("jwks") <= REFETCH_BURST + 10
    stage.clock.advance(5)
    stage.issuer.keys["acme"].rotate()
    assert stage.call("get_balance", token=stage.token(SCOPE)).status_code == 200


STANDS_ALONE: dict[str, tuple[str, ...]] = {
    "signature_is_the_issuers": ("unsigned", "altered", "with-another-key", "with-the-public-key-as-secret"),
    "is_an_access_token": ("untyped", "typed-as-jwt"),
    "says_whose_it_is": ("without-subject", "without-jti", "without-client"),
    "is_from_our_issuer": ("from-another-issuer",),
    "is_for_this_resource": ("for-another-audience", "for-nobody", "without-audience"),
    "has_not_expired": ("expired", "without-expiry"),
    "is_valid_already": ("not-valid-yet",),
    "is_of_this_tenant": ("of-no-tenant",),
}


@pytest.mark.parametrize("step", TOKEN_STEPS, ids=lambda step: step.__name__)
def test_each_step_alone_stands_in_the_way_of_its_faults(
    stage: Stage, step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = tuple(other for other in TOKEN_STEPS if other is not step)
    monkeypatch.setattr(TokenValidator, "steps", others)
    for fault in STANDS_ALONE[step.__name__]:
        assert stage.call("get_balance", token=FAULTS[fault](stage)).status_code == 200, fault
