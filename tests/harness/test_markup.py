"""What is found on a page, and what only looks like it."""

import httpx
import pytest

from harness.exchange import Answer, Evidence, Exchange
from harness.markup import Markup, markup_of

PAGE = "https://as.example/login/page"


def page(body: str, kind: str = "text/html; charset=utf-8") -> Answer:
    headers = httpx.Headers({"content-type": kind})
    return Answer(Exchange("GET", PAGE, (), b"", 200, headers, body.encode()), Evidence())


@pytest.mark.parametrize(
    "body",
    [
        "<p>&lt;assay-x&gt;</p>",
        '<input value="<assay-x>">',
        "<!-- <assay-x> -->",
        '<script>var state = "<assay-x>";</script>',
        "<textarea>&lt;assay-x&gt;</textarea>",
    ],
)
def test_what_is_escaped_or_quoted_is_no_element(body: str) -> None:
    assert "assay-x" not in markup_of(page(body)).elements


@pytest.mark.parametrize(
    "body",
    [
        "<p><assay-x></p>",
        '<input value=""><assay-x>">',
        "<!-- --><assay-x> -->",
        '<script>var state = "</script><assay-x>";</script>',
    ],
)
def test_what_ends_its_surroundings_is_an_element(body: str) -> None:
    assert "assay-x" in markup_of(page(body)).elements


def test_what_a_browser_loads_is_found_with_its_whole_address() -> None:
    found = markup_of(
        page(
            '<link rel="stylesheet" href="/main.css"><link rel="canonical" href="https://other.example/">'
            '<script src="//cdn.example/x.js"></script><img src=logo.png><a href="https://other.example/">o</a>'
        )
    )
    assert found.loaded == [
        "https://as.example/main.css",
        "https://cdn.example/x.js",
        "https://as.example/login/logo.png",
    ]


def test_links_are_found_as_they_are_written() -> None:
    found = markup_of(
        page('<a href=" javascript:x() ">b</a><form action="/go"><button formaction="/no">n</button></form>')
    )
    assert found.links == ["javascript:x()", "/go", "/no"]


def test_the_referrer_policy_of_a_page_is_found() -> None:
    assert markup_of(page('<meta name="Referrer" content="no-referrer">')).referrer == "no-referrer"


def test_nothing_is_found_in_what_is_no_page() -> None:
    assert markup_of(page("<p><assay-x></p>", "application/json")) == Markup()


def test_an_address_that_cannot_be_read_is_kept_as_it_is() -> None:
    assert markup_of(page('<img src="https://[broken/x.png">')).loaded == ["https://[broken/x.png"]
