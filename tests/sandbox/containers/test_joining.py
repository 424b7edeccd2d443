"""`mcp-assay run` with a target's image: it joins with one line, and its log is kept when something failed."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.sandbox.child import environment
from harness.sandbox.containers.engine import Engine
from harness.sandbox.containers.labels import OWNER
from tests.addresses import free_base
from tests.cli.assay import COMMAND

BOUND_SECONDS = 60
SERVER = Path(__file__).parent / "target_server"
STRICT, LAX = '"require": [', '"verify_aud": False, "require": ['
"""What makes the server take a token for another audience."""

Build = Callable[[str, str], str]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def port() -> int:
    return free_base((0,))


@pytest.fixture
def build(engine: Engine, sandbox_image: str, port: int, tmp_path: Path) -> Iterator[Build]:
    """Yield what builds an image of the server, with a text of its source replaced, and returns its name."""
    name = f"assay-joining:{secrets.token_hex(4)}"

    def built(old: str, new: str) -> str:
        folder = shutil.copytree(SERVER, tmp_path / "server")
        recipe, source = folder / "Dockerfile", folder / "server.py"
        recipe.write_text(f"{recipe.read_text().format(base=sandbox_image)}ENV PORT={port}\n")
        assert source.read_text().count(old) == 1
        source.write_text(source.read_text().replace(old, new))
        engine.patient.images.build(path=str(folder), tag=name, rm=True)
        return name

    yield built
    engine.client.images.remove(name, force=True)


@pytest.fixture
def run(base_image: str, port: int, tmp_path: Path) -> Run:
    """Return what runs the one line, with more options."""
    (tmp_path / "tmp").mkdir()
    apart = {"XDG_STATE_HOME": str(tmp_path), "TMPDIR": str(tmp_path / "tmp"), "MCP_ASSAY_BASE_IMAGE": base_image}

    def command(image: str, *more: str | Path) -> subprocess.CompletedProcess[str]:
        words = ["run", "--runtime", "docker", "--target-image", image, "--target-port", str(port), *map(str, more)]
        return subprocess.run(
            [*COMMAND, *words],
            check=False, capture_output=True, text=True, timeout=BOUND_SECONDS, cwd=tmp_path, env=environment(**apart),
        )  # fmt: skip

    return command


def left(engine: Engine, folder: Path) -> list[str]:
    found = engine.client.api.containers(all=True, filters={"label": OWNER})
    return [each["Id"] for each in found if each["Labels"][OWNER].startswith(f"{folder}/")]


def test_an_image_that_reads_its_settings_joins_with_one_line(
    engine: Engine, build: Build, run: Run, port: int, tmp_path: Path
) -> None:
    ended = run(build(STRICT, STRICT), "--json", "report.json", "mcp/token-validation", "mcp/discovery")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["target"] == f"http://127.0.0.1:{port}/mcp"
    assert report["summary"]["passed"] > 20
    assert not (tmp_path / "report.target.log").exists()
    assert not left(engine, tmp_path)


def test_the_log_of_one_that_failed_is_beside_the_report_without_tokens(
    engine: Engine, build: Build, run: Run, tmp_path: Path
) -> None:
    ended = run(build(STRICT, LAX), "--json", "report.json", "mcp/token-validation")
    assert ended.returncode == 1, ended.stdout + ended.stderr
    log = (tmp_path / "report.target.log").read_text(encoding="utf-8")
    assert f"the target's log is kept in {tmp_path / 'report.target.log'}" in ended.stderr
    assert "a good token: <" in log
    assert "eyJ" not in log
    assert not left(engine, tmp_path)
