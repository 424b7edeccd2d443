"""The bundle holds every report and the manifest of them, is the same for the same run, and holds no secret."""

from __future__ import annotations

import hashlib
import io
import json
import os
from pathlib import Path
from zipfile import ZipFile

import jsonschema  # type: ignore[import-untyped]
import pytest

from reports.bundle import MANIFEST, REPORT, TARGET, bundle_bytes, write_bundle
from reports.bundle_reading import SCHEMA_FILE, read_bundle
from reports.files import check_folder, encoded, write_whole
from reports.formats import FORMATS
from tests.reports.conftest import document_of, expect_no_secrets

DOCUMENT = document_of()
TARGET_TEXT = '[target]\nmcp_server = "http://127.0.0.1:1/mcp"\n'


def _contents(data: bytes) -> dict[str, bytes]:
    with ZipFile(io.BytesIO(data)) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def test_the_same_run_gives_the_same_bytes() -> None:
    assert bundle_bytes(DOCUMENT, TARGET_TEXT) == bundle_bytes(DOCUMENT, TARGET_TEXT)


def test_it_holds_the_manifest_the_target_file_and_each_format() -> None:
    contents = _contents(bundle_bytes(DOCUMENT, TARGET_TEXT))
    assert list(contents)[:3] == [MANIFEST, TARGET, REPORT]
    assert len(contents) == len(FORMATS) + 2
    assert contents[TARGET].decode() == TARGET_TEXT
    assert {encoded(item.render(DOCUMENT)) for item in FORMATS} <= set(contents.values())


def test_the_exchanges_are_in_it_as_an_http_archive() -> None:
    assert json.loads(_contents(bundle_bytes(DOCUMENT, None))["exchanges.har"])["log"]["version"] == "1.2"


def test_the_manifest_has_the_documented_shape_and_the_hash_of_every_file() -> None:
    contents = _contents(bundle_bytes(DOCUMENT, TARGET_TEXT))
    manifest = json.loads(contents.pop(MANIFEST))
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(manifest)
    assert {item["name"]: (item["size"], item["sha256"]) for item in manifest["files"]} == {
        name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in contents.items()
    }
    assert all(manifest[name] == DOCUMENT[name] for name in ("tool", "versions", "target", "spec", "started"))
    assert (manifest["seed"], manifest["exit_code"], manifest["sandbox"]) == (0, DOCUMENT["exit_code"], False)


def test_the_sandbox_has_no_target_file_and_is_told_as_such() -> None:
    contents = _contents(bundle_bytes(DOCUMENT, None))
    assert TARGET not in contents
    assert json.loads(contents[MANIFEST])["sandbox"] is True


@pytest.mark.parametrize(
    ("started", "moment"),
    [
        ("2026-11-22T01:02:03+00:00", (2026, 11, 22, 1, 2, 2)),  # zip files know every second second
        ("2026-11-22T01:02:04+01:00", (2026, 11, 22, 0, 2, 4)),
        ("1970-01-01T00:00:00+00:00", (1980, 1, 1, 0, 0, 0)),
    ],
)
def test_its_files_are_as_old_as_the_run(started: str, moment: tuple[int, ...]) -> None:
    with ZipFile(io.BytesIO(bundle_bytes({**DOCUMENT, "started": started}, None))) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {moment}


def test_no_secret_is_in_any_file_of_it() -> None:
    for data in _contents(bundle_bytes(DOCUMENT, TARGET_TEXT)).values():
        expect_no_secrets(data.decode())


@pytest.mark.parametrize("target", [TARGET_TEXT, None])
def test_what_was_written_verifies(tmp_path: Path, target: str | None) -> None:
    write_bundle(DOCUMENT, tmp_path / "bundle.zip", target)
    bundle = read_bundle(tmp_path / "bundle.zip")
    assert bundle.differences == ()
    assert bundle.document == json.loads(json.dumps(DOCUMENT))
    assert bundle.target == target
    assert os.listdir(tmp_path) == ["bundle.zip"]  # noqa: PTH208


def test_what_another_program_packed_again_verifies(tmp_path: Path) -> None:
    contents = _contents(bundle_bytes(DOCUMENT, None))
    with ZipFile(tmp_path / "again.zip", "w") as archive:
        for name in sorted(contents):
            archive.writestr(name, contents[name])
    assert read_bundle(tmp_path / "again.zip").differences == ()


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bundle.zip"
    path.write_text("before")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"after")
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["bundle.zip"]  # noqa: PTH208


def test_a_folder_can_be_made_where_the_nearest_one_above_can_be_written(tmp_path: Path) -> None:
    check_folder(tmp_path)
    check_folder(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "b"):
        with pytest.raises(NotADirectoryError):
            check_folder(path)
