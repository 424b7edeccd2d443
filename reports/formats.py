"""The formats in which a run can be written to a file, by the option that asks for each."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reports.document import Document


@dataclass(frozen=True)
class Format:
    """A format: its option is `--<name>`, and its module has `render(document) -> str`."""

    name: str
    module: str
    about: str

    def render(self, document: Document) -> str:
        """Return a run's document as text of this format."""
        text: str = importlib.import_module(f"reports.{self.module}").render(document)
        return text


FORMATS = (
    Format("json", "json_report", "the JSON report"),
    Format("junit", "junit", "the JUnit XML report"),
    Format("sarif", "sarif", "the SARIF report"),
    Format("markdown", "markdown", "the Markdown report, for a job's summary"),
    Format("har", "har", "the exchanges as an HTTP archive"),
    Format("html", "html_report", "the HTML report, one page for people"),
)
