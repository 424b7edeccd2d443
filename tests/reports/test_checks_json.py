"""What `--checks-json` writes has the shape and the places of the official suite's results, and says the same."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

import reports
from reports.checks_json import render_checks, write_checks

REPORT_SCHEMA = json.loads((Path(reports.__file__).parent / "schema.json").read_text(encoding="utf-8"))

# The TypeScript type ConformanceCheck of modelcontextprotocol/conformance, src/types.ts, at 0.2.0-alpha.11 (commit
# c321dd32035556e6769d3724a8ee97d87c3faaac); what 0.2.0-alpha.12 writes fits it too. Members that it does not know are
# refused here. A time is what Date.toISOString writes.
CHECKS_SCHEMA = {
    "type": "array",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["id", "name", "description", "status", "timestamp"],
        "properties": {
            "id": {"type": "string"},
            "name": {"type": "string"},
            "description": {"type": "string"},
            "status": {"enum": ["SUCCESS", "FAILURE", "WARNING", "SKIPPED", "INFO"]},
            "timestamp": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$"},
            "specReferences": {
                "type": "array",
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["id"],
                    "properties": {"id": {"type": "string"}, "url": {"type": "string"}},
                },
            },
            "source": {"type": "object"},
            "details": {"type": "object"},
            "metadata": {"type": "object"},
            "errorMessage": {"type": "string"},
            "logs": {"type": "array", "items": {"type": "string"}},
        },
    },
}
RESULT_FOLDER = re.compile(r"(authorization-server|server)-(.+)-\d{4}-\d{2}-\d{2}T[\d-]+Z")
"""As src/tier-check/checks/test-conformance-results.ts takes the scenario's name from a folder's."""

HOSTILE = "\x1b[2J\x07\u009b31m</script>\"'\\\n\u202e\ud800 \N{REPLACEMENT CHARACTER}\U0001f4a9" + "x" * 3900
SETTINGS: dict[str, Any] = {"selectors": [], "role": None, "strict": False, "jobs": 8, "seed": 0}
REQUIREMENT = {
    "id": "oauth21-4.1.3-1",
    "level": "MUST NOT",
    "text": "Nothing bad happens.",
    "document": "OAuth 2.1",
    "section": "4.1.3",
    "url": "https://example.com/oauth#section-4.1.3",
}


def _exchange(number: int, status: int | None = 200) -> dict[str, Any]:
    fault = "" if status else "no answer"
    return {
        "sender": "client",
        "recipient": "authorization-server",
        "started": f"2026-11-22T02:02:0{number}.5+01:00",
        "request": {"method": "GET", "url": f"http://127.0.0.1/{number}", "headers": [], "body": ""},
        "response": {"status": status, "headers": [], "body": "{}", "fault": fault, "elapsed_ms": 1.2},
        "curl": f"curl -i http://127.0.0.1/{number}",
    }


def _result(scenario: str, verdict: str, **changes: Any) -> dict[str, Any]:
    violated = verdict in ("failed", "warning")
    return {
        "scenario": scenario,
        "verdict": verdict,
        "red": verdict == "failed",
        "role": "mcp-server" if scenario.startswith("mcp/") else "authorization-server",
        "area": scenario.split("/")[1],
        "level": "SHOULD" if verdict == "warning" else "MUST",
        "title": f"The title of {scenario}.",
        "why": "It matters.",
        "remedy": "Mend it.",
        "requirements": [REQUIREMENT],
        "expected": "a refusal" if violated else "",
        "actual": "" if verdict == "passed" else "it was 200",
        "unlock": "",
        "accepted": "",
        "control": ["authorization-code"],
        "duration_ms": 12.3,
        "trace": "",
        "culprit": None,
        "exchanges": [_exchange(number) for number in range(5)],
        **changes,
    }


def _document(*results: dict[str, Any], allow_blocked: bool = False) -> dict[str, Any]:
    verdicts = ("passed", "failed", "warning", "not-applicable", "blocked", "error")
    document = {
        "schema": 1,
        "tool": "mcp-assay 0",
        "versions": {"python": "3.11"},
        "file": "",
        "target": "sandbox",
        "spec": "2026-07-28",
        "started": "2026-11-22T01:02:03+00:00",
        "duration_ms": 1.0,
        "settings": {**SETTINGS, "allow_blocked": allow_blocked},
        "interrupted": False,
        "unfinished": 0,
        "exit_code": 1,
        "summary": {verdict: sum(item["verdict"] == verdict for item in results) for verdict in verdicts},
        "requirements": {"applicable": 1, "judged": 1},
        "baseline": [],
        "results": list(results),
    }
    jsonschema.Draft202012Validator(REPORT_SCHEMA).validate(document)
    return document


def _checks(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = {}
    for text in render_checks(document).values():
        checks = json.loads(text)
        jsonschema.Draft202012Validator(CHECKS_SCHEMA).validate(checks)
        found.update({check["id"]: check for check in checks})
    return found


def _check(verdict: str, *, allow_blocked: bool = False, **changes: Any) -> dict[str, Any]:
    return _checks(_document(_result("as/pkce/x", verdict, **changes), allow_blocked=allow_blocked))["as/pkce/x"]


EVERY_VERDICT = _document(
    _result("as/pkce/failed", "failed"),
    _result("as/pkce/passed", "passed"),
    _result("as/registration-management/blocked", "blocked", unlock="name a client", exchanges=[]),
    _result("as/registration/family/row", "warning"),
    _result("mcp/challenge/error", "error", trace="Traceback"),
    _result("mcp/challenge/not-applicable", "not-applicable"),
)


def test_each_area_has_its_folder_where_readers_look_for_it(tmp_path: Path) -> None:
    write_checks(EVERY_VERDICT, tmp_path / "new" / "results")
    files = sorted((tmp_path / "new" / "results").rglob("*"))
    assert {path.name for path in files if path.is_file()} == {"checks.json"}
    folders = [path.parent.relative_to(tmp_path / "new" / "results").as_posix() for path in files if path.is_file()]
    assert folders == [
        "authorization-server-as/pkce-2026-11-22T01-02-03-000Z",
        "authorization-server-as/registration-2026-11-22T01-02-03-000Z",
        "authorization-server-as/registration-management-2026-11-22T01-02-03-000Z",
        "server-mcp/challenge-2026-11-22T01-02-03-000Z",
    ]
    names = [found[2] for folder in folders if (found := RESULT_FOLDER.fullmatch(folder))]
    assert names == ["as/pkce", "as/registration", "as/registration-management", "mcp/challenge"]


def test_a_second_run_leaves_the_results_of_the_first(tmp_path: Path) -> None:
    write_checks(EVERY_VERDICT, tmp_path)
    later = {**EVERY_VERDICT, "started": "2026-11-22T01:02:04.5+00:00"}
    write_checks(later, tmp_path)
    assert len(list(tmp_path.rglob("checks.json"))) == 8


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OSError, match="file"):
        write_checks(EVERY_VERDICT, tmp_path / "file")


def test_every_result_is_one_check_with_an_id_of_its_own() -> None:
    checks = [check for text in render_checks(EVERY_VERDICT).values() for check in json.loads(text)]
    assert [check["id"] for check in checks] == [result["scenario"] for result in EVERY_VERDICT["results"]]
    assert _checks(EVERY_VERDICT).keys() == {check["id"] for check in checks}


def test_a_run_without_results_writes_nothing(tmp_path: Path) -> None:
    write_checks(_document(), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("verdict", "level", "allow_blocked", "status"),
    [
        ("passed", "MUST", False, "SUCCESS"),
        ("failed", "MUST", False, "FAILURE"),
        ("warning", "SHOULD", False, "WARNING"),
        ("warning", "MUST", False, "WARNING"),
        ("not-applicable", "MUST", False, "SKIPPED"),
        ("blocked", "MUST", False, "FAILURE"),
        ("blocked", "SHOULD", False, "WARNING"),
        ("blocked", "MUST", True, "SKIPPED"),
        ("error", "MUST", True, "FAILURE"),
    ],
)
def test_a_verdict_has_its_status(verdict: str, level: str, allow_blocked: bool, status: str) -> None:
    assert _check(verdict, level=level, allow_blocked=allow_blocked)["status"] == status


@pytest.mark.parametrize("verdict", ["blocked", "error"])
def test_what_could_not_be_judged_is_marked_as_the_suite_does(verdict: str) -> None:
    check = _check(verdict)
    assert check["errorMessage"].startswith("Not testable")
    assert check["details"]["untestable"] is True
    assert "untestable" not in _check("failed")["details"]


def test_a_failure_says_what_was_expected_what_came_and_what_to_do() -> None:
    check = _check("failed", accepted="known since May", culprit=3)
    assert check["errorMessage"] == "expected a refusal; it was 200"
    assert (check["name"], check["description"]) == ("PkceX", "The title of as/pkce/x.")
    details = check["details"]
    assert (details["verdict"], details["level"], details["accepted"]) == ("failed", "MUST", "known since May")
    assert (details["expected"], details["actual"]) == ("a refusal", "it was 200")
    assert (details["remedy"], details["why"]) == ("Mend it.", "It matters.")
    assert details["requirements"][0]["text"] == "Nothing bad happens."


def test_the_exchange_that_tells_comes_last_as_a_command_line() -> None:
    shown = _check("failed", culprit=3)["details"]["exchanges"]
    assert [item["curl"] for item in shown] == [f"curl -i http://127.0.0.1/{number}" for number in (1, 2, 3)]
    assert (shown[-1]["sender"], shown[-1]["recipient"], shown[-1]["status"]) == ("client", "authorization-server", 200)


def test_a_request_without_an_answer_says_why() -> None:
    shown = _check("failed", exchanges=[_exchange(0, None)])["details"]["exchanges"]
    assert (shown[0]["fault"], "status" in shown[0]) == ("no answer", False)


def test_a_success_is_short() -> None:
    check = _check("passed")
    assert "errorMessage" not in check
    assert set(check["details"]) == {"verdict", "level", "why", "remedy", "requirements"}


def test_the_time_of_a_check_is_that_of_its_last_exchange() -> None:
    assert _check("failed")["timestamp"] == "2026-11-22T01:02:04.500Z"
    assert _check("blocked", exchanges=[])["timestamp"] == "2026-11-22T01:02:03.000Z"


def test_requirements_are_its_references_and_only_web_addresses_are_urls() -> None:
    inside = {**REQUIREMENT, "id": "tenant-1", "url": "docs/tenant-profile.md#tenant-1"}
    assert _check("passed", requirements=[REQUIREMENT, inside])["specReferences"] == [
        {"id": "oauth21-4.1.3-1", "url": "https://example.com/oauth#section-4.1.3"},
        {"id": "tenant-1"},
    ]


def test_the_ids_of_the_official_suite_are_told_where_it_judges_the_same() -> None:
    scenario = "as/discovery/s256-is-advertised"
    check = _checks(_document(_result(scenario, "passed")))[scenario]
    told = check["details"]["officialSuite"][0]
    assert told["scenario"] == "authorization-server-metadata-endpoint"
    assert told["check"] == "authorization-server-metadata"
    assert "S256" in told["says"]
    assert "officialSuite" not in _check("passed")["details"]


def test_no_text_of_a_target_reaches_a_terminal_as_more_than_text() -> None:
    check = _check("failed", title=HOSTILE, actual=HOSTILE, expected=HOSTILE)
    for text in (check["description"], check["errorMessage"]):
        assert text.isprintable()
        assert r"\x1b[2J\x07\x9b31m" in text


def test_a_hostile_target_cannot_break_the_file(tmp_path: Path) -> None:
    curl = {**_exchange(0), "curl": HOSTILE}
    document = _document(_result("as/pkce/x", "failed", actual=HOSTILE, trace=HOSTILE, exchanges=[curl]))
    write_checks(document, tmp_path)
    text = next(tmp_path.rglob("checks.json")).read_bytes().decode("ascii")
    details = json.loads(text)[0]["details"]
    assert details["actual"] == details["exchanges"][0]["curl"] == HOSTILE


@pytest.mark.parametrize("scenario", ["../../etc/passwd", "as/../../x", "/somewhere/x", "as/pk\x00ce/x", ".ssh/x"])
def test_no_scenario_leads_out_of_the_folder(tmp_path: Path, scenario: str) -> None:
    document = copy.deepcopy(EVERY_VERDICT)  # no valid report names such a scenario
    document["results"][0]["scenario"] = scenario
    write_checks(document, tmp_path / "results")
    assert len(list((tmp_path / "results").rglob("checks.json"))) == len(render_checks(document))
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


@pytest.mark.parametrize(
    ("member", "value"), [("status", "PASSED"), ("timestamp", "2026-11-22"), ("verdict", "failed")]
)
def test_the_schema_notices_what_readers_would_not_take(member: str, value: str) -> None:
    checks = [{**_check("failed"), member: value}]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(CHECKS_SCHEMA).validate(checks)
