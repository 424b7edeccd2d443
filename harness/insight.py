"""What an access token is worth, where it does not show that itself: its issuer is asked, or the MCP server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness import capability, keys, mcp_calls
from harness.verdict import Blocked, NotApplicable, Violation

if TYPE_CHECKING:
    from harness.context import Context
    from harness.exchange import Answer
    from harness.flows import Tokens
    from harness.run import Site
    from harness.target import Tool

UNSEEN = "name a caller that may introspect under [clients.resource_server], or an MCP server with [tools]"


@dataclass(frozen=True)
class Insight:
    """A look at one site's access tokens."""

    ctx: Context = field(repr=False)
    site: Site

    def claims(self, token: str) -> dict[str, Any]:
        """Return the claims of a JWT, or what introspection says of another token; empty where neither tells."""
        claims = keys.claims_of(token)
        if claims or not token or not self.ctx.offers(capability.INTROSPECTION):
            return claims
        known = self.ctx.introspect(token, at=self.site).json
        return known if known.get("active") is True else {}

    def reached_beyond(self, token: str, than: frozenset[str]) -> Answer | None:
        """Call tools that need a scope beyond these; return the answer of one that was served, None where none was.

        Raises:
            Blocked: no MCP server is named that shows it, or it serves the tool with a good token neither.
        """
        tools = self._telling(than)
        if not tools:
            raise Blocked("the scope of the token cannot be seen: the response has none and it is opaque", UNSEEN)
        good = self.ctx.grant(scope=self.ctx.world.wide_scope).access_token
        for tool in tools:
            self.ctx.accepted(good, tool=tool)
            answer = self.ctx.call_tool(tool, token=token)
            if mcp_calls.succeeded(answer):
                return answer
        return None

    def _telling(self, than: frozenset[str]) -> list[Tool]:
        world = self.ctx.world
        if self.site is not self.ctx.home or not self.site.tenant.mcp_server:
            return []
        held, wide = world.effective(than), world.effective(world.wide_scope.split())
        return [tool for tool in world.scoped_tools if tool.scopes <= wide and not tool.scopes <= held]

    def expect_ended(self, tokens: Tokens) -> None:
        """An access token that lived does so no more.

        Raises:
            Violation: it does.
            Blocked: who was asked does not say.
        """
        token = tokens.access_token
        if self.ctx.offers(capability.INTROSPECTION):
            answer = self.ctx.introspect(token, at=self.site)
            _check_told(answer, "introspection")
            if answer.json.get("active") is not False:
                raise Violation("active false", f"active was {answer.json.get('active')!r}", answer.exchange)
            return
        answer = self.ctx.guarded(token=token, at=self.site)
        _check_told(answer, "the MCP server")
        if answer.status == 200 and "error" not in mcp_calls.message_of(answer):
            raise Violation("the MCP server to refuse the token", answer.summary(), answer.exchange)

    def check_living(self, tokens: Tokens) -> None:
        """Make sure that an access token, or one like it, lives, and that its end will show.

        Raises:
            Blocked: it does not live.
            NotApplicable: nobody can be asked: there is no introspection, and no MCP server that has to ask its issuer.
        """
        if self.ctx.offers(capability.INTROSPECTION):
            self.ctx.active(tokens)
            return
        self._check_shown(tokens)
        twin = self.ctx.grant(at=self.site)  # the server may remember for a while what it was told of a token
        self.ctx.accepted(twin.access_token, at=self.site)

    def _check_shown(self, tokens: Tokens) -> None:
        """A JWT is accepted until its end wherever nobody asks about it, and that is its point."""
        if not self.site.tenant.mcp_server:
            raise NotApplicable("there is no introspection, and no MCP server is named that could show it")
        if tokens.claims:
            raise NotApplicable("there is no introspection, and a JWT may be accepted without asking about it")


def _check_told(answer: Answer, who: str) -> None:
    if answer.status not in (200, 400, 401, 403):
        raise Blocked(f"{who} neither took nor refused the token: {answer.summary()}", exchange=answer.exchange)
