"""The browser of one scenario: cookies, redirects and forms, and where it came to rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

import httpx
from lxml import etree, html

from harness.exchange import Answer, Evidence, query_of
from harness.http import Client, NotAllowed, Wire, bare, origin_of
from harness.target import LoginPage
from harness.verdict import Blocked

STEPS = 25
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Landing:
    """Where an authorization request ended.

    Attributes:
        answer: the last answer: a page, or the redirect that was not followed.
        location: the redirect to a client, or to any other place that is not the target's; empty for a page.
        parameters: the query and fragment parameters of `location`; those of the query go first.
        redirects: every redirect that the browser was sent through, in order.
        acted: what was done with the pages that came, in order.
    """

    answer: Answer
    location: str = ""
    parameters: Mapping[str, list[str]] = field(default_factory=dict)
    redirects: tuple[str, ...] = ()
    acted: tuple[LoginPage, ...] = ()

    def get(self, name: str) -> str:
        """Return one response parameter, or an empty string."""
        return (self.parameters.get(name) or [""])[0]

    def arrived_at(self, redirect_uri: str) -> bool:
        """Tell whether the browser was sent to this redirect URI, whatever was added to its query or fragment."""
        return bare(self.location) == bare(redirect_uri) if self.location else False

    def summary(self) -> str:
        """Return one line that says where the browser was sent or what page it shows."""
        if not self.location:
            return f"the browser was shown a page: {self.answer.summary()}"
        error = f" with error {self.get('error')!r}" if self.get("error") else ""
        code = " with a code" if self.get("code") else ""
        return f"the browser was redirected to {bare(self.location)}{error}{code}"


class Browser(Client):
    """A browser: it keeps cookies, and it stops where a client's or a stranger's pages begin."""

    sender = "browser"

    def __init__(self, wire: Wire, evidence: Evidence) -> None:
        super().__init__(wire, evidence)
        self.cookies = httpx.Cookies()

    def prepare(self, request: httpx.Request) -> None:
        """Send the cookies that belong to the place."""
        request.headers["accept"] = "text/html,application/xhtml+xml"
        self.cookies.set_cookie_header(request)

    def received(self, response: httpx.Response) -> None:
        """Keep the cookies that came."""
        self.cookies.extract_cookies(response)

    def visit(self, url: str, *, clients: tuple[str, ...], pages: tuple[LoginPage, ...] = ()) -> Landing:
        """Open a URL, follow redirects within the target, fill in the pages that fit, and stop at the first other one.

        Args:
            url: an authorization request.
            clients: redirect URIs of clients, which are never requested.
            pages: what to do with the pages that come.

        Raises:
            Blocked: it went on without end, or the target could not be reached.
        """
        answer = self.send("GET", url)
        return self.carry_on(answer, clients=clients, pages=pages)

    def carry_on(self, answer: Answer, *, clients: tuple[str, ...], pages: tuple[LoginPage, ...] = ()) -> Landing:
        """Go on from an answer as `visit` does."""
        redirects: list[str] = []
        acted: list[LoginPage] = []
        for _ in range(STEPS):
            if answer.location:
                redirects.append(answer.location)
                if not self._ours(answer.location, clients):
                    found = parameters_of(answer.location)
                    return Landing(answer, answer.location, found, tuple(redirects), tuple(acted))
                answer = self.send("GET", answer.location)
                continue
            submission = find_submission(answer, pages)
            if submission is None:
                return Landing(answer, redirects=tuple(redirects), acted=tuple(acted))
            acted.append(submission.page)
            answer = self.submit(submission, answer)
        raise Blocked(f"the authorization did not end after {STEPS} steps", "check [login]", answer.exchange)

    def submit(self, submission: Submission, page: Answer) -> Answer:
        """Send a filled-in form as a browser does."""
        if submission.method == "GET":
            query = f"?{urlencode(submission.fields)}" if submission.fields else ""
            return self.send("GET", f"{submission.url.split('?')[0]}{query}" if query else submission.url)
        headers = {"content-type": FORM, "origin": _origin_header(page.exchange.url), "referer": page.exchange.url}
        return self.send("POST", submission.url, headers=headers, content=urlencode(submission.fields))

    def _ours(self, url: str, clients: tuple[str, ...]) -> bool:
        if any(bare(url) == bare(client) or origin_of(url) == origin_of(client) != "" for client in clients):
            return False
        try:
            self.wire.check(url)
        except NotAllowed:
            return False
        return True


@dataclass(frozen=True)
class Submission:
    """A form filled in, or a link: where it goes, how, its fields in order, and what of the login it follows."""

    url: str
    method: str
    fields: tuple[tuple[str, str], ...]
    page: LoginPage


def find_submission(answer: Answer, pages: tuple[LoginPage, ...]) -> Submission | None:
    """Fill in the first form of a page that one of the descriptions fits; None when none does."""
    forms = forms_of(answer)
    for page in pages:
        for form in forms:
            names = {name for name, _ in form.form_values()} | set(form.fields.keys())
            if not set(page.fill) <= names:
                continue
            button = _button(form, page.press)
            if button is not None:
                return _filled(form, page, button)
        link = _link(answer, page.press) if page.press and not page.fill else ""
        if link:
            return Submission(link, "GET", (), page)
    return None


def forms_of(answer: Answer) -> list[html.FormElement]:
    """Return the forms of an HTML page with absolute actions; none when it is no HTML."""
    document = _document(answer)
    return [] if document is None else list(document.forms)


def text_of(answer: Answer) -> str:
    """Return what a person can read on an HTML page, spaces collapsed; empty when it is no HTML."""
    document = _document(answer)
    if document is None:
        return ""
    read = document.xpath("//body//text()[not(ancestor::script or ancestor::style or ancestor::template)]")
    return " ".join(" ".join(map(str, read)).split())


def _document(answer: Answer) -> html.HtmlElement | None:
    if answer.media_type not in ("text/html", "application/xhtml+xml") or not answer.exchange.body.strip():
        return None
    try:
        document: html.HtmlElement = html.document_fromstring(answer.exchange.body, base_url=answer.exchange.url)
        document.make_links_absolute(resolve_base_href=True, handle_failures="ignore")
    except (etree.ParserError, ValueError):
        return None
    return document


def _link(answer: Answer, text: str) -> str:
    document = _document(answer)
    links = document.xpath(".//a[@href]") if document is not None else ()
    return next((str(link.get("href")) for link in links if " ".join(link.text_content().split()) == text), "")


def _filled(form: html.FormElement, page: LoginPage, button: tuple[str, str]) -> Submission:
    values = [(name, value) for name, value in form.form_values() if name not in page.fill]
    fields = [*values, *page.fill.items(), *([button] if button[0] else [])]
    return Submission(form.action or form.base_url or "", form.method.upper(), tuple(fields), page)


def _button(form: html.FormElement, press: str) -> tuple[str, str] | None:
    """Return name and value of the button to press; an unnamed button is a pair of empty strings."""
    found = form.xpath(".//button[not(@type) or @type='submit'] | .//input[@type='submit' or @type='image']")
    for button in found:
        name, value = button.get("name", ""), button.get("value", "")
        text = " ".join(button.text_content().split()) or value
        if press in ("", f"{name}={value}", text):
            return name, value
    return None if press or found else ("", "")


def parameters_of(url: str) -> dict[str, list[str]]:
    """Return the query and fragment parameters of a URL; where both have one, the query's."""
    fragment = url.partition("#")[2]
    return {**query_of(f"?{fragment}"), **query_of(url)}


def _origin_header(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
