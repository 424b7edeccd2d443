"""Tokens that are wrong in their signature or in how they are written, made of a good one; for `fault(forge=…)`.

Those that `Forge.seal` signs need an issuer of ours; all others can be made of anybody's token.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from harness import keys
from harness.minting import Forge
from harness.verdict import Blocked, NotApplicable

Make = Callable[[Forge], str]
"""What makes a whole token of what a good one is made of."""


# -- without the issuer's key ------------------------------------------------------------------------------------------


def unsecured(alg: str | None, *, signature: bool = False) -> Make:
    """A good token whose header names this `alg`, or none at all; unsigned, or with the signature that it had."""

    def make(forge: Forge) -> str:
        header = {name: value for name, value in {**forge.full_header, "alg": alg}.items() if value is not None}
        kept = forge.token.rpartition(".")[2] if signature else ""
        return f"{keys.encode_part(header)}.{keys.encode_part(forge.claims)}.{kept}"

    return make


def unsecured_at_second_sight(forge: Forge) -> str:
    """An unsigned token whose header names the right algorithm, and then `none` (RFC 7515 section 4)."""
    return f"{keys.encode_part(_repeated(forge.full_header, alg='none'))}.{keys.encode_part(forge.claims)}."


def with_hmac(secret: Callable[[Forge], bytes], alg: str = "HS256") -> Make:
    """A token whose signature is an HMAC with a secret that everybody can guess or look up."""
    return lambda forge: keys.sign_by_hmac(secret(forge), forge.claims, {**forge.full_header, "alg": alg})


def published_key(forge: Forge) -> dict[str, Any]:
    """Return the published JWK that a token names, else the first one.

    Raises:
        Blocked: the issuer publishes none.
    """
    published = forge.jwks().get("keys") or []
    used = next((key for key in published if key.get("kid") == forge.full_header.get("kid")), None)
    if not published:
        raise Blocked("the issuer publishes no key to be confused with")
    return dict(used or published[0])


def as_jwk(forge: Forge) -> bytes:
    """Return the published key as a careless verifier would have it in a string: the JWK."""
    return json.dumps(published_key(forge), separators=(",", ":")).encode()


def as_pem(forge: Forge) -> bytes:
    """Return the published key in PEM, with the line break at its end."""
    return keys.public_bytes(published_key(forge))


def as_pem_trimmed(forge: Forge) -> bytes:
    """Return the published key in PEM, without the line break at its end."""
    return as_pem(forge).strip()


def as_der(forge: Forge) -> bytes:
    """Return the published key in DER."""
    return keys.public_bytes(published_key(forge), "DER")


def as_modulus(forge: Forge) -> bytes:
    """Return the number that the published key mainly is: an RSA key's modulus, or the point of another one's."""
    key = published_key(forge)
    return "".join(str(key.get(name, "")) for name in ("n", "x", "y")).encode()


def as_kid(forge: Forge) -> bytes:
    """Return the key's name."""
    return str(forge.full_header.get("kid", "")).encode()


def with_signature(change: Callable[[bytes], bytes]) -> Make:
    """A good token whose signature was changed."""

    def make(forge: Forge) -> str:
        message, _, signature = forge.token.rpartition(".")
        made = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
        return f"{message}.{keys.encode_part(change(made))}"

    return make


def flipped(signature: bytes) -> bytes:
    """Return a signature with one bit of its first byte changed."""
    return bytes([signature[0] ^ 1]) + signature[1:]


def with_zeros_for_ecdsa(forge: Forge) -> str:
    """A token with ES256 whose signature is zero twice (CVE-2022-21449), under the issuer's own EC key.

    Raises:
        NotApplicable: the issuer publishes no such key.
    """
    curve = [key for key in forge.jwks().get("keys") or () if key.get("crv") == "P-256"]
    if not curve:
        raise NotApplicable("the issuer publishes no key for ES256")
    header = {**forge.full_header, "alg": "ES256", "kid": curve[0].get("kid")}
    return f"{keys.encode_part(header)}.{keys.encode_part(forge.claims)}.{keys.encode_part(bytes(64))}"


