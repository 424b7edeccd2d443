"""The JSON report: the whole run in one document."""

from __future__ import annotations

import json
from pathlib import Path

from harness.events import Event, RunFinished, RunStarted
from reports.document import run_document
from reports.files import write_whole


class JsonReport:
    """Writes the run to a file when it is finished.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, path: Path, *, tool: str, show_secrets: bool = False) -> None:
        self._path, self._tool, self._show_secrets = path, tool, show_secrets
        self._started: RunStarted | None = None

    def __call__(self, event: Event) -> None:
        """Consume one event."""
        if isinstance(event, RunStarted):
            self._started = event
        elif isinstance(event, RunFinished) and self._started:
            document = run_document(self._started, event.summary, tool=self._tool, show_secrets=self._show_secrets)
            write_whole(self._path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
