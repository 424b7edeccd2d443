"""Consent is the user's own: no other site can give it for them (RFC 6749 section 10.12)."""

from __future__ import annotations

from http.cookiejar import Cookie
from urllib.parse import urlencode

from httpx import Cookies

from harness import Context, expect, scenario
from harness.browser import FORM, Browser, Landing, Submission, find_submission
from harness.capability import AUTHORIZATION_CODE
from harness.exchange import Answer
from harness.flows import AuthorizationRequest
from harness.target import Login, LoginPage
from harness.verdict import Blocked, NotApplicable

FOREIGN = {"origin": "https://attacker.example", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}


@scenario("rfc6749-10.12-2", needs={AUTHORIZATION_CODE})
def another_site_cannot_decide(ctx: Context) -> None:
    """A decision that another site sends, with all that it can know, gives no code to the client.

    Why: any page that the user opens can send a form to the authorization server, with the user's cookies.
    Remedy: put an unguessable value into the form that belongs to this browser and this request, and ask for it;
    set cookies with SameSite.
    """
    decision = _decision_page(ctx)
    request = ctx.authorization_request()
    other = ctx.new_browser()
    shown = _page(other, request, decision)
    landings = [_forged(ctx.new_browser(), request, decision, shown, method) for method in ("POST", "GET")]
    good = _landing(other, request, other.submit(_form(shown, decision), shown))
    if not good.get("code"):
        raise Blocked(f"the decision of the page itself gave no code: {good.summary()}", "check [login]")
    for landing in filter(None, landings):
        expect(not landing.get("code"), "no code for a forged decision", landing.summary(), landing.answer)


def _forged(
    victim: Browser, request: AuthorizationRequest, decision: LoginPage, shown: Answer, method: str
) -> Landing | None:
    """Have another site decide in a browser that shows the page, knowing the page of its own browser.

    None where it could not even know the form's address.
    """
    form, known = _form(_page(victim, request, decision), decision), _form(shown, decision)
    if form.url != known.url:
        return None
    fields = [field for field in form.fields if field in known.fields]
    return _landing(victim, request, _sent_by_stranger(victim, form.url, method, fields))


def _decision_page(ctx: Context) -> LoginPage:
    """Return the description of the page where the user decides: the one where a button is pressed, and no more."""
    login: Login = ctx.home.tenant.login
    pages = [page for page in login.pages if not page.fill]
    ctx.require(login.method == "form" and pages, "no page is described where the user just presses a button")
    return pages[-1]


def _page(browser: Browser, request: AuthorizationRequest, decision: LoginPage) -> Answer:
    """Go as far as the page where the user decides, and return it; not applicable where none comes."""
    pages = tuple(page for page in request.site.tenant.login.pages if page != decision)
    landing = browser.visit(request.url, clients=(request.client.redirect_uri,), pages=pages)
    form = None if landing.location else find_submission(landing.answer, (decision,))
    if form is None or form.method != "POST":
        raise NotApplicable("no form asks the user to decide on the way to the code")
    return landing.answer


def _form(page: Answer, decision: LoginPage) -> Submission:
    form = find_submission(page, (decision,))
    assert form
    return form


def _landing(browser: Browser, request: AuthorizationRequest, answer: Answer) -> Landing:
    return browser.carry_on(answer, clients=(request.client.redirect_uri,))


def _sent_by_stranger(browser: Browser, url: str, method: str, fields: list[tuple[str, str]]) -> Answer:
    """Send a form as a browser does when another site asks it to: with that site's name, and not with all cookies.

    Those that are SameSite=Strict stay behind, and in a POST those that are SameSite=Lax (RFC 6265bis section 5.2).
    """
    held_back = ("strict", "lax") if method == "POST" else ("strict",)
    every, browser.cookies = browser.cookies, Cookies()
    for cookie in every.jar:
        if _same_site(cookie) not in held_back:
            browser.cookies.jar.set_cookie(cookie)
    content = urlencode(fields)
    if method == "POST":
        answer = browser.send("POST", url, headers={"content-type": FORM, **FOREIGN}, content=content)
    else:
        answer = browser.send("GET", f"{url}{'&' if '?' in url else '?'}{content}", headers=FOREIGN)
    every.update(browser.cookies)
    browser.cookies = every
    return answer


def _same_site(cookie: Cookie) -> str:
    named = (cookie.get_nonstandard_attr(name) for name in ("SameSite", "samesite", "Samesite"))
    return next((value.lower() for value in named if value), "")
