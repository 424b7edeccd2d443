"""The image of a target: found on this machine, pulled, or built from a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.container_table import ContainerTable
from harness.sandbox.containers.engine import Engine
from harness.sandbox.errors import SandboxError

if TYPE_CHECKING:
    from docker.models.images import Image

REPOSITORY = "mcp-assay-target"
"""What images that are built here are called; their tag follows from their folder."""

FOLDER = "mcp-assay.target"
"""The label of such an image: the folder that it was built from."""

_LAST_LINES = 15
_DISK_FULL = "no space left"


def target_image(engine: Engine, table: ContainerTable, base: Path, say: Callable[[str], None]) -> str:
    """Return the id of the image that a target file names; it is pulled or built where that is needed.

    Args:
        engine: has it, or gets it.
        table: names it.
        base: what its folder is named relative to.
        say: is told what takes a while.

    Raises:
        SandboxError: it cannot be had, or its build fails; the engine's last lines are in the message.
    """
    if folder := table.folder(base):
        return _built(engine, folder, say)
    assert table.image
    return _had(engine, table.image, say)


def _had(engine: Engine, name: str, say: Callable[[str], None]) -> str:
    from docker.errors import APIError, ImageNotFound

    from harness.sandbox.containers import sdk

    refusal = ""
    with engine.faults():
        try:
            with suppress(ImageNotFound):
                return str(engine.client.images.get(name).id)
            say(f"pulling the target's image {name}")
            refusal = sdk.pull(engine.patient.api, name)
            return str(engine.client.images.get(name).id)
        except ImageNotFound as fault:
            raise _missing(engine, name, refusal or str(fault.explanation)) from fault
        except APIError as fault:
            if _DISK_FULL in str(fault.explanation):
                raise
            raise _missing(engine, name, str(fault.explanation)) from fault


def _missing(engine: Engine, name: str, words: str) -> SandboxError:
    return SandboxError(
        f"the Docker engine at {engine.address} does not have the target's image {name} and cannot get it: {words}; "
        "build it or load it (`docker load -i FILE`), or name another one, with --target-image or container.image"
    )


def _built(engine: Engine, folder: Path, say: Callable[[str], None]) -> str:
    """Build an image, which has a tag of its own for each folder; what had that tag before is removed."""
    from docker.errors import BuildError

    place = folder.resolve()
    if not (place / "Dockerfile").is_file():
        raise SandboxError(f"container.build: there is no Dockerfile in {place}")
    tag = f"{REPOSITORY}:{hashlib.sha256(str(place).encode(errors='surrogateescape')).hexdigest()[:12]}"
    say(f"building the target's image from {place}")
    with engine.faults():
        before = _tagged(engine, tag)
        try:
            options: dict[str, Any] = {"tag": tag, "labels": {FOLDER: str(place)}, "rm": True, "forcerm": True}
            image, _ = engine.patient.images.build(path=str(place), **options)
        except BuildError as fault:
            raise _not_built(place, fault.msg, fault.build_log) from fault
        except OSError as fault:
            if fault.filename is None and not str(fault).startswith("Can not read file"):
                raise
            raise SandboxError(f"container.build: a file in {place} cannot be read: {fault}") from fault
        if before and before.id != image.id:
            _remove(engine, before)
    return str(image.id)


def _tagged(engine: Engine, tag: str) -> Image | None:
    from docker.errors import ImageNotFound

    with suppress(ImageNotFound):
        return engine.client.images.get(tag)
    return None


def _remove(engine: Engine, image: Image) -> None:
    """Remove an image that nothing uses; another run may, or another tag may name it."""
    from docker.errors import APIError

    with suppress(APIError):
        engine.client.api.remove_image(image.id or "")


def _not_built(folder: Path, reason: str, log: Iterable[Mapping[str, Any]]) -> SandboxError:
    said = "".join(str(step.get("stream", "")) for step in log)
    words = "\n".join([line for line in said.splitlines() if line.strip()][-_LAST_LINES:])
    sentence = f"container.build: the image of {folder} cannot be built: {str(reason).strip()}"
    return SandboxError(f"{sentence}:\n{words}" if words else sentence)
