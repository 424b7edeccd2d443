"""The audit trail shows every line that was tampered with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fixtures.service.audit import GENESIS, AuditError, AuditTrail, verify
from fixtures.service.clock import Clock


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    path = tmp_path / "audit.jsonl"
    audit = AuditTrail(path, Clock())
    for number in range(5):
        audit.record("token issued", outcome="allowed", tenant="acme", subject="alice", scopes={"b", "a"}, jti=number)
    audit.close()
    return path


def test_an_untouched_trail_has_no_problems(trail: Path) -> None:
    report = verify(trail)
    assert (report.lines, report.problems) == (5, [])


def test_a_line_says_who_did_what_and_carries_the_hash_of_the_line_before(trail: Path) -> None:
    first, second, *_ = [json.loads(line) for line in trail.read_text().splitlines()]
    assert first["previous"] == GENESIS
    assert second["previous"] == first["hash"]
    assert (first["event"], first["outcome"], first["subject"], first["scopes"]) == (
        "token issued",
        "allowed",
        "alice",
        ["a", "b"],
    )


def test_an_altered_line_is_found(trail: Path) -> None:
    _edit(trail, lambda lines: [line.replace("alice", "mallory") if n == 2 else line for n, line in enumerate(lines)])
    assert [(line, "altered" in text) for line, text in verify(trail).problems] == [(3, True)]


def test_a_member_that_was_smuggled_in_twice_is_found(trail: Path) -> None:
    double = '"outcome":"denied","outcome":"allowed"'
    _edit(trail, lambda lines: [line.replace('"outcome":"allowed"', double) for line in lines[:1]] + lines[1:])
    assert [line for line, _ in verify(trail).problems] == [1]


def test_an_altered_line_with_a_hash_made_to_fit_is_found(trail: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    forged = AuditTrail(other, Clock())
    forged.record("token issued", outcome="denied", tenant="acme")
    forged.close()
    _edit(trail, lambda lines: other.read_text().splitlines() + lines[1:])
    assert [line for line, _ in verify(trail).problems] == [2]


@pytest.mark.parametrize("dropped", range(4))
def test_a_dropped_line_is_found(trail: Path, dropped: int) -> None:
    _edit(trail, lambda lines: lines[:dropped] + lines[dropped + 1 :])
    assert [line for line, _ in verify(trail).problems] == [dropped + 1]


def test_reordered_lines_are_found(trail: Path) -> None:
    _edit(trail, lambda lines: [lines[0], lines[2], lines[1], *lines[3:]])
    assert [line for line, _ in verify(trail).problems] == [2, 3, 4]


@pytest.mark.parametrize(
    "rubbish", [b"\n", b"{}\n", b"[1]\n", b"\xff\xfe\n", b"[" * 100_000 + b"\n", b'{"previous":1,"hash":2}']
)
def test_rubbish_is_a_problem_and_no_crash(trail: Path, rubbish: bytes) -> None:
    with trail.open("ab") as file:
        file.write(rubbish)
    assert {line for line, _ in verify(trail).problems} == {6}


def test_a_trail_is_continued_where_it_ended(trail: Path) -> None:
    audit = AuditTrail(trail, Clock())
    audit.record("tool called", outcome="denied", tenant="globex", reason="no scope")
    audit.close()
    report = verify(trail)
    assert (report.lines, report.problems) == (6, [])


def test_a_file_that_is_no_trail_is_not_continued(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("shopping list")
    with pytest.raises(AuditError, match=r"notes\.txt does not end in a whole line of an audit trail"):
        AuditTrail(path, Clock())
    assert path.read_text() == "shopping list"


def test_two_trails_on_one_file_would_break_the_chain_and_are_refused(trail: Path) -> None:
    first = AuditTrail(trail, Clock())
    with pytest.raises(AuditError, match=r"audit\.jsonl is the audit trail of another service that runs"):
        AuditTrail(trail, Clock())
    first.record("tool called", outcome="allowed", tenant="acme")
    first.close()
    second = AuditTrail(trail, Clock())
    second.record("tool called", outcome="denied", tenant="acme")
    second.close()
    assert (verify(trail).lines, verify(trail).problems) == (7, [])


def test_the_head_of_a_trail_shows_later_that_its_end_is_gone(trail: Path) -> None:
    head = verify(trail).head
    _edit(trail, lambda lines: lines[:-1])
    assert verify(trail).problems == []
    assert [line for line, _ in verify(trail, head).problems] == [4]


def test_a_trail_that_was_made_anew_does_not_hold_an_earlier_head(trail: Path) -> None:
    head = verify(trail).head
    trail.unlink()
    anew = AuditTrail(trail, Clock())
    for number in range(7):
        anew.record("token issued", outcome="allowed", tenant="acme", jti=number)
    anew.close()
    assert [line for line, _ in verify(trail, head).problems] == [7]


def test_an_emptied_trail_does_not_hold_an_earlier_head(trail: Path) -> None:
    head = verify(trail).head
    trail.write_bytes(b"")
    assert verify(trail).problems == []
    assert [line for line, _ in verify(trail, head).problems] == [0]
    assert verify(trail).head == GENESIS
    assert verify(trail, GENESIS).problems == []


def test_a_trail_that_went_on_still_holds_an_earlier_head(trail: Path) -> None:
    head = verify(trail).head
    audit = AuditTrail(trail, Clock())
    audit.record("tool called", outcome="allowed", tenant="acme")
    audit.close()
    assert verify(trail, head).problems == []


def test_time_comes_from_the_clock(tmp_path: Path) -> None:
    clock = Clock()
    clock.advance(-1_000_000)
    path = tmp_path / "audit.jsonl"
    audit = AuditTrail(path, clock)
    audit.record("token issued", outcome="allowed", tenant="acme")
    audit.close()
    assert json.loads(path.read_text())["time"] <= clock.now()


def test_without_a_file_nothing_is_written() -> None:
    AuditTrail(None, Clock()).record("token issued", outcome="allowed", tenant="acme")


def _edit(path: Path, change: object) -> None:
    assert callable(change)
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")
