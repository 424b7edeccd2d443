"""The JSON report has the documented shape and holds no secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

import reports
from reports.json_report import JsonReport
from tests.cli.assay import assay
from tests.hostile import Hostile, answer, document
from tests.reports.conftest import RESULTS, SECRETS, expect_no_secrets, play

SCHEMA = json.loads((Path(reports.__file__).parent / "schema.json").read_text(encoding="utf-8"))


def _written(path: Path, **options: Any) -> dict[str, Any]:
    play(JsonReport(path, tool="mcp-assay 0", **options))
    written: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return written


def _expect_valid(written: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(written)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_run_with_every_verdict_has_the_documented_shape(tmp_path: Path) -> None:
    written = _written(tmp_path / "report.json")
    _expect_valid(written)
    assert sum(written["summary"].values()) == len(written["results"]) == len(RESULTS)
    assert written["stale_baseline"] == {"as/registration/stale": "passed"}
    assert written["requirements"] == {"applicable": 7, "judged": 5}


def test_a_run_without_results_has_the_documented_shape(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    play(JsonReport(path, tool="mcp-assay 0"), (), unfinished=3)
    written = json.loads(path.read_text(encoding="utf-8"))
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
def test_the_schema_notices_what_is_missing(tmp_path: Path, member: str) -> None:
    written = _written(tmp_path / "report.json")
    del written["results"][0][member]
    with pytest.raises(jsonschema.ValidationError):
        _expect_valid(written)


def test_no_secret_is_written(tmp_path: Path) -> None:
    _written(tmp_path / "report.json")
    expect_no_secrets((tmp_path / "report.json").read_text(encoding="utf-8"))


def test_secrets_are_written_on_demand(tmp_path: Path) -> None:
    written = _written(tmp_path / "report.json", show_secrets=True)
    _expect_valid(written)
    assert SECRETS["access_token"] in written["results"][0]["exchanges"][0]["response"]["body"]


def test_each_request_comes_as_a_command_line(tmp_path: Path) -> None:
    exchanges = _written(tmp_path / "report.json")["results"][0]["exchanges"]
    assert all(item["curl"].startswith("curl -i -X ") for item in exchanges)
    assert "-H 'authorization: Basic <authorization:" in exchanges[0]["curl"]
