"""What one mock OpenID provider is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

ALGORITHMS = ("RS256", "ES256")
SCOPES = ("openid", "profile", "email", "groups")
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - a grant's name
GRANT_TYPES = ("authorization_code", TOKEN_EXCHANGE)
ID_JAG = "urn:ietf:params:oauth:token-type:id-jag"
PROMPTS = ("none", "login", "consent", "select_account")
ACR = "0"
"""The authentication context class of every login here: below ISO/IEC 29115 level 1 (OpenID Connect Core section 2)."""


@dataclass(frozen=True)
class Settings:
    """Where the provider lives and whom it serves.

    Attributes:
        base_url: what the issuers begin with: `<base_url>/<tenant>`. Never derived from a request.
        relying_parties: base URLs of authorization servers; each is called back at `<base>/<tenant>/callback`.
        redirect_uris: further redirect URIs, word for word, for a relying party that is called back elsewhere.
        id_token_signed_response_alg: what the relying party registered, one of `ALGORITHMS`.
        access_token_lifetime: seconds that a token works at the userinfo endpoint.
        login_lifetime: seconds that a login page waits for its user.
        session_lifetime: seconds that a browser stays signed in.
        id_jag_lifetime: seconds that an ID-JAG can be redeemed.
    """

    base_url: str
    relying_parties: tuple[str, ...] = ()
    redirect_uris: tuple[str, ...] = ()
    id_token_signed_response_alg: str = ALGORITHMS[0]
    access_token_lifetime: int = 300
    login_lifetime: int = 600
    session_lifetime: int = 8 * 3600
    id_jag_lifetime: int = 300

    def __post_init__(self) -> None:
        """Refuse what could not work.

        Raises:
            ValueError: a URL or the algorithm is unusable; the sentence names it and what is allowed.
        """
        for url in (self.base_url, *self.relying_parties, *self.redirect_uris):
            _require_http_url(url)
        if self.id_token_signed_response_alg not in ALGORITHMS:
            raise ValueError(f"{self.id_token_signed_response_alg!r} is no algorithm of this provider: {ALGORITHMS}.")

    def issuer(self, tenant: str) -> str:
        """Return the issuer identifier of a tenant."""
        return f"{self.base_url.rstrip('/')}/{tenant}"

    def audiences(self, tenant: str) -> frozenset[str]:
        """Return the issuer identifiers of the authorization servers that know a tenant's people."""
        return frozenset(f"{base.rstrip('/')}/{tenant}" for base in self.relying_parties)

    def redirects(self, tenant: str) -> frozenset[str]:
        """Return every redirect URI that is registered at a tenant's issuer."""
        callbacks = {f"{base.rstrip('/')}/{tenant}/callback" for base in self.relying_parties}
        return frozenset(callbacks | set(self.redirect_uris))

    def post_logout_redirects(self, tenant: str) -> frozenset[str]:
        """Return every URI that a browser may be sent to after logout at a tenant's issuer."""
        bases = [base.rstrip("/") for base in self.relying_parties]
        return frozenset(f"{base}{path}" for base in bases for path in ("", "/", f"/{tenant}"))


def _require_http_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.fragment:
        raise ValueError(f"{url!r} cannot be used: give an http or https URL with a host and no fragment.")
