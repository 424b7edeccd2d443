"""The keys at jwks_uri: public, strong, told apart, and there for as long as they are needed (RFC 7517, RFC 8725)."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import Mapping
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from harness import Context, expect, scenario
from harness.capability import JWT_ACCESS_TOKENS, KEY_ROTATION, METADATA
from harness.exchange import Answer
from harness.flows import Tokens
from harness.issuer_keys import issuer_of
from harness.keys import verifies
from harness.verdict import Blocked, Violation

PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv")
SMALLEST_RSA = 2048
KINDS: Mapping[str, type[ECKey | OKPKey | RSAKey]] = {"EC": ECKey, "OKP": OKPKey, "RSA": RSAKey}
"""The kinds of public keys that are judged. Others, such as those of post-quantum signatures, are passed over."""
MATERIAL = ("kty", "crv", "x", "y", "n", "e")
"""What a public key is made of. What else is said of it, such as its use, may be said in words of one's own."""
CURVES = {"P-256", "P-384", "P-521", "secp256k1", "Ed25519", "Ed448", "X25519", "X448"}


@scenario("rfc7517-9.2-1", needs={METADATA})
def only_public_keys_are_published(ctx: Context) -> None:
    """The key set holds public keys only: no private member of a key, and no symmetric one.

    Why: whoever has the private key is the authorization server.
    Remedy: export the public part of each key; keep secrets for HMAC out of the set.
    """
    answer, keys = _published(ctx)
    private = [f"{key.get('kid')!r} with {name}" for key in keys for name in PRIVATE if name in key]
    expect(not private, "public keys only", f"key {'; key '.join(private)}", answer)


@scenario("rfc8725-3.2-1", "rfc8414-2-5", needs={METADATA})
def published_keys_can_be_used(ctx: Context) -> None:
    """Each published key can be read, and an RSA key has 2048 bits at least.

    Why: short keys can be broken, and many libraries give the whole set up for one key that they cannot read.
    Remedy: publish keys as RFC 7518 writes them; make RSA keys of 2048 bits or more.
    """
    answer, keys = _published(ctx)
    for key in keys:
        kind, name = KINDS.get(str(key.get("kty"))), repr(key.get("kid"))
        if kind is None or str(key.get("crv", "P-256")) not in CURVES:
            continue
        try:
            bits = _bits(key)
            expect(bits >= SMALLEST_RSA, f"{SMALLEST_RSA} bits in RSA keys", f"key {name} has {bits}", answer)
            kind.import_key({member: key[member] for member in MATERIAL if member in key})
        except (JoseError, KeyError, TypeError, ValueError) as fault:
            raise Violation("keys that can be read", f"key {name} cannot: {fault}", answer.exchange) from fault


@scenario("rfc7517-4.5-1", needs={METADATA})
def keys_have_names_of_their_own(ctx: Context) -> None:
    """No two keys of one kind that say their kid say the same.

    Why: resource servers look the key of a token up by its kid.
    Remedy: name keys by their thumbprint (RFC 7638), or by anything else that no other key has.
    """
    answer, keys = _published(ctx)
    named = Counter((str(key.get("kty")), str(key["kid"])) for key in keys if "kid" in key)
    shared = sorted(name for (_, name), count in named.items() if count > 1)
    expect(not shared, "keys with different kid", f"several keys are called {', '.join(shared)}", answer)


@scenario("openid-core-10.1.1-1", needs={KEY_ROTATION, JWT_ACCESS_TOKENS})
def keys_change_without_an_outage(ctx: Context) -> None:
    """When the signing keys change, tokens from before still verify, and new ones verify at once.

    Why: resource servers verify with what is published; a key that goes too early, or comes too late, is an outage.
    Remedy: publish a new key before you sign with it, and an old one until the last token that it signed has expired.
    """
    before = ctx.grant()
    issuer_of(ctx).rotate_keys()
    after = ctx.grant()
    if before.header.get("kid") == after.header.get("kid"):
        raise Blocked("the keys were to change, and the next token was signed with the same one")
    for when, tokens in (("before", before), ("after", after)):
        expect(_verifies(ctx, tokens), f"the token from {when} the change to verify", "no key verifies it")


def _published(ctx: Context) -> tuple[Answer, list[dict[str, Any]]]:
    """Return the key set and the keys in it; not applicable where none is published."""
    url = ctx.metadata.get("jwks_uri")
    ctx.require(isinstance(url, str) and url, "no jwks_uri is published")
    answer = ctx.http.send("GET", str(url), headers={"accept": "application/json"})
    listed = answer.json.get("keys")
    if answer.status != 200 or not isinstance(listed, list):
        raise Blocked(f"the keys could not be fetched: {answer.summary()}", exchange=answer.exchange)
    keys = [key for key in listed if isinstance(key, dict)]
    ctx.require(keys, "the key set is empty: nothing is signed here")
    return answer, keys


def _bits(key: Mapping[str, Any]) -> int:
    """Return the length of an RSA key, before a library warns of it; keys of other kinds are long enough."""
    if key.get("kty") != "RSA":
        return SMALLEST_RSA
    modulus = str(key["n"])
    return int.from_bytes(urlsafe_b64decode(f"{modulus}{'=' * (-len(modulus) % 4)}")).bit_length()


def _verifies(ctx: Context, tokens: Tokens) -> bool:
    return verifies(tokens.access_token, _published(ctx)[1])
