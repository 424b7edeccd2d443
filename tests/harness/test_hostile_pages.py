"""What scenarios do in the place of an attacker, and by what they see that it worked."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from harness.browser import Browser
from harness.context import Context
from harness.exchange import Answer, Evidence, Exchange
from harness.http import Wire
from harness.verdict import Violation
from scenarios.authorization_server import consent, hostile_parameters

AS = "http://127.0.0.1:7402"


def context(*exchanges: Exchange) -> Context:
    home = SimpleNamespace(endpoint=lambda name: f"{AS}/{name}")
    return cast("Context", SimpleNamespace(evidence=Evidence(list(exchanges)), home=home))


def visited(path: str, location: str = "") -> Exchange:
    headers = httpx.Headers({"location": location} if location else {})
    return Exchange("GET", f"{AS}{path}", (), b"", 303 if location else 200, headers)


def other_targets(ctx: Context) -> list[str]:
    return list(hostile_parameters._with_other_targets(ctx))


def test_each_target_on_the_way_is_replaced_by_a_strangers() -> None:
    ctx = context(
        visited("/authorization?redirect_uri=http://127.0.0.1/"), visited("/login?next=%2Fgo%3Fa%3D1&lang=de")
    )
    assert other_targets(ctx) == [
        f"{AS}/login?next=https%3A%2F%2Fassay.example%2F&lang=de",
        f"{AS}/login?next=%2F%2Fassay.example%2F&lang=de",
        f"{AS}/login?next=%2F%5Cassay.example%2F&lang=de",
    ]


def test_steps_of_other_sites_are_left_alone() -> None:
    elsewhere = Exchange("GET", "http://127.0.0.1:9/login?next=/go", (), b"", 200)
    assert other_targets(context(elsewhere)) == []


@pytest.mark.parametrize(
    "place", ["https://assay.example/x", "//assay.example/x", "/\\assay.example/x", "\\\\assay.example"]
)
def test_whoever_is_led_away_is_noticed(place: str) -> None:
    with pytest.raises(Violation, match="no redirect to another site"):
        hostile_parameters._expect_nobody_led_away(context(visited("/login", place)))


@pytest.mark.parametrize("place", ["/assay.example", f"{AS}/go?next=https://assay.example/", "https://[broken/"])
def test_a_redirect_within_the_site_leads_nobody_away(place: str) -> None:
    hostile_parameters._expect_nobody_led_away(context(visited("/login", place)))


def test_what_the_provider_behind_it_does_is_not_the_servers_fault() -> None:
    headers = httpx.Headers({"location": "https://assay.example/"})
    provider = Exchange("GET", "http://127.0.0.1:9/authorize", (), b"", 303, headers)
    hostile_parameters._expect_nobody_led_away(context(provider))


class Noting(Browser):
    """Notes the cookies that it would send, and is given another one."""

    sent: set[str]

    def send(self, method: str, url: str, **_options: Any) -> Answer:
        self.sent = {cookie.name for cookie in self.cookies.jar}
        self.cookies.set("new", "4")
        return Answer(Exchange(method, url, (), b"", 200), self.evidence)


@pytest.fixture
def browser() -> Iterator[Noting]:
    wire = Wire()
    browser = Noting(wire, Evidence())
    cookies = [("set-cookie", f"{name}=1{attribute}") for name, attribute in COOKIES.items()]
    browser.cookies.extract_cookies(httpx.Response(200, headers=cookies, request=httpx.Request("GET", AS)))
    yield browser
    wire.close()


COOKIES = {"strict": "; SameSite=Strict", "lax": "; samesite=lax", "none": "; SameSite=None", "unsaid": ""}


@pytest.mark.parametrize(("method", "sent"), [("POST", {"none", "unsaid"}), ("GET", {"lax", "none", "unsaid"})])
def test_a_form_of_another_site_comes_without_cookies_of_the_same_site(
    browser: Noting, method: str, sent: set[str]
) -> None:
    consent._sent_by_stranger(browser, f"{AS}/consent", method, [("decision", "allow")])
    assert browser.sent == sent
    assert {cookie.name for cookie in browser.cookies.jar} == {*COOKIES, "new"}
