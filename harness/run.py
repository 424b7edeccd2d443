"""What the scenarios of one run share: the target's sites, their metadata, and the outcome of each control."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from httpx import Cookies

from harness import discovery
from harness.audit_log import AuditReader, Mark
from harness.clients import DOCUMENTED, ClientPool
from harness.exchange import Evidence
from harness.http import Client, Wire, origin_of
from harness.mcp_calls import McpConnection, connect, data_of, spoken
from harness.once import Once
from harness.requirement import REVISIONS
from harness.support import Capability, Support
from harness.verdict import Blocked, NotApplicable, Violation

if TYPE_CHECKING:
    from harness.context import Context
    from harness.target import Login, Target, Tenant

AGENT = "mcp-assay-agent"
OUT_OF_BAND = ("openid", "profile", "email", "address", "phone", "offline_access")


@dataclass(frozen=True)
class Control:
    """The unmodified flow of a capability, and the exchanges that it took."""

    capability: Capability
    support: Support
    evidence: Evidence


class Site:
    """One tenant of the target as it shows itself: metadata, endpoints and usable clients."""

    def __init__(self, run: Run, tenant: Tenant) -> None:
        self.run = run
        self.tenant: Tenant = tenant
        self.clients = ClientPool(self)
        self._metadata = Once(self._discover)

    def _discover(self) -> dict[str, Any]:
        issuer = self.tenant.authorization_server
        return discovery.authorization_server_metadata(self.back_channel(), issuer) if issuer else {}

    def back_channel(self) -> Client:
        """Return a client whose exchanges belong to no scenario."""
        return Client(self.run.wire, Evidence())

    @property
    def metadata(self) -> dict[str, Any]:
        """The authorization server's metadata; empty when there is none to be had."""
        try:
            return self._metadata.get()
        except Blocked:
            return {}

    @property
    def issuer(self) -> str:
        """The issuer identifier as published, or as configured where nothing is published."""
        return str(self.metadata.get("issuer") or self.tenant.authorization_server)

    def endpoint(self, name: str) -> str:
        """Return the URL of `<name>_endpoint`.

        Raises:
            Blocked: the metadata cannot be had, or does not hold it as a URL.
        """
        url = self._metadata.get().get(f"{name}_endpoint")
        if not isinstance(url, str) or not origin_of(url):
            raise Blocked(f"the metadata of {self.tenant.authorization_server} holds no usable {name}_endpoint")
        return url

    def can_have(self, kind: str) -> bool:
        """Whether a client of this kind is configured, or could be registered or described by a document."""
        supported = self.metadata.get("client_id_metadata_document_supported") is True
        described = kind in DOCUMENTED and supported and self.run.target.client_documents is not None
        return described or kind in self.tenant.clients or bool(self.metadata.get("registration_endpoint"))


