"""Tokens that bring their own keys, or that are wrapped in others: what a server must neither fetch nor believe."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OctKey, RSAKey

from harness import keys
from harness.forging import published_key
from harness.listener import Listener, Received, Reply
from harness.minting import Forge
from harness.verdict import Blocked, NotApplicable

CONTENT_ENCRYPTION = "A256GCM"


def key_server() -> Listener:
    """Return a listener that serves a stranger's keys: as a JWK Set for `jku`, as a certificate for `x5u`."""
    return Listener(_served)


def pointing_to(member: str, origin: str) -> Callable[[Forge], str]:
    """Return a forge that signs with a stranger's key, where `jku` or `x5u` says that it is to be had.

    Args:
        member: `jku` (RFC 7515 section 4.1.2) or `x5u` (section 4.1.5).
        origin: where a `key_server` listens.
    """

    def forge_with_url(forge: Forge) -> str:
        form = "json" if member == "jku" else "pem"
        return _signed_by_stranger(forge, {member: f"{origin}/{_algorithm(forge)}.{form}"})

    return forge_with_url


def with_certificate(forge: Forge) -> str:
    """A token that a stranger signed and that brings the certificate of their key (RFC 7515 section 4.1.6)."""
    return _signed_by_stranger(forge, {"x5c": [base64.b64encode(_certificate(_algorithm(forge))).decode()]})


def wrapped_by_stranger(forge: Forge) -> str:
    """A good token within a JWS that a stranger signed under a kid that is known (RFC 7519 section 5.2)."""
    key = keys.stranger_key(_algorithm(forge))
    return keys.sign(forge.token.encode(), key, {**forge.header, "cty": "JWT", **_kid(forge)})


def wrapped_unsigned(forge: Forge) -> str:
    """A good token within a JWS that nobody signed."""
    header = {**forge.header, "cty": "JWT", **_kid(forge), "alg": "none"}
    return f"{keys.encode_part(header)}.{keys.encode_part(forge.token.encode())}."


def encrypted_claims(forge: Forge) -> str:
    """The claims of a good token, signed by nobody, encrypted to the issuer's published key (RFC 7516)."""
    return _encrypted_to_issuer(forge, dict(forge.header), json.dumps(dict(forge.claims)).encode())


def encrypted_token_of_stranger(forge: Forge) -> str:
    """A token that a stranger signed, encrypted to the issuer's published key."""
    inner = _signed_by_stranger(forge, {})
    return _encrypted_to_issuer(forge, {**forge.header, "cty": "JWT"}, inner.encode())


def encrypted_directly(forge: Forge) -> str:
    """The claims of a good token, encrypted with a secret of our own that takes the place of the shared one."""
    header = {**forge.header, "alg": "dir", "enc": CONTENT_ENCRYPTION, **_kid(forge)}
    return jwe.encrypt_compact(header, json.dumps(dict(forge.claims)).encode(), OctKey.generate_key(256))


def _encrypted_to_issuer(forge: Forge, header: dict[str, Any], content: bytes) -> str:
    published = keys.public(published_key(forge))
    if published.get("kty") not in ("EC", "RSA"):
        raise NotApplicable("nothing can be encrypted to the key that the issuer signs with")
    material = {name: value for name, value in published.items() if name not in ("alg", "use", "key_ops")}
    kind, alg = (ECKey, "ECDH-ES+A256KW") if material["kty"] == "EC" else (RSAKey, "RSA-OAEP-256")
    members = {**header, "alg": alg, "enc": CONTENT_ENCRYPTION, **_kid(forge)}
    try:
        registry = jwe.JWERegistry(algorithms=[alg, CONTENT_ENCRYPTION])
        return jwe.encrypt_compact(members, content, kind.import_key(material), registry=registry)
    except (JoseError, KeyError, TypeError, ValueError) as fault:
        raise Blocked(f"nothing can be encrypted to the published key: {fault}") from fault


def _signed_by_stranger(forge: Forge, members: dict[str, Any]) -> str:
    key = keys.stranger_key(_algorithm(forge))
    return keys.sign(forge.claims, key, {**forge.header, "kid": key["kid"], **members})


def _algorithm(forge: Forge) -> str:
    return str(keys.header_of(forge.token).get("alg", "RS256"))


def _kid(forge: Forge) -> dict[str, Any]:
    return {name: value for name, value in keys.header_of(forge.token).items() if name == "kid"}


def _served(request: Received) -> Reply:
    algorithm, _, form = request.path[1:].rpartition(".")
    if form == "json":
        strangers = [keys.public(keys.stranger_key(algorithm))]
        return Reply(200, json.dumps({"keys": strangers}).encode(), {"content-type": "application/json"})
    certificate = x509.load_der_x509_certificate(_certificate(algorithm))
    return Reply(200, certificate.public_bytes(Encoding.PEM), {"content-type": "application/pem-certificate-chain"})


@cache
def _certificate(algorithm: str) -> bytes:
    """Return a certificate of the stranger's key that this key signed itself, in DER."""
    key: CertificateIssuerPrivateKeyTypes = keys.imported(keys.stranger_key(algorithm)).key
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stranger")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(days=1),
        not_valid_after=now + timedelta(days=365),
    )
    digest = None if isinstance(key, Ed25519PrivateKey) else SHA256()
    return builder.sign(key, digest).public_bytes(Encoding.DER)
