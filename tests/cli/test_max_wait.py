"""How long a scenario may wait is said on the command line, or to pytest; and the reports say what was said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.assay import assay
from tests.hostile import Hostile, answer, document
from tests.plugin.stage import CHOSEN, MUST, target_file

pytest_plugins = ["pytester"]
WAITS = f'''
from harness import Context, scenario

@scenario("{MUST}")
def waits(ctx: Context) -> None:
    """It waits."""
    ctx.time.up_to(0.01)
'''


@pytest.fixture(autouse=True)
def folder(pytester: pytest.Pytester) -> Iterator[Path]:
    """A folder with a target file and one scenario, of a target that is asked nothing."""
    with Hostile(answer(), {"/.well-known/": document({"issuer": "{url}"})}) as server:
        target_file(pytester.path, server.url, scenarios=WAITS)
        yield pytester.path


def test_a_run_waits_as_long_as_it_is_told_to(folder: Path) -> None:
    ended = assay("run", "as/own", "--max-wait", "0.5", "--json", "report.json")
    assert ended.code == 0, ended
    report = json.loads((folder / "report.json").read_text())
    assert report["settings"]["max_wait"] == 0.5


def test_a_run_that_is_told_nothing_does_not_wait() -> None:
    ended = assay("run", "as/own")
    assert ended.code == 3
    assert "wait for their end with --max-wait SECONDS" in ended.out


def test_a_replay_waits_as_the_run_did(folder: Path) -> None:
    assert assay("run", "as/own", "--max-wait", "0.5", "--bundle", "b.zip").code == 0
    ended = assay("replay", "b.zip", "as/own/waits", "--target", "mcp-assay.toml")
    assert ended.code == 0, ended


@pytest.mark.parametrize("wait", ["-1", "86401", "soon", "nan"])
def test_a_wait_that_is_none_is_wrong_usage(wait: str) -> None:
    ended = assay("run", "--max-wait", wait)
    assert ended.code == 2
    assert "--max-wait" in ended.err


def test_pytest_waits_as_long_as_it_is_told_to(pytester: pytest.Pytester) -> None:
    pytester.runpytest_inprocess(*CHOSEN, "-k", "as/own", "--assay-max-wait", "0.5").assert_outcomes(passed=1)
    pytester.runpytest_inprocess(*CHOSEN, "-k", "as/own").assert_outcomes(failed=1)


def test_pytest_is_told_a_wait_that_can_be(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess(*CHOSEN, "--assay-max-wait", "-1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--assay-max-wait: from 0 to 86400 seconds"])
