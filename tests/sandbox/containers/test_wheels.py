"""The dependencies of the image, as pip installs them for another platform."""

from __future__ import annotations

from importlib.metadata import Distribution, version
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.utils import NormalizedName

from harness.sandbox.containers import context, wheels
from harness.sandbox.containers.base import Python
from harness.sandbox.containers.dependencies import closure, installed_here, installed_in
from harness.sandbox.containers.sbom import bill_of_materials
from harness.sandbox.errors import SandboxError


def python(version: str) -> Python:
    """A Python of a Debian image."""
    markers = {name: str(value) for name, value in default_environment().items()}
    return Python({**markers, "python_version": version, "python_full_version": f"{version}.0"}, (2, 36))


def test_another_python_and_another_architecture_get_their_own_wheels(tmp_path: Path) -> None:
    other = python("3.13")
    hashes = wheels.install(tmp_path, "arm64", other)
    found = closure(installed_in(tmp_path), other.on("arm64"))
    assert found.lacking == []
    assert set(hashes) == set(found.found)
    libraries = [path.name.split(".", 1)[1] for path in tmp_path.rglob("*.so")]
    assert set(libraries) == {"cpython-313-aarch64-linux-gnu.so", "abi3.so"}
    assert {name: each.version for name, each in found.found.items()} == {name: version(name) for name in found.found}
    assert [path for path in tmp_path.iterdir() if path.name == "bin"] == []
    assert list(tmp_path.rglob("*.pyi")) == []


def test_what_is_not_installed_here_is_chosen_by_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_anyio(name: NormalizedName) -> Distribution | None:
        return None if name in {"anyio", "idna"} else installed_here(name)

    monkeypatch.setattr(wheels, "installed_here", without_anyio)
    wheels.install(tmp_path, "amd64", python("3.11"))
    found = closure(installed_in(tmp_path), python("3.11").on("amd64"))
    assert {"anyio", "idna"} <= set(found.found)
    assert found.lacking == []


def test_no_pip_is_told_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "find_spec", lambda _: None)
    with pytest.raises(SandboxError, match="-m ensurepip"):
        wheels.install(tmp_path, "amd64", python("3.11"))


def test_a_failure_of_pip_is_shown_with_its_last_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nothing"))
    with pytest.raises(SandboxError, match=r"pip cannot install the image's dependencies:\nERROR: .*\nERROR: No match"):
        wheels.install(tmp_path / "folder", "amd64", python("3.11"))


def test_the_bill_of_materials_is_the_same_for_the_same_content() -> None:
    distributions = closure(installed_here, None).found
    once = bill_of_materials(distributions.values(), {}, "1.0")
    assert bill_of_materials(reversed(distributions.values()), {}, "1.0") == once
    assert bill_of_materials(distributions.values(), {}, "1.1") != once


def test_a_context_can_be_read_by_others_whatever_our_umask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "install", lambda folder, *_: {})
    folder = tmp_path / "context"
    folder.mkdir(mode=0o700)
    context.write_context(folder, ["amd64"], "base", python("3.11"))
    paths = list(folder.rglob("*"))
    assert {path.stat().st_mode & 0o777 for path in paths if path.is_file()} == {0o644}
    assert {path.stat().st_mode & 0o777 for path in paths if path.is_dir()} == {0o755}
    sources = {path.relative_to(folder / "sources").as_posix() for path in paths if "sources" in path.parts}
    assert {
        "fixtures/world.toml",
        "fixtures/authorization_server/templates/consent.html",
        "mock_idp/__main__.py",
    } <= sources
    assert not any(name.startswith("fixtures/images") or "__pycache__" in name for name in sources)


def test_a_context_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SandboxError, match="build context cannot be written"):
        context.write_context(tmp_path / "file" / "folder", ["amd64"], "base", python("3.11"))