@dataclass
class Run:
    """One run against one target.

    Args:
        target: what is judged.
        wire: connections and limits, shared by all scenarios.
        new_context: makes a context for a control.
        seed: of generated examples; 0 for the fixed ones.
        jobs: how many requests of one scenario may be under way at the same time.
        examples: how many times as many examples are generated as usual.
        max_wait: how many seconds a scenario may wait for something to end, where no clock can be moved.
    """

    target: Target
    wire: Wire
    new_context: Callable[[Run, Evidence], Context]
    seed: int = 0
    jobs: int = 1
    examples: int = 1
    max_wait: float = 0.0
    _controls: dict[Capability, Once[Control]] = field(default_factory=dict)
    _sessions: dict[tuple[int, Site], Once[Cookies]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.home: Site = Site(self, self.target.home)
        self.other: Site | None = Site(self, self.target.other) if self.target.other else None
        sites = [site for site in (self.home, self.other) if site]
        self._connections = {site: Once(partial(self._connect, site)) for site in sites}
        self._anonymous = {site: Once(partial(self._connect_without_token, site)) for site in sites}
        self._spoken = {site: Once(partial(self._all_spoken, site)) for site in sites}
        self._open_lists = {site: Once(partial(self._lists_openly, site)) for site in sites}
        self.audit_began = self._audit_began()

    def _audit_began(self) -> Mark | None:
        """Begin to note which calls are served, and return how far the log of them has come, where it is a file."""
        log = self.target.audit
        if log is None or not log.file:
            return None
        self.wire.served = []
        try:
            return AuditReader(log, self.wire).mark()
        except Blocked:
            return None

    def now(self) -> float:
        """Return the target's time in seconds since the epoch, as far as it is known."""
        return self.target.clock.now() if self.target.clock else time.time()

    def connection(self, site: Site, token: str | None) -> McpConnection:
        """Return how a site's MCP server is spoken to, found out once with a good token.

        Where no good token can be had, it is found out without one, which is enough for requests without a token.
        """
        try:
            return self._connections[site].get()
        except (Blocked, NotApplicable):
            if token is not None:
                raise
            return self._anonymous[site].get()

    def spoken(self, site: Site) -> tuple[McpConnection, ...]:
        """Return a connection for every revision that a site's MCP server speaks, found out once with a good token.

        Their sessions are the whole run's: nobody ends them. Where no good token can be had, every revision of ours may
        be spoken.
        """
        try:
            return self._spoken[site].get()
        except (Blocked, NotApplicable):
            return tuple(McpConnection(site.tenant.mcp_server, revision) for revision in REVISIONS)

    def session(self, login: Login, site: Site) -> Cookies:
        """Return the cookies of a browser in which the human has signed in, once for the whole run."""
        with self._lock:
            once = self._sessions.setdefault((id(login), site), Once(partial(self._sign_in, login, site)))
        return once.get()

    def _sign_in(self, login: Login, site: Site) -> Cookies:
        ctx = self.new_context(self, Evidence())
        browser = ctx.new_browser()
        ctx.authorize(at=site, login=login, browser=browser)
        return browser.cookies

    def lists_openly(self, site: Site) -> bool:
        """Whether a site's MCP server lists its tools for everybody, found out once."""
        return self._open_lists[site].get()

    def _connect(self, site: Site) -> McpConnection:
        ctx = self.new_context(self, Evidence())
        return connect(ctx.http, site.tenant.mcp_server, ctx.good_token(at=site), self.target.spec)

    def _connect_without_token(self, site: Site) -> McpConnection:
        return connect(site.back_channel(), site.tenant.mcp_server, None, self.target.spec)

    def _all_spoken(self, site: Site) -> tuple[McpConnection, ...]:
        ctx = self.new_context(self, Evidence())
        return spoken(ctx.http, site.tenant.mcp_server, ctx.good_token(at=site))

    def _lists_openly(self, site: Site) -> bool:
        return bool(data_of(self.new_context(self, Evidence()).mcp_request(token=None, at=site)))

    def good_claims(self, site: Site) -> dict[str, Any]:
        """Return the claims of a token that a site's MCP server should accept, apart from its times and jti."""
        tenant = site.tenant
        needed = {scope for tool in self.target.tools.values() for scope in tool.scopes}
        scopes = needed or self.target.wide_scope.split() or self.target.resource_scopes
        named = {"tenant": tenant.name} if tenant.name else {}
        return {
            "iss": tenant.authorization_server,
            "sub": tenant.subject,
            "aud": self.target.resource if site is self.home and self.target.resource else tenant.mcp_server,
            "client_id": AGENT,
            "act": {"sub": AGENT},
            "scope": " ".join(sorted(scopes)) or self.wide_scope,
            **named,
        }

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes of the home issuer's metadata that are about resources rather than about identity."""
        listed = self.home.metadata.get("scopes_supported")
        names = listed if isinstance(listed, list) else []
        return tuple(name for name in names if isinstance(name, str) and name not in OUT_OF_BAND)

    @property
    def narrow_scope(self) -> str:
        """A scope that clients may ask for; empty where none is known."""
        return self.target.narrow_scope or " ".join(self.scopes[:1])

    @property
    def wide_scope(self) -> str:
        """The narrow scope and at least one more, where more is known."""
        return self.target.wide_scope or " ".join(self.scopes[:2]) or self.narrow_scope

    def control(self, capability: Capability) -> Control:
        """Run a capability's unmodified flow, once for the whole run.

        Raises:
            NotApplicable: the target lacks it.
            Blocked: it is there and does not work, or something that it requires does not.
        """
        with self._lock:
            once = self._controls.setdefault(capability, Once(lambda: self._try(capability)))
        return once.get()

    def controls(self, needs: frozenset[Capability]) -> Iterator[Control]:
        """Run the controls of several capabilities, in the order of their names."""
        for capability in sorted(needs, key=lambda item: item.name):
            yield self.control(capability)

    def support(self, capability: Capability) -> Support:
        """Tell how a capability shows, the user's word first."""
        told = self.target.capabilities.get(capability.name)
        if told is False:
            return Support.ABSENT
        return Support.CONFIGURED if told else capability.support(self)

    def _try(self, capability: Capability) -> Control:
        support = self.support(capability)
        if support is Support.ABSENT:
            hint = f" ({capability.unlock})" if capability.unlock else ""
            raise NotApplicable(f"{capability.name} is absent{hint}")
        for required in capability.requires:
            self.control(required)
        evidence = Evidence()
        try:
            capability.control(self.new_context(self, evidence))
        except Violation as fault:
            reason = f"{capability.name} is {support} but does not work: {fault}"
            raise Blocked(reason, capability.unlock, fault.exchange) from fault
        except Blocked as fault:
            reason = f"{capability.name} is {support} but does not work: {fault.reason}"
            raise Blocked(reason, fault.unlock or capability.unlock, fault.exchange) from fault
        return Control(capability, support, evidence)
