"""What strangers register: disguised redirect URIs, chosen secrets, names and pages that would harm, huge documents."""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import Any

from harness import Context, Fault, expect, expect_oauth_error, expect_refused, fault, scenario
from harness.browser import text_of
from harness.capability import AUTHORIZATION_CODE, REGISTRATION
from harness.clients import registered_client, registration_metadata
from harness.exchange import Answer
from harness.http import NotReached
from harness.markup import markup_of
from harness.target import REDIRECT_URI
from scenarios.authorization_server.registration import expect_not_kept, was_registered

DISGUISED_REDIRECT_URIS = (
    fault(
        "as-data",
        "rfc7591-5-3",
        "rfc7591-3.2.2-2",
        remedy="Accept https, http on loopback and private-use schemes with a period in them; refuse the rest.",
        redirect_uris=["data:text/html,assay"],
    ),
    fault(
        "as-a-file",
        "rfc7591-5-3",
        "rfc7591-3.2.2-2",
        remedy="Accept https, http on loopback and private-use schemes with a period in them; refuse the rest.",
        redirect_uris=["file:///tmp/assay"],
    ),
    fault(
        "as-a-script-in-capitals",
        "rfc7591-5-3",
        "rfc7591-3.2.2-2",
        remedy="Compare schemes without regard to case, as browsers do, and name those that are allowed.",
        redirect_uris=["JavaScript:alert(1)"],
    ),
    fault(
        "as-loopback-in-a-longer-name",
        "rfc7591-5-3",
        "rfc9700-2.6-1",
        "rfc7591-3.2.2-2",
        remedy="Parse the URI, and compare its whole host with localhost, 127.0.0.1 and [::1].",
        redirect_uris=["http://localhost.client.example:8976/callback"],
    ),
    fault(
        "as-loopback-in-a-user-name",
        "rfc7591-5-3",
        "rfc9700-2.6-1",
        "rfc7591-3.2.2-2",
        remedy="Parse the URI, and compare its host with localhost, 127.0.0.1 and [::1]; refuse user names in it.",
        redirect_uris=["http://127.0.0.1:8976@client.example/callback"],
    ),
    fault(
        "as-one-of-two",
        "rfc7591-5-3",
        "rfc9700-2.6-1",
        "rfc7591-3.2.2-2",
        remedy="Check every redirect URI, not the first one only.",
        redirect_uris=[REDIRECT_URI, "http://client.example/callback"],
    ),
)
"""The last URI of each is the one to be refused."""

PAGES = ("client_uri", "logo_uri", "policy_uri", "tos_uri")
SCRIPTS = ("javascript:assay()", "javascript://client.example/%0aassay()", "data:text/html,assay")
"""The second looks like a URL with a host, and is a comment before a script all the same."""
AS_IT_IS = 'Assay {} & Sons\' "Best" &amp; <b>Only</b>'
HUGE = 1024 * 1024


@scenario.each(DISGUISED_REDIRECT_URIS, needs={REGISTRATION})
def a_disguised_redirect_uri_is_not_registered(ctx: Context, fault: Fault) -> None:
    """A redirect URI that only looks like a safe one is refused with invalid_redirect_uri."""
    expect_not_kept(ctx.register(**fault.claims), fault.claims["redirect_uris"][-1])


@scenario("rfc7591-3.2.1-3", needs={REGISTRATION})
def each_client_has_a_secret_of_its_own(ctx: Context) -> None:
    """Two clients that register get different secrets, also when both ask for the same one.

    Why: a client that knows the secret of another can take its place.
    Remedy: make the secret up yourself for each client, and ignore one that is asked for.
    """
    first, second = (ctx.registered(kind="confidential") for _ in range(2))
    ctx.require(first.json.get("client_secret") and second.json.get("client_secret"), "no secret was issued")
    _expect_own_secrets(first, second)
    chosen = f"assay-{secrets.token_hex(16)}"
    first, second = (ctx.register(kind="confidential", client_secret=chosen) for _ in range(2))
    if was_registered(first) and was_registered(second):
        _expect_own_secrets(first, second)
    else:
        expect_refused(second if was_registered(first) else first, what="the chosen secret")


