"""Redirect URIs: nobody is sent anywhere but to a registered one (OAuth 2.1 sections 2.3 and 4.1.2.1)."""

from __future__ import annotations

import re
import secrets
import string
from urllib.parse import urlsplit

from hypothesis import strategies as st

from harness import Context, Fault, expect, expect_no_code, expect_not_redirected_to, fault, for_all, scenario
from harness.capability import AUTHORIZATION_CODE, REGISTRATION, SECOND_CLIENT, WEB_CLIENT
from harness.exchange import Answer
from harness.http import origin_of
from harness.markup import markup_of
from harness.target import REDIRECT_URI, OAuthClient
from harness.verdict import Blocked
from scenarios.authorization_server.redirect_uri_variants import (
    LOOPBACK_VARIANTS,
    STRANGE_URI,
    VARIANTS,
    applies,
    expect_kept_out,
    made,
)

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
        "rfc6749-10.14-1",
        remedy="Escape what a page shows for the place where it stands; templates with autoescape do.",
        state=f'">{MARKUP}',
    ),
    fault(
        "a-line-break-in-the-state",
        "oauth21-7.12-1",
        "rfc6749-10.14-1",
        remedy="Form-encode the state when it is added to the redirect URI, so that it cannot end the header.",
        state=SPLITTER,
    ),
    fault(
        "markup-in-the-redirect-uri",
        "oauth21-7.12-1",
        "rfc6749-10.14-1",
        remedy="Escape the redirect URI where an error page shows it, or do not show it.",
        redirect_uri=f'{STRANGE_URI}">{MARKUP}',
    ),
)


@scenario("oauth21-4.1.2.1-1", "rfc9700-4.11.2-1", "oauth21-7.13.2-1", needs={AUTHORIZATION_CODE})
def an_unknown_client_is_not_redirected(ctx: Context) -> None:
    """A request with an unknown client_id sends the browser nowhere.

    Why: a server that redirects for clients that it does not know can be used to send people anywhere.
    Remedy: look the client up first, and show a page when there is none.
    """
    known = ctx.clients.first
    landing = ctx.send_authorization(client_id=f"assay-{secrets.token_hex(8)}")
    expect_not_redirected_to(landing, known.redirect_uri)


@scenario(
    "oauth21-4.1.2.1-1",
    "mcp-security.redirect-1",
    "oauth21-2.3.5-1",
    "rfc6749-3.1.2.4-1",
    "rfc6749-10.6-2",
    "rfc9700-2.1-2",
    "rfc9700-4.11.2-1",
    "oauth21-7.13.2-1",
    "rfc6749-3.1.2.2-1",
    needs={AUTHORIZATION_CODE},
)
def an_unregistered_redirect_uri_is_not_redirected_to(ctx: Context) -> None:
    """A request with a redirect URI that is not registered does not send the browser there, not even with an error.

    Why: the code would go to an attacker, and an error would still make the server an open redirector.
    Remedy: compare redirect_uri with the registered ones before anything else, and show a page when none is equal.
    """
    landing = ctx.send_authorization(redirect_uri=STRANGE_URI)
    expect_not_redirected_to(landing, STRANGE_URI)


@scenario(
    "mcp-security.redirect-1",
    "oauth21-2.3.1-1",
    "rfc6749-3.1.2.3-2",
    "rfc9700-4.1.3-1",
    needs={AUTHORIZATION_CODE},
)
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
            expect_kept_out(ctx, ctx.clients.first, [lookalike])


@scenario.each(VARIANTS, needs={AUTHORIZATION_CODE})
def a_variant_is_not_redirected_to(ctx: Context, row: Fault) -> None:
    """A redirect URI that differs from the registered one is refused, and nobody is sent there.

    Why: each of these differences is lost to some way of comparing URIs, and with it the code.
    """
    client = ctx.clients.web if ctx.offers(WEB_CLIENT) else ctx.clients.first
    ctx.require(origin_of(client.redirect_uri), "the client's redirect URI is no http or https URL")
    ctx.require(applies(row, client.redirect_uri), "the host of the client's redirect URI has no name of its own")
    expect_kept_out(ctx, client, made(row, client.redirect_uri))


@scenario.each(LOOPBACK_VARIANTS, needs={AUTHORIZATION_CODE})
def a_loopback_variant_is_not_redirected_to(ctx: Context, row: Fault) -> None:
    """Of a loopback redirect URI the port may differ, and nothing else.

    Why: to leave out the port, the URI has to be taken apart, and that is easily done in a way that lets others in.
    """
    first = ctx.clients.first
    client = first if first.registration or not ctx.offers(SECOND_CLIENT) else ctx.clients.second
    ctx.require(client.registration, "what other redirect URIs the client has is not known")
    ctx.require(_LITERAL.match(client.redirect_uri), "no client with a loopback IP literal as redirect URI")
    expect_kept_out(ctx, client, made(row, client.redirect_uri))


@scenario("oauth21-2.3.2-1", "rfc6749-3.1.2.3-1", needs={AUTHORIZATION_CODE, REGISTRATION})
def one_of_several_redirect_uris_has_to_be_named(ctx: Context) -> None:
    """A client with several redirect URIs gets no code when its request names none of them.

    Why: a server that guesses may send the code to the part of an application that did not ask.
    Remedy: use the registered redirect URI of a request without one only where it is the only one.
    """
    several = [REDIRECT_URI, f"{REDIRECT_URI}/other"]
    answer = ctx.register(redirect_uris=several)
    ctx.require(set(several) == set(answer.strings("redirect_uris")), "several redirect URIs are not registered")
    client = OAuthClient(str(answer.json.get("client_id")), redirect_uri=several[0])
    if not ctx.send_authorization(client=client).get("code"):
        raise Blocked("a client with several redirect URIs got no code when it named one")
    expect_no_code(ctx.send_authorization(client=client, redirect_uri=None))


@scenario("oauth21-8.4.2-1", "rfc9700-4.1.3-2", needs={AUTHORIZATION_CODE, REGISTRATION})
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


@scenario("oauth21-2.3-2", "rfc6749-3.1.2-3", needs={AUTHORIZATION_CODE, REGISTRATION})
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


@scenario("oauth21-7.12-1", "rfc6749-10.14-1", needs={AUTHORIZATION_CODE, REGISTRATION})
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


def _expect_nothing_injected(ctx: Context) -> None:
    for answer in (Answer(exchange, ctx.evidence) for exchange in ctx.evidence):
        split = "assay-injected" in answer.headers
        expect(not split, "no header of the request's making", "the value ended a header and began another", answer)
        shown = MARKUP.strip("<>") in markup_of(answer).elements
        expect(not shown, "the value to be escaped in the page", "the page holds it as markup", answer)
