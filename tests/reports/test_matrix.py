"""Runs side by side: counts that tell apart what passed, failed, was blocked or not asked, in text and on a page."""

from __future__ import annotations

import io
import re

import pytest
from lxml import html
from rich.console import Console

from reports import matrix, matrix_page
from reports.html_page import SIGNS
from reports.matrix import Cell, Matrix, matrix_of
from reports.telling import on_paper
from tests.reports.conftest import document_of, expect_no_secrets
from tests.reports.runs import HOSTILE, run_of, settings

A, B, C, D, E = (f"as/pkce/{letter}" for letter in "abcde")
ALONE = "mcp/challenge/f"
ONE = run_of({A: "passed", B: "failed", C: "blocked", D: "not-applicable", E: "warning"}, target="one")
OTHER = run_of({A: "passed", B: "passed", ALONE: "not-applicable"}, target="other", spec="2025-11-25")


@pytest.fixture
def both() -> Matrix:
    return matrix_of([ONE, OTHER])


def _text(found: Matrix) -> str:
    return on_paper(lambda console: matrix.show(console, found))


def _page(found: Matrix) -> html.HtmlElement:
    return html.document_fromstring(matrix_page.render(found))


def _cells(row: html.HtmlElement) -> list[str]:
    return [" ".join(cell.text_content().split()) for cell in row.iter("td")]


def _told(cell: Cell) -> tuple[str, list[str], str | None]:
    return cell.ratio, [text for _, text in cell.rest], cell.worst


def test_areas_are_rows_and_runs_are_columns(both: Matrix) -> None:
    assert [column.name for column in both.columns] == ["one", "other"]
    assert [area.id for area in both.areas] == ["as/pkce", "mcp/challenge"]
    assert [row.scenario for row in both.areas[0].rows] == [A, B, C, D, E]
    assert both.specs == ("2026-07-28", "2025-11-25")


def test_a_cell_counts_what_passed_of_what_applies_and_tells_the_rest_apart(both: Matrix) -> None:
    (first, second), (third, fourth) = (area.cells for area in both.areas)
    assert _told(first) == ("1/4", ["1 failed", "1 blocked", "1 warning", "1 n/a"], "failed")
    assert _told(second) == ("2/2", [], "passed")
    assert _told(third) == (matrix.NOT_ASKED, [], None)
    assert _told(fourth) == ("n/a", [], "not-applicable")
    assert [_told(column.total) for column in both.columns][1] == ("2/2", ["1 n/a"], "passed")


def test_targets_of_one_name_are_numbered() -> None:
    names = [column.name for column in matrix_of([ONE, OTHER, ONE]).columns]
    assert names == ["one (1)", "other", "one (2)"]


def test_the_text_has_a_line_for_each_area_and_one_for_all(both: Matrix) -> None:
    lines = [line.rstrip() for line in _text(both).splitlines()]
    table = lines[lines.index("") + 1 :]
    assert re.split(r"\s{2,}", table[0]) == ["area", "one", "other"]
    assert re.split(r"\s{2,}", table[1]) == ["as/pkce", "1/4, 1 failed, 1 blocked, 1 warning, 1 n/a", "2/2"]
    assert re.split(r"\s{2,}", table[2]) == ["mcp/challenge", "·", "n/a"]
    assert re.split(r"\s{2,}", table[3]) == ["all", "1/4, 1 failed, 1 blocked, 1 warning, 1 n/a", "2/2, 1 n/a"]


def test_the_text_says_how_much_each_judged_and_by_what(both: Matrix) -> None:
    text = _text(both)
    assert "one  MCP 2026-07-28, mcp-assay" in text
    assert "judged 3 of 4 applicable requirements with 5 scenarios" in text
    assert "they were judged by different revisions of MCP: 2026-07-28, 2025-11-25" in text


def test_what_limits_a_run_is_said() -> None:
    limited = run_of({A: "passed"}, settings=settings(selectors=["as/pkce/a"]), interrupted=True, unfinished=3)
    found = matrix_of([limited])
    for text in (_text(found), _page(found).text_content()):
        assert "asked for as/pkce/a only" in text
        assert "ended early" in text


def test_a_file_has_no_edge_and_a_terminal_has(both: Matrix) -> None:
    wide = matrix_of([ONE] * 12)
    assert max(map(len, _text(wide).splitlines())) > 400
    stream = io.StringIO()
    matrix.show(Console(file=stream, force_terminal=True, width=80, color_system=None), both)
    assert max(map(len, stream.getvalue().splitlines())) <= 80


