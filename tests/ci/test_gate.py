"""`.ci/gate`: the one script behind every recipe."""

from __future__ import annotations

import os
import shutil
import sysconfig
from pathlib import Path

import pytest

from tests.ci.conftest import SELECTOR, Targets, target_file
from tests.ci.programs import PYTHON, ROOT, Ended, run, stand_in

REPORTS = {"report.json", "junit.xml", "report.sarif", "report.md", "report.html", "bundle.zip"}


def gate(folder: Path, *arguments: str, **variables: str) -> Ended:
    return run(ROOT / ".ci" / "gate", *arguments, folder=folder, variables={**PYTHON, **variables})


def test_it_writes_every_report_and_ends_with_0_where_all_holds(tmp_path: Path, targets: Targets) -> None:
    ended = gate(tmp_path, "--authorization-server", targets.conforming, SELECTOR)
    assert ended.code == 0, ended.log
    assert {path.name for path in (tmp_path / "mcp-assay-reports").iterdir()} == REPORTS


def test_it_ends_with_1_at_a_violation(tmp_path: Path, targets: Targets) -> None:
    ended = gate(tmp_path, "--authorization-server", targets.violating, SELECTOR)
    assert ended.code == 1, ended.log
    assert {path.name for path in (tmp_path / "mcp-assay-reports").iterdir()} == REPORTS


def test_it_ends_with_3_where_the_target_is_not_there_and_leaves_no_report_of_an_earlier_run(
    tmp_path: Path, targets: Targets
) -> None:
    (tmp_path / "mcp-assay-reports").mkdir()
    for name in REPORTS:
        (tmp_path / "mcp-assay-reports" / name).write_text("of an earlier run")
    ended = gate(tmp_path, "--authorization-server", targets.absent, SELECTOR)
    assert ended.code == 3, ended.log
    assert not REPORTS & {path.name for path in (tmp_path / "mcp-assay-reports").iterdir()}


def test_it_judges_the_target_file_of_its_folder_where_nothing_is_named(tmp_path: Path, targets: Targets) -> None:
    target_file(tmp_path, targets.conforming)
    ended = gate(tmp_path, SELECTOR)
    assert ended.code == 0, ended.log
    assert f"judges {targets.conforming}" in ended.log


def test_it_never_judges_the_sandbox_in_the_place_of_a_target(tmp_path: Path) -> None:
    ended = gate(tmp_path, SELECTOR)
    assert ended.code == 2
    assert "mcp-assay.toml" in ended.log


def test_variables_say_the_same_as_arguments(tmp_path: Path, targets: Targets) -> None:
    file = target_file(tmp_path, targets.violating).rename(tmp_path / "of mine.toml")
    ended = gate(
        tmp_path,
        MCP_ASSAY_TARGET=str(file),
        MCP_ASSAY_AUTHORIZATION_SERVER=targets.conforming,
        MCP_ASSAY_ARGUMENTS=f"--jobs 2\n--role authorization-server {SELECTOR}",
        MCP_ASSAY_REPORTS="out/of the run",
    )
    assert ended.code == 0, ended.log
    assert {path.name for path in (tmp_path / "out/of the run").iterdir()} == REPORTS


def test_an_asterisk_in_the_arguments_is_no_file_name(tmp_path: Path, targets: Targets) -> None:
    target_file(tmp_path, targets.conforming)
    (tmp_path / SELECTOR).mkdir(parents=True)
    ended = gate(tmp_path, MCP_ASSAY_ARGUMENTS="as/*")
    assert ended.code == 2
    assert "as/*" in ended.log


def test_a_python_without_mcp_assay_is_named(tmp_path: Path) -> None:
    ended = gate(tmp_path, MCP_ASSAY_PYTHON="/no/python")
    assert ended.code == 2
    assert "MCP_ASSAY_PYTHON: /no/python does not have mcp-assay" in ended.log


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, targets: Targets) -> None:
    (tmp_path / "taken").touch()
    ended = gate(tmp_path, "--authorization-server", targets.conforming, MCP_ASSAY_REPORTS="taken/reports")
    assert ended.code == 2
    assert "MCP_ASSAY_REPORTS: taken/reports cannot be made" in ended.log


def gate_with_python(folder: Path, python3: str) -> Ended:
    """Run a copy of the gate, which has to install, where `python3` is a program of the shell."""
    (folder / "checkout" / ".ci").mkdir(parents=True)
    gate = shutil.copy(ROOT / ".ci" / "gate", folder / "checkout" / ".ci")
    stand_in(folder / "python3", python3)
    return run(gate, folder=folder, variables={"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"})


def test_an_old_python_is_named(tmp_path: Path) -> None:
    ended = gate_with_python(tmp_path, "exit 1")
    assert ended.code == 2
    assert "Python 3.11 or newer is wanted, as python3" in ended.log


@pytest.mark.parametrize("failing", ["venv", "pip"])
def test_what_cannot_be_installed_is_incomplete_and_not_red(tmp_path: Path, failing: str) -> None:
    failure = f'[ "$2" != {failing} ] || exit 1'
    environment = '[ "$2" != venv ] || { mkdir -p "$3/bin" && cp "$0" "$3/bin/python"; }'
    ended = gate_with_python(tmp_path, f"{failure}\n{environment}")
    assert ended.code == 3
    assert "nothing was judged: it could not be installed" in ended.log


def test_it_installs_the_checkout_that_it_is_in(tmp_path: Path, published: Path, targets: Targets) -> None:
    """The dependencies are those of this environment, for speed; the rest is installed as a user's would be."""
    variables = {
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PYTHONPATH": sysconfig.get_path("purelib"),
    }
    arguments = ("--authorization-server", targets.conforming, SELECTOR)
    ended = run(published / ".ci" / "gate", *arguments, folder=tmp_path, variables=variables)
    assert ended.code == 0, ended.log
    assert list((published / ".ci" / ".venv").glob("lib/python3*/site-packages/mcp_assay.py"))
