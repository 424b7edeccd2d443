"""Every command: its help, its way of ending, and what it says of names that it does not know."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fixtures.mutants import all_mutants
from fixtures.service.audit import AuditTrail
from fixtures.service.clock import Clock
from harness.capabilities import CAPABILITIES
from harness.cli import COMMANDS
from harness.requirement import load_requirements
from harness.scenario import load_scenarios
from harness.verdict import MEANING, Verdict
from tests.cli.assay import assay, run_assay

SCENARIOS = load_scenarios()


@pytest.mark.parametrize("words", [(), *((name,) for name in COMMANDS), ("audit", "verify")])
def test_every_command_has_help(words: tuple[str, ...]) -> None:
    ended = assay(*words, "--help")
    assert ended.code == 0
    assert ended.out.startswith("Usage: ")
    assert ended.err == ""


def test_help_lists_every_command() -> None:
    listed = [line.split()[0] for line in assay("--help").out.partition("Commands:")[2].splitlines() if line.strip()]
    assert [word for word in listed if word in COMMANDS] == list(COMMANDS)


def test_the_version_is_shown() -> None:
    assert assay("--version").out.startswith("mcp-assay ")


def test_a_mistyped_command_offers_the_nearest() -> None:
    ended = assay("rum")
    assert ended.code == 2
    assert "did you mean run" in ended.err


@pytest.mark.parametrize("flag", ["--jbos", "--jobs=0", "--timeout=no", "--spec=2020-01-01", "--role=cook"])
def test_a_wrong_option_is_wrong_usage(flag: str) -> None:
    ended = assay("run", flag)
    assert ended.code == 2
    assert flag.partition("=")[0] in ended.err


@pytest.mark.parametrize(
    ("kind", "ids"),
    [
        ("scenarios", list(SCENARIOS)),
        ("requirements", list(load_requirements())),
        ("capabilities", list(CAPABILITIES)),
        ("mutants", [mutant.id for mutant in all_mutants()]),
    ],
)
def test_everything_is_listed_once_in_words_and_as_json(kind: str, ids: list[str]) -> None:
    lines = assay("list", kind).out.splitlines()[1:]
    assert [line.split()[0] for line in lines] == ids
    assert [entry["id"] for entry in json.loads(assay("list", kind, "--json").out)] == ids


def test_the_coverage_names_what_judges_each_requirement_or_why_nothing_does() -> None:
    rows = [line.split(maxsplit=1) for line in assay("list", "requirements", "--coverage").out.splitlines()[1:]]
    for requirement in load_requirements().values():
        shown = [rest for identifier, rest in rows if identifier == requirement.id]
        judging = [item.id for item in SCENARIOS.values() if requirement in item.requirements]
        assert [line.rpartition("  ")[2] for line in shown] == (
            judging or [f"not observable: {requirement.unobservable}"]
        )


def test_only_requirements_have_a_coverage() -> None:
    ended = assay("list", "scenarios", "--coverage")
    assert ended.code == 2
    assert "--coverage is for requirements" in ended.err


def test_an_unknown_kind_of_list_names_the_known_ones() -> None:
    ended = assay("list", "scenario")
    assert ended.code == 2
    assert "'scenarios', 'requirements', 'capabilities', 'mutants'" in ended.err


@pytest.mark.parametrize("area", sorted({scenario.id.rpartition("/")[0] for scenario in SCENARIOS.values()}))
def test_scenarios_are_explained_with_sentence_link_remedy_and_source(area: str) -> None:
    scenario = next(item for item in SCENARIOS.values() if item.id.startswith(area))
    said = assay("explain", scenario.id).out
    for part in (scenario.title, scenario.why, scenario.remedy, *(item.text for item in scenario.requirements)):
        assert part in said
    assert all(requirement.url in said for requirement in scenario.requirements)
    assert "def " in said


def test_a_row_of_a_family_is_explained_by_its_one_fault() -> None:
    rows = [item for item in SCENARIOS.values() if item.row and any(v is None for v in item.row.claims.values())]
    said = assay("explain", rows[0].id).out
    assert "one fault" in said
    assert "= left out" in said


def test_the_mutants_that_prove_a_scenario_are_named() -> None:
    for mutant in all_mutants()[:3]:
        said = assay("explain", min(mutant.fails)).out
        assert f"proven by  {mutant.id}: {mutant.summary}" in said


@pytest.mark.parametrize("verdict", list(Verdict))
def test_verdicts_are_explained(verdict: Verdict) -> None:
    assert MEANING[verdict] in assay("explain", verdict.value).out


def test_requirements_and_capabilities_are_explained_with_the_scenarios_that_use_them() -> None:
    scenario = next(item for item in SCENARIOS.values() if item.needs)
    for name in (scenario.requirements[0].id, next(iter(scenario.needs)).name):
        assert f"scenario   {scenario.id}" in assay("explain", name).out


@pytest.mark.parametrize("command", ["explain", "mutants", "run"])
def test_an_unknown_id_offers_the_nearest(command: str) -> None:
    known = {"mutants": [item.id for item in all_mutants()]}.get(command, list(SCENARIOS))
    if not known:
        pytest.skip("there are no mutants yet")
    mistyped = known[0][:-2]
    ended = assay(command, mistyped)
    assert ended.code == 2
    assert "did you mean" in ended.err
    assert known[0] in ended.err


@pytest.mark.parametrize(
    ("selector", "offered"), [("as/pkcd", "as/pkce"), ("rfc7636/4.7", "rfc7636/4.6"), ("mcp/chalenge", "mcp/challenge")]
)
def test_a_selector_without_a_match_offers_the_nearest(selector: str, offered: str) -> None:
    ended = assay("run", selector)
    assert ended.code == 2
    assert f"no scenario fits {selector!r}; did you mean" in ended.err
    assert offered in ended.err


def test_something_unlike_everything_offers_nothing() -> None:
    ended = assay("explain", "§§§§§§§§")
    assert ended.code == 2
    assert "did you mean" not in ended.err


def test_a_whole_audit_trail_is_told_from_a_broken_one(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    trail = AuditTrail(path, Clock(None))
    for subject in ("alice", "bob", "carol"):
        trail.record("tool called", outcome="allowed", tenant="acme", subject=subject)
    trail.close()
    ended = assay("audit", "verify", path)
    head = json.loads(path.read_text().splitlines()[-1])["hash"]
    assert (ended.code, ended.out) == (0, f"{path}: 3 lines, the chain is whole; its last hash is {head}\n")
    path.write_text(path.read_text().replace("bob", "bab"))
    ended = assay("audit", "verify", path)
    assert ended.code == 1
    assert f"{path}:2: was altered" in ended.out
    assert "broken at 1 of 3 lines" in ended.out


def test_an_anchor_shows_that_the_last_lines_of_an_audit_trail_are_gone(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    trail = AuditTrail(path, Clock(None))
    for subject in ("alice", "bob"):
        trail.record("tool called", outcome="allowed", tenant="acme", subject=subject)
    trail.close()
    first, second = path.read_text().splitlines()
    heads = [json.loads(line)["hash"] for line in (first, second)]
    assert [assay("audit", "verify", path, "--anchor", head).code for head in heads] == [0, 0]
    path.write_text(first + "\n")
    assert assay("audit", "verify", path).code == 0
    ended = assay("audit", "verify", path, "--anchor", heads[1])
    assert ended.code == 1
    assert f"{path}:1: no line up to this, the last one, has the hash {heads[1]}: lines are missing" in ended.out


def test_an_anchor_that_is_no_hash_is_told_so(tmp_path: Path) -> None:
    ended = assay("audit", "verify", tmp_path / "none", "--anchor", "last")
    assert ended.code == 2
    assert "a hash as `mcp-assay audit verify` prints it is wanted" in ended.err


def test_a_missing_audit_trail_is_named(tmp_path: Path) -> None:
    ended = assay("audit", "verify", tmp_path / "none")
    assert ended.code == 2
    assert f"{tmp_path / 'none'}: cannot be read: No such file or directory" in ended.err


def test_the_installed_command_passes_the_exit_code_on(tmp_path: Path) -> None:
    assert run_assay("audit", "verify", tmp_path / "none").code == 2
    assert run_assay("audit", "verify", "/dev/null").code == 0
    assert run_assay("explain", "passed").out.startswith("passed\n")


def test_a_folder_with_packages_of_the_same_names_does_not_get_in_the_way(tmp_path: Path) -> None:
    for package in ("harness", "scenarios", "fixtures", "mock_idp", "reports"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise SystemExit('this is the user\\'s')")
    ended = run_assay("list", "scenarios", cwd=tmp_path)
    assert ended.code == 0
    assert len(ended.out.splitlines()) == len(SCENARIOS) + 1
