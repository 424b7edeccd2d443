"""The life of tokens, in any order: issued, raced for, refreshed, exchanged, revoked, outlived.

Two users of two clients at two tenants take part in it, as far as the target has them.
"""

from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import precondition

from harness import Context, expect, expect_no_token, expect_no_wider_scope, explore, granted_scope, scenario
from harness.at_once import together
from harness.capability import (
    CLOCK,
    INTROSPECTION,
    LIMITED_USER,
    REFRESH_TOKENS,
    REVOCATION,
    SCOPES,
    SECOND_CLIENT,
    TENANTS,
    TOKEN_EXCHANGE,
)
from harness.exchange import Answer
from harness.flows import Tokens
from harness.keys import claims_of
from harness.property import Machine, step
from harness.run import Site
from harness.target import OAuthClient
from harness.verdict import Violation
from scenarios.authorization_server.access_token import claims_profile
from scenarios.authorization_server.races import has_a_grace, is_token_response, token_responses

RUNS, STEPS, FAMILIES = 8, 12, 3
RACERS = 3
JUDGED = ("oauth21-4.3-1", "oauth21-4.3.1-1", "oauth21-4.3.1-3", "oauth21-4.3.1-4")
LEEWAY = 300.0
PICK = st.integers(0, 31)
WAITS = st.sampled_from((60.0, 1_500.0))
FIRST, LIMITED = "the first user", "the limited user"
OWN, OTHER_CLIENT, OTHER_TENANT = "its own client", "another client", "a client of another tenant"
WHO = st.sampled_from((OWN, OWN, OTHER_CLIENT, OTHER_TENANT))


@dataclass(eq=False)
class AccessToken:
    """An access token, what it may be worth at most, and whether it was seen to be over.

    One that was got by exchange may be for a service of which the caller at introspection is told nothing.
    """

    value: str = field(repr=False)
    scope: str
    site: Site
    ends: float
    exchanged: bool
    dead: bool = False


@dataclass(eq=False)
class Family:
    """A grant: its newest refresh token, those before it, the user, and whether it was seen to be over."""

    newest: Tokens = field(repr=False)
    scope: str
    user: str
    before: list[str] = field(default_factory=list, repr=False)
    dead: bool = False


def _rotated_twice(family: Family) -> bool:
    return len(family.before) > 1


