"""A matrix of runs as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Iterator

from harness.verdict import Verdict
from reports.document import Document
from reports.html_page import page
from reports.matrix import Matrix
from reports.overview import NAMES, WORST_FIRST
from reports.runs import ended_early, shortened, started

TOLD = 500
"""How many characters of what a target said are shown; the reports have it all."""
BAR = tuple(reversed(WORST_FIRST[:-1])) + WORST_FIRST[-1:]
"""The verdicts in the order in which a cell's bar shows them: what passed first, what does not apply last."""


def render(matrix: Matrix) -> str:
    """Return a page with a table of areas, which open to their scenarios; it requests nothing from anywhere."""
    scenarios = sum(len(area.rows) for area in matrix.areas)
    return page(
        "matrix.html",
        styles=("base.css", "matrix.css"),
        scripts=("matrix.js",),
        matrix=matrix,
        scenarios=scenarios,
        legend=WORST_FIRST,
        names=NAMES,
        bar=BAR,
        texts=_texts,
        started=started,
        ended_early=ended_early,
        tags=_tags,
    )


def _texts(result: Document) -> Iterator[tuple[str, str]]:
    """Yield what is told of a verdict, each text with its name; of what passed there is nothing."""
    for name, member in (
        ("Expected", "expected"),
        ("Actual", "actual"),
        ("To judge it", "unlock"),
        ("Accepted", "accepted"),
    ):
        if result[member]:
            yield name, shortened(result[member], TOLD)


def _tags(verdicts: tuple[str, ...]) -> str:
    """Return what the filter can ask of a row, as words."""
    tags = {
        "differing": len(set(verdicts)) > 1,
        "violated": bool({*verdicts} & {Verdict.FAILED, Verdict.WARNING}),
        "unjudged": bool({*verdicts} & {Verdict.BLOCKED, Verdict.ERROR, ""}),
    }
    return " ".join(tag for tag, holds in tags.items() if holds)
