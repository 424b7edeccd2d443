"""Tokens for an MCP server that trusts an issuer of ours: a good one, and ones with exactly one fault."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn

from harness import keys
from harness.once import Once
from harness.scenario import Fault
from harness.target import TokenSigner
from harness.verdict import Blocked, NotApplicable

TIMES = ("exp", "iat", "nbf", "auth_time")
LIFETIME = 300


@dataclass(frozen=True)
class Moment:
    """When a token is minted: seconds since the epoch, and the seconds that the server may add to a token's times."""

    now: float
    leeway: int = 0


@dataclass(frozen=True)
class Beyond:
    """A time that is so many seconds before (negative) or after now, and the server's leeway further off.

    `write` makes the claim of it, where that is not the number itself.
    """

    seconds: int
    write: Callable[[int], Any] = int

    def at(self, moment: Moment) -> Any:
        """Return the claim of a token that is minted now."""
        away = moment.leeway if self.seconds > 0 else -moment.leeway
        return self.write(int(moment.now) + self.seconds + away)


@dataclass(frozen=True)
class Exactly:
    """A value as it stands: None is null in JSON, and a time is not counted from now."""

    value: Any


@dataclass(frozen=True)
class Forge:
    """What a token is made from when changing claims or header members is not enough.

    Attributes:
        header: the JOSE header of the good token, without alg and kid.
        claims: the claims of the good token.
        sign: signs header and claims with the issuer's key.
        jwks: fetches the issuer's published keys.
        seal: signs any two parts of a JWS with the issuer's key, as `TokenSigner.seal` does.
    """

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    sign: Callable[[Mapping[str, Any], Mapping[str, Any]], str] = field(repr=False)
    jwks: Callable[[], dict[str, Any]] = field(repr=False)
    seal: Callable[[str], str] = field(default=lambda _message: _only_ours(), repr=False)
    _token: Once[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # No cached_property: before Python 3.12, all threads would wait for each other's tokens.
        object.__setattr__(self, "_token", Once(partial(self.sign, self.header, self.claims)))

    @property
    def token(self) -> str:
        """The good token."""
        return self._token.get()

    @property
    def full_header(self) -> dict[str, Any]:
        """The header of the good token, with alg and kid."""
        return keys.header_of(self.token)


def mint(
    signer: TokenSigner,
    base: Mapping[str, Any],
    moment: Moment,
    jwks: Callable[[], dict[str, Any]],
    fault: Fault | None = None,
    *,
    alg: str = "",
    kid: str = "",
    typ: str = "at+jwt",
    **claims: Any,
) -> str:
    """Return a signed access token (RFC 9068), good but for the fault and the claims given.

    `alg` and `kid` say what it is signed with, as `TokenSigner.sign` has them; `typ` is for another kind of JWT. Times
    are seconds from now; None removes a claim or header member; a callable is handed the good value.
    """
    good = {"exp": LIFETIME, "iat": 0, "jti": secrets.token_urlsafe(12), **base}
    changed = _changed(_changed(good, claims), fault.claims if fault else {})
    header = _changed({"typ": typ}, fault.header if fault else {})
    present = {name: _settled(name, value, moment) for name, value in changed.items()}
    settled = {name: _settled(name, value, moment) for name, value in header.items()}
    forge = Forge(settled, present, partial(signer.sign, alg=alg, kid=kid), jwks, signer.seal)
    return fault.forge(forge) if fault and fault.forge else forge.token


def genuine(token: str, jwks: Callable[[], dict[str, Any]]) -> Forge:
    """Return what a token of the issuer's own is forged from; whatever is asked, what was signed is this token."""
    return Forge(keys.header_of(token), keys.claims_of(token), lambda _header, _claims: token, jwks)


def unsigned(forge: Forge) -> str:
    """An unsecured JWT: `alg` is none and the signature empty, under a kid that is known (RFC 8725 section 3.1)."""
    header = {**forge.full_header, **forge.header, "alg": "none"}
    return f"{keys.encode_part(header)}.{keys.encode_part(forge.claims)}."


def altered(forge: Forge, **claims: Any) -> str:
    """A good token whose payload was changed after it was signed."""
    header, _, signature = forge.token.split(".")
    return ".".join((header, keys.encode_part({**forge.claims, **claims}), signature))


def living_longer(forge: Forge) -> str:
    """A good token whose end was put off after it was signed."""
    end = forge.claims.get("exp")
    return altered(forge, exp=(end if isinstance(end, int | float) else 0) + 60)


def signed_by_stranger(forge: Forge) -> str:
    """A token that names the issuer's key and is signed with another one."""
    real = keys.header_of(forge.token)
    key = keys.stranger_key(str(real.get("alg", "RS256")))
    return keys.sign(forge.claims, key, {**forge.header, "kid": real.get("kid")})


def signed_with_public_key(forge: Forge) -> str:
    """A token with HS256 whose secret is the issuer's published RSA or EC key, as PEM (RFC 8725 section 2.1)."""
    real = keys.header_of(forge.token)
    published = forge.jwks().get("keys") or []
    used = next((key for key in published if key.get("kid") == real.get("kid")), published[0] if published else None)
    if used is None:
        raise Blocked("the issuer publishes no key to be confused with")
    return keys.hmac_with_public_key(used, forge.claims, {**forge.header, "kid": real.get("kid")})


def without_signature(forge: Forge) -> str:
    """A good token whose signature was taken away; its header still names an algorithm."""
    return f"{forge.token.rpartition('.')[0]}."


def signed_with_own_key(*, kid: str = "", embedded: bool = False) -> Callable[[Forge], str]:
    """Return a forge that signs with a key which the issuer does not publish, under a kid that it does not publish.

    Args:
        kid: what the token calls the key; its thumbprint without it.
        embedded: whether the public key comes with the token, as the header member `jwk` (RFC 7515 section 4.1.3).
    """

    def forge_with_own_key(forge: Forge) -> str:
        key = keys.stranger_key(str(keys.header_of(forge.token).get("alg", "RS256")))
        own = {"kid": kid or key["kid"], **({"jwk": keys.public(key)} if embedded else {})}
        return keys.sign(forge.claims, key, {**forge.header, **own})

    return forge_with_own_key


def altering(**claims: Any) -> Callable[[Forge], str]:
    """Return a forge for `fault(forge=…)` that changes claims after signing."""
    return partial(altered, **claims)


def _only_ours() -> NoReturn:
    raise NotApplicable("only an issuer of ours signs whatever it is given")


def _settled(name: str, value: Any, moment: Moment) -> Any:
    if isinstance(value, Exactly):
        return value.value
    if isinstance(value, Beyond):
        return value.at(moment)
    relative = name in TIMES and isinstance(value, (int, float)) and not isinstance(value, bool)
    return value + int(moment.now) if relative else value


def _changed(good: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**good, **{name: value(good.get(name)) if callable(value) else value for name, value in changes.items()}}
    return {name: value for name, value in merged.items() if value is not None}