def of_a_client(header: Mapping[str, Any], *, embedded: bool = False, **claims: Callable[[Forge], Any]) -> Make:
    """A JWT that a client makes itself, with a key of its own; with `embedded`, the key comes with it as `jwk`."""

    def make(forge: Forge) -> str:
        key = keys.stranger_key(str(forge.full_header.get("alg", "RS256")))
        own = {**header, "kid": key["kid"], **({"jwk": keys.public(key)} if embedded else {})}
        return keys.sign({name: value(forge) for name, value in claims.items()}, key, own)

    return make


def rewritten(change: Callable[[str], str]) -> Make:
    """A good token, as a text that was changed."""
    return lambda forge: change(forge.token)


def with_header_text(header: bytes) -> Make:
    """A good token with something else in the place of its header."""
    return lambda forge: ".".join((keys.encode_part(header), *forge.token.split(".")[1:]))


# -- with an issuer of ours --------------------------------------------------------------------------------------------


def instead(**claims: Callable[[Forge], Any]) -> Make:
    """A token some of whose claims are made of the others."""
    return lambda forge: forge.sign(
        forge.header, {**forge.claims, **{name: make(forge) for name, make in claims.items()}}
    )


def repeating(**claims: Callable[[Forge], Any]) -> Make:
    """A signed token in which claims stand twice: first as they should be, and then with these values."""
    return lambda forge: sealed(forge, _repeated(forge.claims, **{name: make(forge) for name, make in claims.items()}))


def repeating_header(**members: Any) -> Make:
    """A signed token in whose header members stand twice: first as they should be, and then with these values."""
    return lambda forge: forge.seal(
        f"{keys.encode_part(_repeated(forge.full_header, **members))}.{keys.encode_part(forge.claims)}"
    )


def with_payload(payload: Callable[[str], bytes]) -> Make:
    """A signed token whose payload is made of the JSON that it should be."""
    return lambda forge: sealed(forge, payload(_compact(forge.claims)))


def with_literal(claim: str, literal: str) -> Make:
    """A signed token with a claim that is no JSON, such as NaN."""

    def make(forge: Forge) -> str:
        others = {name: value for name, value in forge.claims.items() if name != claim}
        return sealed(forge, f'{_compact(others)[:-1]},"{claim}":{literal}}}'.encode())

    return make


def with_written_payload(write: Callable[[bytes], str]) -> Make:
    """A signed token whose payload is not encoded as it should be. What is encoded shows the difference."""

    def make(forge: Forge) -> str:
        shown = json.dumps({**forge.claims, "note": "?" * 9}, separators=(",", ":")).encode()
        return forge.seal(f"{forge.token.partition('.')[0]}.{write(shown + b' ' * (1 - len(shown) % 3))}")

    return make


def sealed(forge: Forge, payload: bytes) -> str:
    """Return a signed token with the good one's header and any payload."""
    return forge.seal(f"{forge.token.partition('.')[0]}.{keys.encode_part(payload)}")


def in_json(token: str) -> str:
    """Return a token in the flattened JSON serialization (RFC 7515 section 7.2.2)."""
    header, payload, signature = token.split(".")
    return _compact({"payload": payload, "protected": header, "signature": signature})


def padded(token: str) -> str:
    """Return a token whose signature is padded, as other base64 is."""
    return token + "=" * (-len(token.rpartition(".")[2]) % 4)


def within_signature(what: str) -> Make:
    """A good token with something in the middle of its signature."""
    return rewritten(lambda token: re.sub(r"(?<=\.)([^.]{8})([^.]*)$", lambda found: found[1] + what + found[2], token))


def _compact(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))


def _repeated(members: Mapping[str, Any], **more: Any) -> bytes:
    return f"{_compact(members)[:-1]},{_compact(more)[1:]}".encode()
