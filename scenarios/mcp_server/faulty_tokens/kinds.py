"""Other JWTs that an issuer signs, or a client, shown as access tokens (RFC 8725 section 3.12)."""

from __future__ import annotations

from typing import Any

from harness import Fault, fault
from harness.forging import Make
from harness.mcp_capability import JWT_PROFILE
from harness.minting import Forge
from harness.run import AGENT

NOT_AN_ACCESS_TOKEN: dict[str, Any] = {"client_id": None, "jti": None, "act": None, "scope": None}
LOGOUT: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}


def _for_its_issuer(**header: str) -> Make:
    """Return what makes a JWT that is meant for the authorization server itself."""

    def make(forge: Forge) -> str:
        return forge.sign({**forge.header, **header}, {**forge.claims, "aud": forge.claims.get("iss")})

    return make


KINDS: tuple[Fault, ...] = (
    fault(
        "an-id-token",
        "rfc8725-3.12-1",
        "rfc9068-4-10",
        header={"typ": "JWT"},
        aud=lambda _: AGENT,
        client_id=None,
        jti=None,
        act=None,
        nonce="n-0S6_WzA2Mj",
        auth_time=0,
        remedy="Check aud and typ, so that an ID token, which the same key signs, does not pass for an access token.",
    ),
    fault(
        "a-logout-token",
        "rfc8725-3.12-1",
        header={"typ": "logout+jwt"},
        **{**NOT_AN_ACCESS_TOKEN, "jti": "logout-1"},
        aud=lambda _: AGENT,
        events=LOGOUT,
        remedy="Check aud and typ, so that a logout token does not pass for an access token.",
    ),
    fault(
        "a-userinfo-response",
        "rfc8725-3.12-1",
        header={"typ": "JWT"},
        **NOT_AN_ACCESS_TOKEN,
        aud=lambda _: AGENT,
        exp=None,
        remedy="Check aud and exp, so that signed userinfo does not pass for an access token.",
    ),
    fault(
        "an-authorization-response",
        "rfc8725-3.12-1",
        header={"typ": "JWT"},
        **NOT_AN_ACCESS_TOKEN,
        aud=lambda _: AGENT,
        sub=None,
        code="assay-code",
        state="assay-state",
        remedy="Check aud and typ: an authorization response can be a JWT too, and travels through the browser.",
    ),
    fault(
        "an-identity-assertion-grant",
        "rfc8725-3.12-1",
        forge=_for_its_issuer(typ="oauth-id-jag+jwt"),
        remedy="Check aud and typ: an ID-JAG is to be exchanged for an access token first.",
    ),
    fault(
        "a-refresh-token-in-a-jwt",
        "rfc8725-3.12-1",
        forge=_for_its_issuer(typ="JWT"),
        remedy="Check aud and typ: a refresh token, which lives long, is for the authorization server only.",
    ),
    fault(
        "an-introspection-response",
        "rfc8725-3.12-1",
        header={"typ": "token-introspection+jwt"},
        **NOT_AN_ACCESS_TOKEN,
        sub=None,
        exp=None,
        token_introspection={"active": True, "sub": "alice"},
        needs={JWT_PROFILE},
        remedy="Check typ and exp: a signed introspection response is made for you, and is no access token.",
    ),
)
