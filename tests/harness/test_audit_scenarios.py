"""Logs of other shapes than the sandbox's own are judged by what they say, and no call is missed or made up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.world import load_world
from harness import audit_log, engine
from harness.audit_log import AuditLog
from harness.events import Settings
from harness.http import Wire
from harness.sandbox.target import sandbox_target
from harness.sandbox.threads import ThreadedSandbox
from harness.scenario import load_scenarios
from harness.verdict import Verdict
from tests.hostile import Hostile, Visit, answer

AREA = "mcp/audit/"
OF_THE_RUN = "no-call-of-this-run-is-left-out"
"""It is asked of logs in files only, which tell where a run began."""

Shape = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadedSandbox]:
    with ThreadedSandbox(state_dir=tmp_path_factory.mktemp("trails")) as running:
        yield running


def _judged(sandbox: ThreadedSandbox, shape: Shape, fields: dict[str, str]) -> dict[str, Verdict]:
    """Judge by a log at a URL that tells the same as the sandbox's own in another shape."""
    trail = sandbox.audit_files["mcp_server"]

    def show(visit: Visit) -> None:
        lines = trail.read_text(encoding="utf-8").splitlines()
        answer("".join(f"{json.dumps(shape(json.loads(line)))}\n" for line in lines).encode())(visit)

    with Hostile(show) as server:
        return _verdicts(sandbox, AuditLog(url=f"{server.url}/audit", fields=fields))


def _verdicts(sandbox: ThreadedSandbox, log: AuditLog) -> dict[str, Verdict]:
    chosen = [item for name, item in load_scenarios().items() if name.startswith(AREA)]
    wire = Wire()
    with sandbox.control("authorization_server") as control:
        target = replace(sandbox_target(sandbox, load_world(), control=control), audit=log)
        summary = engine.run(target, chosen, lambda _event: None, wire=wire, settings=Settings(jobs=1))
    wire.close()
    return {result.scenario.id.removeprefix(AREA): result.verdict for result in summary.results}


def _nested(line: dict[str, Any]) -> dict[str, Any]:
    who = {"on_behalf_of": line["subject"], "id": f"agent:{line['actor']}"}
    status = 200 if line["outcome"] == "allowed" else 403
    what = {"scope": " ".join(line["scopes"]), "path": "/acme/mcp"}
    return {"ts": line["time"], "who": who, "what": what, "status": status, "org": line["tenant"]}


def _nameless(line: dict[str, Any]) -> dict[str, Any]:
    return {name: line[name] for name in ("time", "scopes", "resource", "outcome", "tenant")}


def test_a_log_in_other_words_passes_everything(sandbox: ThreadedSandbox) -> None:
    fields = {
        "agent": "who.id",
        "subject": "who.on_behalf_of",
        "scopes": "what.scope",
        "resource": "what.path",
        "outcome": "status",
        "tenant": "org",
    }
    verdicts = _judged(sandbox, _nested, fields)
    assert len(verdicts) > 10
    others = {name: verdict for name, verdict in verdicts.items() if verdict is not Verdict.PASSED}
    assert others == {OF_THE_RUN: Verdict.NOT_APPLICABLE}


def test_a_log_that_names_nobody_fails_for_that_alone(
    sandbox: ThreadedSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_log, "PATIENCE", 0.05)
    verdicts = _judged(sandbox, _nameless, {})
    others = {name for name, verdict in verdicts.items() if verdict is not Verdict.PASSED}
    assert others == {"an-entry-names/agent", "an-entry-names/subject", OF_THE_RUN}


def test_a_log_that_stays_empty_fails_for_that_alone(sandbox: ThreadedSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_log, "PATIENCE", 0.05)
    trail = Path(sandbox.audit_files["mcp_server"]).with_name("empty.jsonl")
    trail.touch()
    verdicts = _verdicts(sandbox, AuditLog(file=str(trail)))
    failed = {name for name, verdict in verdicts.items() if verdict is Verdict.FAILED}
    assert failed == {
        "of-many-calls-at-once-none-is-left-out",
        *(f"{name}-leaves-an-entry" for name in ("a-served-call", "a-call-without-the-scope", "a-refused-token")),
    }