class Lifecycle(Machine):
    """Rules that a client could follow, and what must hold whatever came before.

    Attributes:
        once: whether a refresh token works once; where there is a grace for a retry, older ones may go on working.
    """

    once: ClassVar[bool]

    def __init__(self) -> None:
        super().__init__()
        self.families: list[Family] = []
        self.access_tokens: list[AccessToken] = []
        self.users: dict[tuple[str, str], str] = {}

    @precondition(lambda self: len(self.families) < FAMILIES)
    @step(wide=st.booleans(), elsewhere=st.booleans(), second=st.booleans(), limited=st.booleans())
    def issue(self, wide: bool, elsewhere: bool, second: bool, limited: bool) -> None:
        """One of two users grants one of two clients something, at this tenant or at the other one."""
        if elsewhere and self.ctx.offers(TENANTS):
            self._issue(wide=False, at=self.ctx.other)
        else:
            limited = limited and self.ctx.offers(LIMITED_USER)
            second = second and self.ctx.offers(SECOND_CLIENT)
            self._issue(wide=wide and not limited and not second, at=self.ctx.home, second=second, limited=limited)

    @step(pick=PICK, wide=st.booleans(), who=WHO)
    def refresh(self, pick: int, wide: bool, who: str) -> None:
        """A client refreshes and asks for little or for much; perhaps it is the wrong one, or at the wrong tenant."""
        family = self._family(pick)
        stranger = self._stranger(who, family)
        if stranger:
            site, client = stranger
            expect_no_token(self.ctx.refresh(family.newest, at=site, client=client), what=f"a refresh by {who}")
        elif family.dead:
            expect_no_token(self.ctx.refresh(family.newest), what="a refresh of a dead grant")
        else:
            answer = self.ctx.refresh(family.newest, scope=self._scope(wide=wide))
            if self._within(answer, family.scope, family.newest.site):
                self._rotate(family, answer)

    @precondition(lambda self: self.once and any(map(_rotated_twice, self.families)))
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
        site = self._other_than(token.site) if elsewhere and self.ctx.offers(TENANTS) else token.site
        if not site.can_have("exchanger"):
            return
        if site is not token.site:
            expect_no_token(self._exchange(token, site), what="the exchange of another tenant's token")
        elif self._over(token):
            expect_no_token(self._exchange(token, site), what="the exchange of a dead token")
        else:
            self._judge_exchanged(token, self._exchange(token, site, self._scope(wide=wide)))

    @precondition(lambda self: self.ctx.offers(REVOCATION))
    @step(pick=PICK)
    def revoke(self, pick: int) -> None:
        """A client ends a grant."""
        family = self._family(pick)
        newest = family.newest
        answer = self.ctx.revoke(newest.refresh_token, client=newest.client, at=newest.site)
        family.dead = family.dead or answer.status == 200  # some clients may not revoke

    @precondition(lambda self: self.ctx.offers(INTROSPECTION))
    @step(pick=PICK)
    def introspect(self, pick: int) -> None:
        """A resource server asks; who was dead once is never alive again."""
        token = self._access_token(pick)
        if not token.site.can_have("resource_server"):
            return
        answer = self.ctx.introspect(token.value, at=token.site)
        active = answer.json.get("active")
        if self._over(token):
            expect(active is not True, "the dead token to be inactive", "active was True", answer)
        token.dead = token.dead or (active is False and not token.exchanged)

    def _issue(self, *, wide: bool, at: Site, second: bool = False, limited: bool = False) -> None:
        scope = self._scope(wide=wide)
        client = at.clients.second if second else at.clients.first
        login = self.ctx.target.limited_login if limited else None
        tokens = self.ctx.refreshable(at=at, scope=scope, client=client, login=login)
        self._begin(tokens, scope, LIMITED if limited else FIRST)

    def _begin(self, tokens: Tokens, scope: str, user: str) -> None:
        """Remember a new grant."""
        whole = f"{scope} {tokens.scope}"
        self.families.append(Family(tokens, whole, user))
        self._expect_of_user(tokens.answer, tokens.site, user)
        self._keep(tokens.answer, whole, tokens.site)

    def _rotate(self, family: Family, answer: Answer) -> None:
        self._expect_of_user(answer, family.newest.site, family.user)
        if answer.json.get("refresh_token") not in (None, family.newest.refresh_token):
            family.before.append(family.newest.refresh_token)
            family.newest = Tokens(answer, family.newest.client, family.newest.site)

    def _expect_of_user(self, answer: Answer, site: Site, user: str) -> None:
        """Judge that the access token is of nobody but this user, as far as it says whose it is."""
        subject = claims_of(str(answer.json.get("access_token"))).get("sub")
        if isinstance(subject, str):
            owner = self.users.setdefault((site.issuer, subject), user)
            expect(owner == user, f"a token of {user}", f"sub was that of {owner}", answer)

    def _within(self, answer: Answer, scope: str, site: Site) -> bool:
        """Tell whether a token was issued; it has no more than this scope."""
        expect_no_wider_scope(answer, than=scope)
        if answer.status == 200:
            self._keep(answer, scope, site)
        return answer.status == 200

    def _judge_exchanged(self, token: AccessToken, answer: Answer) -> None:
        """Judge what was got for a token; that it has no more scope is no more than advice (RFC 8693 section 5)."""
        try:
            expect_no_wider_scope(answer, than=token.scope)
        except Violation as found:
            answer.warn(found.expected, found.actual)
        if answer.status == 200:
            self._keep(answer, token.scope, token.site, exchanged=True)

    def _keep(self, answer: Answer, scope: str, site: Site, *, exchanged: bool = False) -> None:
        """Remember an access token, which is of this site's issuer, and has this scope where it does not say itself."""
        tokens = Tokens(answer, site.clients.first, site)
        if claims_profile(self.ctx, tokens):  # what iss of another JWT means is up to the server
            issuer = tokens.claims.get("iss", site.issuer)
            expect(issuer == site.issuer, f"a token of {site.issuer}", f"iss was {issuer!r}", answer)
        lifetime = answer.json.get("expires_in")
        ends = self.ctx.now() + lifetime if isinstance(lifetime, int | float) else float("inf")
        held = " ".join(sorted(granted_scope(answer) or ()))
        self.access_tokens.append(AccessToken(tokens.access_token, held or scope, site, ends, exchanged))

    def _exchange(self, token: AccessToken, site: Site, scope: str | None = None) -> Answer:
        return self.ctx.exchange(self.families[0].newest, at=site, subject_token=token.value, scope=scope)

    def _over(self, token: AccessToken) -> bool:
        return token.dead or self.ctx.now() > token.ends + LEEWAY

    def _other_than(self, site: Site) -> Site:
        return self.ctx.other if site is self.ctx.home else self.ctx.home

    def _stranger(self, who: str, family: Family) -> tuple[Site, OAuthClient] | None:
        """Return where and as whom somebody refreshes who may not; None for the rightful client."""
        site = family.newest.site
        if who == OTHER_TENANT and self.ctx.offers(TENANTS):
            return self._other_than(site), self._other_than(site).clients.first
        if who == OTHER_CLIENT and site is self.ctx.home and self.ctx.offers(SECOND_CLIENT):
            both = (site.clients.first, site.clients.second)
            return site, both[family.newest.client.client_id == both[0].client_id]
        return None

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


