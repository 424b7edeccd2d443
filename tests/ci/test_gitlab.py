"""The GitLab template: its job as GitLab would make it from the inputs, and its script run for real."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from lxml import etree

from tests.ci.conftest import SELECTOR, Targets
from tests.ci.programs import PYTHON, ROOT, Ended, installed, run

TEMPLATE = ROOT / ".ci" / "gitlab" / "mcp-assay.yml"
INPUT = re.compile(r"\$\[\[ *inputs\.([\w-]+) *\]\]")


def job(inputs: dict[str, str]) -> dict[str, Any]:
    """Return the configuration that the template becomes with some inputs.

    Raises:
        KeyError: a needed input is missing, or the template names one that is not declared.
    """
    header, body = TEMPLATE.read_text().split("\n---\n")
    declared = yaml.safe_load(header)["spec"]["inputs"]
    assert set(inputs) <= set(declared)
    values = {name: inputs[name] if name in inputs else about["default"] for name, about in declared.items()}
    made: dict[str, Any] = yaml.safe_load(INPUT.sub(lambda found: values[found[1]], body))
    return made


def run_job(folder: Path, inputs: dict[str, str]) -> Ended:
    """Run the script of the job, as a runner does: one shell for all lines, which ends at the first that fails."""
    made = job(inputs)["mcp-assay"]
    script = "set -e\n" + "\n".join(made["script"])
    return run("sh", "-c", script, folder=folder, variables={**PYTHON, **made["variables"]})


@pytest.fixture
def inputs(published: Path) -> dict[str, str]:
    return {"source": published.as_uri(), "version": "v1", "arguments": SELECTOR}


def test_it_says_where_mcp_assay_comes_from_or_there_is_no_job() -> None:
    with pytest.raises(KeyError):
        job({"source": "https://git.example/mcp-assay.git"})


@pytest.mark.parametrize("part", ["header", "job"])
def test_gitlab_takes_it(inputs: dict[str, str], tmp_path: Path, part: str) -> None:
    header = yaml.safe_load(TEMPLATE.read_text().split("\n---\n")[0])
    file = tmp_path / "made.yml"
    file.write_text(yaml.safe_dump({"header": header, "job": job(inputs)}[part]))
    schema = ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")
    ended = run(installed("check-jsonschema"), *schema, file, folder=tmp_path)
    assert ended.code == 0, ended.log


def test_a_green_target_passes_and_leaves_its_artifacts_and_nothing_else(
    inputs: dict[str, str], targets: Targets, tmp_path: Path
) -> None:
    inputs["authorization-server"] = targets.conforming
    ended = run_job(tmp_path, inputs)
    assert ended.code == 0, ended.log
    artifacts = job(inputs)["mcp-assay"]["artifacts"]
    junit = tmp_path / artifacts["reports"]["junit"]
    assert etree.parse(junit).getroot().tag == "testsuites"
    assert [junit.parent.relative_to(tmp_path)] == [Path(path) for path in artifacts["paths"]]
    assert json.loads((junit.parent / "report.json").read_text())["exit_code"] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["mcp-assay-reports"]


def test_a_red_target_fails_and_leaves_its_artifacts(inputs: dict[str, str], targets: Targets, tmp_path: Path) -> None:
    ended = run_job(tmp_path, inputs | {"authorization-server": targets.violating})
    assert ended.code == 1, ended.log
    artifacts = job(inputs)["mcp-assay"]["artifacts"]
    assert artifacts["when"] == "always"
    assert (tmp_path / artifacts["reports"]["junit"]).is_file()


def test_a_mistyped_argument_fails_and_is_named(inputs: dict[str, str], targets: Targets, tmp_path: Path) -> None:
    ended = run_job(tmp_path, inputs | {"authorization-server": targets.conforming, "arguments": "--stirct"})
    assert ended.code == 2
    assert "--stirct" in ended.log


def test_a_version_that_is_not_there_fails(inputs: dict[str, str], tmp_path: Path) -> None:
    ended = run_job(tmp_path, inputs | {"version": "v0"})
    assert ended.code not in (0, 1, 3)
    assert "v0" in ended.log
