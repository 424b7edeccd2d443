"""The JSON report has the documented shape and holds no secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

import reports
from reports.document import ReportError, read_document
from reports.json_report import render
from tests.cli.assay import assay
from tests.hostile import Hostile, answer, document
from tests.reports.conftest import PROBLEMS, RESULTS, SECRETS, document_of, expect_no_secrets

SCHEMA = json.loads((Path(reports.__file__).parent / "schema.json").read_text(encoding="utf-8"))


def _written(**options: Any) -> dict[str, Any]:
    written: dict[str, Any] = json.loads(render(document_of(**options)))
    return written


def _expect_valid(written: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(written)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_run_with_every_verdict_has_the_documented_shape() -> None:
    written = _written()
    _expect_valid(written)
    assert sum(written["summary"].values()) == len(written["results"]) == len(RESULTS)
    assert {item["entry"]: item["problem"] for item in written["baseline"] if item["problem"]} == PROBLEMS
    assert written["requirements"] == {"applicable": 7, "judged": 5}


def test_a_run_without_results_has_the_documented_shape() -> None:
    written = _written(results=(), unfinished=3)
    _expect_valid(written)
    assert (written["results"], written["unfinished"]) == ([], 3)


def test_a_real_run_has_the_documented_shape(tmp_path: Path) -> None:
    metadata = {"issuer": "{url}", "response_types_supported": ["code"], "token_endpoint": "{url}/token"}
    with Hostile(answer(), {"/.well-known/": document(metadata)}) as server:
        assay("run", "as/discovery", "--authorization-server", server.url, "--json", tmp_path / "report.json")
    written = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    _expect_valid(written)
    assert written["target"] == server.url
    assert any(result["exchanges"] for result in written["results"])


@pytest.mark.parametrize("member", ["scenario", "verdict", "requirements", "exchanges"])
def test_the_schema_notices_what_is_missing(member: str) -> None:
    written = _written()
    del written["results"][0][member]
    with pytest.raises(jsonschema.ValidationError):
        _expect_valid(written)


def test_no_secret_is_written() -> None:
    expect_no_secrets(render(document_of()))


def test_secrets_are_written_on_demand() -> None:
    written = _written(show_secrets=True)
    _expect_valid(written)
    assert SECRETS["access_token"] in written["results"][0]["exchanges"][0]["response"]["body"]


def test_each_request_comes_as_a_command_line() -> None:
    exchanges = _written()["results"][0]["exchanges"]
    assert all(item["curl"].startswith("curl -i -X ") for item in exchanges)
    assert "-H 'authorization: Basic <authorization:" in exchanges[0]["curl"]


def test_a_report_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(render(document_of()), encoding="utf-8", errors="backslashreplace")
    assert read_document(path)["summary"] == _written()["summary"]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (None, "cannot be read: No such file or directory"),
        ("{", "is no JSON"),
        ("[]", "is no JSON report of mcp-assay with schema 1; its schema is None"),
        ('{"schema": 2}', "its schema is 2"),
        ('{"schema": 1}', r"\$: 'tool' is a required property"),
    ],
)
def test_what_is_no_report_is_refused_in_a_sentence(tmp_path: Path, text: str | None, mistake: str) -> None:
    path = tmp_path / "report.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ReportError, match=mistake):
        read_document(path)
