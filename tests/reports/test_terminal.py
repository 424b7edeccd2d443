"""The terminal report: failures first, plain when piped, no secret, and nothing that a target could forge."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from itertools import pairwise

import pytest

from harness.events import Result
from harness.exchange import Exchange
from harness.verdict import Verdict
from reports.terminal import TerminalReport
from tests.reports.conftest import (
    CURSOR,
    REQUIREMENTS,
    RESULTS,
    SECRETS,
    document_of,
    events_of,
    expect_no_secrets,
    result,
)

COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9]")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _said(
    stream: io.StringIO | None = None,
    *,
    results: tuple[Result, ...] = RESULTS,
    unfinished: int = 0,
    show_secrets: bool = False,
) -> str:
    chosen = stream or io.StringIO()
    report = TerminalReport(chosen)
    for event in events_of(results, unfinished=unfinished):
        report(event)
    report.show(document_of(results, unfinished=unfinished, show_secrets=show_secrets))
    return chosen.getvalue()


def _said_of(*results: Result) -> str:
    return _said(results=results)


def test_piped_it_is_plain_lines() -> None:
    said = _said()
    assert all(sign.isprintable() or sign == "\n" for sign in said)
    assert "[bold]it was" in said


def test_on_a_terminal_it_has_colours_and_progress() -> None:
    said = _said(Terminal())
    assert COLOUR.search(said)
    assert "scenarios" in said


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert not COLOUR.search(_said(Terminal()))


def test_a_target_moves_no_cursor_and_forges_no_line() -> None:
    for stream in (io.StringIO(), Terminal()):
        said = _said(stream)
        assert CURSOR not in said
        assert "\\x1b[2J\\x07" in said


def test_no_secret_is_written() -> None:
    expect_no_secrets(_said())


def test_secrets_are_written_on_demand() -> None:
    assert SECRETS["access_token"] in _said(show_secrets=True)


def test_our_faults_and_failures_come_first_then_areas_then_totals() -> None:
    said = _said()
    marks = (
        "ERROR mcp/",
        "FAILED as/",
        "BLOCKED as/",
        "WARNING as/",
        "Accepted by",
        "BASELINE as/",
        "\narea ",
        "judged 5 of 7",
    )
    places = [said.index(mark) for mark in marks]
    assert all(first < second for first, second in pairwise(places))


def test_a_failure_shows_all_that_is_needed_to_mend_it() -> None:
    said = _said()
    shown = said[said.index("FAILED as/pkce/failed") : said.index("BLOCKED")]
    requirement = REQUIREMENTS[2]
    for part in (
        *("as/pkce/failed", "The title of as/pkce/failed.", requirement.text, requirement.url),
        *("what as/pkce/failed expects", "it was ", "the unmodified flow worked: authorization-code"),
        *("curl -i -X POST ", "The remedy of as/pkce/failed."),
    ):
        assert part in shown


def test_the_exchange_that_shows_the_violation_is_shown_with_what_led_to_it() -> None:
    exchanges = tuple(Exchange("GET", f"http://127.0.0.1/{number}", (), b"", status=200) for number in range(8))
    failed = result("as/pkce/failed", 0, Verdict.FAILED)
    said = _said_of(replace(failed, exchanges=exchanges, culprit=exchanges[4]))
    assert re.findall(r"curl -i -X GET http://127.0.0.1/(\d)", said) == ["2", "3", "4"]
    assert "(2 before and 3 after these; `mcp-assay run --json` has them all)" in said


def test_one_reason_that_blocks_many_is_told_once() -> None:
    names = ("as/pkce/first", "as/pkce/second/row", "mcp/challenge/third")
    said = _said_of(*(result(name, number, Verdict.BLOCKED) for number, name in enumerate(names)))
    assert "BLOCKED 3 scenarios\n  as/pkce first, second/row\n  mcp/challenge third\n" in said
    assert said.count("[bold]it was") == said.count("unlock ") == 1
    assert "curl -i -X POST " in said
    expect_no_secrets(said)


def test_different_reasons_that_block_are_told_apart() -> None:
    one, other = (result(f"as/pkce/{name}", 0, Verdict.BLOCKED) for name in ("one", "other"))
    said = _said_of(one, replace(other, actual="another reason"))
    assert [said.count(text) for text in ("BLOCKED as/pkce/one", "BLOCKED as/pkce/other")] == [1, 1]


def test_what_the_baseline_accepts_is_not_shown_as_a_failure() -> None:
    said = _said()
    assert "FAILED as/pkce/accepted" not in said
    assert "as/pkce/accepted: known \\x00 since May" in said


def test_an_entry_of_the_baseline_that_is_out_of_date_is_said_plainly() -> None:
    assert "BASELINE as/registration/stale is in the baseline, and passed now: remove it" in _said()


def test_what_would_let_more_be_judged_is_said_once() -> None:
    assert _said().count("to judge more: name more") == 1


def test_an_interruption_is_told_with_what_had_no_turn() -> None:
    assert "The run was interrupted: 4 scenarios had no turn." in _said(unfinished=4)


def test_the_last_line_says_what_the_exit_code_means() -> None:
    assert _said().splitlines()[-1].startswith("A fault of mcp-assay itself. 1 scenario ended in a fault")
    failed = _said_of(result("as/pkce/failed", 2, Verdict.FAILED)).splitlines()[-1]
    assert failed.startswith("1 violation. 1 scenario shows that a requirement does not hold.")


def test_a_fault_in_a_scenario_of_the_users_own_is_theirs_to_mend() -> None:
    own = replace(result("as/own/error", 6, Verdict.ERROR), unlock="mend the scenario")
    ended = "A fault of a scenario of your own. 1 scenario of your own ended in an exception, for you to mend."
    assert _said_of(own).splitlines()[-1].startswith(ended)


def test_every_area_has_its_line() -> None:
    table = _said().partition("\narea ")[2]
    areas = {"/".join(result.scenario.id.split("/")[:2]) for result in RESULTS}
    assert {line.split()[0] for line in table.splitlines()[1:4]} == areas
