"""The SARIF report is valid by the official schema, has what code scanning asks for, and holds no secret.

Where the schema is from is said in README.md. What GitHub demands beyond it is from its reference, "SARIF support for
code scanning": properties that may not be missing or empty, and how much it takes.
"""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from harness.events import Settings
from harness.verdict import Verdict
from reports.document import Document
from reports.sarif import render
from tests.reports.conftest import EXCHANGES, RESULTS, document_of, expect_no_secrets, result

SCHEMA = json.loads(Path(__file__).with_name("sarif-2.1.0.schema.json").read_text(encoding="utf-8"))
URI_REFERENCE = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
FAILED = "as/pkce/failed"


def _run(document: Document | None = None) -> dict[str, Any]:
    log = json.loads(render(document or document_of()))
    jsonschema.Draft202012Validator(SCHEMA).validate(log)
    assert len(log["runs"]) == 1
    run: dict[str, Any] = log["runs"][0]
    return run


def _results(run: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {found["ruleId"]: found for found in run["results"]}


def _changed(scenario: str = FAILED, **members: Any) -> Document:
    """Return a whole run in which one result says something else."""
    document = copy.deepcopy(document_of())
    for found in document["results"]:
        if found["scenario"] == scenario:
            found.update(members)
    return document


def test_the_schema_refuses_what_is_no_sarif() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    log = json.loads(render(document_of()))
    mistakes: list[dict[str, Any]] = [{"version": "2.0.0"}, {"runs": [{}]}, {"more": 1}]
    for wrong in mistakes:
        assert not jsonschema.Draft202012Validator(SCHEMA).is_valid({**log, **wrong})


@pytest.mark.parametrize("document", [document_of(()), document_of(unfinished=3), document_of(show_secrets=True)])
def test_any_run_is_valid(document: Document) -> None:
    run = _run(document)
    assert len(run["tool"]["driver"]["rules"]) == len(document["results"])


def test_only_violations_are_results() -> None:
    levels = {name: (found["kind"], found["level"]) for name, found in _results(_run()).items()}
    assert levels == {
        "as/pkce/accepted": ("fail", "error"),
        "as/pkce/failed": ("fail", "error"),
        "as/registration/family/row": ("fail", "warning"),
    }


def test_every_scenario_is_a_rule_with_help_and_remedy() -> None:
    run = _run()
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [item.scenario.id for item in RESULTS]
    for rule, item in zip(rules, RESULTS, strict=True):
        requirement = item.scenario.requirements[0]
        assert rule["helpUri"] == requirement.url
        assert item.scenario.title in rule["shortDescription"]["text"]
        for text in (rule["help"]["text"], rule["help"]["markdown"]):
            assert requirement.url in text
            assert f"The remedy of {item.scenario.id}." in text
    assert all(rules[found["ruleIndex"]]["id"] == found["ruleId"] for found in run["results"])


def test_a_rule_says_why_where_the_scenario_does() -> None:
    rule = _run(_changed(why="a thief may have it"))["tool"]["driver"]["rules"][2]
    assert rule["fullDescription"]["text"] == "The title of as/pkce/failed. a thief may have it."
    assert "a thief may have it" in rule["help"]["text"]
    assert "a thief may have it" in rule["help"]["markdown"]


def test_a_requirement_of_our_own_document_has_no_help_uri() -> None:
    document = document_of()
    document["results"][0]["requirements"][0]["url"] = "docs/tenant-profile.md#tenant-1"
    rule = _run(document)["tool"]["driver"]["rules"][0]
    assert "helpUri" not in rule
    assert "docs/tenant-profile.md#tenant-1" in rule["help"]["markdown"]


def test_the_message_has_expected_actual_and_remedy() -> None:
    text = _results(_run(_changed(actual="the answer was 200")))[FAILED]["message"]["text"]
    assert text.startswith(
        "Expected what as/pkce/failed expects; the answer was 200. Remedy: The remedy of as/pkce/fai"
    )
    assert text.endswith(f"Demanded by MUST {RESULTS[2].scenario.requirements[0].id}.")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("see [this](https://evil.example/)", "see [this] (https://evil.example/)"),
        ("see [this](1)", "see [this] (1)"),
        ("it was {0}", "it was {{0}}"),
        ("one\ntwo\x1b[2J\u202e\x00", r"one two\x1b[2J\u202e\x00"),
        ("half \ud800", r"half \ud800"),
    ],
)
def test_what_the_target_said_forges_nothing_in_a_message(said: str, shown: str) -> None:
    text = _results(_run(_changed(actual=said)))[FAILED]["message"]["text"]
    assert f"; {shown}. Remedy: " in text


