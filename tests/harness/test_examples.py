"""Examples are the same wherever they are generated, and nothing is left behind."""

from __future__ import annotations

import string
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import configuration
from hypothesis import strategies as st
from hypothesis.internal.conjecture import providers

from harness.context import Context
from harness.examples import CONSTANTS, HOME, undisturbed
from harness.exchange import Evidence
from harness.http import Wire
from harness.property import for_all
from harness.run import Run
from harness.target import Target, Tenant

TARGET = Target("nothing", Tenant(), spec="2026-07-28")


def drawn(seed: int = 0) -> list[tuple[int, str]]:
    seen: list[tuple[int, str]] = []

    @for_all(budget=60, number=st.integers(), text=st.text(string.ascii_letters, max_size=30))
    def look(_ctx: Context, number: int, text: str) -> None:
        seen.append((number, text))

    with undisturbed():
        look(Context(Run(TARGET, Wire(), Context, seed), Evidence()))
    return seen


def test_examples_are_the_same_each_time_and_others_with_another_seed() -> None:
    assert drawn() == drawn()
    assert drawn() != drawn(7)
    assert drawn(7) == drawn(7)


def test_examples_do_not_depend_on_the_code_in_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = drawn()
    module = ModuleType("somebodys_code")
    module.__file__ = str(tmp_path / "somebodys_code.py")
    lines = [f"A{number} = {10**9 + number}\n" for number in range(200)]
    (tmp_path / "somebodys_code.py").write_text("".join(lines))
    monkeypatch.setitem(sys.modules, "somebodys_code", module)
    assert drawn() == before


def test_hypothesis_is_given_back_as_it_was(tmp_path: Path) -> None:
    before = getattr(configuration, HOME), getattr(providers, CONSTANTS)
    with undisturbed():
        assert not configuration.storage_directory("constants").path.is_relative_to(Path.cwd())
    assert (getattr(configuration, HOME), getattr(providers, CONSTANTS)) == before
