"""Evidence: the HTTP exchanges of one scenario, as they were sent and received."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from harness.strange_json import parse_json
from harness.verdict import Violation

if TYPE_CHECKING:
    from harness.insight import Insight


@dataclass(frozen=True)
class Exchange:
    """One request and what came back; `fault` says what went wrong where there is no response.

    Attributes:
        body: what was read of the response: at most the client's limit, decoded from its content encoding.
        sender: `client` or `browser`; `mcp-server` of what arrives at an API that the harness plays.
        started: when it was sent, in seconds since the epoch by this machine's clock.
    """

    method: str
    url: str
    request_headers: tuple[tuple[str, str], ...]
    request_body: bytes
    status: int | None = None
    headers: httpx.Headers = field(default_factory=httpx.Headers)
    body: bytes = b""
    elapsed_ms: float = 0.0
    fault: str = ""
    sender: str = "client"
    started: float = 0.0


@dataclass(frozen=True)
class Answer:
    """A response to be judged: what a building block returns and an `expect_*` function reads."""

    exchange: Exchange
    evidence: Evidence = field(repr=False)
    insight: Insight | None = field(default=None, repr=False, compare=False)
    """Who can look into an access token that it brings."""

    @property
    def status(self) -> int:
        """The HTTP status code."""
        return self.exchange.status or 0

    @property
    def headers(self) -> httpx.Headers:
        """The response headers; `get_list` gives repeated ones apart."""
        return self.exchange.headers

    @property
    def media_type(self) -> str:
        """The media type without parameters, in lower case."""
        return str(self.headers.get("content-type", "")).split(";")[0].strip().lower()

    @cached_property
    def text(self) -> str:
        """The body as text; bytes that are no UTF-8 are replaced."""
        return self.exchange.body.decode("utf-8", errors="replace")

    @cached_property
    def json(self) -> dict[str, Any]:
        """The body as a JSON object; empty when it is anything else."""
        value = parse_json(self.exchange.body)
        return value if isinstance(value, dict) else {}

    def strings(self, name: str) -> list[str]:
        """Return the strings of a list in the JSON object; empty when the member is no list."""
        listed = self.json.get(name)
        return [item for item in listed if isinstance(item, str)] if isinstance(listed, list) else []

    @property
    def error(self) -> str:
        """The OAuth error code of a JSON body, or an empty string."""
        value = self.json.get("error")
        return value if isinstance(value, str) else ""

    @property
    def location(self) -> str:
        """The absolute redirect target, or an empty string. It is evidence: not every value is a URL."""
        value = str(self.headers.get("location", "")) if 300 <= self.status < 400 else ""
        try:
            return urljoin(self.exchange.url, value) if value else ""
        except ValueError:
            return value

    def summary(self) -> str:
        """Return one line that says what came back, without any secret."""
        code = f" with error {self.error!r}" if self.error else ""
        return f"the answer was {self.status}{code} ({self.media_type or 'no content type'})"

    def warn(self, expected: str, actual: str) -> None:
        """Note that a SHOULD does not hold, and let the scenario go on."""
        self.evidence.warnings.append(Violation(expected, actual, self.exchange))


@dataclass
class Evidence:
    """What one scenario sent, received and noted.

    Attributes:
        shrunk: whether the exchanges are the shortest sequence with the violation that was found.
    """

    exchanges: list[Exchange] = field(default_factory=list)
    warnings: list[Violation] = field(default_factory=list)
    shrunk: bool = False

    def back_to(self, exchanges: Iterable[Exchange]) -> None:
        """Go on from these exchanges: forget what was sent and received since, but not what was noted of it."""
        self.exchanges[:] = exchanges

    def __iter__(self) -> Iterator[Exchange]:
        return iter(self.exchanges)


def query_of(url: str) -> dict[str, list[str]]:
    """Return the query parameters of a URL, blank values kept; empty when the URL cannot be read."""
    try:
        return parse_qs(urlsplit(url).query, keep_blank_values=True)
    except ValueError:
        return {}
