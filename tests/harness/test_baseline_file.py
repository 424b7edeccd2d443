"""`[expected]` is edited, and nothing else in the file changes, however it was written."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from datetime import date

import pytest

from harness.baseline import Accepted
from harness.baseline_file import UneditableError, with_baseline
from harness.target_tables import ExpectedTable
from harness.verdict import Verdict

HEAD = '# ours\n[target]\nname = "a"   # short\nmcp_server = "http://127.0.0.1:1/mcp"\n\n'
TOOLS = "[tools.read]\nscopes = [\n  'read', # only\n]\n"
X, Y, Z = "as/pkce/x", "as/pkce/y", "as/registration"
NEW = Accepted("as/pkce/new", 'a "reason"\nof \x1b two lines', Verdict.FAILED, date(2027, 1, 31), "https://t.example/1")
NEW_LINE = (
    r'"as/pkce/new" = { verdict = "failed", reason = "a \"reason\"\nof \u001b two lines", '
    'expires = 2027-01-31, link = "https://t.example/1" }'
)

LAYOUTS = {
    "lines": f"{HEAD}[expected]\n'{X}' = 'x'\n'{Y}' = 'y' # soon\n\n# what it can do\n{TOOLS}",
    "inline tables": f"{HEAD}[expected]\n'{X}' = {{ reason = 'x',  expires = 2027-01-31 }}\n'{Y}' = 'y'\n{TOOLS}",
    "tables": f"{HEAD}[expected.'{X}']\nreason = 'x' # so\n\n[expected.'{Y}']\nreason = 'y'\n\n{TOOLS}",
    "a table and tables": f"{HEAD}[expected]\n'{X}' = 'x'\n[expected.'{Y}']\nreason = 'y'\n{TOOLS}",
    "tables apart": f"{HEAD}[expected.'{X}']\nreason = 'x'\n{TOOLS}[expected.'{Y}']\nreason = 'y'\n",
    "dotted": f"{HEAD}[expected]\n'{X}'.reason = 'x'\n'{X}'.verdict = 'failed'\n'{Y}' = 'y'\n{TOOLS}",
    "dotted at the top": f"expected.'{X}'.reason = 'x'\nexpected.'{Y}' = 'y'\n{HEAD}{TOOLS}",
    "one line": f"expected = {{ '{X}' = 'x', '{Y}' = 'y' }}\n{HEAD}{TOOLS}",
    "at the end, without an end of line": f"{HEAD}{TOOLS}[expected]\n'{X}' = 'x'\n'{Y}' = 'y'",
}


def entries(text: str) -> dict[str, Accepted]:
    table = tomllib.loads(text).get("expected", {})
    return {name: ExpectedTable.model_validate(value).resolve(name) for name, value in table.items()}


def rest(text: str) -> Mapping[str, object]:
    return {name: value for name, value in tomllib.loads(text).items() if name != "expected"}


def changes(before: str, after: str) -> list[str]:
    """Return the lines that differ, with their sign."""
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in lines if line[0] in "+-" and line[1:].strip()]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_entries_are_added_changed_and_removed_in_every_layout(layout: str) -> None:
    before = LAYOUTS[layout]
    kept = entries(before)[Y]
    for wanted in ({Y: kept}, {**entries(before), NEW.entry: NEW}, {NEW.entry: NEW, Y: kept}, {NEW.entry: NEW}, {}):
        after = with_baseline(before, wanted)
        assert entries(after) == wanted
        assert rest(after) == rest(before)


@pytest.mark.parametrize("layout", ["lines", "inline tables", "at the end, without an end of line"])
def test_nothing_but_the_line_of_a_new_entry_changes(layout: str) -> None:
    before = LAYOUTS[layout]
    assert changes(before, with_baseline(before, {**entries(before), NEW.entry: NEW})) == [f"+ {NEW_LINE}"]


def test_a_new_entry_comes_after_the_others_and_before_the_next_tables_comment() -> None:
    before = LAYOUTS["lines"]
    lines = with_baseline(before, {**entries(before), NEW.entry: NEW}).splitlines()
    assert lines[lines.index(NEW_LINE) - 1] == f"'{Y}' = 'y' # soon"
    assert lines[lines.index(NEW_LINE) + 1 :][:2] == ["", "# what it can do"]


def test_an_entry_that_is_removed_takes_its_line_alone() -> None:
    before = LAYOUTS["inline tables"]
    after = with_baseline(before, {X: entries(before)[X]})
    assert changes(before, after) == [f"- '{Y}' = 'y'"]


def test_an_entry_that_is_a_table_leaves_the_comment_that_follows_it() -> None:
    before = f"{HEAD}[expected.'{X}']\nreason = 'x' # so\n\n# what it can do\n{TOOLS}"
    assert with_baseline(before, {}) == f"{HEAD}# what it can do\n{TOOLS}"


def test_a_verdict_is_changed_in_its_place() -> None:
    before = f"{HEAD}[expected]\n'{X}' = {{ verdict = 'failed',   reason = 'x', expires = 2027-01-31 }}  # soon\n"
    wanted = Accepted(X, "x", Verdict.WARNING, date(2027, 1, 31))
    after = with_baseline(before, {X: wanted})
    assert after == before.replace("'failed'", '"warning"').replace("31 }", "31}")  # the space is tomlkit's loss


def test_what_an_entry_no_longer_says_is_taken_out() -> None:
    before = f"{HEAD}[expected.'{X}']\nverdict = 'warning'\nreason = 'x'\nlink = 'https://t.example/1'\n"
    after = with_baseline(before, {X: Accepted(X, "other", Verdict.FAILED)})
    assert tomllib.loads(after)["expected"] == {X: {"verdict": "failed", "reason": "other"}}


def test_a_reason_alone_is_written_as_a_text() -> None:
    after = with_baseline(HEAD, {X: Accepted(X, "x")})
    assert after == f'{HEAD}[expected]\n"{X}" = "x"\n'


@pytest.mark.parametrize("text", [HEAD, HEAD.rstrip(), f"{HEAD}\n\n", f"{HEAD}# the end"])
def test_a_file_without_a_baseline_gets_one_at_its_end(text: str) -> None:
    assert with_baseline(text, {NEW.entry: NEW}) == f"{text.rstrip()}\n\n[expected]\n{NEW_LINE}\n"


def test_a_baseline_that_is_right_already_is_left_alone() -> None:
    for text in LAYOUTS.values():
        assert with_baseline(text, entries(text)) == text


def test_ends_of_lines_stay_as_they_are() -> None:
    before = LAYOUTS["lines"].replace("\n", "\r\n")
    after = with_baseline(before, {**entries(before), NEW.entry: NEW})
    assert after.replace("\r\n", "").count("\n") == 0
    assert changes(before, after) == [f"+ {NEW_LINE}"]


def test_what_would_change_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tomlkit.dumps", lambda _document: HEAD.replace('"a"', '"b"'))
    with pytest.raises(UneditableError, match="something else would have changed"):
        with_baseline(HEAD, {X: Accepted(X, "x")})
