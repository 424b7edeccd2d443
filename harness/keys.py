"""Keys and JWTs of the harness: client assertions, and tokens forged without the issuer's key."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Literal

import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from harness.strange_json import parse_json
from harness.verdict import Blocked

_PRIVATE_MEMBERS = ("d", "p", "q", "dp", "dq", "qi", "k")
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519", "Ed25519": "Ed25519"}
_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_KINDS: Mapping[str, type[ECKey | OKPKey | RSAKey]] = {"EC": ECKey, "OKP": OKPKey, "RSA": RSAKey}


def new_private_key(algorithm: str = "ES256") -> dict[str, Any]:
    """Return a new private JWK for a JWS algorithm with a public key, with kid and alg."""
    key: ECKey | OKPKey | RSAKey
    if curve := _CURVES.get(algorithm):
        key = ECKey.generate_key(curve) if curve.startswith("P") else OKPKey.generate_key("Ed25519")
    else:
        key = RSAKey.generate_key(2048)
    return {**key.as_dict(private=True), "kid": key.thumbprint(), "alg": algorithm, "use": "sig"}


@cache
def _stranger(algorithm: str) -> str:
    return json.dumps(new_private_key(algorithm))


def stranger_key(algorithm: str = "RS256") -> dict[str, Any]:
    """Return a private JWK that no issuer has ever published; one of each algorithm for the whole process."""
    key: dict[str, Any] = json.loads(_stranger(algorithm if algorithm in (*_CURVES, *_RSA) else "RS256"))
    return key


def hmac_with_public_key(key: Mapping[str, Any], claims: Mapping[str, Any], header: Mapping[str, Any]) -> str:
    """Return a JWS with HS256 whose secret is a published key in PEM, as a careless verifier would use it.

    Raises:
        Blocked: the published key cannot be read.
    """
    return sign_by_hmac(public_bytes(key), claims, {**header, "alg": "HS256"})


def sign_by_hmac(secret: bytes, claims: Mapping[str, Any], header: Mapping[str, Any]) -> str:
    """Return a JWS with an HMAC by the `alg` of its header: HS256, HS384 or HS512."""
    signed = f"{encode_part(header)}.{encode_part(claims)}"
    digest = f"sha{str(header['alg']).removeprefix('HS')}"
    return f"{signed}.{encode_part(hmac.digest(secret, signed.encode(), digest))}"


def public_bytes(key: Mapping[str, Any], form: Literal["PEM", "DER"] = "PEM") -> bytes:
    """Return a published JWK in PEM, with the line break at its end, or in DER.

    Raises:
        Blocked: it cannot be read, or is of another kind than RSA, EC and OKP.
    """
    try:
        return _KINDS[str(key.get("kty"))].import_key(public(key)).as_bytes(form, private=False)
    except (JoseError, KeyError, TypeError, ValueError) as fault:
        raise Blocked(f"the published key cannot be used: {fault}") from fault


def public(key: Mapping[str, Any]) -> dict[str, Any]:
    """Return the public part of a JWK."""
    return {name: value for name, value in key.items() if name not in _PRIVATE_MEMBERS}


def sign(claims: Mapping[str, Any] | bytes, key: Mapping[str, Any], header: Mapping[str, Any] | None = None) -> str:
    """Return a compact JWS of the claims, or of other bytes; `header` is added to alg and kid, and overrides kid."""
    algorithm = str(key["alg"])
    members = {"typ": "JWT", "kid": key.get("kid"), **(header or {}), "alg": algorithm}
    present = {name: value for name, value in members.items() if value is not None}
    signed = f"{encode_part(present)}.{encode_part(claims)}"  # not by jwt.encode, which minds what claims say
    used = imported(key)
    return f"{signed}.{encode_part(used.Algorithm.sign(signed.encode(), used.key))}"


def imported(key: Mapping[str, Any]) -> jwt.PyJWK:
    """Return a JWK as something to sign with. Importing an RSA key takes longer than signing, and is done once."""
    return _imported(json.dumps({**key, "alg": _known_as(key["alg"])}))


@cache
def _imported(key: str) -> jwt.PyJWK:
    return jwt.PyJWK.from_json(key)


def _known_as(algorithm: str) -> str:
    """Return what PyJWT calls an algorithm: it knows Ed25519 by the name that RFC 9864 deprecates."""
    return "EdDSA" if algorithm == "Ed25519" else algorithm


def verifies(token: str, jwks: Iterable[Mapping[str, Any]]) -> bool:
    """Tell whether one of these public keys verifies a JWS, with the algorithm that its header names."""
    named = str(header_of(token).get("alg"))
    verifier = jwt.api_jws.PyJWS()
    if named == "Ed25519" and named not in verifier.get_algorithms():
        verifier.register_algorithm(named, jwt.get_algorithm_by_name(_known_as(named)))
    for key in jwks:
        try:
            used = jwt.PyJWK(public(key), _known_as(named))
            verifier.decode(token, used.key, algorithms=[named])
        except (jwt.PyJWTError, NotImplementedError, TypeError, ValueError):
            continue
        return True
    return False


def claims_of(token: str) -> dict[str, Any]:
    """Return a JWT's claims without checking anything; empty when it is no JWT."""
    return _part(token, 1)


def header_of(token: str) -> dict[str, Any]:
    """Return a JWT's header without checking anything; empty when it is no JWT."""
    return _part(token, 0)


def encode_part(value: Mapping[str, Any] | bytes) -> str:
    """Return a JSON object or bytes as an unpadded base64url part of a compact JWS."""
    raw = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def encode_basic(pair: str) -> str:
    """Return `user:password` as the Basic scheme carries it."""
    return base64.b64encode(pair.encode()).decode()


def _part(token: str, index: int) -> dict[str, Any]:
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        value = parse_json(base64.urlsafe_b64decode(parts[index] + "=" * (-len(parts[index]) % 4)))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
