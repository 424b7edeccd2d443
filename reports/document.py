"""A run as one document of plain data, redacted: what the JSON report holds, and what every other report renders."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from harness.baseline import Accepted
from harness.events import Event, Result, RunFinished, RunStarted, Settings, Summary
from harness.exchange import Exchange
from harness.redaction import Redactor, curl
from harness.requirement import Level, Requirement
from harness.target import Target
from harness.verdict import Verdict
from harness.version import tool, versions
from reports.participants import recipients

Document = dict[str, Any]
SCHEMA = 1
SCHEMA_FILE = Path(__file__).parent / "schema.json"
TELLING = 3
"""How many exchanges a report for people shows."""
SEQUENCE = 40
"""How many it shows of a sequence that was made as short as could be."""


class ReportError(ValueError):
    """A file is no JSON report; the message says which and why."""


class Recorder:
    """Consumes the events of a run, and hands its document to every writer when it is over.

    Args:
        writers: each is called once with the document.
        show_secrets: leave tokens and secrets in, which is for targets on loopback.
        brief: leave out the exchanges of what passed, where nobody would look at them.
    """

    def __init__(
        self, writers: Iterable[Callable[[Document], object]], *, show_secrets: bool = False, brief: bool = False
    ) -> None:
        self._writers = tuple(writers)
        self._show_secrets, self._brief = show_secrets, brief
        self._started: RunStarted | None = None

    @property
    def redactor(self) -> Redactor:
        """What takes the run's secrets out of texts; from its first event on."""
        assert self._started
        return redactor_of(self._started, show_secrets=self._show_secrets)

    def __call__(self, event: Event) -> None:
        """Consume one event."""
        if isinstance(event, RunStarted):
            self._started = event
        elif isinstance(event, RunFinished) and self._started and self._writers:
            document = run_document(self._started, event, show_secrets=self._show_secrets, brief=self._brief)
            for writer in self._writers:
                writer(document)


def run_document(
    started: RunStarted, finished: RunFinished, *, show_secrets: bool = False, brief: bool = False
) -> Document:
    """Return the whole run as JSON data; times are UTC in ISO 8601, durations in milliseconds."""
    summary, settings, target = finished.summary, started.settings, started.target
    redactor = redactor_of(started, show_secrets=show_secrets)
    results = [
        replace(item, exchanges=()) if brief and item.verdict is Verdict.PASSED else item for item in summary.results
    ]
    return {
        "schema": SCHEMA,
        "tool": tool(),
        "versions": versions(),
        "target": target.name,
        "file": target.file,
        "spec": target.spec,
        "started": started.started,
        "duration_ms": round(summary.duration_ms, 1),
        "settings": _settings(settings),
        "interrupted": finished.interrupted,
        "unfinished": summary.unfinished,
        "incidents": [redactor.text(sentence) for sentence in summary.incidents],
        "exit_code": summary.exit_code(settings),
        "summary": {verdict.value: summary.counts[verdict] for verdict in Verdict},
        "requirements": {"applicable": len(summary.applicable), "judged": len(summary.judged)},
        "baseline": _baseline(target, summary),
        "results": [result_document(result, started, redactor) for result in results],
    }


def redactor_of(started: RunStarted, *, show_secrets: bool = False) -> Redactor:
    """Return what makes texts of a run that hold none of its secrets."""
    return Redactor(show_secrets=show_secrets, secrets=started.target.secrets, traffic=started.traffic)


def result_document(result: Result, started: RunStarted, redactor: Redactor) -> Document:
    """Return one result as JSON data."""
    scenario = result.scenario
    to = recipients(result.exchanges, started.target)
    return {
        "scenario": scenario.id,
        "verdict": result.verdict.value,
        "red": result.red(started.settings),
        "role": scenario.role.value,
        "area": scenario.area,
        "level": (Level.MUST if scenario.must else Level.SHOULD).value,
        "title": scenario.title,
        "why": scenario.why,
        "remedy": scenario.remedy,
        "requirements": [requirement_document(requirement) for requirement in scenario.requirements],
        "expected": redactor.text(result.expected),
        "actual": redactor.text(result.actual),
        "unlock": redactor.text(result.unlock),
        "accepted": result.accepted,
        "control": list(result.control),
        "duration_ms": round(result.duration_ms, 1),
        "trace": redactor.text(result.trace),
        "shrunk": result.shrunk,
        "culprit": next((place for place, item in enumerate(result.exchanges) if item is result.culprit), None),
        "exchanges": [
            exchange_document(exchange, recipient, redactor)
            for exchange, recipient in zip(result.exchanges, to, strict=True)
        ],
    }


