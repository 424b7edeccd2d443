"""How long the HTML report of 500 scenarios takes to open in Chromium; `tests.bench` prints it."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from reports.html_report import render
from tests.browser.chromium import launched
from tests.reports.test_html_report import many

SCENARIOS = 500
PAINTED = "new Promise(done => requestAnimationFrame(() => setTimeout(done)))"


def page_open_seconds() -> float:
    """Time from the navigation to the first paint with everything loaded and the script done; all scenarios failed."""
    with tempfile.TemporaryDirectory() as folder, launched() as browser:
        file = Path(folder, "report.html")
        file.write_text(render(many(SCENARIOS, verdict="failed", red=True, accepted="")), encoding="utf-8")
        page = browser.new_page()
        started = time.perf_counter()
        page.goto(file.as_uri())
        page.evaluate(PAINTED)
        return time.perf_counter() - started


if __name__ == "__main__":
    print(f"{page_open_seconds():.2f} s")  # noqa: T201 - printing is what it is for
