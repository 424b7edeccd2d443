"""How client ID metadata documents are fetched, and what is kept of them (the draft, sections 4 and 6)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from urllib.parse import urlsplit

from harness import Context, Fault, expect, fault, scenario
from harness.browser import Landing
from harness.capability import CLIENT_ID_METADATA, CLOCK
from harness.http import NotReached, is_loopback
from harness.listener import Listener, Reply
from harness.publishing import JSON, Published, expect_document_refused, place_of, publish
from harness.target import OAuthClient
from harness.verdict import Blocked, Violation

OTHER_STATUSES = (201, 203, 404, 500)
REDIRECTS = (301, 302, 303, 307, 308)
HUGE = 2 * 1024 * 1024
"""In bytes. The draft recommends a limit of 5 kilobytes; nobody needs a limit as large as this."""
PIECE = 64 * 1024
DROPS, DROP_SECONDS = 600, 0.1
THIS_HOST = ("0.0.0.0", "0")  # noqa: S104 - asked for, never bound to
"""`This host on this network` (RFC 6890 section 2.2.2), which leads to this machine and is no loopback address."""
DAY = 86_400.0
OTHER_MEMBERS = ("logo_uri", "jwks_uri", "client_uri", "policy_uri", "tos_uri")

INCOMPLETE = (
    fault(
        "that-is-cut-off",
        "cimd-4.3-1",
        remedy="Treat a body that is shorter than announced as a failed fetch.",
    ),
    fault(
        "whose-chunks-break-off",
        "cimd-4.3-1",
        remedy="Treat a chunked body without its last chunk as a failed fetch.",
    ),
)


@scenario("cimd-4-1", needs={CLIENT_ID_METADATA})
def only_status_200_brings_a_document(ctx: Context) -> None:
    """A good document that comes with another status than 200 makes no client.

    Why: error pages and half-finished answers are often written by others than the owner of the place.
    Remedy: use the body only where the status is exactly 200.
    """
    for status in OTHER_STATUSES:

        def reply(good: Published, status: int = status) -> Reply:
            return Reply(status, good.body, JSON)

        published = publish(ctx, reply=reply)
        expect_document_refused(ctx.send_authorization(client=published.client), published)


@scenario("cimd-4-2", needs={CLIENT_ID_METADATA})
def a_redirect_is_not_followed(ctx: Context) -> None:
    """A redirect in the place of a document is not followed.

    Why: an open redirector of a well-known site would make clients of its name, and lead to addresses inside.
    Remedy: turn the following of redirects off in the HTTP client that fetches documents.
    """
    place = place_of(ctx)
    for status in REDIRECTS:

        def reply(good: Published, status: int = status) -> Reply:
            place.publish(f"{good.path}.moved", Reply(body=good.body, headers=JSON))
            return Reply(status, headers={"location": f"{place.base_url}{good.path}.moved"})

        published = publish(ctx, reply=reply)
        landing = ctx.send_authorization(client=published.client)
        expect_document_refused(landing, published)
        followed = place.fetches(f"{published.path}.moved")
        expect(not followed, f"a redirect with status {status} not to be followed", "it was followed", landing.answer)


@scenario.each(INCOMPLETE, needs={CLIENT_ID_METADATA})
def a_request_ends_with_a_document(ctx: Context, fault: Fault) -> None:
    """A request comes to nothing when the client's document does not come as a whole."""

    def cut_off(good: Published) -> Reply:
        return Reply(body=good.body[:40], headers={**JSON, "content-length": str(len(good.body))})

    def broken_off(good: Published) -> Reply:
        return Reply(headers=JSON, chunks=partial(_without_end, good.body))

    published = publish(ctx, reply=cut_off if fault.name == "that-is-cut-off" else broken_off)
    expect_document_refused(ctx.send_authorization(client=published.client), published)


@scenario("cimd-6.6-1", needs={CLIENT_ID_METADATA})
def a_huge_document_is_refused(ctx: Context) -> None:
    """A document of two megabytes makes no client, whether or not its size is announced.

    Why: every stranger can have the server fetch what they like, as often as they like.
    Remedy: stop to read after some kilobytes; do not rely on Content-Length.
    """
    for announced in (True, False):

        def reply(good: Published, announced: bool = announced) -> Reply:
            body = json.dumps({**good.document, "assay_padding": "1" * HUGE}).encode()
            return Reply(body=body, headers=JSON) if announced else Reply(headers=JSON, chunks=partial(_pieces, body))

        published = publish(ctx, reply=reply)
        landing = ctx.send_authorization(client=published.client)
        published.serve(Reply(404))  # what is as large as this is not kept for as long as documents are served
        expect_document_refused(landing, published)


@scenario("cimd-4.3-1", needs={CLIENT_ID_METADATA}, cost=500)
def a_document_that_never_ends_holds_nothing_up(ctx: Context) -> None:
    """A request comes to nothing, and to an end, while the client's document trickles in without end.

    Why: each request that waits holds a connection, and anybody can send as many as they like.
    Remedy: bound the whole time of a fetch by seconds, and not only the pause between two bytes.
    """
    ended = threading.Event()

    def reply(good: Published) -> Reply:
        return Reply(headers=JSON, chunks=partial(_drops, good.body, ended))

    published = publish(ctx, reply=reply)
    try:
        landing = ctx.send_authorization(client=published.client)
    except NotReached as fault:
        if fault.exchange is None or not published.fetches:
            raise
        raise Violation(
            "an answer while the document does not end", f"there was none: {fault.exchange.fault}", fault.exchange
        ) from fault
    finally:
        ended.set()
    expect_document_refused(landing, published)