def requirement_document(requirement: Requirement) -> dict[str, str]:
    """Return one requirement with its sentence and its place."""
    return {
        "id": requirement.id,
        "level": requirement.level.value,
        "text": requirement.text,
        "document": requirement.document.title,
        "section": requirement.section,
        "url": requirement.url,
    }


def exchange_document(exchange: Exchange, recipient: str, redactor: Redactor) -> Document:
    """Return one exchange, redacted, with the request as a curl command line."""
    response = {
        "status": exchange.status,
        "headers": redactor.headers(exchange),
        "body": redactor.body(exchange),
        "fault": redactor.text(exchange.fault),
        "elapsed_ms": round(exchange.elapsed_ms, 1),
    }
    url, headers, body = redactor.url(exchange.url), redactor.request_headers(exchange), redactor.request_body(exchange)
    return {
        "sender": exchange.sender,
        "recipient": recipient,
        "started": datetime.fromtimestamp(exchange.started, UTC).isoformat(timespec="milliseconds"),
        "request": {"method": exchange.method, "url": url, "headers": headers, "body": body},
        "response": response,
        "curl": curl(exchange.method, url, headers, body),
    }


def telling(result: Document) -> slice:
    """Return the place of the exchanges that tell most: the culprit, or else the last one, and what led to it."""
    culprit = result["culprit"]
    end = len(result["exchanges"]) if culprit is None else culprit + 1
    return slice(max(0, end - (SEQUENCE if result.get("shrunk") else TELLING)), end)


def area_of(result: Document) -> str:
    """Return the area of a result as scenario ids have it, such as `as/pkce`."""
    return "/".join(result["scenario"].split("/")[:2])


def accepted_by(document: Document, result: Document) -> Document | None:
    """Return the entry of the baseline that accepts a result: the longest of those that fit it; None if none does."""
    name = f"{result['scenario']}/"
    fitting = (entry for entry in document["baseline"] if name.startswith(f"{entry['entry'].rstrip('/')}/"))
    return max(fitting, key=lambda entry: len(entry["entry"]), default=None) if result["accepted"] else None


def read_document(path: Path) -> Document:
    """Read a JSON report back.

    Raises:
        ReportError: it cannot be read, is no JSON, or is no report of this schema.
    """
    try:
        return checked_document(path.read_bytes(), str(path))
    except OSError as fault:
        raise ReportError(f"{path}: cannot be read: {fault.strerror}") from fault


def checked_document(data: bytes, place: str) -> Document:
    """Return the JSON report that a file holds; `place` is what mistakes call it.

    Raises:
        ReportError: it is no JSON, or no report of this schema.
    """
    import jsonschema  # type: ignore[import-untyped]  # slow to import, and few commands read reports

    try:
        document = json.loads(data.decode())
    except (ValueError, RecursionError) as fault:
        raise ReportError(f"{place}: is no JSON: {fault}") from fault
    found = document.get("schema") if isinstance(document, dict) else None
    if found != SCHEMA:
        raise ReportError(f"{place}: is no JSON report of mcp-assay with schema {SCHEMA}; its schema is {found!r}")
    for mistake in jsonschema.Draft202012Validator(schema()).iter_errors(document):
        raise ReportError(f"{place}: {mistake.json_path}: {mistake.message[:200]}")
    return dict(document)


@cache
def schema() -> Any:
    """Return the JSON schema of the document."""
    return json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))


def _settings(settings: Settings) -> Document:
    return {
        "selectors": list(settings.selectors),
        "role": settings.role,
        "strict": settings.strict,
        "allow_blocked": settings.allow_blocked,
        "jobs": settings.jobs,
        "seed": settings.seed,
        "examples": settings.examples,
        "max_wait": settings.max_wait,
    }


def _baseline(target: Target, summary: Summary) -> list[dict[str, str]]:
    def entry(item: Accepted) -> dict[str, str]:
        return {
            "entry": item.entry,
            "verdict": item.verdict.value if item.verdict else "",
            "reason": item.reason,
            "expires": item.expires.isoformat() if item.expires else "",
            "link": item.link,
            "problem": summary.problems.get(item.entry, ""),
        }

    return [entry(item) for item in target.expected.values()]