def test_what_the_baseline_accepts_is_suppressed_with_its_reason() -> None:
    results = _results(_run())
    (suppression,) = results["as/pkce/accepted"]["suppressions"]
    assert (suppression["kind"], suppression["status"]) == ("external", "accepted")
    assert suppression["justification"] == r"known \x00 since May"
    assert suppression["properties"] == {"entry": "as/pkce/accepted", "link": "https://tracker.example/1"}
    assert results[FAILED]["suppressions"] == []


def test_what_could_not_be_judged_is_a_notification() -> None:
    run = _run(document_of(unfinished=3))
    (invocation,) = run["invocations"]
    kinds = [notice["id"] for notice in run["tool"]["driver"]["notifications"]]
    told = invocation["toolExecutionNotifications"]
    assert [(notice["descriptor"]["id"], notice["level"]) for notice in told] == [
        ("blocked", "warning"),
        ("error", "error"),
        ("unfinished", "warning"),
    ]
    assert all(kinds[notice["descriptor"]["index"]] == notice["descriptor"]["id"] for notice in told)
    assert told[0]["associatedRule"] == {"id": "as/pkce/blocked", "index": 1}
    assert told[0]["message"]["text"].endswith("To judge it: name more.")
    assert "our fault with " in told[1]["exception"]["message"]


def test_a_baseline_that_is_wrong_is_a_notification_of_the_configuration() -> None:
    (notice,) = _run()["invocations"][0]["toolConfigurationNotifications"]
    assert notice["message"]["text"].startswith("as/registration/stale is in the baseline, and passed now: remove it.")


BLOCKED = (result("as/pkce/blocked", 0, Verdict.BLOCKED), result("as/pkce/passed", 1, Verdict.PASSED))
VIOLATED = (result("as/pkce/failed", 0, Verdict.FAILED),)
PASSED = (result("as/pkce/passed", 1, Verdict.PASSED),)


@pytest.mark.parametrize(
    ("document", "successful"),
    [
        (document_of(VIOLATED), True),
        (document_of(PASSED), True),
        (document_of(BLOCKED, settings=Settings(allow_blocked=True)), True),
        (document_of(BLOCKED), False),
        (document_of((*BLOCKED, *VIOLATED)), False),
        (document_of(PASSED, unfinished=1), False),
        (document_of(), False),
    ],
)
def test_a_run_that_is_not_whole_is_not_successful(document: Document, successful: bool) -> None:
    (invocation,) = _run(document)["invocations"]
    assert invocation["executionSuccessful"] is successful
    assert invocation["exitCode"] == document["exit_code"]


def test_times_are_utc() -> None:
    (invocation,) = _run()["invocations"]
    times = (invocation["startTimeUtc"], invocation["endTimeUtc"])
    assert times == ("2026-11-22T01:02:03.000Z", "2026-11-22T01:02:04.234Z")


def test_a_result_is_in_the_target_file_and_at_the_endpoint() -> None:
    document = _changed(culprit=0)
    document["file"] = "conf/my server.toml"
    (place,) = _results(_run(document))[FAILED]["locations"]
    assert place["physicalLocation"]["artifactLocation"] == {"uri": "conf/my%20server.toml"}
    assert place["logicalLocations"] == [
        {"name": "/token", "fullyQualifiedName": "http://127.0.0.1/token", "kind": "resource"}
    ]


