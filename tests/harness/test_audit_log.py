"""An audit log is read as it grows: only what is new, only whole lines, within bounds, and never taken for empty."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import audit_log
from harness.audit_log import FIELDS, AuditLog, AuditReader, Entry
from harness.http import Wire
from harness.verdict import Blocked, Interrupted
from tests.hostile import Hostile, Visit, answer


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_log, "PATIENCE", 0.2)
    monkeypatch.setattr(audit_log, "GRACE", 0.1)


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire(timeout=5)
    yield made
    made.close()


def _line(**members: Any) -> str:
    return json.dumps(members) + "\n"


def _nothing(_entries: list[Entry]) -> bool:
    return False


def _members(reader: AuditReader, since: audit_log.Mark) -> list[Any]:
    return [dict(entry.members) for entry in reader.entries(since, _nothing)]


def test_only_what_is_new_in_a_file_is_read(tmp_path: Path, wire: Wire) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_text(_line(number=1))
    reader = AuditReader(AuditLog(file=str(path)), wire)
    since = reader.mark()
    with path.open("a") as file:
        file.write(_line(number=2) + _line(number=3) + '{"number": ')
    assert _members(reader, since) == [{"number": 2}, {"number": 3}]


def test_a_file_that_comes_with_its_first_entry_is_read(tmp_path: Path, wire: Wire) -> None:
    path = tmp_path / "audit.jsonl"
    reader = AuditReader(AuditLog(file=str(path)), wire)
    since = reader.mark()
    path.write_text(_line(number=1))
    assert _members(reader, since) == [{"number": 1}]


def test_a_file_that_took_the_place_of_the_marked_one_is_read_whole(tmp_path: Path, wire: Wire) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_text(_line(number=1) * 3)
    reader = AuditReader(AuditLog(file=str(path)), wire)
    since = reader.mark()
    path.rename(tmp_path / "audit.1")
    path.write_text(_line(number=2) * 9)
    assert _members(reader, since) == [{"number": 2}] * 9


def test_a_file_that_was_cut_down_is_read_whole(tmp_path: Path, wire: Wire) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_text(_line(number=1) * 3)
    reader = AuditReader(AuditLog(file=str(path)), wire)
    since = reader.mark()
    path.write_text(_line(number=2))
    assert _members(reader, since) == [{"number": 2}]


def test_an_entry_that_is_late_is_waited_for(tmp_path: Path, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_log, "PATIENCE", 30.0)
    monkeypatch.setattr(audit_log, "GRACE", 30.0)
    path = tmp_path / "audit.jsonl"
    path.write_text("")
    reader = AuditReader(AuditLog(file=str(path)), wire)
    since = reader.mark()
    asked: list[int] = []

    def both(entries: list[Entry]) -> bool:
        asked.append(len(entries))
        with path.open("a") as file:
            file.write(_line(number=len(asked)))
        return len(entries) == 2

    assert len(reader.entries(since, both)) == 2
    assert asked == [0, 1, 2]


def test_nothing_new_is_no_entry_and_no_fault(tmp_path: Path, wire: Wire) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_text(_line(number=1))
    reader = AuditReader(AuditLog(file=str(path)), wire)
    assert _members(reader, reader.mark()) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: there is no such file"),
        ("09:00 alice called get_balance\n", "holds no JSON lines"),
        ("[1]\n", "holds no JSON lines"),
    ],
)
def test_a_log_that_cannot_be_read_is_blocked(tmp_path: Path, wire: Wire, content: str | None, reason: str) -> None:
    path = tmp_path / "audit.jsonl"
    reader = AuditReader(AuditLog(file=str(path)), wire)
    since = reader.mark()
    if content is not None:
        path.write_text(content)
    with pytest.raises(Blocked, match=reason):
        reader.entries(since, _nothing)


def test_a_folder_is_no_log(tmp_path: Path, wire: Wire) -> None:
    reader = AuditReader(AuditLog(file=str(tmp_path)), wire)
    with pytest.raises(Blocked, match="cannot be read: it is no regular file"):
        reader.mark()


def test_a_pipe_is_no_log_and_is_not_waited_for(tmp_path: Path, wire: Wire) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Blocked, match="it is no regular file"):
        AuditReader(AuditLog(file=str(tmp_path / "pipe")), wire).mark()


def test_entries_that_were_there_before_the_wait_do_not_cut_it_short(
    tmp_path: Path, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_log, "PATIENCE", 30.0)
    monkeypatch.setattr(audit_log, "GRACE", 0.0)
    path = tmp_path / "audit.jsonl"
    reader = AuditReader(AuditLog(file=str(path)), wire)
    since = reader.mark()
    path.write_text(_line(number=1))
    asked: list[int] = []

    def late(entries: list[Entry]) -> bool:
        asked.append(len(entries))
        if len(asked) == 3:
            path.write_text(_line(number=1) + _line(number=2))
        return len(entries) == 2

    assert len(reader.entries(since, late)) == 2
    assert asked == [1, 1, 1, 2]


def test_what_marks_the_encoding_is_no_part_of_the_first_entry(tmp_path: Path, wire: Wire) -> None:
    path = tmp_path / "audit.jsonl"
    reader = AuditReader(AuditLog(file=str(path)), wire)
    since = reader.mark()
    path.write_text(_line(number=1), encoding="utf-8-sig")
    assert _members(reader, since) == [{"number": 1}]


def test_a_log_that_grows_without_bounds_is_not_read_to_its_end(
    tmp_path: Path, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_log, "LARGEST", 100)
    path = tmp_path / "audit.jsonl"
    reader = AuditReader(AuditLog(file=str(path)), wire)
    since = reader.mark()
    path.write_text(_line(number=1) * 50)
    with pytest.raises(Blocked, match="grew by more than 100 bytes"):
        reader.lines(since)


def test_what_only_unicode_takes_for_a_line_end_ends_no_line(tmp_path: Path, wire: Wire) -> None:
    path = tmp_path / "audit.jsonl"
    reader = AuditReader(AuditLog(file=str(path)), wire)
    since = reader.mark()
    path.write_text('{"tool": "a\u2028{}\u0085b"}\r\n', encoding="utf-8", newline="")
    assert _members(reader, since) == [{"tool": "a\u2028{}\u0085b"}]


def test_only_what_is_new_at_a_url_is_read_and_nothing_of_it_is_kept(wire: Wire) -> None:
    lines = [_line(number=1), _line(number=1)]

    def show(visit: Visit) -> None:
        answer("".join(lines).encode())(visit)

    with Hostile(show) as server:
        reader = AuditReader(AuditLog(url=f"{server.url}/audit"), wire)
        since = reader.mark()
        lines[:] = [lines[1], _line(number=1), _line(number=2)]
        assert _members(reader, since) == [{"number": 2}]
    assert wire.traffic == []


def test_a_url_that_gives_no_log_is_blocked(wire: Wire) -> None:
    with Hostile(answer(b"", status="404 Not Found")) as server:
        reader = AuditReader(AuditLog(url=f"{server.url}/audit"), wire)
        with pytest.raises(Blocked, match="cannot be read: the answer was 404"):
            reader.mark()


def test_waiting_ends_with_the_run(tmp_path: Path, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_log, "PATIENCE", 30.0)
    path = tmp_path / "audit.jsonl"
    path.write_text("")
    reader = AuditReader(AuditLog(file=str(path)), wire)
    since = reader.mark()
    threading.Thread(target=wire.stop.set).start()
    with pytest.raises(Interrupted):
        reader.entries(since, _nothing)


@pytest.mark.parametrize(
    ("path", "value"), [("a", 1), ("b.c", 2), ("d.e", 3), ("b.x", None), ("a.x", None), ("none", None)]
)
def test_a_member_is_found_by_its_name_or_by_its_path(path: str, value: object) -> None:
    assert Entry("", {"a": 1, "b": {"c": 2}, "d.e": 3}).value(path) == value


def test_what_is_not_renamed_keeps_its_name() -> None:
    log = AuditLog(file="x", fields={"agent": "actor.id"})
    assert log.fields == {**{name: name for name in FIELDS}, "agent": "actor.id"}
