"""Confused deputies: a proxy that is one client upstream asks its user about each client of its own (MCP)."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from harness import Context, expect, scenario
from harness.browser import Browser, find_submission, text_of
from harness.clients import registered_client, registration_metadata
from harness.exchange import Answer
from harness.flows import AuthorizationRequest
from harness.mcp_capability import STATIC_UPSTREAM_CLIENT
from harness.target import Login
from harness.verdict import Blocked


@scenario("mcp-security.deputy-1", needs={STATIC_UPSTREAM_CLIENT})
def each_registered_client_needs_a_consent_of_its_own(ctx: Context) -> None:
    """Where a user has allowed one registered client, another one gets no code before the same browser showed a page.

    Why: upstream, both are one client, which the user has allowed already. Whoever registers a client and has a user
    follow a link would be given the user's rights.
    Remedy: ask the user yourself, before you go upstream, and remember the answer with the client_id.
    """
    login = _described(ctx)
    browser = ctx.new_browser()
    allowed, stranger = ctx.registered_client(), ctx.registered_client()
    ctx.authorize(client=allowed, browser=browser)
    for prompt in (login.parameters.get("prompt"), "none"):
        request = ctx.authorization_request(client=stranger, prompt=prompt)
        landing = ctx.send_authorization(request, browser=browser, login=replace(login, pages=()))
        expect(not landing.get("code"), "no code before the user was asked", landing.summary(), landing.answer)
    ctx.authorize(client=stranger, browser=browser)


@scenario("mcp-security.deputy-3", needs={STATIC_UPSTREAM_CLIENT})
def a_decision_counts_for_the_client_that_was_shown(ctx: Context) -> None:
    """Who allows one client, while the page of another one waits in the same browser, gives no code to the other one.

    Why: any site can open another client's page behind the one that the user reads.
    Remedy: let the form say which request it answers, and keep no more than that in the session.
    """
    login = _described(ctx)
    browser = ctx.new_browser()
    ctx.authorize(browser=browser)
    shown, other = (ctx.authorization_request(client=ctx.registered_client()) for _ in range(2))
    page = _page(ctx, browser, shown, login)
    _page(ctx, browser, other, login)
    submission = find_submission(page, login.pages)
    assert submission
    landing = browser.carry_on(browser.submit(submission, page), clients=_places(shown, other))
    astray = landing.get("code") and landing.get("state") == other.get("state")
    expect(not astray, "no code for the client that was not shown", landing.summary(), landing.answer)


@scenario("mcp-security.deputy-2", needs={STATIC_UPSTREAM_CLIENT})
def the_page_says_who_asks_and_where_it_leads(ctx: Context) -> None:
    """The page that asks the user about a registered client names it, and the host that the code will be sent to.

    Why: a name can be chosen freely; the host is what gives a stranger away.
    Remedy: show client_name and the host of redirect_uri on the consent page.
    """
    login = _described(ctx)
    unique = secrets.token_hex(6)
    deviations: dict[str, Any] = {
        "client_name": f"Assay {unique}",
        "redirect_uris": [f"https://assay-{unique}.example/callback"],
    }
    answer = ctx.register(application_type="web", **deviations)
    ctx.require(answer.status in (200, 201), "no client with a redirect URI off loopback can be registered")
    client = registered_client(answer, {**registration_metadata(ctx.home), **deviations})
    browser = ctx.new_browser()
    ctx.authorize(browser=browser)
    pages = _pages(ctx, browser, ctx.authorization_request(client=client), login)
    name, host = str(answer.json.get("client_name") or f"Assay {unique}"), urlsplit(client.redirect_uri).hostname or ""
    for what in (name, host):
        named = any(what in text_of(page) for page in pages)
        expect(named, f"{what} on the page", "the page does not name it", pages[-1])


def _described(ctx: Context) -> Login:
    """Return the login, whose pages tell whether a user was asked.

    Raises:
        Blocked: none are described.
    """
    login = ctx.home.tenant.login
    if login.method != "form" or not login.pages:
        unlock = 'describe the consent page under [login.pages], with method = "form"'
        raise Blocked("whether the user is asked cannot be told, for no page is described", unlock)
    return login


def _page(ctx: Context, browser: Browser, request: AuthorizationRequest, login: Login) -> Answer:
    """Open an authorization request, and return the first page that comes, which has to be one that is described."""
    landing = ctx.send_authorization(request, browser=browser, login=replace(login, pages=()))
    if landing.location or find_submission(landing.answer, login.pages) is None:
        reason = f"the page that asks the user was not shown: {landing.summary()}"
        raise Blocked(reason, "check [login]", landing.answer.exchange)
    return landing.answer


def _pages(ctx: Context, browser: Browser, request: AuthorizationRequest, login: Login) -> list[Answer]:
    """Return all pages that come until the request is answered: one may ask for the login again."""
    pages = [_page(ctx, browser, request, login)]
    while len(pages) <= len(login.pages) and (submission := find_submission(pages[-1], login.pages)):
        landing = browser.carry_on(browser.submit(submission, pages[-1]), clients=_places(request))
        if landing.location:
            break
        pages.append(landing.answer)
    return pages


def _places(*requests: AuthorizationRequest) -> tuple[str, ...]:
    return tuple({request.client.redirect_uri for request in requests})
