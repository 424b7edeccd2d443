"""Client ID metadata documents: which URLs and documents make a client (the draft, sections 3 to 6)."""

from __future__ import annotations

import json
import secrets
from urllib.parse import urlsplit

from harness import Context, Fault, expect, expect_no_code, expect_not_redirected_to, fault, scenario
from harness.browser import Landing, text_of
from harness.capability import CLIENT_ID_METADATA, METADATA, REGISTRATION
from harness.exchange import Answer
from harness.http import is_loopback
from harness.listener import Listener, Received, Reply
from harness.publishing import JSON, Published, expect_document_refused, place_of, publish
from harness.target import OAuthClient

LOOKALIKES = ("https://attacker.example/callback", "{uri}/more", "{uri}/../callback")

URLS = (
    fault(
        "without-a-path",
        "cimd-3-2",
        remedy="Refuse a client_id that has nothing after its host, before anything is fetched.",
        url="https://{host}",
    ),
    fault(
        "with-one-dot",
        "cimd-3-2",
        remedy="Refuse a client_id with a path segment that is a dot; do not resolve it.",
        url="https://{host}/./{name}.json",
    ),
    fault(
        "with-two-dots",
        "cimd-3-2",
        remedy="Refuse a client_id with a path segment that is two dots; do not resolve it.",
        url="https://{host}/clients/../{name}.json",
    ),
    fault(
        "with-a-fragment",
        "cimd-3-2",
        remedy="Refuse a client_id with a fragment, which no server ever sees.",
        url="https://{host}/{name}.json#client",
    ),
    fault(
        "with-a-user-name",
        "cimd-3-2",
        remedy="Refuse a client_id with anything before an @ in its authority.",
        url="https://well-known.example@{host}/{name}.json",
    ),
    fault(
        "with-a-password",
        "cimd-3-2",
        remedy="Refuse a client_id with anything before an @ in its authority.",
        url="https://client:word@{host}/{name}.json",
    ),
)

NAMES = (
    fault(
        "another-url",
        "cimd-4.1-2",
        "mcp-registration.cimd-2",
        remedy="Compare client_id in the document with the URL that it was fetched from.",
        named="https://client.example/client.json",
    ),
    fault(
        "the-url-in-other-letters",
        "cimd-4.1-2",
        remedy="Compare the two as strings, without bringing them into a normal form.",
        named="HTTPS{rest}",
    ),
    fault(
        "the-url-and-more",
        "cimd-4.1-2",
        remedy="Compare the two as whole strings, not by their beginning.",
        named="{url}/",
    ),
)

BODIES = (
    fault(
        "no-json",
        "mcp-registration.cimd-2",
        remedy="Refuse the request when the document cannot be parsed.",
        body="<!doctype html><title>A client</title>",
    ),
    fault(
        "no-object",
        "mcp-registration.cimd-2",
        remedy="Refuse the request when the document is no JSON object.",
        body="[{document}]",
    ),
    fault(
        "without-client-id",
        "cimd-4.1-2",
        "mcp-registration.cimd-2",
        remedy="Refuse a document that has no client_id.",
        without="client_id",
    ),
)


@scenario("cimd-5-1", needs={METADATA})
def support_is_published_as_a_boolean(ctx: Context) -> None:
    """The metadata says by a boolean whether metadata documents of clients are looked up.

    Why: clients go by it, and a user whose client guesses wrong ends on an error page.
    Remedy: publish client_id_metadata_document_supported as true or false, not as a text.
    """
    name = "client_id_metadata_document_supported"
    ctx.require(name in ctx.metadata, f"the metadata does not hold {name}")
    value = ctx.metadata[name]
    expect(isinstance(value, bool), f"{name} to be true or false", f"it is {value!r}")


@scenario.each(URLS, needs={CLIENT_ID_METADATA})
def a_client_id_is_refused(ctx: Context, fault: Fault) -> None:
    """A client_id that is no proper URL of a document makes no client, though a fitting document is there.

    Why: what two parsers read in two ways lets one client pass for another.
    """
    expect_no_code(ctx.send_authorization(client=publish(ctx, url=str(fault.claims["url"])).client))


@scenario("cimd-3-2", needs={CLIENT_ID_METADATA})
def a_client_id_with_plain_http_is_refused(ctx: Context) -> None:
    """A document that is served over plain http makes no client.

    Why: whoever is on the way between server and client could write the document.
    Remedy: look documents up at https URLs only.
    """
    place = place_of(ctx)
    ctx.require(is_loopback(place.base_url), "plain http can be served on loopback only")
    good = publish(ctx)
    served: dict[str, bytes] = {}

    def answer(request: Received) -> Reply:
        return Reply(body=served[request.path], headers=JSON)

    with Listener(answer) as plain:
        client = OAuthClient(f"{plain.url}{good.path}", redirect_uri=place.redirect_uri)
        served[good.path] = json.dumps({**good.document, "client_id": client.client_id}).encode()
        landing = ctx.send_authorization(client=client)
    if landing.get("code"):  # on loopback nobody is on the way, so that this much is for development
        landing.answer.warn("a client_id with http to be refused", landing.summary())
    else:
        expect_no_code(landing)


@scenario.each(NAMES, needs={CLIENT_ID_METADATA})
def a_document_with_another_client_id_is_refused(ctx: Context, fault: Fault) -> None:
    """A document whose client_id is not the very URL that it is served at makes no client.

    Why: a copy of a well-known client's document would give its name to anybody.
    """

    def reply(published: Published) -> Reply:
        url = published.client.client_id
        named = str(fault.claims["named"]).format(url=url, rest=url.removeprefix("https"))
        return Reply(body=json.dumps({**published.document, "client_id": named}).encode(), headers=JSON)

    published = publish(ctx, reply=reply)
    expect_document_refused(ctx.send_authorization(client=published.client), published)


