"""The scenarios of the user's own that the guide shows: run as written, and complete in what it says is there."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import harness
from harness.catalogue import catalogue
from harness.context import Context
from harness.exchange import Evidence
from harness.http import Wire
from harness.run import Run
from harness.sandbox.embedded import EmbeddedSandbox
from harness.target import Target, Tenant
from tests.cli.assay import assay
from tests.docs.test_docs import ROOT, blocks

pytest_plugins = ["pytester"]

EXAMPLE = ROOT / "docs" / "examples" / "own-scenarios"
GUIDE = ROOT / "docs" / "guides" / "own-scenarios.md"
WORDS = set(re.findall(r"`(?:ctx\.)?(\w+)", GUIDE.read_text()))
WARNED = "mcp/house-rules/answers-are-not-sniffed"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[EmbeddedSandbox]:
    with EmbeddedSandbox() as running:
        yield running


@pytest.fixture
def example(tmp_path: Path, sandbox: EmbeddedSandbox) -> Path:
    """The example's target file, for a sandbox on other ports."""
    shutil.copytree(EXAMPLE, tmp_path / "example", ignore=shutil.ignore_patterns("__pycache__"))
    path = tmp_path / "example" / "mcp-assay.toml"
    path.write_text(path.read_text().replace("http://127.0.0.1:7402/acme/mcp", sandbox.layout.resource("acme")))
    return path


def ids() -> list[str]:
    found = catalogue(EXAMPLE / "my_scenarios").scenarios
    return [name for name in found if "/house-rules/" in name]


def test_the_example_runs_with_the_command(example: Path) -> None:
    report = example.with_name("report.json")
    ended = assay("run", "--target", example, "as/house-rules", "mcp/house-rules", "--json", report)
    assert (ended.code, ended.err) == (0, "")
    verdicts = {item["scenario"]: item["verdict"] for item in json.loads(report.read_text())["results"]}
    assert verdicts == {name: "warning" if name == WARNED else "passed" for name in ids()}


def test_the_example_runs_with_pytest(example: Path, pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--assay-target", example, "-k", "house-rules")
    result.assert_outcomes(passed=len(ids()) - 1, xfailed=1)
    assert result.ret == pytest.ExitCode.OK
    assert not (pytester.path / ".hypothesis").exists()


def test_the_guide_shows_the_example_as_it_is() -> None:
    target = (EXAMPLE / "mcp-assay.toml").read_text()
    shown = next(text for text in blocks(GUIDE, "toml") if "[plan]" in text)
    assert target.startswith(shown)


def test_the_guide_names_all_that_a_scenario_is_handed() -> None:
    wire = Wire()
    offered = dir(Context(Run(Target("x", Tenant()), wire, Context), Evidence()))
    wire.close()
    assert {name for name in offered if not name.startswith("_")} - WORDS == set()


def test_the_guide_names_all_that_the_package_offers_and_nothing_else() -> None:
    offered = set(re.findall(r" as (\w+)$", Path(harness.__file__).read_text(), re.MULTILINE))
    assert {"Context", "expect", "scenario"} < offered
    assert [name for name in offered if not re.search(rf"\b{name}\b", GUIDE.read_text())] == []
    assert {name for name in WORDS if name.startswith("expect_")} <= offered