class Rivalry(Lifecycle):
    """The same while time passes, and with rivals at the same instant: how their race ends is chance elsewhere."""

    @precondition(lambda self: len(self.families) < FAMILIES)
    @step(wide=st.booleans())
    def race_for_a_code(self, wide: bool) -> None:
        """A client and a thief redeem a code at the same instant; one of them at most gets tokens."""
        scope = self._scope(wide=wide)
        granted = self.ctx.authorize(scope=scope)
        winners = token_responses(together(self.ctx, [partial(self.ctx.redeem, granted)] * RACERS))
        if winners:
            actual = f"{len(winners)} requests at the same instant were answered with tokens of their own"
            expect(len(winners) == 1, "one token response for one code at most", actual, winners[-1])
            self._begin(Tokens(winners[0], granted.client, granted.site), scope, FIRST)

    @precondition(lambda self: self.once)
    @step(pick=PICK)
    def race_for_a_refresh(self, pick: int) -> None:
        """A client and a thief refresh at the same instant; one of them at most has a refresh token that works."""
        family = self._family(pick)
        answers = together(self.ctx, [partial(self.ctx.refresh, family.newest)] * RACERS)
        winners = token_responses(answers)
        if family.dead and winners:
            expect_no_token(winners[0], what="a refresh of a dead grant")
        for answer in winners:
            self._within(answer, family.scope, family.newest.site)
            self._rotate(family, answer)
        if len(winners) > 1:
            heirs = [Tokens(answer, family.newest.client, family.newest.site) for answer in winners]
            alive = sum(is_token_response(self.ctx.refresh(heir)) for heir in heirs)
            expect(alive <= 1, "one refresh token that works at most", f"{alive} of {len(heirs)} work", winners[-1])

    @step(seconds=WAITS)
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.ctx.clock.advance(seconds)


@scenario(*JUDGED, needs={REFRESH_TOKENS}, cost=RUNS * STEPS)
def no_order_of_requests_gives_more(ctx: Context) -> None:
    """In whatever order tokens are used, and by whom: no scope grows, nothing crosses over, and the dead stay dead.

    Why: each endpoint may be right by itself, and a detour through three of them may still lead too far.
    Remedy: read the steps of the failing sequence; the last one gave what an earlier one had ruled out.
    """
    _live(ctx, Lifecycle)


@scenario(*JUDGED, needs={REFRESH_TOKENS, CLOCK}, cost=RUNS * STEPS)
def no_order_of_events_gives_more(ctx: Context) -> None:
    """The same holds while time passes: what has expired gives nothing, in whichever way it is tried.

    Remedy: read the steps of the failing sequence; compare the end of a token with the clock wherever it is used.
    """
    _live(ctx, Rivalry)


def _live(ctx: Context, machine: type[Lifecycle]) -> None:
    ctx.require(ctx.home.tenant.login.method != "manual", "the login is done by a person, who would have to do many")
    once = ctx.clients.first.public and not has_a_grace(ctx)
    ctx.evidence.back_to(())  # how that was found out is no part of any sequence
    explore(ctx, machine, runs=RUNS, steps=STEPS, once=once)
