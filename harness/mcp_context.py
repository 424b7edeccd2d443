"""The building blocks of requests to an MCP server; a scenario's context has them all."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from harness import access, keys, minting
from harness.at_once import Item, Result, at_once
from harness.audit_log import AuditReader, Entry
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
    from harness.target import Identity, OAuthClient, Tenant, Tool


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

    @abstractmethod
    def machine_token(self, *, at: Site | None = None, **options: Any) -> Tokens:
        """Get a token by client credentials. A failure is `blocked`."""

    # -- tokens ------------------------------------------------------------------------------------------------------

    def mint(
        self,
        fault: Fault | None = None,
        *,
        at: Site | None = None,
        key_of: Site | None = None,
        alg: str = "",
        kid: str = "",
        **claims: Any,
    ) -> str:
        """Return an access token signed by the issuer that the MCP server trusts; good but for the fault and claims.

        Args:
            fault: what is wrong with it.
            at: the site whose issuer and resource it names.
            key_of: the site whose issuer signs it, where that is not the same.
            alg: the algorithm that it is signed by, where that is not the issuer's usual one.
            kid: the issuer's key that it is signed with, where that is not its current one for the algorithm.
            claims: claims that differ, as `Fault` has them.
        """
        site = at or self.home
        signer = (key_of or site).tenant.signer
        if signer is None:
            raise NotApplicable("the MCP server trusts no issuer that we can mint with")
        base = self._run.good_claims(site)
        moment = minting.Moment(self.now(), self._run.target.leeway)
        return minting.mint(signer, base, moment, lambda: self.jwks(site), fault, alg=alg, kid=kid, **claims)

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
        """Return the published keys of the authorization server.

        Raises:
            NotApplicable: no authorization server is known, or it publishes no keys.
            Blocked: it does, and they cannot be had.
        """
        asked_of = site or self.home
        self.require(asked_of.tenant.authorization_server, "no authorization server is known that has keys")
        self.require(not asked_of.metadata or "jwks_uri" in asked_of.metadata, "the authorization server has no keys")
        url = asked_of.metadata.get("jwks_uri")
        if not isinstance(url, str) or not origin_of(url):
            asked = "name the authorization server among origins under [target], if it may be asked for its metadata"
            raise Blocked("no metadata of the authorization server holds a usable jwks_uri", asked)
        answer = self.http.send("GET", url, headers={"accept": "application/json"})
        listed = answer.json.get("keys")
        if answer.status != 200 or not isinstance(listed, list):
            raise Blocked(f"the keys could not be fetched: {answer.summary()}", exchange=answer.exchange)
        return {**answer.json, "keys": [key for key in listed if isinstance(key, dict)]}

    def good_token(self, *, at: Site | None = None) -> str:
        """Return a token that the MCP server should accept: minted where that is possible, given, or from a real flow.

        The flow is the authorization code's where a client can have one, else that of client credentials.
        """
        site = at or self.home
        if site.tenant.signer:
            return self.mint(at=site)
        if given := site.tenant.tokens.get("good"):
            return given
        human = site.metadata.get("authorization_endpoint") and site.can_have("first")
        flow = self.grant if human else self.machine_token
        return flow(at=site, scope=self.world.wide_scope or None).access_token

    def revocable(self) -> tuple[str, OAuthClient]:
        """Return a token that the MCP server should accept, and the client that may revoke it at its issuer.

        One that is minted in that client's name will do, whatever scopes the issuer gives in flows.
        """
        if self.home.tenant.signer:
            client = self.home.clients.first
            return self.mint(client_id=client.client_id), client
        tokens = self.grant(resource=self.world.resource)
        return tokens.access_token, tokens.client

    def tenant_of(self, identity: Identity) -> Tenant | None:
        """Return an identity's tenant; None where the target has none of that name."""
        return access.tenant_of(self._run.target, identity)

    def token_of(self, identity: Identity) -> str:
        """Return an identity's token: the one that was given, or else one that is minted now."""
        if identity.token:
            return identity.token
        about: dict[str, Any] = {"sub": identity.subject} if identity.subject else {}
        return self.mint(at=self.site_of(self.tenant_of(identity)), scope=" ".join(sorted(identity.scopes)), **about)

    def entries_of_the_run(self) -> tuple[set[str], str]:
        """Return the `jti` of each tool call of this run that was served so far, and what the audit log holds since.

        Raises:
            NotApplicable: the log is no file, or another one by now: where the run began in it cannot be said.
            Blocked: it cannot be read.
        """
        wire, began = self.http.wire, self._run.audit_began
        if began is None or wire.served is None:
            raise NotApplicable("only a file can be read from where the run began")
        if not self.audit.continues(began):
            raise NotApplicable("the log has been rotated since the run began")
        here = [token for url, token in wire.served if url == self.home.tenant.mcp_server]
        named = {str(keys.claims_of(token).get("jti", "")) for token in here} - {""}

        def complete(found: list[Entry]) -> bool:
            text = "\n".join(entry.text for entry in found)
            return all(jti in text for jti in named)

        found = self.audit.entries(began, complete)
        return named, "\n".join(entry.text for entry in found)

    @property
    def audit(self) -> AuditReader:
        """What reads the audit log that the target file names."""
        log = self._run.target.audit
        if log is None:
            raise NotApplicable("no audit log is named")
        return AuditReader(log, self.http.wire)

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

    def spoken(self) -> tuple[McpConnection, ...]:
        """Return a connection for each revision that the MCP server speaks; none may be a back door."""
        return self._run.spoken(self.home)

    def revision(self) -> str:
        """Return the revision that the MCP server is spoken to in, the one that is judged where it speaks that.

        Raises:
            Blocked: it speaks none of ours.
        """
        return self._run.connection(self.home, self.good_token()).revision

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

    def opened(
        self, token: str, *, at: Site | None = None, client: Client | None = None
    ) -> tuple[McpConnection | None, Answer | None]:
        """Return how the MCP server is spoken to with this token, in a session of its own where there are sessions.

        Many requests can be sent with it. Without a connection, the answer says why.
        """
        return own_session(client or self.http, self._run.connection(at or self.home, token), token)

    def site_of(self, tenant: Tenant | None) -> Site:
        """Return the site of one of the target's tenants."""
        other = self._run.other
        return other if other and tenant is other.tenant else self.home

    def at_once(self, work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Do the same with many things, on as many threads as the user lets us have; see `at_once`."""
        return at_once(work, items, self._run.jobs)

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
        """Send a request with a token that has to be accepted. A failure is `blocked`.

        It is the call of a tool where one is given, or where everybody may list the tools.
        """
        if tool is None and self.world.scoped_tools and self._run.lists_openly(at or self.home):
            tool = self.world.tool_at(at or self.home)
        answer = self.call_tool(tool, token=token, at=at) if tool else self.mcp_request(token=token, at=at)
        if answer.status != 200 or (tool and not succeeded(answer)):
            raise Blocked(f"a token that should be good was refused: {answer.summary()}", exchange=answer.exchange)
        return answer

    def own_data(self, site: Site) -> Answer:
        """Ask a tenant's MCP server for this tenant's data with a token of its own. A failure is `blocked`."""
        tool = self.world.tool_at(site)
        table = "[target]" if site is self.home else "[other_tenant]"
        if site.tenant.own_text in json.dumps(dict(tool.arguments), ensure_ascii=False):
            raise Blocked(f"own_text is in what {tool.name} is asked with, and may be repeated", f"look at {table}")
        answer = self.accepted(self.mint(at=site), tool=tool, at=site)
        if site.tenant.own_text not in answer.text:
            raise Blocked(f"{tool.name} does not return own_text", f"look at {table}", answer.exchange)
        return answer
