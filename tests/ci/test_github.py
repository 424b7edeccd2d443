"""The GitHub Action: its steps, run for real, with a runner of our own around them."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
import yaml

from tests.ci.conftest import SELECTOR, Targets, target_file
from tests.ci.github_runner import Finished, run_action
from tests.ci.programs import ROOT, stand_in

ACTION = ROOT / ".ci" / "github"
PATHS = {
    "json": "report.json",
    "junit": "junit.xml",
    "sarif": "report.sarif",
    "markdown": "report.md",
    "html": "report.html",
    "bundle": "bundle.zip",
}
HOSTILE = """
for argument; do [ "$argument" = run ] && judged=yes; done
[ -n "${judged-}" ] || exit 0
echo '  ::error::not ours'
echo '::set-output name=verdict::green'
exit 1
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


def act(workspace: Path, **inputs: str) -> Finished:
    """Run the action, with underscores in the place of the hyphens of its inputs."""
    given = {"python": sys.executable, "arguments": SELECTOR} | inputs
    return run_action(ACTION, workspace, {name.replace("_", "-"): value for name, value in given.items()})


@pytest.fixture(scope="module")
def green(tmp_path_factory: pytest.TempPathFactory, targets: Targets) -> tuple[Path, Finished]:
    """The workspace of a run in which all holds, and how it finished."""
    folder = tmp_path_factory.mktemp("green") / "workspace"
    folder.mkdir()
    return folder, act(folder, authorization_server=targets.conforming)


def test_a_green_target_passes_with_all_reports(green: tuple[Path, Finished]) -> None:
    workspace, finished = green
    assert finished.code == 0, finished.log
    outputs = finished.outputs
    assert (outputs["verdict"], outputs["exit-code"]) == ("green", "0")
    assert {name: outputs[name] for name in PATHS} == {n: f"mcp-assay-reports/{file}" for n, file in PATHS.items()}
    assert all((workspace / outputs[name]).is_file() for name in PATHS)
    assert set(outputs) == {"verdict", "exit-code", "counts", *PATHS}
    assert finished.commands == []


def test_the_counts_are_those_of_the_report(green: tuple[Path, Finished]) -> None:
    workspace, outputs = green[0], green[1].outputs
    counts = json.loads(outputs["counts"])
    assert counts == json.loads((workspace / outputs["json"]).read_text())["summary"]
    assert counts["passed"] > 0


def test_the_summary_is_the_markdown_report(green: tuple[Path, Finished]) -> None:
    workspace, finished = green
    assert finished.summary == (workspace / finished.outputs["markdown"]).read_text()
    assert finished.summary


def test_a_red_target_fails_the_job_after_everything_was_reported(workspace: Path, targets: Targets) -> None:
    finished = act(workspace, authorization_server=targets.violating, sarif="true")
    assert finished.code == 1
    assert finished.ran == ["Judge", "Upload SARIF", "End"]
    assert (finished.outputs["verdict"], finished.outputs["exit-code"]) == ("red", "1")
    assert json.loads(finished.outputs["counts"])["failed"] > 0
    assert finished.summary == (workspace / finished.outputs["markdown"]).read_text()
    assert finished.commands == ["error: red (exit code 1)"]


def test_sarif_is_uploaded_where_that_is_wanted(
    workspace: Path, targets: Targets, green: tuple[Path, Finished]
) -> None:
    finished = act(workspace, authorization_server=targets.conforming, sarif="true")
    assert list(finished.called.values()) == [{"sarif_file": "mcp-assay-reports/report.sarif"}]
    assert green[1].called == {}


def test_other_actions_are_named_by_commit() -> None:
    steps = yaml.safe_load((ACTION / "action.yml").read_text())["runs"]["steps"]
    named = [step["uses"] for step in steps if "uses" in step]
    assert named
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", name) for name in named)


def test_a_job_may_go_on_with_a_red_target(workspace: Path, targets: Targets) -> None:
    finished = act(workspace, authorization_server=targets.violating, fail="false")
    assert (finished.code, finished.outputs["verdict"]) == (0, "red")
    assert finished.commands == ["warning: red (exit code 1)"]


def test_a_target_that_is_not_there_is_incomplete(workspace: Path, targets: Targets) -> None:
    finished = act(workspace, authorization_server=targets.absent, sarif="true")
    assert (finished.code, finished.outputs["verdict"]) == (3, "incomplete")
    assert finished.called == {}
    assert "There is no report" in finished.summary


@pytest.mark.parametrize("inputs", [{}, {"python": "/no/python"}, {"sarif": "yes"}], ids=["absent", "python", "sarif"])
def test_reports_of_an_earlier_run_are_not_taken_for_this_one(
    workspace: Path, targets: Targets, inputs: dict[str, str]
) -> None:
    (workspace / "mcp-assay-reports").mkdir()
    for name in PATHS.values():
        (workspace / "mcp-assay-reports" / name).write_text("{}")
    outputs = act(workspace, authorization_server=targets.absent, **inputs).outputs
    assert outputs["counts"] == "{}"
    assert [outputs[name] for name in PATHS] == [""] * len(PATHS)


@pytest.mark.parametrize(
    ("inputs", "named"),
    [
        ({"arguments": "--stirct"}, "--stirct"),
        ({"target": "mcp-asay.toml"}, "mcp-asay.toml"),
        ({"sarif": "yes"}, "input sarif: true or false is wanted"),
        ({"fail": "False"}, "input fail: true or false is wanted"),
        ({"python": "/no/python"}, "/no/python does not have mcp-assay"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_mistyped_input_fails_the_job_and_is_named(
    workspace: Path, targets: Targets, inputs: dict[str, str], named: str
) -> None:
    finished = act(workspace, **({"authorization_server": targets.conforming, "fail": "false"} | inputs))
    assert (finished.code, finished.outputs["verdict"]) == (2, "wrong-usage")
    assert named in finished.log
    assert "wrong-usage" in finished.summary


def test_an_input_is_no_shell(workspace: Path) -> None:
    value = '";touch owned;$(touch owned)`touch owned`#'
    names = ("target", "mcp_server", "authorization_server", "arguments", "sarif", "fail", "python")
    for name in names:
        assert act(workspace, **{name: value}).code == 2
    act(workspace, reports=value)
    assert not list(workspace.rglob("owned"))


def test_it_reads_the_target_file_of_the_workspace(workspace: Path, targets: Targets) -> None:
    target_file(workspace, targets.conforming)
    assert act(workspace).outputs["verdict"] == "green"


def test_what_a_target_says_is_no_command_to_github(workspace: Path, tmp_path: Path) -> None:
    finished = act(workspace, python=str(stand_in(tmp_path / "hostile", HOSTILE)))
    assert "::error::not ours" in finished.log
    assert finished.commands == ["error: red (exit code 1)"]
