"""The life of tokens, in any order: issued, refreshed, exchanged, revoked, outlived."""

from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import precondition

from harness import Context, expect, expect_no_token, expect_no_wider_scope, explore, granted_scope, scenario
from harness.capability import CLOCK, INTROSPECTION, REFRESH_TOKENS, REVOCATION, SCOPES, TENANTS, TOKEN_EXCHANGE
from harness.exchange import Answer
from harness.flows import Tokens
from harness.property import Machine, step
from harness.run import Site

RUNS, STEPS, FAMILIES = 8, 12, 3
LEEWAY = 300.0
PICK = st.integers(0, 31)
WAITS = st.sampled_from((60.0, 1_500.0))


@dataclass(eq=False)
class AccessToken:
    """An access token, what it may be worth at most, and whether it was seen to be over."""

    value: str = field(repr=False)
    scope: str
    site: Site
    ends: float
    dead: bool = False


@dataclass(eq=False)
class Family:
    """A grant: its newest refresh token, those before it, and whether it was seen to be over."""

    newest: Tokens = field(repr=False)
    scope: str
    before: list[str] = field(default_factory=list, repr=False)
    dead: bool = False


def _rotated_twice(family: Family) -> bool:
    return len(family.before) > 1


class Lifecycle(Machine):
    """Rules that a client could follow, and what must hold whatever came before."""

    def __init__(self) -> None:
        super().__init__()
        self.families: list[Family] = []
        self.access_tokens: list[AccessToken] = []

    @precondition(lambda self: len(self.families) < FAMILIES)
    @step(wide=st.booleans(), elsewhere=st.booleans())
    def issue(self, wide: bool, elsewhere: bool) -> None:
        """A user grants something, at this tenant or at the other one."""
        self._issue(wide=wide, at=self.ctx.other if elsewhere and self.ctx.offers(TENANTS) else self.ctx.home)

    @step(pick=PICK, wide=st.booleans(), elsewhere=st.booleans())
    def refresh(self, pick: int, wide: bool, elsewhere: bool) -> None:
        """A client refreshes, asks for little or for much, and perhaps at the wrong tenant."""
        family = self._family(pick)
        if elsewhere and self.ctx.offers(TENANTS):
            site = self._other_than(family.newest.site)
            answer = self.ctx.refresh(family.newest, at=site, client=site.clients.first)
            expect_no_token(answer, what="a refresh at another tenant")
        elif family.dead:
            expect_no_token(self.ctx.refresh(family.newest), what="a refresh of a dead grant")
        else:
            answer = self.ctx.refresh(family.newest, scope=self._scope(wide=wide))
            if self._within(answer, family.scope, family.newest.site):
                self._rotate(family, answer)

    @precondition(lambda self: self.ctx.clients.first.public and any(map(_rotated_twice, self.families)))
    @step(pick=PICK)
    def replay(self, pick: int) -> None:
        """A thief comes with a refresh token that was rotated at least twice since; that ends the grant."""
        rotated = list(filter(_rotated_twice, self.families))
        family = rotated[pick % len(rotated)]
        stolen = family.before[pick % (len(family.before) - 1)]
        expect_no_token(self.ctx.refresh(family.newest, refresh_token=stolen), what="the replay of a refresh token")
        family.dead = True

    @precondition(lambda self: self.ctx.offers(TOKEN_EXCHANGE))
    @step(pick=PICK, wide=st.booleans(), elsewhere=st.booleans())
    def exchange(self, pick: int, wide: bool, elsewhere: bool) -> None:
        """An agent exchanges an access token, asks for little or for much, and perhaps at the wrong tenant."""
        token = self._access_token(pick)
        if elsewhere and self.ctx.offers(TENANTS):
            answer = self._exchange(token, self._other_than(token.site))
            expect_no_token(answer, what="the exchange of another tenant's token")
        elif self._over(token):
            expect_no_token(self._exchange(token, token.site), what="the exchange of a dead token")
        else:
            answer = self._exchange(token, token.site, self._scope(wide=wide))
            self._within(answer, token.scope, token.site)

    @precondition(lambda self: self.ctx.offers(REVOCATION))
    @step(pick=PICK)
    def revoke(self, pick: int) -> None:
        """A client ends a grant."""
        family = self._family(pick)
        self.ctx.revoked(family.newest)
        family.dead = True

    @step(seconds=WAITS)
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.ctx.clock.advance(seconds)

    @precondition(lambda self: self.ctx.offers(INTROSPECTION))
    @step(pick=PICK)
    def introspect(self, pick: int) -> None:
        """A resource server asks; who was dead once is never alive again."""
        token = self._access_token(pick)
        answer = self.ctx.introspect(token.value, at=token.site)
        active = answer.json.get("active")
        if self._over(token):
            expect(active is not True, "the dead token to be inactive", "active was True", answer)
        token.dead = token.dead or active is False

    def _issue(self, *, wide: bool, at: Site) -> None:
        scope = self._scope(wide=wide)
        tokens = self.ctx.refreshable(at=at, scope=scope)
        whole = f"{scope} {tokens.scope}"
        self.families.append(Family(tokens, whole))
        self._keep(tokens.answer, whole, at)

    def _rotate(self, family: Family, answer: Answer) -> None:
        if answer.json.get("refresh_token") not in (None, family.newest.refresh_token):
            family.before.append(family.newest.refresh_token)
            family.newest = Tokens(answer, family.newest.client, family.newest.site)

    def _within(self, answer: Answer, scope: str, site: Site) -> bool:
        """Tell whether a token was issued; it has no more than this scope."""
        expect_no_wider_scope(answer, than=scope)
        if answer.status == 200:
            self._keep(answer, scope, site)
        return answer.status == 200

    def _keep(self, answer: Answer, scope: str, site: Site) -> None:
        """Remember an access token, which is of this site's issuer, and has this scope where it does not say itself."""
        tokens = Tokens(answer, site.clients.first, site)
        issuer = tokens.claims.get("iss", site.issuer)
        expect(issuer == site.issuer, f"a token of {site.issuer}", f"iss was {issuer!r}", answer)
        lifetime = answer.json.get("expires_in")
        ends = self.ctx.now() + lifetime if isinstance(lifetime, int | float) else float("inf")
        held = " ".join(sorted(granted_scope(answer) or ()))
        self.access_tokens.append(AccessToken(tokens.access_token, held or scope, site, ends))

    def _exchange(self, token: AccessToken, site: Site, scope: str | None = None) -> Answer:
        return self.ctx.exchange(self.families[0].newest, at=site, subject_token=token.value, scope=scope)

    def _over(self, token: AccessToken) -> bool:
        return token.dead or self.ctx.now() > token.ends + LEEWAY

    def _other_than(self, site: Site) -> Site:
        return self.ctx.other if site is self.ctx.home else self.ctx.home

    def _family(self, pick: int) -> Family:
        if not self.families:
            self._issue(wide=False, at=self.ctx.home)
        return self.families[pick % len(self.families)]

    def _access_token(self, pick: int) -> AccessToken:
        self._family(pick)
        return self.access_tokens[pick % len(self.access_tokens)]

    def _scope(self, *, wide: bool) -> str:
        world = self.ctx.world
        return world.wide_scope if wide and self.ctx.offers(SCOPES) else world.narrow_scope


@scenario("oauth21-4.3.1-1", "oauth21-4.3.1-3", needs={REFRESH_TOKENS, CLOCK}, cost=RUNS * STEPS)
def no_order_of_events_gives_more(ctx: Context) -> None:
    """In whatever order tokens are used: no scope grows, no tenant is crossed, and the dead stay dead.

    Why: each endpoint may be right by itself, and a detour through three of them may still lead too far.
    Remedy: read the steps of the failing sequence; the last one gave what an earlier one had ruled out.
    """
    explore(ctx, Lifecycle, runs=RUNS, steps=STEPS)
