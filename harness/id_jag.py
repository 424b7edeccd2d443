"""ID-JAGs: who may sign them for a target, how one is made, and how one is redeemed.

ID-JAG is the Identity Assertion JWT Authorization Grant, draft-ietf-oauth-identity-assertion-authz-grant, by which MCP
has enterprise-managed authorization: the OpenID provider of a company says who may use what. Nothing is judged here.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from harness import keys, minting
from harness.clients import JWT_BEARER_GRANT
from harness.once import Once
from harness.support import Support
from harness.verdict import Blocked

if TYPE_CHECKING:
    from harness.context import Context
    from harness.exchange import Answer
    from harness.flows import Tokens, Value
    from harness.run import Run, Site
    from harness.scenario import Fault
    from harness.target import OAuthClient

TYPE = "oauth-id-jag+jwt"
PROFILE = "urn:ietf:params:oauth:grant-profile:id-jag"
PROFILES = "authorization_grant_profiles_supported"
UNLOCK = "add [id_jag] with an issuer that the target trusts, and the private key by which it signs"


class KeySigner:
    """Signs whatever it is given with a private JWK, which is asked for when it is first needed."""

    def __init__(self, key: Callable[[], Mapping[str, Any]]) -> None:
        self._key = Once(key)

    def sign(self, header: Mapping[str, Any], claims: Mapping[str, Any], *, alg: str = "", kid: str = "") -> str:
        """Return the compact JWS of these claims under these header members; there is one key, so it takes no other."""
        return keys.sign(claims, self._key.get(), header)

    def seal(self, message: str) -> str:
        """Return the first two parts of a JWS, as they are, with the signature over them."""
        used = keys.imported(self._key.get())
        return f"{message}.{keys.encode_part(used.Algorithm.sign(message.encode(), used.key))}"

    def jwks(self) -> dict[str, Any]:
        """Return the JWK Set with the public key."""
        return {"keys": [keys.public(self._key.get())]}


@dataclass(frozen=True)
class IdentityProvider:
    """An OpenID provider that an authorization server trusts, and in whose name the harness signs.

    Attributes:
        issuer: its issuer identifier.
        subject: a user (`sub`) whom the authorization server knows from it.
        tenant: the tenant that its ID-JAGs name; empty for a provider of one tenant, whose do not.
    """

    issuer: str
    subject: str
    signer: KeySigner = field(repr=False)
    tenant: str = ""


def support(run: Run) -> Support:
    """Tell how a target's support for ID-JAGs shows: by a provider that it is said to trust, or by its metadata."""
    if run.target.home.identity_provider:
        return Support.CONFIGURED
    listed = run.home.metadata.get(PROFILES)
    return Support.ADVERTISED if isinstance(listed, list) and PROFILE in listed else Support.ABSENT


def provider_of(site: Site) -> IdentityProvider:
    """Return the OpenID provider that a site's authorization server trusts.

    Raises:
        Blocked: none is known.
    """
    if site.tenant.identity_provider is None:
        raise Blocked("it is not known whose ID-JAGs the authorization server accepts", UNLOCK)
    return site.tenant.identity_provider


def id_jag(
    ctx: Context,
    row: Fault | None = None,
    *,
    client: OAuthClient | None = None,
    signed_by: IdentityProvider | None = None,
    **claims: Any,
) -> str:
    """Return an ID-JAG for the home authorization server, good but for the row and the claims given.

    Args:
        ctx: the scenario's context.
        row: what is wrong with it.
        client: whom it is for, where that is not the client that is there for the purpose.
        signed_by: in whose name it is issued and signed, where that is not the home's provider.
        claims: claims that differ, as `Fault` has them.
    """
    home = provider_of(ctx.home)
    provider = signed_by or home
    base = {
        "iss": provider.issuer,
        "sub": home.subject,
        "aud": ctx.home.issuer,
        "client_id": (client or ctx.clients.id_jag).client_id,
        **_given(resource=ctx.world.resource, scope=ctx.world.narrow_scope, tenant=home.tenant),
    }
    moment = minting.Moment(ctx.now())
    return minting.mint(provider.signer, base, moment, provider.signer.jwks, row, typ=TYPE, **claims)


def redeem(
    ctx: Context, assertion: str, *, client: OAuthClient | None = None, proof: str = "", **deviations: Value
) -> Answer:
    """Redeem an ID-JAG (section 4.4), with a DPoP proof (RFC 9449 section 5) where one is given."""
    base: dict[str, Value] = {"grant_type": JWT_BEARER_GRANT, "assertion": assertion, **deviations}
    chosen = client or ctx.clients.id_jag
    return _with_proof(ctx, chosen, base, proof) if proof else ctx.token_request(chosen, base)


def _with_proof(ctx: Context, client: OAuthClient, parameters: Mapping[str, Value], proof: str) -> Answer:
    from harness.browser import FORM
    from harness.flows import authentication, pairs

    headers, credentials = authentication(ctx, client, ctx.home)
    headers = {"content-type": FORM, "accept": "application/json", "dpop": proof, **headers}
    content = urlencode(pairs(credentials, parameters))
    return ctx.http.send("POST", ctx.home.endpoint("token"), headers=headers, content=content)


def redeemed(ctx: Context, **claims: Any) -> Tokens:
    """Redeem an ID-JAG that has to work. A failure is `blocked`."""
    from harness.flows import tokens_of

    answer = redeem(ctx, id_jag(ctx, **claims))
    return tokens_of(answer, ctx.clients.id_jag, ctx.home, "redeeming an ID-JAG")


def dpop_proof(ctx: Context, key: Mapping[str, Any]) -> str:
    """Return a DPoP proof for the token endpoint (RFC 9449 section 4.2) by a private JWK."""
    claims = {
        "htm": "POST",
        "htu": ctx.home.endpoint("token"),
        "iat": int(ctx.now()),
        "jti": secrets.token_urlsafe(16),
    }
    return keys.sign(claims, key, {"typ": "dpop+jwt", "kid": None, "jwk": keys.public(key)})


def _given(**claims: str) -> dict[str, str]:
    return {name: value for name, value in claims.items() if value}
