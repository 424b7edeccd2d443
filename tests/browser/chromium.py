"""The real Chromium in which our pages are tried, and what it says of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run"),
)
MISSING = "chromium is not installed"


def chromium() -> str | None:
    """Return the path of Chromium, where it is installed."""
    return shutil.which("chromium")


@contextmanager
def launched() -> Iterator[Browser]:
    """Run Chromium, which must be installed."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def watched(page: Page, url: str) -> Iterator[Page]:
    """Open a page, and see to it that it says nothing to the console and requests nothing but itself."""
    said: list[str] = []
    requested: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda fault: said.append(str(fault)))
    page.on("request", lambda request: requested.append(request.url.partition("#")[0]))
    page.goto(url)
    yield page
    page.close()
    assert said == []
    assert set(requested) == {url.partition("#")[0]}
