"""The report page in a real Chromium: filters, deep links, keys, themes, print and accessibility, without a request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from reports.html_report import render
from tests.browser.chromium import address, expect_seen, watched
from tests.reports.conftest import RESULTS, document_of

FAILED = "as/pkce/failed"
PASSED = "as/registration/stale"
WARNED = "as/registration/family/row"
MACHINES = ["mcp/challenge/error", "mcp/challenge/not-applicable"]
EVERYTHING = [item.scenario.id for item in RESULTS]
ROWS = "details.r"
Opened = Callable[..., Page]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    document = document_of()
    results = {item["scenario"]: item for item in document["results"]}
    for name in MACHINES:
        results[name].update(role="mcp-server")
    results[WARNED].update(level="SHOULD")
    failed = results[FAILED]
    failed["exchanges"][-2].update(sender="browser", recipient="identity-provider")
    failed["exchanges"][-3].update(sender="client", recipient="mcp-server")
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(render(document), encoding="utf-8")
    return file.as_uri()


@pytest.fixture
def opened(browser: Browser, url: str) -> Iterator[Opened]:
    """Return what opens the page at a fragment; when the test ends the page was silent and has requested nothing."""
    with ExitStack() as pages:

        def open_at(fragment: str = "", **options: Any) -> Page:
            page = browser.new_page(**options)
            page.set_default_timeout(10_000)
            return pages.enter_context(watched(page, url + fragment))

        yield open_at


def fragment(page: Page) -> str:
    return address(page).partition("#")[2]


def colour(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def test_everything_is_shown_at_first(opened: Opened) -> None:
    page = opened()
    expect_seen(page, ROWS, EVERYTHING)
    expect(page.locator("#shown")).to_have_text("8 results")


@pytest.mark.parametrize(
    ("name", "value", "left"),
    [
        ("role", "mcp-server", MACHINES),
        ("area", "mcp/challenge", MACHINES),
        ("level", "SHOULD", [WARNED]),
    ],
)
def test_a_choice_filters_and_stands_in_the_address(opened: Opened, name: str, value: str, left: list[str]) -> None:
    page = opened()
    page.select_option(f"select[name={name}]", value)
    expect_seen(page, ROWS, left)
    assert fragment(page) == f"?{name}={value}"


def test_verdicts_add_up_and_search_narrows(opened: Opened) -> None:
    page = opened()
    page.get_by_role("button", name="failed").click()
    page.get_by_role("button", name="blocked").click()
    expect_seen(page, ROWS, ["as/pkce/accepted", "as/pkce/blocked", FAILED])
    page.get_by_label("Search").fill("PKCE block")
    expect_seen(page, ROWS, ["as/pkce/blocked"])
    expect(page.locator("#shown")).to_have_text("1 of 8 results")
    expect(page.locator("section.verdict:visible")).to_have_count(1)
    page.get_by_role("button", name="Clear").click()
    expect_seen(page, ROWS, EVERYTHING)
    assert fragment(page) == ""


def test_a_shared_address_filters_as_it_was(opened: Opened) -> None:
    page = opened("#?text=PKCE+block&verdict=failed,blocked")
    expect_seen(page, ROWS, ["as/pkce/blocked"])
    expect(page.get_by_label("Search")).to_have_value("PKCE block")
    expect(page.get_by_role("button", name="failed")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="passed")).to_have_attribute("aria-pressed", "false")


def test_a_count_in_the_grid_filters(opened: Opened) -> None:
    page = opened()
    page.locator(".areas").get_by_role("link", name="2 failed").click()
    expect_seen(page, ROWS, ["as/pkce/accepted", FAILED])
    assert fragment(page) == "?area=as/pkce&verdict=failed"
    page.go_back()
    expect_seen(page, ROWS, EVERYTHING)


def test_a_deep_link_opens_its_result_and_has_the_focus(opened: Opened) -> None:
    page = opened(f"#{PASSED}")
    row = page.locator(f"details[id='{PASSED}']")
    expect(row).to_have_attribute("open", "")
    expect(row.locator("summary")).to_be_focused()
    expect(page.locator("#shown")).to_have_text("8 results")
    expect(row).to_be_in_viewport()


def test_a_deep_link_shows_what_a_filter_hides(opened: Opened) -> None:
    page = opened("#?verdict=failed")
    page.evaluate(f"location.hash = '#{PASSED}'")
    expect(page.locator(f"details[id='{PASSED}'] > .body")).to_be_visible()


def test_an_address_that_fits_nothing_does_no_harm(opened: Opened) -> None:
    page = opened("#no/such/scenario")
    for place in ("#%E0%A4%A", "#?area=none&verdict=&x=%", "#?text=%26", "#"):
        page.evaluate("place => { location.hash = place; }", place)
    expect(page.locator("#shown")).to_have_text("8 results")


def test_an_arrow_leads_to_its_exchange(opened: Opened) -> None:
    page = opened(f"#{FAILED}")
    figure = page.locator(f"details[id='{FAILED}'] .sequence")
    for name in ("Client", "Browser", "Authorization server", "Identity provider", "MCP server"):
        expect(figure.locator(".who", has_text=name)).to_be_visible()
    figure.locator("a").nth(1).focus()
    page.keyboard.press("Enter")
    step = page.locator(f"details[id='{FAILED}@3']")
    expect(step).to_have_attribute("open", "")
    expect(step.locator("summary")).to_be_focused()
    expect(step.get_by_role("button", name="Copy as curl")).to_be_visible()


def test_the_page_can_be_used_with_keys_alone(opened: Opened) -> None:
    page = opened()
    page.keyboard.press("j")
    page.keyboard.press("j")
    summaries = page.locator("details.r > summary")
    expect(summaries.nth(1)).to_be_focused()
    page.keyboard.press("k")
    expect(summaries.nth(0)).to_be_focused()
    page.keyboard.press("/")
    page.keyboard.type("jk")
    expect(page.get_by_label("Search")).to_have_value("jk")
    page.locator("h1").click()
    page.keyboard.press("x")
    expect(page.get_by_label("Search")).to_have_value("")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.get_by_label("single keys work").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("t")
    expect(page.locator("#theme")).to_have_text("Theme: auto")


def test_the_theme_follows_the_system_and_the_button(opened: Opened) -> None:
    page = opened(color_scheme="dark")
    dark = colour(page)
    page.emulate_media(color_scheme="light")
    light = colour(page)
    assert dark != light
    page.locator("#theme").click()
    page.locator("#theme").click()
    expect(page.locator("#theme")).to_have_text("Theme: dark")
    assert colour(page) == dark
    page.reload()
    assert colour(page) == dark
    page.emulate_media(media="print")
    assert colour(page) == "rgb(255, 255, 255)"


def test_copying_gives_the_command_line(opened: Opened) -> None:
    page = opened(f"#{FAILED}@7")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    step = page.locator(f"details[id='{FAILED}@7']")
    step.get_by_role("button").click()
    expect(step.get_by_role("button")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == step.locator(".curl").text_content()


def test_on_paper_what_is_wrong_is_open_and_the_tools_are_gone(opened: Opened) -> None:
    page = opened()
    body = page.locator("details[id='as/pkce/blocked'] > .body")
    expect(body).to_be_hidden()
    page.emulate_media(media="print")
    expect(body).to_be_visible()
    expect(page.locator("details[id='as/pkce/passed'] > .body")).to_be_hidden()
    expect(page.locator("#filter")).to_be_hidden()
    assert page.pdf().startswith(b"%PDF")


def test_a_narrow_window_needs_no_sideways_scrolling(opened: Opened) -> None:
    page = opened(f"#{FAILED}", viewport={"width": 360, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_without_scripts_everything_can_be_read(browser: Browser, url: str) -> None:
    with browser.new_context(java_script_enabled=False) as context, watched(context.new_page(), url) as page:
        expect(page.locator("#filter")).to_be_hidden()
        page.locator(f"details[id='{PASSED}'] > summary").click()
        expect(page.locator(f"details[id='{PASSED}'] > .body")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(opened: Opened, scheme: str) -> None:
    page = opened(color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    found = Axe().run(page).response["violations"]
    assert [(item["id"], item["nodes"][0]["html"]) for item in found if item["impact"] in ("serious", "critical")] == []