@scenario("cimd-6.5-1", "rfc8725-bis-3.10-1", needs={CLIENT_ID_METADATA})
def a_special_address_is_not_connected_to(ctx: Context) -> None:
    """No connection is made to a special-use address because a client_id names it.

    Why: anybody could have the server send requests to services that only it can reach.
    Remedy: resolve the host first, and connect only where all its addresses are public, to one of these very addresses;
    an exception for development names one origin, and does not let all special addresses through.
    """
    place = place_of(ctx)
    ctx.require(is_loopback(place.base_url), "the target is not known to share this machine's addresses")
    with Listener(tls=place.tls) as elsewhere:
        for host in THIS_HOST:
            url = f"https://{host}:{urlsplit(elsewhere.url).port}/client.json"
            landing = ctx.send_authorization(client=OAuthClient(url, redirect_uri=place.redirect_uri))
            _expect_no_connection(elsewhere, url, landing)


@scenario("cimd-6.5-2", needs={CLIENT_ID_METADATA})
def special_addresses_in_a_document_are_not_connected_to(ctx: Context) -> None:
    """No connection is made to a special-use address because a document names it, as for its logo.

    Remedy: fetch what documents name with the same guard as the documents themselves.
    """
    place = place_of(ctx)
    ctx.require(is_loopback(place.base_url), "the target is not known to share this machine's addresses")
    ctx.require(ctx.home.tenant.login.method != "manual", "the browser of a person fetches what a page shows, too")
    with Listener(tls=place.tls) as elsewhere:
        url = f"https://{THIS_HOST[0]}:{urlsplit(elsewhere.url).port}/anything"
        landing = ctx.send_authorization(client=publish(ctx, members=dict.fromkeys(OTHER_MEMBERS, url)).client)
        _expect_no_connection(elsewhere, url, landing)


@scenario("cimd-4.4-1", needs={CLIENT_ID_METADATA})
def an_error_is_not_kept(ctx: Context) -> None:
    """A client whose document could not be had is looked up again at the next request.

    Why: one moment of failure, which anybody can choose, would lock the client out.
    Remedy: cache nothing but documents that were found good.
    """
    gone = Reply(404, headers={"cache-control": "max-age=3600"})
    _expect_looked_up_again(ctx, publish(ctx, reply=lambda _good: gone))


@scenario("cimd-4.4-2", needs={CLIENT_ID_METADATA})
def an_invalid_document_is_not_kept(ctx: Context) -> None:
    """A client whose document was found invalid is looked up again at the next request.

    Why: the client that mends its document would stay locked out.
    Remedy: cache nothing but documents that were found good.
    """

    def reply(good: Published) -> Reply:
        other = json.dumps({**good.document, "client_id": "https://client.example/client.json"}).encode()
        return Reply(body=other, headers={**JSON, "cache-control": "max-age=3600"})

    _expect_looked_up_again(ctx, publish(ctx, reply=reply))


@scenario("cimd-4.4-3", needs={CLIENT_ID_METADATA, CLOCK})
def an_old_document_is_looked_up_again(ctx: Context) -> None:
    """A document that may be used for a minute is looked up again the next day.

    Why: a client that withdraws a redirect URI or a key has to be heard.
    Remedy: keep the time until when a document is fresh by its Cache-Control, and bound that by hours.
    """

    def reply(good: Published) -> Reply:
        return Reply(body=good.body, headers={**JSON, "cache-control": "max-age=60"})

    published = publish(ctx, reply=reply)
    ctx.grant(client=published.client)
    before = published.fetches
    ctx.clock.advance(DAY + 60)
    landing = ctx.send_authorization(client=published.client)
    again = published.fetches > before
    expect(again, "the document to be fetched again", "it was taken for fresh after a day", landing.answer)


def _expect_looked_up_again(ctx: Context, published: Published) -> None:
    """After a first request that comes to nothing, the mended document is fetched, and makes a client.

    A server that does not fetch it at once gets a warning: it may only wait a while, lest anybody makes it fetch often.
    """
    landing = ctx.send_authorization(client=published.client)
    expect_document_refused(landing, published)
    before = published.fetches
    published.serve()
    landing = ctx.send_authorization(client=published.client)
    if published.fetches == before:  # which a pause between two attempts looks like as well
        landing.answer.warn("the document to be fetched again", "what came of the first fetch was kept, for now")
        return
    if not landing.get("code"):
        raise Blocked(f"the mended document got no code: {landing.summary()}", exchange=landing.answer.exchange)


def _expect_no_connection(elsewhere: Listener, url: str, landing: Landing) -> None:
    actual = f"it was connected to {elsewhere.connections} times"
    expect(not elsewhere.connections, f"no connection to {url}", actual, landing.answer)


def _without_end(body: bytes) -> Iterator[bytes]:
    """Yield the beginning of a document, and hang up."""
    yield body[:40]
    raise ConnectionAbortedError


def _drops(body: bytes, ended: threading.Event) -> Iterator[bytes]:
    """Yield the beginning of a document, and now and then a blank, until nobody waits any more."""
    yield body[:1]
    for _ in range(DROPS):
        if ended.wait(DROP_SECONDS):
            return
        yield b" "


def _pieces(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), PIECE):
        yield body[start : start + PIECE]
