"""The HTTP client of the harness: each request is recorded, bounded in size and time, and sent where it may go only."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from harness.body import read_body
from harness.exchange import Answer, Evidence, Exchange
from harness.network import Network, Transport
from harness.verdict import Blocked, Interrupted

PATIENCE = 5.0
Content = bytes | str | None
Headers = Mapping[str, str] | Sequence[tuple[str, str]]


class NotReached(Blocked):
    """The target gave no HTTP answer: refused, reset, timed out, or spoke something else."""


class NotAllowed(Blocked):
    """A request would have gone to a place that the user did not name."""


@dataclass
class Wire:
    """What all clients of one run share: connections, limits, the places that may be asked, and the stop signal.

    Args:
        timeout: seconds that one exchange may take.
        authorized: whether the owner lets us test places off loopback.
        origins: the places off loopback that belong to the target, as `scheme://host:port`.
        loopback: whether all of this machine may be asked; not so where the whole target is elsewhere, and would lead
            us to services of ours that nobody named.
        traffic: every exchange of the run so far, whoever sent it.
        served: the URL and the token of each tool call that was served; None where no audit log will be asked for it.
    """

    timeout: float = 10.0
    authorized: bool = False
    origins: set[str] = field(default_factory=set)
    stop: threading.Event = field(default_factory=threading.Event)
    verify: ssl.SSLContext | bool = True
    connections: int = 64
    loopback: bool = True
    traffic: list[Exchange] = field(default_factory=list, repr=False)
    served: list[tuple[str, str]] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.network = Network()
        self._plain = Transport(self.network, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), self.connections)
        self._secure: Transport | None = None
        self._lock = threading.Lock()

    def transport(self, scheme: str) -> Transport:
        """Return the transport for a scheme; the one for https is made when it is first needed."""
        if scheme != "https":
            return self._plain
        with self._lock:
            if self._secure is None:
                context = self.verify if isinstance(self.verify, ssl.SSLContext) else ssl.create_default_context()
                self._secure = Transport(self.network, context, self.connections)
            return self._secure

    def interrupt(self) -> None:
        """Let no request begin any more, and end those that are under way."""
        self.stop.set()
        self.network.abort()

    def close(self) -> None:
        """Close every connection."""
        self._plain.close()
        if self._secure is not None:
            self._secure.close()

    def check(self, url: str) -> None:
        """Refuse a URL that is not the target's.

        Raises:
            NotAllowed: it is no http(s) URL with a host, or a place where nobody let us test.
        """
        origin = origin_of(url)
        if not origin:
            raise NotAllowed(f"the target led to {bare(url)[:200]!r}, which is no http or https URL")
        if (self.loopback and is_loopback(url)) or (self.authorized and origin in self.origins):
            return
        where = "this machine, and the target is elsewhere" if is_loopback(url) else "off loopback"
        raise NotAllowed(
            f"a request to {origin} was not sent: it is {where}",
            "name it among origins under [target], with authorized = true, if its owner lets you test it",
        )


class Client:
    """A client of one scenario. It keeps no cookies, follows no redirect, and records what it does.

    Attributes:
        patient: whether it waits where it is told to come again later.
    """

    sender = "client"

    def __init__(self, wire: Wire, evidence: Evidence, sleep: Callable[[float], object] | None = None) -> None:
        self.wire = wire
        self.evidence = evidence
        self._wait = sleep or wire.stop.wait
        self.patient = True

    def send(self, method: str, url: str, *, headers: Headers = (), content: Content = None) -> Answer:
        """Send one request and return the raw answer, whatever it is.

        A 429 or 503 that names a Retry-After within reach is waited for once, by a patient client.

        Raises:
            NotReached: there was no HTTP answer in time.
            NotAllowed: the URL is not the target's.
            Interrupted: the user ended the run.
        """
        answer = self._send_once(method, url, headers, content)
        delay = _retry_after(answer)
        if delay is None or not self.patient:
            return answer
        self._wait(delay)
        answer = self._send_once(method, url, headers, content)
        if _retry_after(answer) is not None or answer.status == 429:
            raise Blocked(f"the target kept answering {answer.status}", "slow down with --jobs 1", answer.exchange)
        return answer

    def _send_once(self, method: str, url: str, headers: Headers, content: Content) -> Answer:
        if self.wire.stop.is_set():
            raise Interrupted
        self.wire.check(url)
        request = built(method, url, headers, content, self.wire.timeout)
        self.prepare(request)
        started = Started(self.sender, time.time(), time.monotonic())
        try:
            response, body = self._exchanged(request)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ssl.SSLError, OSError, ValueError) as fault:
            if self.wire.stop.is_set():
                raise Interrupted from fault
            exchange = exchange_of(request, started, fault=described(fault))
            self.record(exchange)
            raise NotReached(f"{method} {bare(url)}: {exchange.fault}", exchange=exchange) from fault
        exchange = exchange_of(request, started, response, body)
        self.record(exchange)
        self.received(response)
        return Answer(exchange, self.evidence)

    def record(self, exchange: Exchange) -> None:
        """Keep an exchange: as evidence of the scenario, and among all of the run."""
        self.evidence.exchanges.append(exchange)
        self.wire.traffic.append(exchange)

    def _exchanged(self, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        with self.wire.network.within(self.wire.timeout):
            response = self.wire.transport(request.url.scheme).handle_request(request)
            response.request = request
            try:
                return response, read_body(response)
            finally:
                response.close()

    def prepare(self, request: httpx.Request) -> None:
        """Add what this kind of client sends with every request."""

    def received(self, response: httpx.Response) -> None:
        """Keep what this kind of client keeps of a response."""


def origin_of(url: str) -> str:
    """Return `scheme://host:port` in lower case, or an empty string when the URL is no http(s) URL with a host."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not host:
        return ""
    bracketed = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{bracketed}:{port or (443 if parts.scheme == 'https' else 80)}"


