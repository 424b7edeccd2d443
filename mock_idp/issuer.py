"""One tenant's issuer: who its clients are, its keys, and what it must remember."""

from __future__ import annotations

from dataclasses import dataclass, field

from fixtures.service.clock import Clock
from fixtures.service.keys import KeyRing
from fixtures.service.surroundings import Surroundings
from fixtures.world import Tenant, User
from mock_idp.settings import ALGORITHMS, Settings
from mock_idp.store import Store


@dataclass(frozen=True)
class RelyingParty:
    """A client of this provider.

    Attributes:
        agent: the client that it is at the authorization servers of others; empty for one that gets no ID-JAGs.
    """

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: frozenset[str]
    post_logout_redirect_uris: frozenset[str]
    id_token_signed_response_alg: str
    agent: str = ""


@dataclass(frozen=True)
class Session:
    """A browser that is signed in.

    Attributes:
        auth_time: since when, in seconds since the epoch.
        amr: how it was done (RFC 8176).
        csrf: what a form of a page for this session must bring back.
    """

    sub: str
    auth_time: int
    amr: tuple[str, ...]
    csrf: str = field(repr=False)
    expires_at: float


@dataclass(frozen=True)
class AuthorizationRequest:
    """A valid authentication request (OpenID Connect Core section 3.1.2.1).

    Attributes:
        max_age: the oldest login that will do, in seconds.
        login_hint: whom the relying party means, by `sub` or e-mail address.
        expected_sub: the only user that may be answered with, from `id_token_hint`.
    """

    client_id: str
    redirect_uri: str
    state: str | None
    nonce: str | None
    scope: tuple[str, ...]
    code_challenge: str
    prompt: frozenset[str]
    max_age: int | None
    login_hint: str | None
    expected_sub: str | None


@dataclass(frozen=True)
class PendingLogin:
    """A login page that waits for its user; `browser` and `csrf` must come back with the choice."""

    request: AuthorizationRequest
    browser: str
    csrf: str = field(repr=False)
    expires_at: float


@dataclass
class AuthorizationCode:
    """What a code stands for; `access_token` is the one that was issued for it, once it is spent."""

    request: AuthorizationRequest
    session: Session
    expires_at: float
    spent: bool = False
    access_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class AccessToken:
    """What an opaque access token allows: to ask the userinfo endpoint about one user."""

    sub: str
    scope: tuple[str, ...]
    expires_at: float


class Issuer:
    """The state of one tenant; nothing of it is shared with another tenant.

    Attributes:
        client: the authorization server that people sign in to: the one under test, or the sandbox's own.
        clients: all clients by identifier, an application that exchanges ID tokens for ID-JAGs among them.
    """

    def __init__(self, tenant: Tenant, settings: Settings, surroundings: Surroundings) -> None:
        self.tenant = tenant
        self.settings = settings
        self.url = settings.issuer(tenant.id)
        self.clock: Clock = surroundings.clock
        self.lifetimes = surroundings.world.lifetimes
        self.client = _relying_party(tenant, settings, surroundings)
        self.clients = {client.client_id: client for client in (self.client, *_applications(settings, surroundings))}
        self.keys = KeyRing(self.clock, ALGORITHMS, retention=self.lifetimes.signing_key_retention)
        self.sessions: Store[Session] = Store(self.clock)
        self.logins: Store[PendingLogin] = Store(self.clock)
        self.codes: Store[AuthorizationCode] = Store(self.clock)
        self.access_tokens: Store[AccessToken] = Store(self.clock)

    def user(self, hint: str | None) -> User | None:
        """Return the user of this tenant with that `sub` or e-mail address."""
        if hint is None:
            return None
        users = self.tenant.users
        return users.get(hint) or next((user for user in users.values() if user.email == hint), None)

    def reset(self) -> None:
        """Forget all sessions, pages, codes and tokens. Keys stay, as relying parties have cached them."""
        for store in (self.sessions, self.logins, self.codes, self.access_tokens):
            store.clear()


def _relying_party(tenant: Tenant, settings: Settings, surroundings: Surroundings) -> RelyingParty:
    return RelyingParty(
        client_id=surroundings.world.federation["client_id"],
        client_secret=surroundings.world.federation["client_secret"],
        redirect_uris=settings.redirects(tenant.id),
        post_logout_redirect_uris=settings.post_logout_redirects(tenant.id),
        id_token_signed_response_alg=settings.id_token_signed_response_alg,
    )


def _applications(settings: Settings, surroundings: Surroundings) -> list[RelyingParty]:
    application = surroundings.world.enterprise
    if not application:
        return []
    return [
        RelyingParty(
            client_id=application["client_id"],
            client_secret=application["client_secret"],
            redirect_uris=frozenset({application["redirect_uri"]}),
            post_logout_redirect_uris=frozenset(),
            id_token_signed_response_alg=settings.id_token_signed_response_alg,
            agent=application["agent"],
        )
    ]
