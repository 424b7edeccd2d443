"""Reading an answer that stays open: an event stream, within bounds of time and size, recorded as one exchange."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import httpx

from harness.body import BODY_LIMIT, read_body
from harness.exchange import Answer
from harness.http import Client, Content, Headers, NotReached, Started, bare, built, described, exchange_of
from harness.mcp_wire import EVENTS, Message, messages
from harness.verdict import Interrupted

LIFETIME = 60.0
"""Seconds after which a stream is left, whatever comes."""
PATIENCE = 5.0
"""Seconds within which a stream has to end that may no longer be open: a server need not look at each moment."""

_FAULTS = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError)


class Stream:
    """An answer whose body is still coming. A thread of its own reads it, so that nobody waits longer than they want.

    Attributes:
        ended: whether there will be no more of it.
    """

    def __init__(self, client: Client, request: httpx.Request, started: Started, response: httpx.Response) -> None:
        self._client, self._request, self._started, self._response = client, request, started, response
        self._body = bytearray()
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, name="stream", daemon=True)
        self.ended = False

    @property
    def opened(self) -> bool:
        """Whether it is an event stream at all, rather than a refusal or a plain answer."""
        return self._response.status_code == 200 and self._kind.startswith(EVENTS)

    @property
    def messages(self) -> list[Message]:
        """The JSON-RPC messages that have come so far; comments that keep a connection alive are none."""
        with self._news:
            return messages(self._kind, bytes(self._body))

    @property
    def answer(self) -> Answer:
        """The answer as far as it has come."""
        with self._news:
            body = bytes(self._body)
        return Answer(exchange_of(self._request, self._started, self._response, body), self._client.evidence)

    def wait(self, until: Callable[[Stream], object], seconds: float) -> bool:
        """Wait until something holds of the stream, for a bounded time, and return whether it does.

        Raises:
            Interrupted: the user ended the run.
        """
        with self._news:
            self._news.wait_for(lambda: until(self) or self.ended, seconds)
        if self._client.wire.stop.is_set():
            raise Interrupted
        return bool(until(self))

    def begin(self) -> None:
        """Begin to read."""
        self._reader.start()

    def close(self) -> None:
        """Leave the stream, and record what came of it."""
        if connection := self._response.extensions.get("network_stream"):
            with suppress(OSError, AttributeError):
                connection.abort()
        self._reader.join()
        with suppress(*_FAULTS):
            self._response.close()
        self._client.record(self.answer.exchange)

    @property
    def _kind(self) -> str:
        return str(self._response.headers.get("content-type", "")).strip().lower()

    def _read(self) -> None:
        try:
            with self._client.wire.network.within(LIFETIME):
                self._read_on()
        except httpx.TimeoutException:
            return  # it was we who left
        except _FAULTS:
            pass
        with self._news:
            self.ended = not self._full
            self._news.notify_all()

    def _read_on(self) -> None:
        chunks = self._response.iter_raw() if self.opened else iter([read_body(self._response)])
        while not self._full and (chunk := next(chunks, None)) is not None:
            with self._news:
                self._body += chunk[: BODY_LIMIT - len(self._body)]
                self._news.notify_all()

    @property
    def _full(self) -> bool:
        return len(self._body) >= BODY_LIMIT


@contextmanager
def open_stream(
    client: Client, method: str, url: str, *, headers: Headers = (), content: Content = None
) -> Iterator[Stream]:
    """Send a request, and hand over the answer as soon as it has begun.

    Raises:
        NotReached: there was no HTTP answer in time.
        NotAllowed: the URL is not the target's.
        Interrupted: the user ended the run.
    """
    if client.wire.stop.is_set():
        raise Interrupted
    client.wire.check(url)
    request = built(method, url, headers, content, LIFETIME)
    # What comes is read as it comes, so that it must not be packed. A connection that is cut under the hands of its
    # reader must not be another request's by then.
    request.headers.update({"accept-encoding": "identity", "connection": "close"})
    started = Started(client.sender, time.time(), time.monotonic())
    stream = Stream(client, request, started, _begun(client, request, started))
    stream.begin()
    try:
        yield stream
    finally:
        stream.close()


def _begun(client: Client, request: httpx.Request, started: Started) -> httpx.Response:
    try:
        with client.wire.network.within(client.wire.timeout):
            response = client.wire.transport(request.url.scheme).handle_request(request)
    except _FAULTS as fault:
        if client.wire.stop.is_set():
            raise Interrupted from fault
        exchange = exchange_of(request, started, fault=described(fault))
        client.record(exchange)
        raise NotReached(f"{request.method} {bare(str(request.url))}: {exchange.fault}", exchange=exchange) from fault
    response.request = request
    return response
