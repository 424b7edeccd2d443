"""The life of tokens at the MCP server, in any order: minted, used, too narrow, stepped up, revoked, outlived."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition

from harness import Context, expect_not_called, explore, scenario
from harness.capability import CLOCK
from harness.exchange import Answer
from harness.mcp_calls import McpConnection, open_session
from harness.mcp_capability import MCP_TENANTS, REVOCATION_PROMISED, SCOPED_TOOLS
from harness.property import Machine, step
from harness.run import Site
from harness.target import Tool
from harness.verdict import Blocked

RUNS, RUNS_IN_TIME, STEPS, TOKENS = 5, 3, 12, 4
PICK = st.integers(0, 31)
WAYS = st.sampled_from(("plain", "plain", "astray", "session"))
WAITS = st.sampled_from((60, 1_500))
BRIEF, LONG = 900, 7_200
NEAR_THE_END = 60
FORGOTTEN = 600
"""A server may go by what it was told of a token a short while ago (RFC 7662 section 4); this long is not short."""


@dataclass(eq=False)
class Held:
    """A token of one of the two users, and what the MCP server can know of it; times are the target's."""

    value: str = field(repr=False)
    site: Site
    scopes: frozenset[str]
    ends: float
    used: float | None = None
    revoked: float | None = None
    session: McpConnection | None = None


class Life(Machine):
    """What two users of two tenants do with their tokens. Whatever it is, a tool is called afterwards, and judged."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens: list[Held] = []

    @step(pick=PICK, other=PICK, called=PICK, way=WAYS)
    def call(self, pick: int, other: int, called: int, way: str) -> None:
        """A user calls a tool: as they should, at the other tenant, or in a session that another token opened."""
        token, tool, opener = self._token(pick), self._tool(called), self._token(other)
        if way == "session" and (connection := self._session(opener)):
            answer = self.ctx.call_tool(tool, token=token.value, within=connection)
            if answer.status != 404:  # a session may be one token's alone
                self._judge(token, tool, opener.site, answer, sure=False)
        else:
            self._call(token, tool, self._other_than(token.site) if way == "astray" else token.site)

    @step(pick=PICK, called=PICK)
    def step_up(self, pick: int, called: int) -> None:
        """A user whose token is too narrow for a tool gets one with the tool's scopes besides, and calls again."""
        token, tool = self._token(pick), self._tool(called)
        self._call(token, tool, token.site)
        if not tool.scopes <= self.ctx.world.effective(token.scopes):
            self.tokens[self.tokens.index(token)] = self._got(token.site, token.scopes | tool.scopes)
            self._call(self._token(pick), tool, token.site)
            self._call(token, tool, token.site)

    @precondition(lambda self: self.ctx.offers(REVOCATION_PROMISED) and self.ctx.home.can_have("first"))
    @step(pick=PICK, called=PICK)
    def revoke(self, pick: int, called: int) -> None:
        """A client ends a token, and calls a tool with it."""
        token = self._token(pick)
        if token.site.can_have("first"):
            answer = self.ctx.revoke(token.value, client=token.site.clients.first, at=token.site)
            if answer.status != 200:
                raise Blocked(f"revoking a token failed: {answer.summary()}", exchange=answer.exchange)
            token.revoked = token.revoked or self.ctx.now()
        self._call(token, self._tool(called), token.site)

    def _call(self, token: Held, tool: Tool, site: Site) -> None:
        self._judge(token, tool, site, self.ctx.call_tool(tool, token=token.value, at=site))

    def _session(self, opener: Held) -> McpConnection | None:
        """Return a session that a token opened; None where it opens none any more, or there are no sessions."""
        spoken = self.ctx.spoken()[-1]
        if spoken.session and opener.session is None:
            url = opener.site.tenant.mcp_server
            opener.session, _ = open_session(self.ctx.http, url, opener.value, spoken.revision)
        return opener.session

    def _judge(self, token: Held, tool: Tool, site: Site, answer: Answer, *, sure: bool = True) -> None:
        """Compare an answer with what is known of the token; `sure` where nothing else may stand in its way."""
        covered = tool.scopes <= self.ctx.world.effective(token.scopes) and site is token.site
        dead = self._dead(token)
        if dead or not covered:
            why = "a dead token" if dead else "a token that does not cover it"
            expect_not_called(answer, what=f"a call of {tool.name} with {why}")
        elif sure and dead is False and answer.status in (401, 403):
            raise Blocked(f"a token that should be good was refused: {answer.summary()}", exchange=answer.exchange)
        token.used = self.ctx.now()

    def _dead(self, token: Held) -> bool | None:
        """Tell whether a token must be refused; None where the server may hold it either way."""
        now = self.ctx.now()
        if now > token.ends + self.ctx.target.leeway + NEAR_THE_END:
            return True
        if token.revoked is not None:
            known = token.used is not None and token.used < token.revoked
            return True if not known or now > token.revoked + FORGOTTEN else None
        return None if now > token.ends - NEAR_THE_END else False

    def _got(self, site: Site, scopes: Iterable[str], lifetime: int = LONG) -> Held:
        revocable = self.ctx.offers(REVOCATION_PROMISED) and site.can_have("first")
        named = {"client_id": site.clients.first.client_id} if revocable else {}
        claims: dict[str, Any] = {"scope": " ".join(sorted(scopes)), "exp": lifetime, **named}
        return Held(self.ctx.mint(at=site, **claims), site, frozenset(scopes), self.ctx.now() + lifetime)

    def _token(self, pick: int) -> Held:
        """Return one of the tokens that are in use; the first of them are got as they are wanted."""
        place = pick % TOKENS
        while len(self.tokens) <= place:
            sites, number = self._sites(), len(self.tokens)
            scopes = self._tool(pick).scopes
            self.tokens.append(self._got(sites[number % len(sites)], scopes, LONG if number % 3 else BRIEF))
        return self.tokens[place]

    def _tool(self, pick: int) -> Tool:
        tools = [tool for tool in self.ctx.world.scoped_tools if tool.allow is None]
        self.ctx.require(tools, "for every tool it is named who may call it")
        return tools[pick % len(tools)]

    def _sites(self) -> list[Site]:
        return [self.ctx.home, *([self.ctx.other] if self.ctx.offers(MCP_TENANTS) else [])]

    def _other_than(self, site: Site) -> Site:
        return self._sites()[-1] if site is self.ctx.home else self.ctx.home


