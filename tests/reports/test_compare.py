"""Two runs compared: what is worse, what only one of them asked, and that nothing said gets power over a page."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import pytest
from markdown_it import MarkdownIt

from harness.verdict import Verdict
from reports import compare_markdown, compare_text
from reports.compare import Comparison, Kind, compare
from reports.telling import on_paper
from tests.reports.conftest import document_of, expect_no_secrets
from tests.reports.runs import HOSTILE, run_of, settings

X = "as/pkce/x"
W, U, B, J, N, C = Kind.WORSE, Kind.UNJUDGED, Kind.BETTER, Kind.JUDGED, Kind.NOT_APPLICABLE, Kind.CHANGED
BECAME = {
    # was: what it is when it becomes passed, failed, warning, not-applicable, blocked, error
    Verdict.PASSED: (None, W, W, N, U, U),
    Verdict.FAILED: (B, None, B, N, U, U),
    Verdict.WARNING: (B, W, None, N, U, U),
    Verdict.NOT_APPLICABLE: (J, W, W, None, U, U),
    Verdict.BLOCKED: (J, J, J, N, None, C),
    Verdict.ERROR: (J, J, J, N, C, None),
}
FIRST, SECOND = "tests/x/first", "tests/x/second"


def _text(found: Comparison) -> str:
    return on_paper(lambda console: compare_text.show(console, found))


@pytest.mark.parametrize(("was", "now"), list(product(Verdict, Verdict)))
def test_each_change_of_a_verdict_is_what_it_is(was: Verdict, now: Verdict) -> None:
    found = compare(run_of({X: was}), run_of({X: now}))
    kind = BECAME[was][list(Verdict).index(now)]
    assert [change.kind for change in found.changes] == ([kind] if kind else [])
    assert found.exit_code == (1 if kind in (W, U) else 0)
    assert found.compared == 1


def test_what_the_new_runs_baseline_accepts_is_no_regression() -> None:
    found = compare(run_of({X: "passed"}), run_of({X: "failed"}, {"accepted": "known"}))
    assert [change.kind for change in found.changes] == [Kind.ACCEPTED]
    assert found.exit_code == 0
    assert "baseline  accepted: known" in _text(found)


@pytest.mark.parametrize(("before", "after", "note"), [("", "known", "accepted: known"), ("known", "", "not accepted")])
def test_a_failure_that_is_accepted_or_not_any_more_has_changed(before: str, after: str, note: str) -> None:
    found = compare(run_of({X: "failed"}, {"accepted": before}), run_of({X: "failed"}, {"accepted": after}))
    assert [change.kind for change in found.changes] == [Kind.CHANGED]
    assert found.exit_code == 0
    assert note in _text(found)


def test_a_failure_that_looks_different_has_changed_and_both_are_told() -> None:
    old, new = run_of({X: "failed"}, {"actual": "it was 500"}), run_of({X: "failed"}, {"actual": "it was 200"})
    found = compare(old, new)
    assert [change.kind for change in found.changes] == [Kind.CHANGED]
    for text in (_text(found), compare_markdown.render(found)):
        assert "it was 500" in text
        assert "it was 200" in text


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("<code:1a2b3c4d> came", "<code:99887766> came"),
        ("http://127.0.0.1:5001/ did not answer", "http://127.0.0.1:5002/ did not answer"),
        ("client 1f0e3dad-99908345-f7439f8f is unknown", "client 2f0e3dad-99908345-f7439f8a is unknown"),
    ],
)
def test_what_differs_from_run_to_run_is_no_change(was: str, now: str) -> None:
    assert not compare(run_of({X: "failed"}, {"actual": was}), run_of({X: "failed"}, {"actual": now})).changes


def test_new_and_gone_scenarios_are_told_and_are_not_worse() -> None:
    found = compare(run_of({X: "passed", "as/old/y": "failed"}), run_of({X: "passed", "as/new/z": "failed"}))
    assert [(change.kind, change.scenario) for change in found.changes] == [
        (Kind.NEW, "as/new/z"),
        (Kind.GONE, "as/old/y"),
    ]
    assert found.exit_code == 0
    assert "nothing is worse: 0 regressions, 0 fixed, 1 new (1 violation), 1 gone, 1 as before" in _text(found)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"settings": settings(selectors=["as/pkce"])}, "it asked for as/pkce only"),
        ({"settings": settings(role="mcp-server")}, "it asked for role mcp-server only"),
        ({"spec": "2025-11-25"}, "it judged by MCP 2025-11-25"),
    ],
)
def test_what_the_new_run_was_not_asked_is_not_gone(members: dict[str, Any], reason: str) -> None:
    found = compare(run_of({X: "passed", "as/refresh/y": "passed"}), run_of({X: "passed"}, **members))
    assert [(change.kind, change.reason) for change in found.changes] == [(Kind.NOT_ASKED_NOW, reason)]
    assert f"1 scenario: {reason}" in _text(found)
    assert found.exit_code == 0


def test_a_role_that_is_judged_no_more_is_not_gone() -> None:
    old, new = run_of({X: "passed", "mcp/challenge/y": "passed"}), run_of({X: "passed"})
    old["results"][1]["role"] = "mcp-server"
    assert [change.reason for change in compare(old, new).changes] == ["it judged no mcp-server"]


def test_what_a_selector_takes_and_yet_is_missing_is_gone() -> None:
    for selector in ("as/refresh", "as/refresh/", "as/refresh/y"):
        new = run_of({X: "passed"}, settings=settings(selectors=["as/pkce", selector]))
        found = compare(run_of({X: "passed", "as/refresh/y": "passed"}), new)
        assert [change.kind for change in found.changes] == [Kind.GONE], selector


@pytest.mark.parametrize(
    ("selector", "kind"), [("rfc7636/4.6", Kind.GONE), ("rfc7636/4", Kind.GONE), ("rfc7636/4.61", Kind.NOT_ASKED_NOW)]
)
def test_a_section_selects_as_it_does_in_a_run(selector: str, kind: Kind) -> None:
    old = run_of({X: "passed", "as/refresh/y": "passed"})
    old["results"][1]["requirements"] = [
        {**old["results"][1]["requirements"][0], "id": "rfc7636-4.6-1", "section": "4.6"}
    ]
    new = run_of({X: "passed"}, settings=settings(selectors=[selector]))
    assert [change.kind for change in compare(old, new).changes] == [kind]


def test_a_violation_that_the_old_run_was_not_asked_for_is_listed() -> None:
    old = run_of({X: "passed"}, settings=settings(selectors=["as/pkce"]))
    found = compare(old, run_of({X: "passed", "as/refresh/y": "failed", "as/refresh/z": "passed"}))
    assert found.exit_code == 0
    text = _text(found)
    assert "2 asked by the new run only (1 violation)" in text
    assert "failed  as/refresh/y" in text
    assert "as/refresh/z" not in text


def test_a_new_run_that_was_ended_early_is_incomplete_unless_something_is_worse() -> None:
    old = run_of({X: "passed", "as/refresh/y": "passed"})
    new = run_of({X: "passed"}, interrupted=True, unfinished=1)
    found = compare(old, new)
    assert [change.reason for change in found.changes] == ["it was ended early"]
    assert found.exit_code == 3
    assert "the rest is not known" in _text(found)
    assert compare(old, run_of({X: "failed"}, interrupted=True, unfinished=1)).exit_code == 1


def test_runs_without_a_scenario_in_common_are_not_compared() -> None:
    found = compare(run_of({X: "passed"}), run_of({"as/refresh/y": "passed"}))
    assert found.exit_code == 3
    assert "nothing was compared" in _text(found)
    assert "nothing was compared" in compare_markdown.render(found)


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"target": "another"}, "target       a target → another"),
        ({"spec": "2025-11-25"}, "MCP revision 2026-07-28 → 2025-11-25"),
        ({"tool": "mcp-assay 9.9"}, "→ mcp-assay 9.9"),
        ({"settings": settings(selectors=["as/pkce"])}, "scenarios    all → as/pkce"),
        ({"settings": settings(seed=7)}, "seed         0 → 7"),
        ({"settings": settings(strict=True)}, "warnings     leave the run green → turn the run red"),
        ({"versions": {"python": "4.0"}}, "→ 4.0"),
    ],
)
def test_in_what_the_runs_differ_is_said_first(members: dict[str, Any], told: str) -> None:
    found = compare(run_of({X: "passed"}), run_of({X: "failed"}, **members))
    text = _text(found)
    assert text.index("the runs themselves differ") < text.index(told) < text.index("Regressions")
    assert "**The runs themselves differ**" in compare_markdown.render(found)


def test_runs_that_were_asked_alike_differ_in_nothing() -> None:
    found = compare(run_of({X: "passed"}), run_of({X: "passed"}, settings=settings(jobs=1)))
    assert "differ" not in _text(found)
    assert "differ" not in compare_markdown.render(found)


def test_files_in_the_wrong_order_are_told() -> None:
    old, new = run_of({X: "passed"}), run_of({X: "passed"}, started="2026-11-21T23:59:59+00:00")
    assert "are the files in the right order?" in _text(compare(old, new))
    assert "are the files in the right order?" in compare_markdown.render(compare(old, new))
    assert "right order" not in _text(compare(new, old))
    assert "right order" not in _text(compare(old, run_of({X: "passed"}, started="yesterday")))


def test_how_much_both_judged_is_said() -> None:
    new = run_of({X: "passed"}, requirements={"applicable": 9, "judged": 4})
    found = compare(run_of({X: "passed"}), new)
    assert "judged 1 of 1 applicable requirements with 1 scenario" in _text(found)
    assert "judged 4 of 9 applicable requirements with 1 scenario" in _text(found)
    assert "| judged | 1 of 1 applicable requirements | 4 of 9 applicable requirements |" in compare_markdown.render(
        found
    )


def test_a_regression_tells_what_is_demanded_what_came_and_what_mends_it() -> None:
    found = compare(run_of({X: "passed"}), run_of({X: "failed"}))
    requirement = found.new["results"][0]["requirements"][0]
    for text in (_text(found), compare_markdown.render(found)):
        for part in (requirement["id"], requirement["url"], "expects", "what came of failed", f"The remedy of {X}"):
            assert part in text


def test_what_one_cause_blocks_is_told_once() -> None:
    names = [f"as/pkce/{letter}" for letter in "abcdefgh"] + ["as/refresh/z"]
    found = compare(run_of(dict.fromkeys(names, "passed")), run_of(dict.fromkeys(names, "blocked")))
    text = _text(found)
    assert "passed → blocked  9 scenarios" in text
    assert "as/pkce a, b, c, d, e, f, g, h\n" in text
    assert text.count("what came of blocked") == 1
    markdown = compare_markdown.render(found)
    assert "- passed → blocked: 9 scenarios\n  - as/pkce: `a`, `b`, `c`, `d`, `e`, `f`, `g`, `h`\n" in markdown
    assert markdown.count("what came of blocked") == 1


def test_on_a_terminal_nothing_said_moves_the_cursor_or_forges_a_line() -> None:
    said = {
        "actual": HOSTILE + "\nPASSED",
        "accepted": HOSTILE,
        "expected": HOSTILE,
        "unlock": HOSTILE,
        "remedy": HOSTILE,
    }
    for was, now in product(Verdict, Verdict):
        old = run_of({X: was, FIRST: was}, said, target=HOSTILE, started=HOSTILE)
        new = run_of({X: now, SECOND: now}, said, tool=HOSTILE, versions={HOSTILE: HOSTILE})
        text = _text(compare(old, new))
        assert all(sign.isprintable() or sign == "\n" for sign in text)
        assert not any(line.strip() == "PASSED" for line in text.splitlines())
        assert "[red]" in text
        assert ":bomb:" in text


def test_in_markdown_nothing_said_becomes_markup_links_or_mentions() -> None:
    said = {
        "actual": HOSTILE + "\n# PASSED",
        "accepted": HOSTILE,
        "expected": HOSTILE,
        "unlock": HOSTILE,
        "remedy": HOSTILE,
    }
    evil = {
        "id": HOSTILE,
        "level": "MUST",
        "text": HOSTILE,
        "document": "",
        "section": "",
        "url": "javascript:alert(1)",
    }
    said_by_new = {**said, "accepted": "", "requirements": [evil]}
    for was, now in (("passed", "failed"), ("failed", "passed"), ("failed", "failed"), ("passed", "blocked")):
        old = run_of({X: was, FIRST: was}, said, target=HOSTILE, started=HOSTILE)
        new = run_of({X: now, SECOND: now}, said_by_new, tool=HOSTILE, versions={HOSTILE: HOSTILE})
        text = compare_markdown.render(compare(old, new))
        page = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(text)
        assert "<script" not in page
        assert "@team" not in re.sub("<code>.*?</code>", "", page)
        assert 'evil.example">' not in page
        assert "javascript:" not in page.replace("<code>javascript:alert(1)</code>", "")
        assert page.count("<h1>") == 0
        assert page.count("<td") == 3 * 7


def test_the_markdown_is_a_table_and_a_section_for_each_kind() -> None:
    old = run_of({X: "passed", "as/pkce/y": "failed", "as/pkce/z": "passed"})
    new = run_of({X: "failed", "as/pkce/y": "passed", "as/pkce/z": "blocked", "as/pkce/zz": "passed"})
    text = compare_markdown.render(compare(old, new))
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == [
        "## mcp-assay compare: 2 scenarios worse: 1 regression, 1 fixed, 1 not judged now, 1 new, 0 gone, 0 as before",
        "### Regressions (1)",
        "### Cannot be judged now (1)",
        "### Fixes (1)",
        "### New scenarios (1)",
    ]
    assert f"- passed → failed: `{X}`" in text


def test_no_secret_is_written() -> None:
    found = compare(document_of(), run_of({X: "passed"}))
    expect_no_secrets(_text(found) + compare_markdown.render(found))
