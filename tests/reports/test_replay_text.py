"""What came of a replay is told request by request, and words of a target are shown, not obeyed."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from harness.replay import Compared, Difference
from reports.replay_text import show_comparison, show_verdicts
from tests.reports.conftest import CURSOR, document_of, expect_no_secrets

URL = "http://127.0.0.1:1/token"


def _exchange(status: int | None = 200, fault: str = "") -> dict[str, Any]:
    return {
        "request": {"method": "POST", "url": f"{URL}?a=1"},
        "response": {"status": status, "fault": fault},
    }


def _console() -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(file=stream, highlight=False, soft_wrap=True, emoji=False, color_system=None), stream


def _shown(*compared: Compared) -> list[str]:
    console, stream = _console()
    show_comparison(console, compared)
    return stream.getvalue().splitlines()


def test_a_request_is_the_same_or_differs_in_named_parts() -> None:
    differences = (Difference("body code", "a", None), Difference("query x", None, "b" * 500))
    lines = _shown(
        Compared(_exchange(), _exchange()),
        Compared(_exchange(400), _exchange(), differences, (Difference("status", "400", "200"),)),
    )
    assert lines == [
        f"  1  same     POST {URL}",
        "     answered 200, as then",
        f"  2  differs  POST {URL}",
        "     body code: 'a' → absent",
        f"     query x: absent → '{'b' * 120}'",
        "     answered 400 → 200",
        "     status: '400' → '200'",
        "",
        "1 of 2 requests are the same, but for what is made anew in each run",
    ]


def test_a_request_that_only_one_run_sent_is_told_as_such() -> None:
    lines = _shown(Compared(_exchange(), None), Compared(None, _exchange()))
    assert lines[:2] == [f"  1  not sent now POST {URL}", f"  2  new      POST {URL}"]


def test_an_answer_that_did_not_come_is_told_by_its_reason() -> None:
    lines = _shown(Compared(_exchange(None, "no answer in time"), _exchange(None)))
    assert "     answered no answer in time → nothing" in lines


def test_words_of_a_target_are_shown_and_not_obeyed() -> None:
    strange = Difference(f"body {CURSOR}[red]:ledger:", CURSOR, "[/] :ledger:")
    text = "\n".join(_shown(Compared(_exchange(None, CURSOR), _exchange(), (strange,))))
    assert all(sign.isprintable() or sign == "\n" for sign in text)
    assert "[red]:ledger:" in text
    assert "'[/] :ledger:'" in text


def test_both_verdicts_are_told_with_the_whole_result_of_now() -> None:
    results = {result["scenario"]: result for result in document_of()["results"]}
    then, now = results["as/pkce/failed"], {**results["as/pkce/passed"], "title": "scope=urn:ledger:read"}
    console, stream = _console()
    show_verdicts(console, then, now)
    text = stream.getvalue()
    assert text.startswith("\nverdict  failed → passed\nthen     \\x1b[2J\\x07[bold]it was <access_token:")
    assert "\nPASSED as/pkce/passed\n" in text
    assert "scope=urn:ledger:read" in text
    assert "FAILED" not in text
    expect_no_secrets(text)


def test_what_was_seen_then_is_not_told_twice() -> None:
    failed = next(result for result in document_of()["results"] if result["scenario"] == "as/pkce/failed")
    console, stream = _console()
    show_verdicts(console, failed, failed)
    assert "verdict  failed → failed\n" in stream.getvalue()
    assert "then " not in stream.getvalue()