@scenario.each(BODIES, needs={CLIENT_ID_METADATA})
def a_document_that_describes_nobody_is_refused(ctx: Context, fault: Fault) -> None:
    """What is no JSON object, or lacks the client_id, makes no client."""

    def reply(published: Published) -> Reply:
        body = str(fault.claims.get("body", "{document}"))
        return Reply(body=body.replace("{document}", json.dumps(published.document)).encode(), headers=JSON)

    without = (str(fault.claims["without"]),) if "without" in fault.claims else ()
    published = publish(ctx, reply=reply, without=without)
    expect_document_refused(ctx.send_authorization(client=published.client), published)


@scenario("mcp-registration.cimd-2", needs={CLIENT_ID_METADATA})
def a_document_without_a_name_is_refused(ctx: Context) -> None:
    """A document without client_name, which MCP asks for, makes no client.

    Why: the user would be asked about an application that does not say what it is called.
    Remedy: refuse a document that lacks client_id, client_name or redirect_uris.
    """
    published = publish(ctx, without=("client_name",))
    landing = ctx.send_authorization(client=published.client)
    if landing.get("code"):  # the draft asks for no name, and a server may put the host in its place
        landing.answer.warn("a document without client_name to be refused", landing.summary())
    else:
        expect_document_refused(landing, published)


@scenario("cimd-4.1-5", needs={CLIENT_ID_METADATA})
def a_document_that_is_not_served_as_json_is_refused(ctx: Context) -> None:
    """A document that is served as HTML makes no client, whatever it holds.

    Why: what people upload to a site is seldom served as JSON, and must not become clients of that site's name.
    Remedy: look at Content-Type: application/json, or application/ with +json at the end.
    """

    def reply(published: Published) -> Reply:
        return Reply(body=published.body, headers={"content-type": "text/html"})

    published = publish(ctx, reply=reply)
    expect_document_refused(ctx.send_authorization(client=published.client), published)


@scenario("cimd-4.5-1", "mcp-registration.cimd-2", needs={CLIENT_ID_METADATA})
def a_redirect_uri_outside_the_document_is_not_redirected_to(ctx: Context) -> None:
    """Nobody is redirected to a URI that the client's document does not hold.

    Why: everybody knows the client_id, so that the redirect URIs are all that protects the code.
    Remedy: compare redirect_uri with redirect_uris of the document as strings.
    """
    client = publish(ctx).client
    for form in LOOKALIKES:
        uri = form.format(uri=client.redirect_uri)
        expect_not_redirected_to(ctx.send_authorization(client=client, redirect_uri=uri), uri)


@scenario("mcp-security.cimd-1", needs={CLIENT_ID_METADATA})
def the_host_of_the_redirect_uri_is_shown(ctx: Context) -> None:
    """The user sees the host that the code will be sent to.

    Why: name and client_id can be those of a well-known client; where the code goes cannot lie.
    Remedy: show the host of redirect_uri on the consent page, apart from what the client says of itself.
    """
    published, host = _redirected_elsewhere(ctx)
    landing = ctx.send_authorization(client=published.client)
    ctx.require(landing.get("code"), "a redirect URI on another host than the document's is refused")
    _expect_shown(ctx, host, landing)


@scenario("cimd-6.4-1", needs={CLIENT_ID_METADATA})
def the_host_of_the_client_id_is_shown(ctx: Context) -> None:
    """The user sees the host that the client's document comes from.

    Why: the name in a document is whatever its author likes; the host is not.
    Remedy: show the host of client_id on the consent page.
    """
    published, _ = _redirected_elsewhere(ctx)  # or the host of the redirect URI could be taken for that of the document
    landing = ctx.send_authorization(client=published.client)
    ctx.require(landing.get("code"), "a redirect URI on another host than the document's is refused")
    _expect_shown(ctx, urlsplit(published.client.client_id).hostname or "", landing)


@scenario("cimd-6.9-1", needs={REGISTRATION})
def a_registered_client_id_is_no_url(ctx: Context) -> None:
    """The client_id of a client that registers does not look like the URL of a document.

    Why: what begins with https:// is fetched, and its owner would be taken for the client.
    Remedy: generate client identifiers that are random, without a scheme.
    """
    ctx.require(ctx.metadata.get("client_id_metadata_document_supported"), "no documents are looked up")
    answer = ctx.registered()
    told = str(answer.json["client_id"])
    expect(not told.startswith("https://"), "a client_id that does not begin with https://", f"it is {told}", answer)


def _redirected_elsewhere(ctx: Context) -> tuple[Published, str]:
    """Publish a document whose redirect URI is on another host, and return it with that host."""
    host = f"callback-{secrets.token_hex(4)}.example"
    members = {"redirect_uris": [f"https://{host}/callback"], "application_type": "web"}
    return publish(ctx, members=members), host


def _expect_shown(ctx: Context, host: str, landing: Landing) -> None:
    """One of the pages on the way to the code shows a host; not applicable where there was no page."""
    shown = [text for exchange in ctx.evidence if (text := text_of(Answer(exchange, ctx.evidence)))]
    ctx.require(shown, "no page was shown on the way to the code")
    actual = "none of the pages on the way to the code shows it"
    expect(any(host in text for text in shown), f"{host} to be shown", actual, landing.answer)
