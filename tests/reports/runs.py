"""Documents of runs with chosen verdicts, for what compares runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.verdict import Verdict
from reports.document import Document
from tests.reports.conftest import document_of, result

HOSTILE = "\x1b[2J\u202e [red](https://evil.example) | `` <script>alert(1)</script> @team :bomb: \ud800"
"""A text that is up to no good in a terminal, in Markdown and in HTML."""


def run_of(verdicts: Mapping[str, str], results: Mapping[str, Any] | None = None, **members: Any) -> Document:
    """Return the document of a run.

    Args:
        verdicts: the verdict of each scenario.
        results: members that are set in every result.
        members: members of the document that differ from those of a run of everything.
    """
    told = [result(name, number, Verdict(verdict)) for number, (name, verdict) in enumerate(sorted(verdicts.items()))]
    document = {**document_of(told), "target": "a target", **members}
    for item in document["results"]:
        item.update({"actual": f"what came of {item['verdict']}", "role": "authorization-server", **(results or {})})
    return document


def settings(**changed: Any) -> Document:
    """Return the settings of a run, some of them other than usual."""
    usual: Document = {"selectors": [], "role": None, "strict": False, "allow_blocked": False, "jobs": 8, "seed": 0}
    return {**usual, **changed}
