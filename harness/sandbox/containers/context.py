"""The build context of the image: its Dockerfile, our sources, and the dependencies for each architecture."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import IO

import fixtures
import mock_idp
from harness.sandbox.containers.base import Python
from harness.sandbox.containers.dependencies import closure, installed_in
from harness.sandbox.containers.sbom import bill_of_materials
from harness.sandbox.containers.wheels import install
from harness.sandbox.errors import SandboxError

BILL_OF_MATERIALS = "sbom.cdx.json"
"""Where the bill of materials is in the image, below /opt/mcp-assay."""

_PACKAGES = (Path(fixtures.__file__).parent, Path(mock_idp.__file__).parent)
_IMAGES = _PACKAGES[0] / "images"
_LICENCE = "LICENSE"
_FOLDER, _FILE = 0o755, 0o644
_NOT_OURS = {"__pycache__", _IMAGES.name}


def our_version() -> str:
    """Return the version of mcp-assay.

    Raises:
        SandboxError: it is not installed.
    """
    return _ourselves().version


def recipe() -> bytes:
    """Return the Dockerfile as it is kept."""
    return (_IMAGES / "Dockerfile").read_bytes()


def sources() -> Iterator[tuple[str, Path]]:
    """Yield our files that go into the image, in order: where each one is there, and here."""
    for package in _PACKAGES:
        for path in sorted(package.rglob("*")):
            inside = path.relative_to(package.parent)
            hidden = any(part.startswith(".") for part in inside.parts)
            if path.is_file() and not hidden and _NOT_OURS.isdisjoint(inside.parts):
                yield inside.as_posix(), path


def write_context(folder: Path, architectures: Sequence[str], base: str, python: Python) -> None:
    """Write a build context into a folder that is new or empty.

    `docker build` needs no arguments there: the Dockerfile's have their defaults. With several architectures it is one
    for BuildKit, which says itself what it builds for (`docker buildx build --platform linux/amd64,linux/arm64`).

    Args:
        folder: where to write.
        architectures: of `amd64` and `arm64`.
        base: the base image's name.
        python: the base image's Python.

    Raises:
        SandboxError: it cannot be written, or the dependencies cannot be had.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "Dockerfile").write_text(_filled_in(architectures, base), encoding="utf-8")
        for name, path in sources():
            _copy(path, folder / "sources" / name)
        for architecture in architectures:
            _write_packages(folder / "packages" / architecture, architecture, python)
        _make_readable(folder)
    except OSError as error:
        raise SandboxError(f"the image's build context cannot be written: {error}") from error


def pack(folder: Path, into: IO[bytes]) -> None:
    """Pack a build context as the tar that an engine takes; it is the same for the same content."""
    with tarfile.open(fileobj=into, mode="w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.add(path, path.relative_to(folder).as_posix(), recursive=False, filter=_anonymous)


def _filled_in(architectures: Sequence[str], base: str) -> str:
    """Return the Dockerfile with what is known of its arguments."""
    text = recipe().decode()
    for name, value in {"BASE": base, "VERSION": our_version()}.items():
        text = text.replace(f"ARG {name}\n", f"ARG {name}={value}\n", 1)
    if len(architectures) == 1:
        text = text.replace("${BUILDPLATFORM}", f"linux/{architectures[0]}")
        text = text.replace("${TARGETARCH}", architectures[0])
    return text


def _write_packages(folder: Path, architecture: str, python: Python) -> None:
    folder.mkdir(parents=True)
    hashes = install(folder, architecture, python)
    found = closure(installed_in(folder), python.on(architecture)).found.values()
    text = bill_of_materials(found, hashes, our_version())
    (folder / BILL_OF_MATERIALS).write_text(text, encoding="utf-8")
    (folder / _LICENCE).write_text(_ourselves().read_text(f"licenses/{_LICENCE}") or "", encoding="utf-8")


def _ourselves() -> Distribution:
    try:
        return distribution("mcp-assay")
    except PackageNotFoundError as error:
        raise SandboxError("the image can be built where mcp-assay is installed: `pip install` it") from error


def _copy(source: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, to)


def _make_readable(folder: Path) -> None:
    """Let the image's user read what our own umask may have hidden: COPY keeps the modes."""
    for path in folder.rglob("*"):
        path.chmod(_FOLDER if path.is_dir() else _FILE)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member
