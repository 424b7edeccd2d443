"""What the linters of the formats say of the recipes, and of what the guide shows of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.ci.programs import ROOT, installed, run

GUIDE = ROOT / "docs" / "guides" / "ci.md"
SCRIPTS = (".ci/run", ".ci/engine", ".ci/gate", ".ci/github/judge.sh", ".ci/github/end.sh")
ACTION = ROOT / ".ci" / "github" / "action.yml"
TEMPLATE = ROOT / ".ci" / "gitlab" / "mcp-assay.yml"
YAML = re.compile(r"^```yaml\n# (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CHECKS = {
    ".github/workflows/mcp-assay.yml": ("check-jsonschema", "--builtin-schema", "vendor.github-workflows"),
    ".gitlab-ci.yml": ("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"),
    ".pre-commit-config.yaml": ("pre-commit", "validate-config"),
}


def expect_clean(folder: Path, name: str, *arguments: str | Path) -> None:
    ended = run(installed(name), *arguments, folder=folder)
    assert ended.code == 0, ended.log


@pytest.mark.parametrize("name", SCRIPTS)
def test_shellcheck_finds_nothing(name: str) -> None:
    expect_clean(ROOT, "shellcheck", ROOT / name)


def test_every_script_is_checked() -> None:
    scripts = {str(path.relative_to(ROOT)) for path in (ROOT / ".ci").rglob("*") if path.is_file()}
    ours = {name for name in scripts if ".venv/" not in name and not name.endswith((".yml", ".md"))}
    assert ours == set(SCRIPTS)


def test_github_takes_the_action(tmp_path: Path) -> None:
    expect_clean(tmp_path, "check-jsonschema", "--builtin-schema", "vendor.github-actions", ACTION)


def test_the_action_has_no_weakness_that_is_known(tmp_path: Path) -> None:
    expect_clean(tmp_path, "zizmor", "--offline", "--no-progress", "--pedantic", ACTION)


def test_the_guide_shows_each_recipe() -> None:
    assert [name for name, _ in YAML.findall(GUIDE.read_text())] == list(CHECKS)


def test_the_guide_names_each_input_and_output() -> None:
    action = yaml.safe_load(ACTION.read_text())
    template = next(yaml.safe_load_all(TEMPLATE.read_text()))
    names = {*action["inputs"], *action["outputs"], *template["spec"]["inputs"]}
    assert [name for name in sorted(names) if f"`{name}`" not in GUIDE.read_text()] == []


@pytest.mark.parametrize(("name", "body"), YAML.findall(GUIDE.read_text()), ids=list(CHECKS))
def test_what_the_guide_shows_is_valid(tmp_path: Path, name: str, body: str) -> None:
    (tmp_path / "shown.yml").write_text(body)
    expect_clean(tmp_path, *CHECKS[name], tmp_path / "shown.yml")
