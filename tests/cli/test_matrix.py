"""`matrix` shows reports side by side, as text and as a page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.assay import assay
from tests.reports.runs import run_of

X, Y = "as/pkce/x", "mcp/challenge/y"


@pytest.fixture(autouse=True)
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, verdict in (("one", "passed"), ("other", "failed")):
        document = run_of({X: "passed", Y: verdict}, target=name)
        Path(f"{name}.json").write_text(json.dumps(document), encoding="utf-8")


def test_areas_and_runs_are_shown_whatever_the_verdicts() -> None:
    ended = assay("matrix", "one.json", "other.json")
    assert (ended.code, ended.err) == (0, "")
    rows = [line.split() for line in ended.out.splitlines()]
    assert ["area", "one", "other"] in rows
    assert ["as/pkce", "1/1", "1/1"] in rows
    assert ["mcp/challenge", "1/1", "0/1,", "1", "failed"] in rows
    assert ["all", "2/2", "1/2,", "1", "failed"] in rows


def test_one_report_is_enough_and_the_same_may_come_twice() -> None:
    assert assay("matrix", "one.json").code == 0
    ended = assay("matrix", "one.json", "one.json")
    assert "one (1)" in ended.out
    assert "one (2)" in ended.out


def test_the_page_is_written_too() -> None:
    ended = assay("matrix", "one.json", "other.json", "--html", "matrix.html")
    assert ended.code == 0
    assert "mcp/challenge" in ended.out
    assert Path("matrix.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_page_that_cannot_be_written_is_told_after_the_table() -> None:
    ended = assay("matrix", "one.json", "--html", "/dev/full")
    assert (ended.code, ended.err) == (3, "/dev/full: could not be written: No space left on device\n")
    assert "mcp/challenge" in ended.out