@scenario("rfc7591-5-2", "rfc7591-5-4", needs={REGISTRATION, AUTHORIZATION_CODE})
def a_script_is_no_page_of_a_client(ctx: Context) -> None:
    """A script in place of the URI of a client's page or logo is not registered, and never becomes a link.

    Why: people who are asked for their consent follow the links that stand there, and escaping does not help.
    Remedy: take https URLs only (http at most) for client_uri, logo_uri, policy_uri and tos_uri.
    """
    for name, script in [(name, SCRIPTS[0]) for name in PAGES] + [(PAGES[0], script) for script in SCRIPTS[1:]]:
        deviation: dict[str, Any] = {name: script}
        answer = ctx.register(**deviation)
        if not was_registered(answer):
            expect_oauth_error(answer, "invalid_client_metadata", what=f"the script in {name}")
        elif answer.json.get(name) == script:
            _expect_no_link(ctx, answer, script)
            answer.warn(f"a script in {name} not to be registered", "it was")


@scenario("rfc7591-2.2-1", "rfc7591-5-2", needs={REGISTRATION, AUTHORIZATION_CODE})
def a_name_is_shown_as_it_is(ctx: Context) -> None:
    """Where a page shows the name of a registered client, it shows the whole name, its signs as text.

    Why: a part of a name, or what is left of it after its signs were interpreted, can be somebody else's.
    Remedy: escape the name once, where the page is written, and change nothing in it.
    """
    unique = secrets.token_hex(6)
    answer = ctx.register(client_name=AS_IT_IS.format(unique))
    ctx.require(was_registered(answer), "such a name is refused")
    name = answer.json.get("client_name", AS_IT_IS.format(unique))
    ctx.require(isinstance(name, str) and unique in name, "another name is registered")
    shown = [page for page in _pages(ctx, answer) if unique in text_of(page)]
    ctx.require(shown, "no page shows the name of the client")
    wanted = " ".join(str(name).split())
    for page in shown:
        expect(wanted in text_of(page), f"the name {wanted}", "the page shows it in part, or changed", page)


@scenario("rfc7591-3.2.2-1", needs={REGISTRATION})
def a_huge_document_is_no_trouble(ctx: Context) -> None:
    """A registration of a megabyte is refused or served, and the next one is served as ever.

    Why: registration is open to everybody, and what one request costs is the sender's choice.
    Remedy: bound the size of the body before you read it, and answer what is larger with 400 or 413.
    """
    with suppress(NotReached):  # a server may hang up on what it will not read
        answer = ctx.register(client_name="assay " * (HUGE // 6))
        expect(answer.status < 500, "a registration or a refusal", answer.summary(), answer)
    after = ctx.register()
    expect(was_registered(after), "a registration, as before the huge one", after.summary(), after)


def _expect_own_secrets(first: Answer, second: Answer) -> None:
    """Judge that two registrations have different secrets, unless they are of one client."""
    same_client = first.json["client_id"] == second.json["client_id"]
    different = first.json.get("client_secret") != second.json.get("client_secret")
    expect(different or same_client, "a secret for each client", "both have the same", second)


def _pages(ctx: Context, registration: Answer) -> list[Answer]:
    """Send an authorization request of the client in a fresh browser, and return what was answered on the way."""
    client = registered_client(registration, registration_metadata(ctx.home))
    before = len(list(ctx.evidence))
    ctx.send_authorization(client=client)
    return [Answer(exchange, ctx.evidence) for exchange in list(ctx.evidence)[before:]]


def _expect_no_link(ctx: Context, registration: Answer, script: str) -> None:
    for page in _pages(ctx, registration):
        expect(script not in markup_of(page).links, "no link to a script", "the page has one", page)
