"""A run as plain data, redacted: what the JSON report holds, and what the others take their texts from."""

from __future__ import annotations

from typing import Any

from harness.events import Result, RunStarted, Summary
from harness.exchange import Exchange
from harness.redaction import Redactor, curl
from harness.requirement import Requirement
from harness.verdict import Verdict

SCHEMA = 1
TELLING = 3
"""How many exchanges a report for people shows."""


def run_document(started: RunStarted, summary: Summary, *, tool: str, show_secrets: bool = False) -> dict[str, Any]:
    """Return the whole run as JSON data; times are UTC in ISO 8601, durations in milliseconds."""
    return {
        "schema": SCHEMA,
        "tool": tool,
        "target": started.target.name,
        "spec": started.target.spec,
        "started": started.started,
        "duration_ms": round(summary.duration_ms, 1),
        "summary": {verdict.value: summary.counts[verdict] for verdict in Verdict},
        "requirements": {"applicable": len(summary.applicable), "judged": len(summary.judged)},
        "unfinished": summary.unfinished,
        "stale_baseline": dict(summary.stale),
        "results": [result_document(result, show_secrets=show_secrets) for result in summary.results],
    }


def result_document(result: Result, *, show_secrets: bool = False) -> dict[str, Any]:
    """Return one result as JSON data."""
    redactor = redactor_of(result, show_secrets=show_secrets)
    scenario = result.scenario
    return {
        "scenario": scenario.id,
        "verdict": result.verdict.value,
        "role": scenario.role.value,
        "area": scenario.area,
        "title": scenario.title,
        "requirements": [requirement_document(requirement) for requirement in scenario.requirements],
        "expected": redactor.text(result.expected),
        "actual": redactor.text(result.actual),
        "unlock": result.unlock,
        "remedy": scenario.remedy,
        "accepted": result.accepted,
        "control": list(result.control),
        "duration_ms": round(result.duration_ms, 1),
        "exchanges": [exchange_document(exchange, redactor) for exchange in result.exchanges],
    }


def redactor_of(result: Result, *, show_secrets: bool = False) -> Redactor:
    """Return a redactor that knows the secrets of a result."""
    redactor = Redactor(show_secrets=show_secrets, secrets=result.secrets)
    redactor.learn(result.exchanges)
    return redactor


def telling(result: Result) -> slice:
    """Return the place of the exchanges that tell most: the culprit, or else the last one, and what led to it."""
    places = (place for place, exchange in enumerate(result.exchanges, 1) if exchange is result.culprit)
    end = next(places, len(result.exchanges))
    return slice(max(0, end - TELLING), end)


def requirement_document(requirement: Requirement) -> dict[str, str]:
    """Return one requirement's id, level and link."""
    return {"id": requirement.id, "level": requirement.level.value, "url": requirement.url}


def exchange_document(exchange: Exchange, redactor: Redactor) -> dict[str, Any]:
    """Return one exchange, redacted, with the request as a curl command line."""
    response = {
        "status": exchange.status,
        "headers": redactor.headers(exchange),
        "body": redactor.body(exchange),
        "fault": redactor.text(exchange.fault),
        "elapsed_ms": round(exchange.elapsed_ms, 1),
    }
    request = {
        "method": exchange.method,
        "url": redactor.url(exchange.url),
        "headers": redactor.request_headers(exchange),
        "body": redactor.request_body(exchange),
    }
    return {"request": request, "response": response, "curl": curl(exchange, redactor)}
