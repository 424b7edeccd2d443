"""A run with a result of every verdict, whose exchanges hold secrets in every place that the protocol has for them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from urllib.parse import urlencode

import httpx
import pytest

from harness.baseline import Accepted
from harness.events import Event, Result, RunFinished, RunStarted, ScenarioFinished, Settings, Summary
from harness.exchange import Exchange
from harness.requirement import Level, load_requirements
from harness.scenario import Scenario
from harness.target import Target, Tenant
from harness.verdict import Verdict
from reports.document import Document, run_document

NAMES = (
    *("access_token", "refresh_token", "id_token", "subject_token", "client_secret", "code", "code_verifier"),
    *("client_assertion", "registration_access_token", "state", "password"),
)
SECRETS = {name: f"{name}/that+is=secret-{number}" for number, name in enumerate(NAMES)}
PASSWORD = "basic password/1234"
HEADER = json.dumps({"alg": "none", "typ": "JWT"}, separators=(",", ":")).encode()
JWT = f"{base64.urlsafe_b64encode(HEADER).decode()}.e30.c2lnbmF0dXJl"
OTHERS = [item for item in load_requirements().values() if item.url.startswith("https:")]
REQUIREMENTS = [item for item in OTHERS if item.level is Level.MUST]
CURSOR = "\x1b[2J\x07"


def exchange(body: bytes, kind: str, **headers: str) -> Exchange:
    """Return an exchange with a secret wherever there is a place for one, and this response."""
    credentials = base64.b64encode(f"client:{PASSWORD}".encode()).decode()
    return Exchange(
        method="POST",
        url=f"http://127.0.0.1/token?{urlencode(SECRETS)}#{urlencode(SECRETS)}",
        request_headers=(
            ("authorization", f"Basic {credentials}"),
            ("cookie", f"session={SECRETS['state']}"),
            ("content-type", "application/x-www-form-urlencoded"),
        ),
        request_body=urlencode(SECRETS).encode(),
        status=400,
        headers=httpx.Headers({"content-type": kind, "set-cookie": f"a={SECRETS['code']}; Path=/", **headers}),
        body=body,
        elapsed_ms=1.5,
    )


EXCHANGES = (
    exchange(json.dumps({**SECRETS, "deep": [{"token": JWT}]}).encode(), "application/json"),
    exchange(json.dumps(SECRETS).encode()[:-1], "application/json"),
    exchange(f"data: {json.dumps(SECRETS)}\n\n".encode(), "text/event-stream"),
    exchange(f"<p>{SECRETS['code']}</p>".encode(), "text/html"),
    exchange(urlencode(SECRETS).encode(), "text/plain", location=f"http://127.0.0.1/cb?{urlencode(SECRETS)}"),
    exchange(f'{{"error_description": "{PASSWORD}", "odd": "{JWT}", "half": "\\ud800"}}'.encode(), "application/json"),
    Exchange("GET", "http://127.0.0.1/", (), b"", fault=f"no answer to {SECRETS['code']}"),
)


def scenario(name: str, number: int) -> Scenario:
    requirement = REQUIREMENTS[number]
    title, why, remedy = f"The title of {name}.", "", f"The remedy of {name}."
    return Scenario(
        name, requirement.role, name.split("/")[1], title, why, remedy, (requirement,), frozenset(), lambda _: None
    )


def result(name: str, number: int, verdict: Verdict, accepted: str = "") -> Result:
    judged = verdict.judged and verdict is not Verdict.PASSED
    return Result(
        scenario(name, number),
        verdict,
        expected=f"what {name} expects" if judged else "",
        actual=f"{CURSOR}[bold]it was {SECRETS['access_token']} and {PASSWORD}"
        if verdict is not Verdict.PASSED
        else "",
        unlock="name more" if verdict is Verdict.BLOCKED else "",
        accepted=accepted,
        control=("authorization-code",),
        exchanges=EXCHANGES,
        culprit=EXCHANGES[-1],
        duration_ms=12.34,
        trace=f"Traceback\n  our fault with {SECRETS['code']}" if verdict is Verdict.ERROR else "",
    )


RESULTS = (
    result("as/pkce/accepted", 0, Verdict.FAILED, accepted="known \x00 since May"),
    result("as/pkce/blocked", 1, Verdict.BLOCKED),
    result("as/pkce/failed", 2, Verdict.FAILED),
    result("as/pkce/passed", 3, Verdict.PASSED),
    result("as/registration/family/row", 4, Verdict.WARNING),
    result("as/registration/stale", 5, Verdict.PASSED),
    result("mcp/challenge/error", 6, Verdict.ERROR),
    result("mcp/challenge/not-applicable", 7, Verdict.NOT_APPLICABLE),
)


EXPECTED = {
    entry.entry: entry
    for entry in (
        Accepted("as/pkce/accepted", "known \x00 since May", link="https://tracker.example/1"),
        Accepted("as/registration/stale", "known <b>for long</b>", Verdict.FAILED),
    )
}
PROBLEMS = {"as/registration/stale": "passed now: remove it"}


def events_of(
    results: Iterable[Result] = RESULTS,
    *,
    unfinished: int = 0,
    settings: Settings | None = None,
    incidents: tuple[str, ...] = (),
) -> list[Event]:
    """Return the events of a whole run."""
    kept = tuple(results)
    target = Target(f"target {CURSOR}", Tenant(), spec="2026-07-28", expected=EXPECTED)
    traffic = [exchange for item in kept for exchange in item.exchanges]
    scenarios = tuple(item.scenario for item in kept)
    summary = Summary(kept, PROBLEMS, 1234.5, unfinished, incidents)
    return [
        RunStarted(target, scenarios, "2026-11-22T01:02:03+00:00", settings or Settings(), traffic),
        *map(ScenarioFinished, kept),
        RunFinished(summary, interrupted=bool(unfinished)),
    ]


def document_of(
    results: Iterable[Result] = RESULTS,
    *,
    unfinished: int = 0,
    settings: Settings | None = None,
    show_secrets: bool = False,
    incidents: tuple[str, ...] = (),
) -> Document:
    """Return the document of a whole run."""
    started, *_, finished = events_of(results, unfinished=unfinished, settings=settings, incidents=incidents)
    assert isinstance(started, RunStarted)
    assert isinstance(finished, RunFinished)
    return run_document(started, finished, show_secrets=show_secrets)


def expect_no_secrets(text: str) -> None:
    """No secret is in a text, neither as it is nor as it travels."""
    for name, secret in [*SECRETS.items(), ("password", PASSWORD), ("jwt", JWT)]:
        encoded = urlencode({"": secret})[1:]
        for spelling in (secret, encoded, base64.b64encode(f"client:{secret}".encode()).decode()):
            assert spelling not in text, name


@pytest.fixture(autouse=True)
def no_colour_wishes(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