def test_a_run_without_results_has_its_column() -> None:
    found = matrix_of([run_of({}), ONE])
    assert _told(found.columns[0].total) == (matrix.NOT_ASKED, [], None)
    assert "No scenario had its turn." in matrix_page.render(matrix_of([run_of({})]))


def test_on_a_terminal_nothing_said_moves_the_cursor_or_forges_a_line() -> None:
    found = matrix_of([run_of({A: "failed"}, {"actual": HOSTILE}, target=f"{HOSTILE}\nPASSED", tool=HOSTILE)])
    text = _text(found)
    assert all(sign.isprintable() or sign == "\n" for sign in text)
    assert "PASSED" not in [line.strip() for line in text.splitlines()]
    assert ":bomb:" in text


def test_the_page_has_the_cells_of_the_matrix(both: Matrix) -> None:
    rows = _page(both).xpath("//tbody[@class='total' or @class='area']/tr")
    none = f"{SIGNS['not-applicable']} 1 n/a"
    told = f"1/4 passed ✗ 1 failed ⊘ 1 blocked ! 1 warning {none}"
    assert [_cells(row) for row in rows] == [
        [told, f"2/2 passed {none}"],
        [told, "2/2 passed"],
        ["· not asked", "n/a"],
    ]
    assert [cell.get("class") for cell in rows[1].iter("td")] == ["failed", "passed"]


def test_an_areas_scenarios_tell_each_verdict_in_words(both: Matrix) -> None:
    page = _page(both)
    summaries = [_cells(row)[0] for row in page.xpath("//tbody[@id='as/pkce']/tr")]
    words = ["passed", "failed Expected", "blocked Actual", "not applicable Actual", "warning Expected"]
    for said, word, result in zip(summaries, words, ONE["results"], strict=True):
        assert said.startswith(f"{SIGNS[result['verdict']]} {word}")


def test_an_accepted_failure_says_so_and_why() -> None:
    page = _page(matrix_of([run_of({A: "failed"}, {"accepted": "known since May"})]))
    assert "✗ failed, accepted" in page.text_content()
    assert "known since May" in page.text_content()


def test_the_filter_knows_where_runs_differ_failed_or_did_not_judge(both: Matrix) -> None:
    tags = {row.get("id"): row.get("data-tags") for row in _page(both).xpath("//tr[@data-tags]")}
    assert tags == {
        A: "",
        B: "differing violated",
        C: "differing unjudged",
        D: "differing unjudged",
        E: "differing violated unjudged",
        ALONE: "differing unjudged",
    }


def test_requirements_are_linked_and_javascript_is_no_link() -> None:
    good = run_of({A: "passed"})
    requirement = good["results"][0]["requirements"][0]
    assert requirement["url"] in _page(matrix_of([good])).xpath("//tr[@id]//a/@href")
    evil = run_of({A: "passed"}, {"requirements": [{**requirement, "url": " JavaScript:alert(1)"}]})
    assert {link[0] for link in _page(matrix_of([evil])).xpath("//a/@href")} == {"#"}


def test_what_a_target_said_is_text_on_the_page_and_can_be_seen() -> None:
    said = dict.fromkeys(("actual", "expected", "unlock", "accepted", "title"), HOSTILE)
    page = matrix_page.render(matrix_of([run_of({A: "failed"}, said, target=HOSTILE, tool=HOSTILE, started=HOSTILE)]))
    assert html.document_fromstring(page).xpath("count(//script)") == 1
    assert "<script>alert" not in page
    assert "\\x1b[2J\\u202e [red]" in page
    assert page.encode()


def test_the_page_asks_nobody_for_anything(both: Matrix) -> None:
    page = _page(both)
    (policy,) = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert page.xpath("//*[@src]|//link[not(@href='data:,')]|//@style|//@onclick") == []


def test_a_page_of_many_scenarios_stays_small() -> None:
    number = 500
    names = [f"as/area-{place // 20}/a-scenario-with-a-usual-name-{place:03}" for place in range(number)]
    one = run_of({})
    template = run_of({A: "failed"})["results"][0]
    results = [
        {**template, "scenario": name, "verdict": "passed" if place % 10 else "failed"}
        for place, name in enumerate(names)
    ]
    page = matrix_page.render(matrix_of([{**one, "results": results}] * 3))
    assert len(page) < 1_000_000


def test_no_secret_is_written() -> None:
    found = matrix_of([document_of(), document_of()])
    expect_no_secrets(_text(found) + matrix_page.render(found))