class LongLife(Life):
    """The same while time passes."""

    @step(seconds=WAITS, pick=PICK, called=PICK)
    def wait(self, seconds: int, pick: int, called: int) -> None:
        """Time passes between two calls."""
        token, tool = self._token(pick), self._tool(called)
        self._call(token, tool, token.site)
        self.ctx.clock.advance(seconds)
        self._call(token, tool, token.site)


@scenario("oauth21-5.2-1", needs={SCOPED_TOOLS}, cost=RUNS * STEPS)
def no_order_of_calls_opens_more(ctx: Context) -> None:
    """In whatever order two users get, use, widen and revoke tokens: no token opens what it does not cover.

    Why: a server that keeps what it found out of one token may use it for the next one.
    Remedy: read the steps of the failing sequence; the last call was let through by what came before it.
    """
    explore(ctx, Life, runs=RUNS, steps=STEPS)


@scenario("oauth21-5.2-1", needs={SCOPED_TOOLS, CLOCK}, cost=RUNS_IN_TIME * STEPS)
def nor_does_the_passing_of_time(ctx: Context) -> None:
    """The same holds while time passes: who has expired or was revoked a while ago opens nothing.

    Remedy: read the steps of the failing sequence; keep no verdict on a token beyond its exp, nor for long.
    """
    explore(ctx, LongLife, runs=RUNS_IN_TIME, steps=STEPS)
