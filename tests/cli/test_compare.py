"""`compare` says what changed from one report to another, and its exit code says whether something is worse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reports.document import Document
from tests.cli.assay import assay
from tests.reports.runs import run_of

X, Y = "as/pkce/x", "as/pkce/y"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _written(name: str, document: Document) -> Path:
    path = Path(name)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


@pytest.fixture
def good() -> Path:
    return _written("good.json", run_of({X: "passed", Y: "passed"}))


@pytest.fixture
def bad() -> Path:
    return _written("bad.json", run_of({X: "passed", Y: "failed"}))


def test_a_regression_is_named_and_exits_with_1(good: Path, bad: Path) -> None:
    ended = assay("compare", good, bad)
    assert ended.code == 1
    assert f"passed → failed  {Y}" in ended.out
    assert ended.out.endswith("\n1 scenario worse: 1 regression, 0 fixed, 0 new, 0 gone, 1 as before\n")


def test_a_fix_is_named_and_exits_with_0(good: Path, bad: Path) -> None:
    ended = assay("compare", bad, good)
    assert ended.code == 0
    assert f"failed → passed  {Y}" in ended.out


def test_what_is_as_bad_as_before_is_not_worse(bad: Path) -> None:
    ended = assay("compare", bad, bad)
    assert ended.code == 0
    assert ended.out.endswith("\nnothing is worse: 0 regressions, 0 fixed, 0 new, 0 gone, 2 as before\n")


def test_a_new_run_that_was_ended_early_exits_with_3(good: Path) -> None:
    ended = assay("compare", good, _written("early.json", run_of({X: "passed"}, interrupted=True, unfinished=1)))
    assert ended.code == 3


def test_the_comparison_is_written_as_markdown_too(good: Path, bad: Path) -> None:
    ended = assay("compare", good, bad, "--markdown", "comparison.md")
    assert ended.code == 1
    assert "Regressions (1)" in ended.out
    assert (
        Path("comparison.md")
        .read_text(encoding="utf-8")
        .startswith("## mcp-assay compare: 1 scenario worse: 1 regression, ")
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "cannot be read: No such file or directory"),
        ("{", "is no JSON: "),
        ("[" * 100_000, "is no JSON"),
        ("[]", "is no JSON report of mcp-assay with schema 1"),
        ('{"schema": 2}', "its schema is 2"),
        ('{"schema": 1}', "'tool' is a required property"),
    ],
)
@pytest.mark.parametrize("command", ["compare", "matrix"])
def test_what_is_no_report_is_named_and_exits_with_2(good: Path, command: str, text: str | None, sentence: str) -> None:
    if text is not None:
        Path("odd.json").write_text(text)
    ended = assay(command, good, "odd.json")
    assert ended.code == 2
    assert ended.err.startswith("Error: odd.json: ")
    assert sentence in ended.err


@pytest.mark.parametrize(
    "words", [("compare",), ("compare", "a.json"), ("compare", "a.json", "b.json", "c.json"), ("matrix",)]
)
def test_a_wrong_number_of_reports_is_wrong_usage(words: tuple[str, ...]) -> None:
    ended = assay(*words)
    assert ended.code == 2
    assert "Usage: " in ended.err


@pytest.mark.parametrize(("command", "option"), [("compare", "--markdown"), ("matrix", "--html")])
@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("none/page", "cannot be written there: No such file"),
        (".", "cannot be written there: it is a folder"),
        ("bad.json", "would replace a report that is read"),
        ("./bad.json", "would replace a report that is read"),
    ],
)
def test_an_output_that_cannot_be_is_found_first(
    good: Path, bad: Path, command: str, option: str, path: str, reason: str
) -> None:
    before = bad.read_bytes()
    ended = assay(command, good, bad, option, path)
    assert (ended.code, ended.out) == (2, "")
    assert f"{option} {reason}" in ended.err
    assert bad.read_bytes() == before


@pytest.mark.parametrize(("old", "new", "code"), [("good.json", "bad.json", 1), ("bad.json", "good.json", 3)])
def test_a_full_disk_loses_the_file_and_not_the_comparison(
    good: Path, bad: Path, old: str, new: str, code: int
) -> None:
    ended = assay("compare", old, new, "--markdown", "/dev/full")
    assert ended.code == code
    assert ended.err == "/dev/full: could not be written: No space left on device\n"
    assert "as before" in ended.out
