"""Redirect URIs: nobody is sent anywhere but to a registered one (OAuth 2.1 sections 2.3 and 4.1.2.1)."""

from __future__ import annotations

import re
import secrets
import string
from html.parser import HTMLParser
from urllib.parse import urlsplit

from hypothesis import strategies as st

from harness import Context, Fault, expect, expect_not_redirected_to, fault, for_all, scenario
from harness.browser import Landing
from harness.capability import AUTHORIZATION_CODE, REGISTRATION
from harness.exchange import Answer
from harness.http import origin_of
from harness.target import REDIRECT_URI, OAuthClient
from harness.verdict import Blocked

STRANGE_URI = "https://attacker.example/callback"
OTHER_PORT = 8977
MARKUP = "<assay-injected>"
SPLITTER = "x\r\nAssay-Injected: 1"

_LITERAL = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::[0-9]+)?(?=[/?]|$)")

LOOKALIKES = (
    "{uri}/{word}",
    "{uri}{word}",
    "{uri}?{word}=1",
    "{uri}#{word}",
    "{uri}/../{word}",
    "{uri}/",
    "{uri}%00",
    "{uri}\\@attacker.example",
    "{shorter}",
    "{shorter}{swapped}",
    "{shorter}%{code}",
    "{scheme}:///{host}{path}",
    "{word}://{host}{path}",
    "{scheme}://{host}.{word}.attacker.example{path}",
    "{scheme}://{host}@{word}.attacker.example{path}",
    "{scheme}://{word}.attacker.example{path}",
)

HOSTILE_VALUES = (
    fault(
        "markup-in-the-state",
        "oauth21-7.12-1",
        remedy="Escape what a page shows for the place where it stands; templates with autoescape do.",
        state=f'">{MARKUP}',
    ),
    fault(
        "a-line-break-in-the-state",
        "oauth21-7.12-1",
        remedy="Form-encode the state when it is added to the redirect URI, so that it cannot end the header.",
        state=SPLITTER,
    ),
    fault(
        "markup-in-the-redirect-uri",
        "oauth21-7.12-1",
        remedy="Escape the redirect URI where an error page shows it, or do not show it.",
        redirect_uri=f'{STRANGE_URI}">{MARKUP}',
    ),
)


@scenario("oauth21-4.1.2.1-1", needs={AUTHORIZATION_CODE})
def an_unknown_client_is_not_redirected(ctx: Context) -> None:
    """A request with an unknown client_id sends the browser nowhere.

    Why: a server that redirects for clients that it does not know can be used to send people anywhere.
    Remedy: look the client up first, and show a page when there is none.
    """
    known = ctx.clients.first
    landing = ctx.send_authorization(client_id=f"assay-{secrets.token_hex(8)}")
    expect_not_redirected_to(landing, known.redirect_uri)


@scenario("oauth21-4.1.2.1-1", "mcp-security.redirect-1", needs={AUTHORIZATION_CODE})
def an_unregistered_redirect_uri_is_not_redirected_to(ctx: Context) -> None:
    """A request with a redirect URI that is not registered does not send the browser there, not even with an error.

    Why: the code would go to an attacker, and an error would still make the server an open redirector.
    Remedy: compare redirect_uri with the registered ones before anything else, and show a page when none is equal.
    """
    landing = ctx.send_authorization(redirect_uri=STRANGE_URI)
    expect_not_redirected_to(landing, STRANGE_URI)


@scenario("mcp-security.redirect-1", needs={AUTHORIZATION_CODE})
@for_all(budget=2, word=st.text(string.ascii_lowercase, min_size=1, max_size=6))
def lookalikes_of_a_redirect_uri_are_not_redirected_to(ctx: Context, word: str) -> None:
    """Nothing that merely resembles the registered redirect URI is redirected to.

    Why: comparisons by prefix, by pattern or after normalisation have all been used to steal codes.
    Remedy: compare redirect URIs as strings, character by character; only the port of a loopback URI may differ.
    """
    registered = ctx.clients.first.redirect_uri
    ctx.require(origin_of(registered), "the client's redirect URI is no http or https URL")
    for lookalike in {_lookalike(registered, form, word): None for form in LOOKALIKES}:
        if lookalike != registered:
            landing = ctx.send_authorization(redirect_uri=lookalike)
            sent = _was_sent_to(landing, lookalike)
            expect(not landing.get("code"), f"no code for {lookalike}", landing.summary(), landing.answer)
            expect(not sent, f"no redirect to {lookalike}", landing.summary(), landing.answer)


