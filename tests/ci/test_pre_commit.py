"""The hook for pre-commit: a push goes through when the target file's target conforms, and not otherwise."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from tests.ci.conftest import SELECTOR, Targets, target_file
from tests.ci.programs import ROOT, Ended, expect_run, git, installed, run

MANIFEST = ROOT / ".pre-commit-hooks.yaml"


class Clone:
    """A repository of a user's, with the hook and somewhere to push to.

    pre-commit would install mcp-assay into an environment of its own; here it takes the one beside this Python.
    """

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder / "clone"
        self.folder.mkdir()
        self.origin = folder / "origin.git"
        programs = f"{installed('mcp-assay').parent}{os.pathsep}{os.environ['PATH']}"
        self.variables = {"PATH": programs, "HOME": str(folder), "PRE_COMMIT_HOME": str(folder / "cache")}
        git(folder, "init", "--quiet", "--bare", self.origin)
        git(self.folder, "init", "--quiet")
        git(self.folder, "remote", "add", "origin", self.origin)
        (hook,) = yaml.safe_load(MANIFEST.read_text())
        local = hook | {"language": "system", "args": [*hook["args"], *arguments]}
        config = {"repos": [{"repo": "local", "hooks": [local]}]}
        (self.folder / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))

    def commit(self) -> None:
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "--quiet", "--allow-empty", "--message", "all")

    def push(self) -> Ended:
        """Push, with the hook installed."""
        command = (installed("pre-commit"), "install", "--hook-type", "pre-push")
        expect_run(*command, folder=self.folder, variables=self.variables)
        return run("git", "push", "origin", "HEAD:main", folder=self.folder, variables=self.variables)

    @property
    def pushed(self) -> bool:
        ended = run("git", "rev-parse", "--verify", "--quiet", "main", folder=self.origin, variables=self.variables)
        return ended.code == 0


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path, SELECTOR)


def test_pre_commit_takes_the_manifest(tmp_path: Path) -> None:
    ended = run(installed("pre-commit"), "validate-manifest", MANIFEST, folder=tmp_path)
    assert ended.code == 0, ended.log


def test_a_conforming_target_is_pushed_and_a_push_that_changes_no_file_is_judged_too(
    clone: Clone, targets: Targets
) -> None:
    target_file(clone.folder, targets.conforming)
    clone.commit()
    ended = clone.push()
    assert (ended.code, clone.pushed) == (0, True), ended.log
    assert "Passed" in ended.log
    clone.commit()
    assert "Passed" in clone.push().log


def test_a_violating_target_is_not_pushed(clone: Clone, targets: Targets) -> None:
    target_file(clone.folder, targets.violating)
    clone.commit()
    ended = clone.push()
    assert (ended.code, clone.pushed) == (1, False), ended.log
    assert "- exit code: 1" in ended.log


def test_a_repository_without_a_target_file_is_not_pushed(clone: Clone) -> None:
    clone.commit()
    ended = clone.push()
    assert (ended.code, clone.pushed) == (1, False), ended.log
    assert "- exit code: 2" in ended.log
    assert "mcp-assay.toml" in ended.log


def test_a_commit_is_not_judged(clone: Clone) -> None:
    clone.commit()
    ended = run(installed("pre-commit"), "run", folder=clone.folder, variables=clone.variables)
    assert ended.code == 0, ended.log
    assert "exit code" not in ended.log
