"""The building blocks of requests to an MCP server; a scenario's context has them all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness import keys, minting
from harness.http import origin_of
from harness.mcp_calls import McpConnection, open_session, own_session, succeeded
from harness.mcp_wire import STATELESS_REVISIONS
from harness.requirement import REVISIONS
from harness.verdict import Blocked, NotApplicable

if TYPE_CHECKING:
    from harness.data import TestData
    from harness.exchange import Answer
    from harness.flows import Tokens
    from harness.http import Client
    from harness.run import Run, Site
    from harness.scenario import Fault
    from harness.target import Tool


class McpContext(ABC):
    """The tokens that an MCP server is shown, and the requests that they come with."""

    _run: Run
    home: Site
    world: TestData
    http: Client

    @abstractmethod
    def now(self) -> float:
        """Return the target's time in seconds since the epoch, as far as it is known."""

    @abstractmethod
    def require(self, holds: object, otherwise: str) -> None:
        """End the scenario as not applicable unless an optional thing is there."""

    @abstractmethod
    def grant(self, **options: Any) -> Tokens:
        """Get tokens by the authorization code flow. A failure is `blocked`."""

    # -- tokens ------------------------------------------------------------------------------------------------------

    def mint(
        self, fault: Fault | None = None, *, at: Site | None = None, key_of: Site | None = None, **claims: Any
    ) -> str:
        """Return an access token signed by the issuer that the MCP server trusts; good but for the fault and claims.

        Args:
            fault: what is wrong with it.
            at: the site whose issuer and resource it names.
            key_of: the site whose issuer signs it, where that is not the same.
            claims: claims that differ, as `Fault` has them.
        """
        site = at or self.home
        signer = (key_of or site).tenant.signer
        if signer is None:
            raise NotApplicable("the MCP server trusts no issuer that we can mint with")
        base = self._run.good_claims(site)
        return minting.mint(signer, base, self.now(), lambda: self.jwks(site), fault, **claims)

    def forged(self, fault: Fault) -> str:
        """Return a token that was made without the issuer's key, from a good one.

        Raises:
            NotApplicable: good tokens are no JWTs, so there is nothing to forge.
        """
        if self.home.tenant.signer:
            return self.mint(fault)
        token = self.good_token()
        self.require(keys.claims_of(token), "access tokens are opaque, and cannot be forged")
        assert fault.forge
        return fault.forge(minting.genuine(token, self.jwks))

    def jwks(self, site: Site | None = None) -> dict[str, Any]:
        """Return the published keys of the authorization server."""
        url = (site or self.home).metadata.get("jwks_uri")
        if not isinstance(url, str) or not origin_of(url):
            raise Blocked("the metadata holds no usable jwks_uri")
        answer = self.http.send("GET", url, headers={"accept": "application/json"})
        listed = answer.json.get("keys")
        if answer.status != 200 or not isinstance(listed, list):
            raise Blocked(f"the keys could not be fetched: {answer.summary()}", exchange=answer.exchange)
        return {**answer.json, "keys": [key for key in listed if isinstance(key, dict)]}

    def good_token(self, *, at: Site | None = None) -> str:
        """Return a token that the MCP server should accept: minted where that is possible, else from a real flow."""
        site = at or self.home
        if site.tenant.signer:
            return self.mint(at=site)
        return self.grant(at=site, scope=self.world.wide_scope or None).access_token

    # -- requests ----------------------------------------------------------------------------------------------------

    def session(self, token: str) -> McpConnection:
        """Open a session with a good token, whatever revision is judged.

        Raises:
            NotApplicable: the MCP server has no sessions.
        """
        for revision in (revision for revision in REVISIONS if revision not in STATELESS_REVISIONS):
            connection, _ = open_session(self.http, self.home.tenant.mcp_server, token, revision)
            if connection and connection.session:
                return connection
        raise NotApplicable("the MCP server has no sessions")

    def mcp_request(
        self,
        method: str = "tools/list",
        params: Mapping[str, Any] | None = None,
        *,
        token: str | None,
        at: Site | None = None,
        within: McpConnection | None = None,
        **options: Any,
    ) -> Answer:
        """Send a JSON-RPC request to the MCP server; a token of None sends no Authorization header.

        Where the server has sessions, one is opened with this token first, unless it is sent `within` an open one; the
        refusal is returned where that is refused.
        """
        if within:
            return within.send(self.http, method, params, token=token, **options)
        known = self._run.connection(at or self.home, token)
        connection, refusal = own_session(self.http, known, token, **options)
        if connection is None:
            assert refusal is not None
            return refusal
        return connection.send(self.http, method, params, token=token, **options)

    def call_tool(
        self, tool: Tool | None = None, *, token: str | None, at: Site | None = None, **options: Any
    ) -> Answer:
        """Call a tool with valid arguments."""
        chosen = tool or self.world.tool
        params = {"name": chosen.name, "arguments": dict(chosen.arguments)}
        return self.mcp_request("tools/call", params, token=token, at=at, **options)

    def guarded(self, *, token: str | None, at: Site | None = None, **options: Any) -> Answer:
        """Send a request that needs a token: a listing of the tools, or a call where everybody may list them.

        Raises:
            NotApplicable: everybody may list them, and no tool is known that needs a token.
        """
        site = at or self.home
        if not self._run.lists_openly(site):
            return self.mcp_request(token=token, at=site, **options)
        self.require(
            self.world.scoped_tools,
            "the MCP server lists its tools without a token, and [tools] names none that needs a scope",
        )
        return self.call_tool(token=token, at=site, **options)

    def accepted(self, token: str, *, tool: Tool | None = None, at: Site | None = None) -> Answer:
        """Send a request with a token that has to be accepted. A failure is `blocked`."""
        answer = self.call_tool(tool, token=token, at=at) if tool else self.mcp_request(token=token, at=at)
        if answer.status != 200 or (tool and not succeeded(answer)):
            raise Blocked(f"a token that should be good was refused: {answer.summary()}", exchange=answer.exchange)
        return answer