@scenario("oauth21-8.4.2-1", needs={AUTHORIZATION_CODE, REGISTRATION})
def the_port_of_a_loopback_redirect_uri_may_differ(ctx: Context) -> None:
    """A native app whose redirect URI has a loopback IP literal may use any port.

    Why: an app on a desktop listens on whatever port the operating system gives it.
    Remedy: leave the port out when you compare redirect URIs that begin with http://127.0.0.1 or http://[::1].
    """
    client = ctx.registered_client()  # a configured one may be a web application, whose port counts
    place = _LITERAL.match(client.redirect_uri)
    ctx.require(place, "no client with a loopback IP literal as redirect URI")
    assert place
    other = f"{place[1]}:{OTHER_PORT}{client.redirect_uri[place.end() :]}"
    landing = ctx.send_authorization(client=client, redirect_uri=other)
    arrived = landing.get("code") and landing.arrived_at(other)
    expect(arrived, f"a code at {other}", landing.summary(), landing.answer)


@scenario("oauth21-2.3-2", needs={AUTHORIZATION_CODE, REGISTRATION})
def the_query_of_a_redirect_uri_is_kept(ctx: Context) -> None:
    """A redirect URI that was registered with a query keeps it when the response parameters are added.

    Remedy: append to the query with &, instead of building the query anew.
    """
    registered = f"{REDIRECT_URI}?from=assay"
    answer = ctx.register(redirect_uris=[registered])
    ctx.require(registered in answer.strings("redirect_uris"), "redirect URIs with a query are not registered")
    client = OAuthClient(str(answer.json.get("client_id")), redirect_uri=registered)
    landing = ctx.send_authorization(client=client)
    if not landing.get("code"):
        raise Blocked(f"the client that was just registered got no code: {landing.summary()}")
    kept = landing.get("from") == "assay"
    expect(kept, f"a code at {registered}", f"the code came to {landing.location.split('?')[0]}", landing.answer)


@scenario.each(HOSTILE_VALUES, needs={AUTHORIZATION_CODE})
def a_hostile_value_does_no_harm(ctx: Context, fault: Fault) -> None:
    """A hostile value in an authorization request becomes no part of a page or of a response's headers."""
    ctx.send_authorization(**fault.claims)
    _expect_nothing_injected(ctx)


@scenario("oauth21-7.12-1", needs={AUTHORIZATION_CODE, REGISTRATION})
def a_hostile_client_name_does_no_harm(ctx: Context) -> None:
    """Markup in the name of a registered client is shown as text.

    Why: anybody can register a client, and its name is shown to a person who is logged in.
    Remedy: escape client metadata wherever a page shows it.
    """
    answer = ctx.register(client_name=f"Assay {MARKUP}")
    ctx.require(answer.json.get("client_id"), "such a name is refused")
    client = OAuthClient(str(answer.json["client_id"]), redirect_uri=REDIRECT_URI)
    ctx.send_authorization(client=client)
    _expect_nothing_injected(ctx)


def _lookalike(uri: str, form: str, word: str) -> str:
    parts = urlsplit(uri)
    return form.format(
        uri=uri,
        word=word,
        shorter=uri[:-1],
        swapped=uri[-1].swapcase(),
        code=f"{ord(uri[-1]):02x}",
        scheme=parts.scheme,
        host=parts.netloc,
        path=parts.path,
    )


def _was_sent_to(landing: Landing, uri: str) -> bool:
    """Whether any redirect went to this very URI, with or without parameters."""
    return any(landed == uri or landed.startswith((f"{uri}?", f"{uri}&", f"{uri}#")) for landed in landing.redirects)


def _expect_nothing_injected(ctx: Context) -> None:
    for answer in (Answer(exchange, ctx.evidence) for exchange in ctx.evidence):
        split = "assay-injected" in answer.headers
        expect(not split, "no header of the request's making", "the value ended a header and began another", answer)
        shown = "html" in answer.media_type and _Elements.of(answer.text) & {MARKUP.strip("<>")}
        expect(not shown, "the value to be escaped in the page", "the page holds it as markup", answer)


class _Elements(HTMLParser):
    """The names of a page's elements. The same text in a quoted attribute or a script's string is no markup."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    @classmethod
    def of(cls, text: str) -> set[str]:
        """Return the names of all elements of a page."""
        parser = cls()
        parser.feed(text)
        parser.close()
        return parser.names

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take one element's name."""
        self.names.add(tag)
