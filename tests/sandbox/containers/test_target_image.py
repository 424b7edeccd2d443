"""The image of a target is built from its folder or had by name; what cannot be had is named as the engine says it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from docker.errors import ImageNotFound

from harness.container_table import ContainerTable
from harness.sandbox.containers.engine import Engine
from harness.sandbox.containers.target_image import FOLDER, REPOSITORY, target_image
from harness.sandbox.errors import SandboxError

SMALL = "FROM scratch\nLABEL number={number}\nCMD {command}\n"


@pytest.fixture
def folder(engine: Engine, tmp_path: Path) -> Iterator[Path]:
    """Yield a folder; whatever is built from it is removed."""
    yield tmp_path
    for image in engine.client.images.list(filters={"label": f"{FOLDER}={tmp_path / 'server'}"}):
        engine.client.images.remove(image.id or "", force=True)


def written(folder: Path, number: int = 1, *, command: str = '["/none"]') -> ContainerTable:
    (folder / "server").mkdir(exist_ok=True)
    (folder / "server" / "Dockerfile").write_text(SMALL.format(number=number, command=command))
    return ContainerTable(build="server")


def got(engine: Engine, table: ContainerTable, folder: Path) -> str:
    return target_image(engine, table, folder, lambda _: None)


def test_an_image_is_built_from_its_folder_under_a_tag_and_a_label_of_its_own(engine: Engine, folder: Path) -> None:
    said: list[str] = []
    built = target_image(engine, written(folder), folder, said.append)
    image = engine.client.images.get(built)
    assert [tag.partition(":")[0] for tag in image.tags] == [REPOSITORY]
    assert image.labels == {"number": "1", FOLDER: str(folder / "server")}
    assert said == [f"building the target's image from {folder / 'server'}"]


def test_what_did_not_change_is_not_made_again_and_what_changed_takes_the_place(engine: Engine, folder: Path) -> None:
    first = got(engine, written(folder), folder)
    assert got(engine, written(folder), folder) == first
    second = got(engine, written(folder, 2), folder)
    assert second != first
    with pytest.raises(ImageNotFound):
        engine.client.images.get(first)


def test_a_name_that_the_engine_does_not_take_is_the_targets(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"the target's image Server/It .*must be lowercase; .*--target-image"):
        got(engine, ContainerTable(image="Server/It"), tmp_path)


def test_a_folder_without_a_recipe_is_named(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(SandboxError) as fault:
        got(engine, ContainerTable(build="server"), tmp_path)
    assert str(fault.value) == f"container.build: there is no Dockerfile in {tmp_path / 'server'}"


def test_a_build_that_fails_is_told_with_its_last_lines(engine: Engine, folder: Path) -> None:
    table = written(folder)
    (folder / "server" / "Dockerfile").write_text("FROM scratch\nCOPY gone /\n")
    with pytest.raises(SandboxError) as fault:
        got(engine, table, folder)
    assert str(fault.value).startswith(
        f"container.build: the image of {folder / 'server'} cannot be built: COPY failed"
    )
    assert ": COPY gone /" in str(fault.value)


def test_an_image_that_is_there_is_taken_by_name(engine: Engine, folder: Path) -> None:
    built = got(engine, written(folder), folder)
    tag = engine.client.images.get(built).tags[0]
    said: list[str] = []
    assert target_image(engine, ContainerTable(image=tag), folder, said.append) == built
    assert said == []


def test_an_image_that_cannot_be_had_is_named_with_the_ways_out(engine: Engine, tmp_path: Path) -> None:
    name = "127.0.0.1:1/mcp-assay/none:1"
    with pytest.raises(SandboxError) as fault:
        got(engine, ContainerTable(image=name), tmp_path)
    assert f"does not have the target's image {name} and cannot get it: " in str(fault.value)
    assert "connection refused" in str(fault.value)
    assert "`docker load -i FILE`" in str(fault.value)
    assert "--target-image or container.image" in str(fault.value)


def test_a_name_that_is_none_is_told_so_by_the_engine(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="invalid reference format"):
        got(engine, ContainerTable(image="UPPER/Case"), tmp_path)
