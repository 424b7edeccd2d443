"""Keys and JWTs of the harness: client assertions, and tokens forged without the issuer's key."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from harness.strange_json import parse_json
from harness.verdict import Blocked

_PRIVATE_MEMBERS = ("d", "p", "q", "dp", "dq", "qi", "k")


def new_private_key(algorithm: str = "ES256") -> dict[str, Any]:
    """Return a new private JWK for ES256 or RS256, with kid and alg."""
    key = ECKey.generate_key("P-256") if algorithm == "ES256" else RSAKey.generate_key(2048)
    return {**key.as_dict(private=True), "kid": key.thumbprint(), "alg": algorithm, "use": "sig"}


@cache
def _stranger(algorithm: str) -> str:
    return json.dumps(new_private_key(algorithm))


def stranger_key(algorithm: str = "RS256") -> dict[str, Any]:
    """Return a private JWK that no issuer has ever published; one for the whole process."""
    key: dict[str, Any] = json.loads(_stranger("ES256" if algorithm.startswith("ES") else "RS256"))
    return key


def hmac_with_public_key(key: Mapping[str, Any], claims: Mapping[str, Any], header: Mapping[str, Any]) -> str:
    """Return a JWS with HS256 whose secret is a published key in PEM, as a careless verifier would use it.

    Raises:
        Blocked: the published key is no EC or RSA key.
    """
    kind = ECKey if key.get("kty") == "EC" else RSAKey
    try:
        pem = kind.import_key(public(key)).as_pem(private=False)
    except (JoseError, KeyError, TypeError, ValueError) as fault:
        raise Blocked(f"the published key cannot be used: {fault}") from fault
    signed = f"{encode_part({**header, 'alg': 'HS256'})}.{encode_part(claims)}"
    return f"{signed}.{encode_part(hmac.new(pem, signed.encode(), 'sha256').digest())}"


def public(key: Mapping[str, Any]) -> dict[str, Any]:
    """Return the public part of a JWK."""
    return {name: value for name, value in key.items() if name not in _PRIVATE_MEMBERS}


def sign(claims: Mapping[str, Any], key: Mapping[str, Any], header: Mapping[str, Any] | None = None) -> str:
    """Return a compact JWS of the claims; `header` is added to alg and kid, and overrides kid."""
    algorithm = str(key["alg"])
    members = {"typ": "JWT", "kid": key.get("kid"), **(header or {}), "alg": algorithm}
    present = {name: value for name, value in members.items() if value is not None}
    signed = f"{encode_part(present)}.{encode_part(claims)}"  # not by jwt.encode, which minds what claims say
    signature = jwt.get_algorithm_by_name(algorithm).sign(signed.encode(), _imported(json.dumps(dict(key))))
    return f"{signed}.{encode_part(signature)}"


@cache
def _imported(key: str) -> Any:
    """Importing an RSA key takes longer than signing with it."""
    return jwt.PyJWK.from_json(key).key


def verifies(token: str, jwks: Iterable[Mapping[str, Any]]) -> bool:
    """Tell whether one of these public keys verifies a JWS, with the algorithm that its header names."""
    for key in jwks:
        try:
            verifier = jwt.PyJWK(public(key), header_of(token).get("alg"))
            jwt.api_jws.PyJWS().decode(token, verifier, algorithms=[verifier.algorithm_name])
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
