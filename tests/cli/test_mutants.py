"""`mutants` prints the matrix, and is green when each mutant fails exactly what it declares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from fixtures.mutants import Mutant, all_mutants
from harness import mutation
from harness.mutation import Row
from harness.scenario import load_scenarios
from tests.cli.assay import assay

KNOWN = [mutant.id for mutant in all_mutants()]


def _row(mutant: Mutant, *, caught: Iterable[str]) -> Row:
    return Row(mutant.id, mutant.summary, mutant.fails, frozenset(caught), 1.25)


def _exact(mutants: Iterable[Mutant], _only: frozenset[str]) -> Iterator[Row]:
    return (_row(mutant, caught=mutant.fails) for mutant in mutants)


def _wrong(mutants: Iterable[Mutant], _only: frozenset[str]) -> Iterator[Row]:
    return (_row(mutant, caught=["as/one/too-many"]) for mutant in mutants)


def test_all_are_judged_when_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutation, "run_matrix", _exact)
    ended = assay("mutants")
    lines = ended.out.splitlines()
    assert ended.code == 0
    assert lines[0].split() == ["mutant", "declared", "caught", "missed", "extra", "seconds"]
    assert [line.split()[0] for line in lines[1 : len(KNOWN) + 1]] == KNOWN
    assert f"{len(KNOWN)} mutants, {len(KNOWN)} exactly as declared" in ended.out


def test_named_ones_are_judged_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutation, "run_matrix", _exact)
    ended = assay("mutants", KNOWN[1], KNOWN[0], KNOWN[1])
    assert [line.split()[0] for line in ended.out.splitlines()[1:3]] == [KNOWN[1], KNOWN[0]]
    assert "2 mutants, 2 exactly as declared" in ended.out


def test_what_is_missed_and_what_is_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutation, "run_matrix", _wrong)
    mutant = all_mutants()[0]
    ended = assay("mutants", mutant.id)
    assert ended.code == 1
    assert ended.out.splitlines()[1].split() == [
        mutant.id,
        str(len(mutant.fails)),
        "1",
        str(len(mutant.fails)),
        "1",
        "1.2",
    ]
    for identifier in mutant.fails:
        assert f"  missed {identifier}\n" in ended.out
    assert "  extra as/one/too-many\n" in ended.out
    assert f"not as declared: {mutant.id} ({mutant.summary})" in ended.out


def test_an_unknown_one_offers_the_nearest_and_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutation, "run_matrix", None)
    ended = assay("mutants", KNOWN[0], f"{KNOWN[0]}x")
    assert ended.code == 2
    assert ended.err.startswith(f"Error: no mutant is called {KNOWN[0]}x; did you mean {KNOWN[0]}")


def test_an_area_is_its_scenarios_and_the_mutants_that_they_catch(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[frozenset[str]] = []

    def judged(mutants: Iterable[Mutant], only: frozenset[str]) -> Iterator[Row]:
        asked.append(only)
        return (_row(mutant, caught=mutant.fails) for mutant in mutants)

    monkeypatch.setattr(mutation, "run_matrix", judged)
    ended = assay("mutants", "--area", "pkce")
    assert asked[0] == {identifier for identifier in load_scenarios() if identifier.startswith("as/pkce/")}
    concerned = [mutant.id for mutant in all_mutants() if mutant.fails & asked[0]]
    assert [line.split()[0] for line in ended.out.splitlines()[1 : len(concerned) + 1]] == concerned
    assert f"{len(concerned)} mutants, {len(concerned)} exactly as declared" in ended.out


def test_an_unknown_area_offers_the_nearest() -> None:
    ended = assay("mutants", "--area", "as/pkc")
    assert ended.code == 2
    assert ended.err.startswith("Error: no area is called as/pkc; did you mean as/pkce")


def test_a_mutant_of_another_area_is_not_judged_in_this_one() -> None:
    ended = assay("mutants", "as-refresh-widens", "--area", "pkce")
    assert ended.code == 2
    assert "none of these mutants is to be caught by a scenario of pkce" in ended.err
