"""The contract between requirements, scenarios and mutants."""

from pathlib import Path

import pytest

from fixtures.mutants import all_mutants
from harness.requirement import REVISIONS, load_requirements
from harness.scenario import load_scenarios

GOLDEN = Path(__file__).with_name("scenario_ids.txt")
STATEMENTS = {
    role: Path(__file__).with_name(f"statements_{role.replace('-', '_')}.txt")
    for role in ("authorization-server", "mcp-server")
}
"""Every MUST and MUST NOT for a role that was found in the documents when they were read through."""
ROLES_JUDGED = {"authorization-server", "mcp-server"}


def test_every_requirement_has_a_scenario_or_a_reason() -> None:
    cited = {requirement.id for scenario in load_scenarios().values() for requirement in scenario.requirements}
    unobservable = {requirement.id for requirement in load_requirements().values() if requirement.unobservable}
    assert set(load_requirements()) - cited - unobservable == set()
    assert cited & unobservable == set()


@pytest.mark.parametrize("role", STATEMENTS)
def test_every_statement_is_a_requirement(role: str) -> None:
    known = {identifier: item.role.value for identifier, item in load_requirements().items()}
    stated = STATEMENTS[role].read_text().split()
    assert [item for item in stated if known.get(item) != role] == []
    assert len(stated) > 50


def test_every_scenario_judges_one_role() -> None:
    for scenario in load_scenarios().values():
        assert {requirement.role for requirement in scenario.requirements} == {scenario.role}
        assert scenario.role in ROLES_JUDGED


def test_every_scenario_belongs_to_a_revision() -> None:
    for scenario in load_scenarios().values():
        shared = set(REVISIONS).intersection(*(requirement.revisions for requirement in scenario.requirements))
        assert shared, f"{scenario.id} cites requirements that no revision has together, so it never runs"


def test_every_scenario_says_what_it_is_and_how_to_mend_it() -> None:
    for scenario in load_scenarios().values():
        assert scenario.title, scenario.id
        assert scenario.remedy, scenario.id


def test_scenario_ids_change_only_on_purpose() -> None:
    assert list(load_scenarios()) == GOLDEN.read_text().split()


def test_every_scenario_is_failed_by_a_mutant() -> None:
    proven = frozenset().union(*(mutant.fails for mutant in all_mutants()))
    assert set(load_scenarios()) - proven == set()


def test_every_mutant_declares_known_scenarios() -> None:
    for mutant in all_mutants():
        assert mutant.fails, mutant.id
        assert mutant.fails <= set(load_scenarios()), mutant.id
