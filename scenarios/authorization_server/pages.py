"""The pages where people log in and consent (OAuth 2.1 section 7.10, RFC 9700 sections 4.12 and 4.16)."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from harness import Context, expect, scenario
from harness.browser import forms_of
from harness.capability import AUTHORIZATION_CODE
from harness.exchange import Answer
from harness.http import bare, origin_of
from harness.markup import markup_of
from harness.verdict import Violation

_TOP = re.compile(r"<script[\s>].*\btop\b", re.IGNORECASE | re.DOTALL)
_ANYBODY = {"*", "http:", "https:"}
_DISCREET = {
    "no-referrer",
    "same-origin",
    "origin",
    "strict-origin",
    "origin-when-cross-origin",
    "strict-origin-when-cross-origin",
}
_INDISCREET = {"unsafe-url", "no-referrer-when-downgrade"}


@scenario("oauth21-7.11-1", "rfc9700-4.16-1", needs={AUTHORIZATION_CODE})
def pages_cannot_be_framed(ctx: Context) -> None:
    """The pages where the user logs in or consents forbid that other sites show them in a frame.

    Why: a transparent frame over an innocent page lets people click on Allow without knowing.
    Remedy: send Content-Security-Policy: frame-ancestors 'none', and X-Frame-Options: DENY for old browsers.
    """
    for page in _pages(ctx):
        if _by_policy(page) or _by_frame_options(page):
            continue
        ctx.require(not _TOP.search(page.text), "a script of the page may prevent framing")
        actual = "there was neither frame-ancestors nor X-Frame-Options"
        raise Violation("a page that cannot be framed", actual, page.exchange)


@scenario("rfc9700-4.16-2", needs={AUTHORIZATION_CODE})
def framing_is_forbidden_by_policy(ctx: Context) -> None:
    """The pages where the user logs in or consents forbid framing by a Content Security Policy.

    Remedy: send Content-Security-Policy: frame-ancestors 'none'.
    """
    for page in _pages(ctx):
        policies = page.headers.get_list("content-security-policy")
        expect(_by_policy(page), "frame-ancestors in a policy", f"the policies were {policies}", page)


@scenario("rfc9700-4.12-1", "oauth21-7.5.3-1", "rfc9700-2.1-6", needs={AUTHORIZATION_CODE})
def a_submitted_form_is_not_answered_307(ctx: Context) -> None:
    """What the user typed into a page is not carried on by a redirect with status 307.

    Why: a browser repeats a form at the target of such a redirect, which can be the client.
    Remedy: answer forms with 303.
    """
    for answer in _submitted(ctx):
        expect(answer.status not in (307, 308), "another status than 307", answer.summary(), answer)


@scenario("rfc9700-4.12-2", needs={AUTHORIZATION_CODE})
def a_submitted_form_is_answered_303(ctx: Context) -> None:
    """A redirect that answers a form has status 303.

    Why: of all redirects, this one alone never carries on what was typed, whatever the browser.
    Remedy: answer forms with 303.
    """
    for answer in _submitted(ctx):
        expect(not answer.location or answer.status == 303, "status 303", answer.summary(), answer)


@scenario("rfc9700-4.2.4-3", needs={AUTHORIZATION_CODE})
def pages_keep_their_address_to_themselves(ctx: Context) -> None:
    """The pages where the user logs in or consents have a referrer policy that keeps their address from other sites.

    Why: the address holds the state of the request, and often more that an attacker could use.
    Remedy: send Referrer-Policy: no-referrer.
    """
    for page in _pages(ctx):
        policy = _referrer_policy(page)
        actual = f"the policy is {policy!r}" if policy else "there was none"
        expect(policy in _DISCREET, "a referrer policy such as no-referrer", actual, page)


@scenario("rfc9700-4.2.4-3", needs={AUTHORIZATION_CODE})
def pages_load_nothing_from_elsewhere(ctx: Context) -> None:
    """The pages where the user logs in or consents load scripts, styles and pictures from their own site only.

    Why: whoever serves a script to the login page reads the passwords, and learns who logs in when.
    Remedy: serve these files yourself.
    """
    for page in _pages(ctx):
        own = _site(page.exchange.url)
        strange = sorted({url for url in markup_of(page).loaded if _site(url) not in ("", own)})
        expect(not strange, f"files from {own} only", f"the page loads {', '.join(map(bare, strange[:3]))}", page)


def own_answers(ctx: Context) -> list[Answer]:
    """Return what the server itself has answered so far; an OpenID provider behind it answers for itself."""
    own = origin_of(ctx.home.endpoint("authorization"))
    return [Answer(exchange, ctx.evidence) for exchange in ctx.evidence if origin_of(exchange.url) == own]


def _submitted(ctx: Context) -> list[Answer]:
    """Return the answers to the server's own forms on the way to a code; not applicable where there are none."""
    ctx.authorize(browser=ctx.new_browser())
    answers = [answer for answer in own_answers(ctx) if answer.exchange.method == "POST"]
    ctx.require(answers, "no form was submitted on the way to the code")
    return answers


def _pages(ctx: Context) -> list[Answer]:
    """Return the server's own pages with a form on the way to a code; not applicable where there is none."""
    ctx.authorize(browser=ctx.new_browser())
    pages = [answer for answer in own_answers(ctx) if forms_of(answer)]
    ctx.require(pages, "no page was shown on the way to the code")
    return pages


def _by_policy(page: Answer) -> bool:
    return any(_names_ancestors(policy) for policy in page.headers.get_list("content-security-policy"))


def _names_ancestors(policy: str) -> bool:
    """Whether one of a header's policies restricts who may frame the page (CSP level 2 section 7.7)."""
    for directive in re.split(r"[;,]", policy):
        name, *sources = directive.lower().split() or [""]
        if name == "frame-ancestors":
            return not _ANYBODY & set(sources)
    return False


def _by_frame_options(page: Answer) -> bool:
    values = {value.strip().upper() for value in str(page.headers.get("x-frame-options", "")).split(",")}
    return bool(values & {"DENY", "SAMEORIGIN"})


def _referrer_policy(page: Answer) -> str:
    """Return the policy in force: the last one that is known, of the page itself or else of its headers."""
    header = ",".join(page.headers.get_list("referrer-policy"))
    named = [name.strip().lower() for name in f"{header},{markup_of(page).referrer}".split(",")]
    return next((name for name in reversed(named) if name in _DISCREET | _INDISCREET), "")


def _site(url: str) -> str:
    """Return the last two names of a URL's host, or its number: near enough to what belongs to one owner."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    number = host.replace(".", "").isdigit() or ":" in host
    return host if number else ".".join(host.split(".")[-2:])