def is_loopback(url: str) -> bool:
    """Tell whether a URL's host is this machine by its name or number."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return (
        host in ("localhost", "::1")
        or host.endswith(".localhost")
        or (host.startswith("127.") and host.replace(".", "").isdigit())
    )


def built(method: str, url: str, headers: Headers, content: Content, timeout: float) -> httpx.Request:
    """Return a request whose every step may take so many seconds.

    Raises:
        NotAllowed: no request can be made of it.
    """
    limits = dict.fromkeys(("connect", "read", "write", "pool"), timeout)
    try:
        request = httpx.Request(
            method,
            url,
            # RFC 9110 section 5.5: signs beyond ASCII are sent as they are.
            headers=httpx.Headers(headers if isinstance(headers, Mapping) else list(headers), encoding="latin-1"),
            content=content,
            extensions={"timeout": limits},
        )
    except (httpx.InvalidURL, ValueError, UnicodeError) as fault:
        raise NotAllowed(f"the target led to {bare(url)[:200]!r}, which cannot be requested: {fault}") from fault
    request.headers.setdefault("user-agent", "mcp-assay")
    request.headers.setdefault("accept", "*/*")
    return request


@dataclass(frozen=True)
class Started:
    """Who sent a request and when: seconds since the epoch, and on the clock that measures durations."""

    sender: str
    at: float
    tick: float


def exchange_of(
    request: httpx.Request,
    started: Started,
    response: httpx.Response | None = None,
    body: bytes = b"",
    fault: str = "",
) -> Exchange:
    """Return what is recorded of a request and what came of it so far."""
    return Exchange(
        method=request.method,
        url=str(request.url),
        request_headers=tuple((name, value) for name, value in request.headers.multi_items() if name != "user-agent"),
        request_body=request.read(),
        status=response.status_code if response else None,
        headers=response.headers if response else httpx.Headers(),
        body=body,
        elapsed_ms=(time.monotonic() - started.tick) * 1000,
        fault=fault,
        sender=started.sender,
        started=started.at,
    )


def described(fault: Exception) -> str:
    """Say in a few words why there was no answer."""
    if isinstance(fault, httpx.TimeoutException):
        return "no answer in time"
    if isinstance(fault, httpx.ConnectError):
        certificate = "certificate" in str(fault).lower()
        return f"the certificate does not verify ({fault})" if certificate else f"no connection ({fault})"
    return str(fault) or type(fault).__name__


def bare(url: str) -> str:
    """Return a URL, or what should be one, without its query and fragment."""
    return url.split("?")[0].split("#")[0]


def _retry_after(answer: Answer) -> float | None:
    value = str(answer.headers.get("retry-after", ""))
    if answer.status not in (429, 503) or not (value.isascii() and value.isdigit()):
        return None
    return float(value) if float(value) <= PATIENCE else None
