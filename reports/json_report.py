"""The JSON report: the whole run in one document."""

from __future__ import annotations

import json

from reports.document import Document


def render(document: Document) -> str:
    """Return a run's document as JSON text; its schema is `reports/schema.json`."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