def test_without_a_target_file_a_result_is_where_it_would_be() -> None:
    (place,) = _results(_run())[FAILED]["locations"]
    assert place["physicalLocation"]["artifactLocation"] == {"uri": "mcp-assay.toml"}


def test_without_an_exchange_there_is_a_place_all_the_same() -> None:
    found = _results(_run(_changed(culprit=None, exchanges=[])))[FAILED]
    assert "webRequest" not in found
    assert found["locations"][0]["physicalLocation"]["region"]["startLine"] == 1


def test_a_fingerprint_is_for_a_scenario_of_a_target() -> None:
    first, again = document_of(), _changed(actual="something else", culprit=1)
    again["started"], other = "2027-01-01T00:00:00+00:00", {**document_of(), "target": "another"}
    prints = [_results(_run(document))[FAILED]["partialFingerprints"] for document in (first, again, other)]
    assert prints[0] == prints[1]
    assert prints[0] != prints[2]
    everything = [str(found["partialFingerprints"]) for found in _run()["results"]]
    assert len(set(everything)) == len(everything)


@pytest.mark.parametrize(("file", "ours"), [("", True), ("mcp-assay.toml", False)])
def test_the_hash_that_the_uploader_computes_from_a_file_is_left_to_it(file: str, ours: bool) -> None:
    found = _results(_run({**document_of(), "file": file}))[FAILED]
    assert ("primaryLocationLineHash" in found["partialFingerprints"]) is ours


def test_the_culprit_is_there_as_request_and_response() -> None:
    found = _results(_run(_changed(culprit=4)))[FAILED]
    assert found["webRequest"]["method"] == "POST"
    assert found["webRequest"]["target"].startswith("http://127.0.0.1/token?access_token=<access_token:")
    assert found["webRequest"]["body"]["text"].startswith("access_token=<access_token:")
    assert found["webResponse"]["statusCode"] == 400
    assert found["webResponse"]["headers"]["content-type"] == "text/plain"


def test_headers_of_one_name_are_a_list() -> None:
    document = _changed(culprit=0)
    document["results"][2]["exchanges"][0]["response"]["headers"] = [["vary", "a"], ["vary", "b"]]
    assert _results(_run(document))[FAILED]["webResponse"]["headers"] == {"vary": "a, b"}


def test_a_missing_response_is_said_to_be_missing() -> None:
    response = _results(_run())[FAILED]["webResponse"]
    assert response["noResponseReceived"] is True
    assert response["reasonPhrase"].startswith("no answer to <code:")


def _filled(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def test_github_finds_what_it_demands() -> None:
    document = _changed(title="t" * 3000, why="w" * 3000)
    run = _run(document)
    for rule in run["tool"]["driver"]["rules"]:
        texts = (rule["shortDescription"]["text"], rule["fullDescription"]["text"])
        assert all(_filled(text) and len(text) <= 1024 for text in texts)
        assert all(map(_filled, (rule["id"], rule["help"]["text"])))
        assert _filled(rule["name"])
        assert len(rule["name"]) <= 255
        assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note")
        assert 1 <= len(rule["properties"]["tags"]) <= 10
        assert "security-severity" not in rule["properties"]
    for found in run["results"]:
        (place,) = found["locations"]
        uri, region = place["physicalLocation"]["artifactLocation"]["uri"], place["physicalLocation"]["region"]
        assert URI_REFERENCE.fullmatch(uri)
        assert not uri.startswith("/")
        assert region.keys() == {"startLine", "startColumn", "endLine", "endColumn"}
        assert _filled(found["message"]["text"])
        assert found["partialFingerprints"]


def test_the_users_category_is_not_overridden() -> None:
    assert "automationDetails" not in _run()


def test_how_much_was_judged_is_there() -> None:
    properties = _run()["properties"]
    assert properties["requirements"] == {"applicable": 7, "judged": 5}
    assert properties["summary"]["passed"] == 2


def test_no_secret_is_written() -> None:
    for culprit in range(len(EXCHANGES)):
        expect_no_secrets(render(_changed(culprit=culprit)))
