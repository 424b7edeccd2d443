"""The real Chromium in which our pages are tried, and what it says of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from playwright.sync_api import Browser, Dialog, Page, sync_playwright
from playwright.sync_api import TimeoutError as LateError

ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run"),
)
MISSING = "chromium is not installed"
_SEEN = "rows => [...document.querySelectorAll(rows)].filter(row => row.offsetParent).map(row => row.id).sort()"


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
    """Open a page, and see to it that it says nothing, not to the console either, and requests nothing but itself."""
    said: list[str] = []
    requested: list[str] = []

    def refuse(dialog: Dialog) -> None:
        said.append(dialog.message)
        dialog.dismiss()

    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda fault: said.append(str(fault)))
    page.on("dialog", refuse)
    page.on("request", lambda request: requested.append(request.url.partition("#")[0]))
    page.goto(url)
    yield page
    page.close()
    assert said == []
    assert set(requested) == {url.partition("#")[0]}


def expect_seen(page: Page, rows: str, wanted: Iterable[str]) -> None:
    """See to it that of these rows those with the wanted ids are in sight, soon: a change of the address is told later.

    Args:
        page: where.
        rows: the selector of all rows.
        wanted: the ids.
    """
    ids = sorted(wanted)
    with suppress(LateError):  # the assertion says more
        page.wait_for_function(f"([rows, ids]) => String(({_SEEN})(rows)) === String(ids)", arg=[rows, ids])
    assert page.evaluate(_SEEN, rows) == ids


def address(page: Page) -> str:
    """Return the page's URL by its own word: the browser's may be late."""
    return str(page.evaluate("location.href"))
