"""Scenarios of the user's own on the command line: asked, selected, listed and explained like ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.scenario import load_scenarios
from tests.cli.assay import assay, run_assay
from tests.hostile import Hostile, answer, document

RULES = """
[document]
id = "house"
title = "Rules of the house"
url = "https://house.example/rules"
section_url = "https://house.example/rules#{section}"

[[requirement]]
id = "house-1"
section = "1"
role = "authorization-server"
level = "MUST"
text = "The house is tidy."
"""
SCENARIOS = '''
"""What is asked of us in this house."""

from harness import Context, expect, scenario


@scenario("house-1")
def the_house_is_tidy(ctx: Context) -> None:
    """The house is tidy.

    Remedy: tidy it.
    """
    expect(ctx.metadata["issuer"].endswith("tidy"), "a tidy issuer", ctx.metadata["issuer"])


@scenario("house-1")
def the_house_stands(ctx: Context) -> None:
    """The house stands."""
'''
TIDY, STANDS = "as/house/the-house-is-tidy", "as/house/the-house-stands"


@pytest.fixture
def server() -> Iterator[Hostile]:
    metadata = document({"issuer": "{url}", "response_types_supported": ["code"]})
    with Hostile(answer(), {"/.well-known/": metadata}) as running:
        yield running


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Hostile) -> Path:
    """A folder with a target file, scenarios and a requirement."""
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "mine"
    (own / "requirements").mkdir(parents=True)
    (own / "requirements" / "house.toml").write_text(RULES)
    (own / "house.py").write_text(SCENARIOS)
    expect("", server)
    return tmp_path


def expect(rest: str, server: Hostile) -> None:
    text = f'[target]\nauthorization_server = "{server.url}"\n[plan]\nscenarios = "mine"\n{rest}'
    Path("mcp-assay.toml").write_text(text)


def test_they_are_asked_and_reported_with_ours() -> None:
    ended = assay("run", "as/house", "as/discovery/metadata-is-published", "--json", "r.json", "--junit", "j.xml")
    assert ended.code == 1
    assert f"FAILED {TIDY}" in ended.out
    assert "demanded  MUST (house-1) The house is tidy." in ended.out
    results = {item["scenario"]: item for item in json.loads(Path("r.json").read_text())["results"]}
    assert {name: item["verdict"] for name, item in results.items()} == {
        "as/discovery/metadata-is-published": "passed",
        TIDY: "failed",
        STANDS: "passed",
    }
    assert results[TIDY]["requirements"][0]["url"] == "https://house.example/rules#1"
    assert 'classname="as/house"' in Path("j.xml").read_text()


def test_the_target_file_may_stand_elsewhere(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    below = tmp_path / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    ended = assay("run", STANDS, "--target", folder / "mcp-assay.toml")
    assert (ended.code, ended.err) == (0, "")
    assert assay("run", STANDS).code == 2


def test_they_stand_in_the_baseline_like_ours(server: Hostile) -> None:
    expect(f'[expected]\n"{TIDY}" = "spring is coming"\n', server)
    ended = assay("run", "as/house")
    assert ended.code == 0
    assert f"failed {TIDY}: spring is coming" in ended.out
    expect(f'[expected]\n"{STANDS}" = "it leans"\n', server)
    ended = assay("run", STANDS)
    assert ended.code == 1
    assert f"BASELINE {STANDS} is in the baseline, and passed now" in ended.out


def test_a_mistyped_selector_offers_them_before_anything_is_sent(server: Hostile) -> None:
    ended = assay("run", "as/hause")
    assert ended.code == 2
    assert "no scenario fits 'as/hause'; did you mean as/house" in ended.err
    assert server.paths == []


@pytest.mark.parametrize("selectors", [(), ("as/pkce",)])
def test_a_mistake_in_them_is_told_before_anything_is_sent(server: Hostile, selectors: tuple[str, ...]) -> None:
    Path("mine/house.py").write_text("import nothing_of_this_name\n")
    ended = assay("run", *selectors)
    sentence = "Error: mine/house.py:1: ModuleNotFoundError: No module named 'nothing_of_this_name'\n"
    assert (ended.code, ended.out, ended.err) == (2, "", sentence)
    assert server.paths == []


@pytest.mark.parametrize("words", [("list", "scenarios"), ("list", "requirements"), ("explain", "passed")])
def test_a_mistake_in_them_is_told_by_the_commands_that_show_them(words: tuple[str, ...]) -> None:
    Path("mine/house.py").unlink()
    ended = assay(*words)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("Error: mine: holds no scenarios; ")
    assert len(ended.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("scenarios = 1", "plan.scenarios: input should be a valid string; found 1"),
        ('scenarios = ""', "plan.scenarios: string should have at least 1 character"),
        ('scenario = "mine"', "plan.scenario: is no key that is known here; there are: scenarios"),
        ('scenarios = "yours"', "yours: there is no such folder"),
    ],
)
@pytest.mark.parametrize("words", [("run",), ("list", "scenarios")])
def test_a_mistake_in_the_plan_is_told(words: tuple[str, ...], line: str, sentence: str) -> None:
    path = Path("mcp-assay.toml")
    path.write_text(path.read_text().replace('scenarios = "mine"', line))
    ended = assay(*words)
    assert ended.code == 2
    assert sentence in ended.err


def test_they_are_listed_with_ours(server: Hostile) -> None:
    named = [entry["id"] for entry in json.loads(assay("list", "scenarios", "--json").out)]
    assert named == sorted([*load_scenarios(), TIDY, STANDS])
    assert "house-1" in assay("list", "requirements").out
    Path("mcp-assay.toml").rename("other.toml")
    assert TIDY not in assay("list", "scenarios").out
    assert TIDY in assay("list", "scenarios", "--target", "other.toml").out
    assert server.paths == []


def test_the_doctor_counts_them_and_names_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    assert "2 of your own in mine" in assay("doctor").out
    Path("mine/house.py").write_text("1 / 0\n")
    ended = assay("doctor")
    assert ended.code == 2
    assert "mine/house.py:1: ZeroDivisionError: division by zero" in ended.out


def test_they_are_shown_whatever_else_the_target_file_says() -> None:
    Path("mcp-assay.toml").write_text('[clients.first]\nsecret_env = "NOT_SET"\n[plan]\nscenarios = "mine"\n')
    assert TIDY in assay("list", "scenarios").out


def test_they_are_explained_with_their_source() -> None:
    said = assay("explain", TIDY).out
    assert "demanded   MUST (house-1) The house is tidy." in said
    assert "remedy     tidy it." in said
    assert '    expect(ctx.metadata["issuer"].endswith("tidy"), "a tidy issuer", ctx.metadata["issuer"])' in said
    said = assay("explain", "house-1").out
    assert "in         Rules of the house, section 1" in said
    assert f"scenario   {TIDY}: The house is tidy." in said


def test_a_target_that_is_named_by_its_url_has_none(server: Hostile) -> None:
    ended = assay("run", STANDS, "--authorization-server", server.url)
    assert ended.code == 2
    assert f"no scenario fits '{STANDS}'" in ended.err


def test_the_folder_is_not_importable_by_the_command(folder: Path) -> None:
    (folder / "mine" / "json.py").write_text("raise SystemExit('must not be found by its name')")
    (folder / "mine" / "house.py").write_text("import json\n" + SCENARIOS)
    ended = run_assay("run", STANDS, cwd=folder)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "Error: mine/json.py:1: SystemExit: must not be found by its name\n"
    (folder / "mine" / "json.py").unlink()
    assert run_assay("run", STANDS, cwd=folder).code == 0
