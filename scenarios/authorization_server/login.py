"""What becomes of a refusal: the client is told (OAuth 2.1 section 4.1.2.1)."""

from __future__ import annotations

from harness import Context, expect, scenario
from harness.browser import Landing, find_submission
from harness.capability import REFUSABLE
from harness.flows import AuthorizationRequest
from harness.verdict import Blocked

UNASKED = 'have it ask each time, as with parameters = { prompt = "consent" } under [login]'


@scenario("oauth21-4.1.2.1-4", needs={REFUSABLE})
def a_refusal_is_access_denied(ctx: Context) -> None:
    """When the user refuses, the client is told access_denied, with its state.

    Why: a client that hears nothing leaves its user in front of a page that leads nowhere.
    Remedy: redirect with error=access_denied when the user presses the other button.
    """
    request = ctx.authorization_request()
    landing = ctx.send_authorization(request, refuse=True)
    if not any(page in ctx.home.tenant.login.refusal for page in landing.acted):
        raise Blocked("no page came that could be refused", UNASKED, landing.answer.exchange)
    _expect_denied(request, landing)


@scenario("oauth21-4.1.2.1-4", needs={REFUSABLE})
def a_refused_login_is_access_denied(ctx: Context) -> None:
    """When the user refuses to log in, the client is told access_denied, with its state.

    Remedy: take over the refusal that comes back from an upstream provider as one of your own.
    """
    login = ctx.home.tenant.login
    ctx.require(login.hint, "without a login hint, the first page that is refused is the login page anyway")
    request = ctx.authorization_request(login_hint=None)
    clients = (request.client.redirect_uri,)
    browser = ctx.new_browser()
    first = browser.visit(request.url, clients=clients)
    submission = find_submission(first.answer, login.refusal)
    ctx.require(submission, "the login page cannot be refused")
    assert submission
    answer = browser.submit(submission, first.answer)
    _expect_denied(request, browser.carry_on(answer, clients=clients, pages=login.pages))


def _expect_denied(request: AuthorizationRequest, landing: Landing) -> None:
    denied = landing.get("error") == "access_denied" and landing.arrived_at(request.get("redirect_uri"))
    expect(denied, "error access_denied at the redirect URI", landing.summary(), landing.answer)
    sent, found = request.get("state"), landing.get("state")
    expect(found == sent, f"state {sent!r}", f"state was {found!r}", landing.answer)
