"""Whatever single change is made to an audit trail, it is found: by the chain, or at its very end by an anchor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from fixtures.service.audit import AuditTrail, verify
from fixtures.service.clock import Clock

TEXTS = st.text(max_size=20)
DECISIONS = st.lists(
    st.fixed_dictionaries(
        {
            "outcome": st.sampled_from(("allowed", "denied")),
            "tenant": st.none() | TEXTS,
            "subject": st.none() | TEXTS,
            "reason": TEXTS,
            "scopes": st.sets(TEXTS, max_size=3),
            "details": st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
                lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
                max_leaves=5,
            ),
        }
    ),
    min_size=1,
    max_size=6,
)
EXAMPLES = settings(
    derandomize=True, database=None, deadline=None, max_examples=100, suppress_health_check=list(HealthCheck)
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


class _Still(Clock):
    def now(self) -> float:
        return 1_800_000_000.5


def _written(path: Path, decisions: list[dict[str, object]]) -> list[bytes]:
    path.unlink(missing_ok=True)
    trail = AuditTrail(path, _Still())
    for decision in decisions:
        trail.record("access", **decision)  # type: ignore[arg-type]
    trail.close()
    return path.read_bytes().splitlines(keepends=True)


def _is_found(path: Path, lines: list[bytes], head: str = "") -> bool:
    path.write_bytes(b"".join(lines))
    return bool(verify(path, head).problems)


@EXAMPLES
@given(decisions=DECISIONS)
def test_an_untouched_trail_is_whole(path: Path, decisions: list[dict[str, object]]) -> None:
    lines = _written(path, decisions)
    report = verify(path)
    assert (report.lines, report.problems) == (len(lines), [])
    assert verify(path, report.head).problems == []


@EXAMPLES
@given(decisions=DECISIONS, data=st.data())
def test_an_altered_byte_is_found(path: Path, decisions: list[dict[str, object]], data: st.DataObject) -> None:
    text = b"".join(_written(path, decisions))
    place = data.draw(st.integers(0, len(text) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != text[place]))
    assert _is_found(path, [text[:place], bytes([byte]), text[place + 1 :]])


@EXAMPLES
@given(decisions=DECISIONS, data=st.data())
def test_an_inserted_or_removed_byte_is_found(
    path: Path, decisions: list[dict[str, object]], data: st.DataObject
) -> None:
    text = b"".join(_written(path, decisions))
    place = data.draw(st.integers(0, len(text) - 1))
    inserted = data.draw(st.binary(max_size=1))
    assert _is_found(path, [text[:place], inserted, text[place + (0 if inserted else 1) :]])


Change = Callable[[list[bytes], int, int], list[bytes]]


def _swapped(lines: list[bytes], first: int, second: int) -> list[bytes]:
    changed = list(lines)
    changed[first], changed[second] = changed[second], changed[first]
    return changed


def _moved(lines: list[bytes], first: int, second: int) -> list[bytes]:
    rest = lines[:first] + lines[first + 1 :]
    return [*rest[:second], lines[first], *rest[second:]]


def _repeated(lines: list[bytes], first: int, second: int) -> list[bytes]:
    return [*lines[:second], lines[first], *lines[second:]]


def _dropped(lines: list[bytes], first: int, second: int) -> list[bytes]:
    return lines[: min(first, second)] + lines[max(first, second) + 1 :]


def _cut_short(lines: list[bytes], first: int, second: int) -> list[bytes]:
    kept = 1 + second % (len(lines[first]) - 1)
    return [*lines[:first], lines[first][:kept]]


@pytest.mark.parametrize("change", [_swapped, _moved, _repeated, _dropped, _cut_short])
@EXAMPLES
@given(decisions=DECISIONS, data=st.data())
def test_lines_that_were_moved_repeated_dropped_or_cut_are_found(
    path: Path, change: Change, decisions: list[dict[str, object]], data: st.DataObject
) -> None:
    lines = _written(path, decisions)
    head = verify(path).head
    first, second = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    changed = change(lines, first, second)
    assume(changed != lines)
    lost_end_only = changed == lines[: len(changed)]
    assert _is_found(path, changed, head if lost_end_only else "")
