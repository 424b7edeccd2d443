"""The JUnit report is valid by the common schema, tells the verdicts apart and holds no secret."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from harness.events import Settings
from harness.exchange import Exchange
from harness.verdict import Verdict
from reports.document import Document
from reports.junit import render
from tests.reports.conftest import document_of, expect_no_secrets, result

SCHEMA = etree.XMLSchema(etree.parse(Path(__file__).with_name("junit.xsd")))


def _written(document: Document | None = None) -> etree._Element:
    root = etree.fromstring(render(document or document_of()).encode())
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


def test_verdicts_become_outcomes() -> None:
    assert _outcomes(_written()) == {
        "as/pkce/accepted": "skipped",
        "as/pkce/blocked": "error",
        "as/pkce/failed": "failure",
        "as/pkce/passed": "",
        "as/registration/family/row": "skipped",
        "as/registration/stale": "",
        "baseline/as/registration/stale": "failure",
        "mcp/challenge/error": "error",
        "mcp/challenge/not-applicable": "skipped",
    }


def test_strict_makes_a_warning_a_failure() -> None:
    assert _outcomes(_written(document_of(settings=Settings(strict=True))))["as/registration/family/row"] == "failure"


def test_what_is_blocked_is_skipped_where_the_user_allows_it() -> None:
    outcomes = _outcomes(_written(document_of(settings=Settings(allow_blocked=True))))
    assert (outcomes["as/pkce/blocked"], outcomes["mcp/challenge/error"]) == ("skipped", "error")


def test_there_is_one_suite_for_each_area_with_its_counts() -> None:
    suites = {suite.get("name"): suite for suite in _written()}
    assert list(suites) == ["as/pkce", "as/registration", "mcp/challenge", "baseline"]
    counts = [suites["as/pkce"].get(name) for name in ("tests", "failures", "errors", "skipped")]
    assert counts == ["4", "1", "1", "1"]


def test_an_accepted_failure_gives_its_reason_and_a_stale_one_its_end() -> None:
    root = _written()
    assert _message(root, "accepted/skipped") == "failed: known \N{REPLACEMENT CHARACTER} since May"
    found = root.find(".//testcase[@classname='baseline']/failure")
    assert found is not None
    assert found.get("message") == "baseline: as/registration/stale passed now: remove it"


def test_a_failure_shows_the_exchange_that_is_its_proof() -> None:
    exchanges = tuple(Exchange("GET", f"http://127.0.0.1/{number}", (), b"", status=200) for number in range(8))
    failed = replace(result("as/pkce/failed", 0, Verdict.FAILED), exchanges=exchanges, culprit=exchanges[0])
    text = _found(_written(document_of([failed])), "failed/failure").text or ""
    assert "http://127.0.0.1/0" in text
    assert "http://127.0.0.1/7" not in text


def test_a_failure_has_sentence_link_remedy_and_command_line() -> None:
    root = _written()
    assert _message(root, "failed/failure").startswith("failed: expected what as/pkce/failed expects; ")
    text = _found(root, "failed/failure").text or ""
    for part in ("MUST ", "https://", "remedy: The remedy of as/pkce/failed.", "curl -i -X POST "):
        assert part in text


def test_a_run_without_results_is_valid() -> None:
    assert len(_written(document_of(()))) == 1


def test_no_secret_is_written() -> None:
    expect_no_secrets(render(document_of()))


@pytest.mark.parametrize("text", ["<testsuites><testsuite/></testsuites>", "<testsuites name='x'/>", "<testsuite/>"])
def test_the_schema_refuses_what_ci_servers_refuse(text: str) -> None:
    assert not SCHEMA.validate(etree.fromstring(text))
