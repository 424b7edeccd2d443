"""Hostile values in the parameters that browsers bring: no page takes them for its own, and nobody is led away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from harness import Context, expect, scenario
from harness.browser import Landing
from harness.capability import AUTHORIZATION_CODE
from harness.flows import AuthorizationRequest
from harness.http import bare, origin_of
from harness.markup import markup_of
from scenarios.authorization_server.pages import own_answers

OUT_OF_ANYTHING = "'\"></title></textarea></style></script>--><{element}>"
"""Ends whatever it may stand in, then begins an element."""
SHOWN = (
    "client_id",
    "response_type",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "resource",
    "login_hint",
    "nonce",
    "prompt",
    "ui_locales",
)
SCRIPT = "javascript:assay()"

STRANGER = "assay.example"
ELSEWHERE = (f"https://{STRANGER}/", f"//{STRANGER}/", f"/\\{STRANGER}/")
"""Three ways to write one place; a check that the value begins with a slash lets two of them through."""
LEADING = (
    "next",
    "continue",
    "goto",
    "redirect",
    "redirect_to",
    "redirect_url",
    "return",
    "return_to",
    "return_url",
    "returnTo",
    "returnUrl",
    "target",
    "target_link_uri",
    "url",
    "RelayState",
)
STEPS_TRIED = 4


@scenario("oauth21-7.12-1", needs={AUTHORIZATION_CODE})
def markup_is_shown_as_text(ctx: Context) -> None:
    """Markup in a parameter of an authorization request becomes no element of any page that follows.

    Why: a script on the page where people log in and consent can do both in their place.
    Remedy: escape what a page shows for the place where it stands; templates with autoescape do.
    """
    elements = {f"assay-{name.replace('_', '-')}": name for name in SHOWN}
    for element, name in elements.items():
        deviation: dict[str, Any] = {name: OUT_OF_ANYTHING.format(element=element)}
        _visit(ctx, ctx.authorization_request(**deviation))
    for page in own_answers(ctx):
        shown = [elements[element] for element in sorted(markup_of(page).elements & elements.keys())]
        expect(not shown, f"{' and '.join(shown)} to be escaped", "the page holds its markup", page)


@scenario("oauth21-7.12-1", needs={AUTHORIZATION_CODE})
def a_script_becomes_no_link(ctx: Context) -> None:
    """A redirect URI with the scheme javascript becomes no link of the page that refuses it.

    Why: to escape markup is not enough where a value becomes the address of a link.
    Remedy: offer a way back by registered redirect URIs only.
    """
    _visit(ctx, ctx.authorization_request(redirect_uri=SCRIPT))
    for page in own_answers(ctx):
        expect(SCRIPT not in markup_of(page).links, "no link to a script", "the page has one", page)


@scenario("rfc9700-2.1-2", "mcp-security.redirect-3", needs={AUTHORIZATION_CODE})
def no_parameter_leads_elsewhere(ctx: Context) -> None:
    """No parameter of the pages on the way to a code sends the browser to another site.

    Why: a link that begins at the authorization server is trusted, wherever it ends.
    Remedy: keep where a login leads in the session; where it has to be a parameter, allow paths of your own only.
    """
    request = ctx.authorization_request()
    _visit(ctx, request)
    deviations: dict[str, Any] = dict.fromkeys(LEADING, ELSEWHERE[0])
    also = ctx.authorization_request(**deviations).url
    for url in (also, *list(_with_other_targets(ctx))):
        _visit(ctx, request, url)
    _expect_nobody_led_away(ctx)


def _visit(ctx: Context, request: AuthorizationRequest, url: str = "") -> Landing:
    """Open a request, or another URL, in a fresh browser, and do on the pages what the login says."""
    places = tuple({request.client.redirect_uri, request.get("redirect_uri") or request.client.redirect_uri})
    return ctx.new_browser().visit(url or request.url, clients=places, pages=request.site.tenant.login.pages)


def _with_other_targets(ctx: Context) -> Iterator[str]:
    """Yield the URLs of the server's own steps after the first with one target in each replaced by a stranger's."""
    start = ctx.home.endpoint("authorization")
    own = {answer.exchange.url for answer in own_answers(ctx) if answer.exchange.method == "GET"}
    steps = [url for url in sorted(own) if origin_of(url) == origin_of(start) and bare(url) != bare(start)]
    for url in steps[:STEPS_TRIED]:
        sent = parse_qsl(urlsplit(url).query, keep_blank_values=True)
        for index, (name, value) in enumerate(sent):
            if value.startswith(("/", "http://", "https://")):
                for place in ELSEWHERE:
                    yield f"{bare(url)}?{urlencode([*sent[:index], (name, place), *sent[index + 1 :]])}"


def _expect_nobody_led_away(ctx: Context) -> None:
    for answer in own_answers(ctx):
        place = str(answer.headers.get("location", "")) if 300 <= answer.status < 400 else ""
        led = _host(answer.exchange.url, place.strip().replace("\\", "/"))
        expect(led != STRANGER, "no redirect to another site", f"the browser was redirected to {bare(place)}", answer)


def _host(url: str, place: str) -> str:
    """Return the host that a redirect leads to; empty where it cannot be read."""
    try:
        return urlsplit(urljoin(url, place)).hostname or ""
    except ValueError:
        return ""
