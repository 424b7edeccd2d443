"""The pages where people log in and consent (OAuth 2.1 section 7.10, RFC 9700 sections 4.12 and 4.16)."""

from __future__ import annotations

import re

from harness import Context, expect, scenario
from harness.browser import forms_of
from harness.capability import AUTHORIZATION_CODE
from harness.exchange import Answer
from harness.http import origin_of
from harness.verdict import Violation

_TOP = re.compile(r"<script[\s>].*\btop\b", re.IGNORECASE | re.DOTALL)
_ANYBODY = {"*", "http:", "https:"}


@scenario("oauth21-7.11-1", needs={AUTHORIZATION_CODE})
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


@scenario("rfc9700-4.12-1", needs={AUTHORIZATION_CODE})
def a_submitted_form_is_not_answered_307(ctx: Context) -> None:
    """What the user typed into a page is not carried on by a redirect with status 307.

    Why: a browser repeats a form at the target of such a redirect, which can be the client.
    Remedy: answer forms with 303.
    """
    ctx.authorize()
    answers = [Answer(exchange, ctx.evidence) for exchange in ctx.evidence if exchange.method == "POST"]
    ctx.require(answers, "no form was submitted on the way to the code")
    for answer in answers:
        expect(answer.status not in (307, 308), "another status than 307", answer.summary(), answer)


def _pages(ctx: Context) -> list[Answer]:
    """Return the server's own pages with a form on the way to a code; not applicable where there is none."""
    ctx.authorize()
    own = origin_of(ctx.home.endpoint("authorization"))
    answers = [Answer(exchange, ctx.evidence) for exchange in ctx.evidence if origin_of(exchange.url) == own]
    pages = [answer for answer in answers if forms_of(answer)]
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
