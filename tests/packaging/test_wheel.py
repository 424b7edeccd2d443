"""The wheel in an environment without the checkout: what it holds, and that no folder of the user's shadows it."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("fixtures", "harness", "mock_idp", "reports", "scenarios")
DATA = (
    "fixtures/world.toml",
    "fixtures/authorization_server/templates/",
    "fixtures/images/Dockerfile",
    "fixtures/images/requirements.txt",
    "mock_idp/templates/login.html",
    "mock_idp/templates/style.css",
    "scenarios/requirements/oauth21.toml",
    "scenarios/requirements/tenant.toml",
)
PATIENCE = 60


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built with the build backend of this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a new environment: the wheel, and the packages of this one without its link to the checkout."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, symlinks=True)
    programs = home / "bin"
    _pip("--python", programs / "python", "install", "--no-deps", "--no-index", wheel)
    site = next(home.glob("lib/python3*/site-packages"))
    others = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    (site / "others.pth").write_text("\n".join(others))
    return programs


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder whose packages have the names of ours, and fail when they are imported."""
    for name in PACKAGES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"raise RuntimeError('the user has a {name} too')")
    return tmp_path


def _pip(*arguments: object) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, arguments)]
    subprocess.run(command, check=True, timeout=PATIENCE)


def _run(program: Path, *arguments: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [program, *arguments],
        cwd=folder,
        env={**clean, **variables},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_the_wheel_holds_the_packages_with_their_data_and_nothing_else(wheel: Path) -> None:
    names = ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {*PACKAGES, "mcp_assay.py"}
    for wanted in DATA:
        assert any(name.startswith(wanted) for name in names), wanted


def test_all_data_of_the_packages_is_in_the_wheel(wheel: Path) -> None:
    tracked = subprocess.run(["git", "ls-files", *PACKAGES], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(tracked.stdout.split()) - set(ZipFile(wheel).namelist()) == set()


def test_the_packages_come_from_the_environment(programs: Path, hostile: Path) -> None:
    modules = ", ".join(PACKAGES)
    shown = f"import {modules}; print(*(module.__path__[0] for module in ({modules})), sep='\\n')"
    done = _run(programs / "python", "-P", "-c", shown, folder=hostile)
    assert done.stderr == ""
    assert [Path(line).parent.name for line in done.stdout.split()] == ["site-packages"] * len(PACKAGES)
    assert all(Path(line).is_relative_to(programs.parent) for line in done.stdout.split())


@pytest.mark.parametrize("variables", [{}, {"PYTHONPATH": "."}], ids=["plain", "PYTHONPATH=."])
def test_the_command_runs_beside_packages_with_the_same_names(
    programs: Path, hostile: Path, variables: dict[str, str]
) -> None:
    done = _run(programs / "mcp-assay", "run", "as/discovery", folder=hostile, **variables)
    assert (done.returncode, done.stderr) == (0, "")
    assert "judged" in done.stdout


def test_the_command_runs_where_python_is_led_to_such_packages(
    programs: Path, hostile: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("elsewhere")
    done = _run(programs / "mcp-assay", "run", "as/discovery", folder=folder, PYTHONPATH=str(hostile))
    assert (done.returncode, done.stderr) == (0, "")


def test_what_cannot_be_loaded_is_our_fault_and_no_violation(programs: Path, hostile: Path) -> None:
    broken = "import sys, mcp_assay; sys.modules['harness.cli'] = None; mcp_assay.main()"
    done = _run(programs / "python", "-P", "-c", broken, folder=hostile)
    assert done.returncode == 4
    assert done.stderr.splitlines()[-1].startswith("mcp-assay cannot be loaded")


def test_it_knows_its_version(programs: Path, hostile: Path, wheel: Path) -> None:
    done = _run(programs / "mcp-assay", "--version", folder=hostile)
    assert done.stdout.split() == ["mcp-assay", wheel.name.split("-")[1]]
