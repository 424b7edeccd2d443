"""The matrix page in a real Chromium: areas open, filters and links work, nothing is requested, and axe is content."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from reports.matrix import matrix_of
from reports.matrix_page import render
from tests.browser.chromium import address, expect_seen, watched
from tests.reports.runs import HOSTILE, run_of, settings

BOUND_MS = 10_000
PASSED, FAILED, BLOCKED = "as/pkce/a-passed", "as/pkce/b-failed", "as/refresh/c-blocked"
ALONE = "mcp/challenge/d-of-one-run"
SCENARIOS = ".scenarios tr"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of three runs, of which two have one name, and one was not asked everything."""
    said = {"actual": HOSTILE, "expected": HOSTILE, "accepted": "known"}
    runs = [
        run_of({PASSED: "passed", FAILED: "passed", BLOCKED: "not-applicable"}, target="one"),
        run_of({PASSED: "passed", FAILED: "failed", BLOCKED: "blocked", ALONE: "error"}, said, target=HOSTILE),
        run_of({PASSED: "passed", FAILED: "warning"}, target="one", settings=settings(selectors=["as/pkce"])),
    ]
    path = tmp_path_factory.mktemp("matrix") / "matrix.html"
    path.write_text(render(matrix_of(runs)), encoding="utf-8")
    return path


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    """Both themes."""
    return str(request.param)


@pytest.fixture
def page(browser: Browser, file: Path) -> Iterator[Page]:
    """The page, opened; in the end it has asked nobody for anything, and met no error."""
    opened = browser.new_page()
    opened.set_default_timeout(BOUND_MS)
    with watched(opened, file.as_uri()):
        yield opened


def test_areas_are_closed_first_and_open_by_mouse_and_keyboard(page: Page) -> None:
    expect_seen(page, SCENARIOS, [])
    pkce, refresh = (page.get_by_role("button", name=name) for name in ("as/pkce", "as/refresh"))
    pkce.click()
    assert pkce.get_attribute("aria-expanded") == "true"
    expect_seen(page, SCENARIOS, [PASSED, FAILED])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert refresh.get_attribute("aria-expanded") == "true"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    expect_seen(page, SCENARIOS, [BLOCKED])


def test_all_areas_open_and_close_at_once(page: Page) -> None:
    button = page.get_by_role("button", name="Open all areas")
    button.click()
    expect_seen(page, SCENARIOS, [PASSED, FAILED, BLOCKED, ALONE])
    button.click()
    expect_seen(page, SCENARIOS, [])


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ("pkce", [PASSED, FAILED]),
        ("PKCE failed", [FAILED]),
        ("title of", [PASSED, FAILED, BLOCKED, ALONE]),
        ("none", []),
    ],
)
def test_the_search_finds_words_in_ids_and_titles(page: Page, words: str, left: list[str]) -> None:
    page.get_by_role("searchbox").fill(words)
    expect_seen(page, SCENARIOS, left)
    assert page.locator("#found").inner_text() == f"{len(left)} of 4 scenarios"
    page.get_by_role("searchbox").fill("")
    expect_seen(page, SCENARIOS, [])


@pytest.mark.parametrize(
    ("choice", "left"),
    [
        ("Where runs differ", [FAILED, BLOCKED, ALONE]),
        ("Failed or warned somewhere", [FAILED]),
        ("Not judged somewhere", [BLOCKED, ALONE]),
    ],
)
def test_scenarios_are_chosen_by_what_the_runs_say(page: Page, choice: str, left: list[str]) -> None:
    page.get_by_label("Which scenarios").select_option(choice)
    expect_seen(page, SCENARIOS, left)


def test_a_filter_and_a_scenario_can_be_linked_to(page: Page, file: Path) -> None:
    page.get_by_role("searchbox").fill("blocked")
    filtered = address(page)
    page.goto(f"{file.as_uri()}#{FAILED}")
    expect_seen(page, SCENARIOS, [PASSED, FAILED])
    assert page.evaluate("document.activeElement.closest('tr').id") == FAILED
    page.goto(filtered)
    expect_seen(page, SCENARIOS, [BLOCKED])
    page.goto(f"{file.as_uri()}#mcp/challenge")
    expect(page.locator(f"[id='{ALONE}']")).to_be_visible()


def test_what_a_target_said_is_shown_where_it_is_opened(page: Page, file: Path) -> None:
    page.goto(f"{file.as_uri()}#{FAILED}")
    row = page.locator(SCENARIOS).nth(1)
    assert [cell.inner_text().split("\n")[0] for cell in row.locator("td").all()] == [
        "✓ passed",
        "✗ failed, accepted",
        "! warning",
    ]
    row.locator("summary").first.click()
    assert "<script>alert(1)</script>" in row.locator("dd").first.inner_text()


def test_the_theme_follows_the_system_until_one_is_chosen(browser: Browser, file: Path) -> None:
    page = browser.new_page(color_scheme="dark")
    page.goto(file.as_uri())
    paper = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(paper)
    page.get_by_role("button", name="Theme: auto").click()
    assert page.evaluate(paper) != dark
    page.get_by_role("button", name="Theme: light").click()
    assert page.evaluate(paper) == dark
    page.close()


def test_without_scripts_everything_is_in_sight(browser: Browser, file: Path) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto(file.as_uri())
    assert page.locator(SCENARIOS).count() == 4
    assert all(row.is_visible() for row in page.locator(SCENARIOS).all())
    assert not page.get_by_role("searchbox").is_visible()
    page.close()


def test_names_of_runs_and_areas_stay_in_sight(page: Page) -> None:
    page.set_viewport_size({"width": 900, "height": 400})
    page.get_by_role("button", name="Open all areas").click()
    page.evaluate("scrollTo(200, document.body.scrollHeight)")
    assert page.get_by_role("columnheader", name="Area").bounding_box() is not None
    box = page.locator("thead th").first.bounding_box()
    assert box
    assert (round(box["x"]), round(box["y"])) == (0, 0)


def test_it_prints_without_controls_and_with_every_run(page: Page) -> None:
    page.emulate_media(media="print")
    assert not page.get_by_role("searchbox").is_visible()
    assert not page.locator("#theme").is_visible()
    assert page.locator("thead th").count() == 4
    assert page.pdf().startswith(b"%PDF")


@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_serious(browser: Browser, file: Path, scheme: str, width: int) -> None:
    page = browser.new_page(
        color_scheme="dark" if scheme == "dark" else "light", viewport={"width": width, "height": 800}
    )
    page.goto(f"{file.as_uri()}#{FAILED}")
    for summary in page.locator("summary").all():
        if summary.is_visible():
            summary.click()
    found = Axe().run(page).response["violations"]
    serious = [f"{item['id']}: {item['help']}" for item in found if item["impact"] in ("serious", "critical")]
    assert serious == []
    page.close()
