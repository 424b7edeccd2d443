"""The JUnit report is valid by the common schema, tells the verdicts apart and holds no secret."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from harness.exchange import Exchange
from harness.verdict import Verdict
from reports.junit import JUnitReport
from tests.reports.conftest import expect_no_secrets, play, result

SCHEMA = etree.XMLSchema(etree.parse(Path(__file__).with_name("junit.xsd")))


def _written(path: Path, **options: bool) -> etree._Element:
    play(JUnitReport(path, **options))
    root = etree.parse(path).getroot()
    SCHEMA.assertValid(root)
    return root


def _outcomes(root: etree._Element) -> dict[str, str]:
    return {
        f"{case.get('classname')}/{case.get('name')}": " ".join(str(child.tag) for child in case)
        for case in root.iter("testcase")
    }


def _found(root: etree._Element, path: str) -> etree._Element:
    name, _, tag = path.partition("/")
    found = root.find(f".//testcase[@name='{name}']/{tag}")
    assert found is not None
    return found


def _message(root: etree._Element, path: str) -> str:
    return _found(root, path).get("message", "")


def test_verdicts_become_outcomes(tmp_path: Path) -> None:
    assert _outcomes(_written(tmp_path / "junit.xml")) == {
        "as/pkce/accepted": "skipped",
        "as/pkce/blocked": "error",
        "as/pkce/failed": "failure",
        "as/pkce/passed": "",
        "as/registration/family/row": "skipped",
        "as/registration/stale": "failure",
        "mcp/challenge/error": "error",
        "mcp/challenge/not-applicable": "skipped",
    }


def test_strict_makes_a_warning_a_failure(tmp_path: Path) -> None:
    assert _outcomes(_written(tmp_path / "junit.xml", strict=True))["as/registration/family/row"] == "failure"


def test_what_is_blocked_is_skipped_where_the_user_allows_it(tmp_path: Path) -> None:
    outcomes = _outcomes(_written(tmp_path / "junit.xml", allow_blocked=True))
    assert (outcomes["as/pkce/blocked"], outcomes["mcp/challenge/error"]) == ("skipped", "error")


def test_there_is_one_suite_for_each_area_with_its_counts(tmp_path: Path) -> None:
    suites = {suite.get("name"): suite for suite in _written(tmp_path / "junit.xml")}
    assert list(suites) == ["as/pkce", "as/registration", "mcp/challenge"]
    counts = [suites["as/pkce"].get(name) for name in ("tests", "failures", "errors", "skipped")]
    assert counts == ["4", "1", "1", "1"]


def test_an_accepted_failure_gives_its_reason_and_a_stale_one_its_end(tmp_path: Path) -> None:
    root = _written(tmp_path / "junit.xml")
    assert _message(root, "accepted/skipped") == "failed: known \N{REPLACEMENT CHARACTER} since May"
    stale = "passed: the baseline lists it as a failure that no longer comes: remove it there"
    assert _message(root, "stale/failure") == stale


def test_a_failure_shows_the_exchange_that_is_its_proof(tmp_path: Path) -> None:
    exchanges = tuple(Exchange("GET", f"http://127.0.0.1/{number}", (), b"", status=200) for number in range(8))
    failed = replace(result("as/pkce/failed", 0, Verdict.FAILED), exchanges=exchanges, culprit=exchanges[0])
    play(JUnitReport(tmp_path / "junit.xml"), [failed])
    text = _found(etree.parse(tmp_path / "junit.xml").getroot(), "failed/failure").text or ""
    assert "http://127.0.0.1/0" in text
    assert "http://127.0.0.1/7" not in text


def test_a_failure_has_sentence_link_remedy_and_command_line(tmp_path: Path) -> None:
    root = _written(tmp_path / "junit.xml")
    assert _message(root, "failed/failure").startswith("failed: expected what as/pkce/failed expects; ")
    text = _found(root, "failed/failure").text or ""
    for part in ("MUST ", "https://", "remedy: The remedy of as/pkce/failed.", "curl -i -X POST "):
        assert part in text


def test_a_run_without_results_is_valid(tmp_path: Path) -> None:
    play(JUnitReport(tmp_path / "junit.xml"), ())
    SCHEMA.assertValid(etree.parse(tmp_path / "junit.xml"))


def test_no_secret_is_written(tmp_path: Path) -> None:
    _written(tmp_path / "junit.xml")
    expect_no_secrets((tmp_path / "junit.xml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("text", ["<testsuites><testsuite/></testsuites>", "<testsuites name='x'/>", "<testsuite/>"])
def test_the_schema_refuses_what_ci_servers_refuse(text: str) -> None:
    assert not SCHEMA.validate(etree.fromstring(text))
