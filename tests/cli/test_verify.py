"""`mcp-assay verify`: each way to tamper with a bundle is named, and what is no bundle is refused in a sentence."""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZIP_BZIP2, ZIP_LZMA, ZipFile, ZipInfo

import pytest

from reports import bundle_reading
from reports.bundle import KIND, MANIFEST, REPORT, TARGET, bundle_bytes
from tests.cli.assay import Ended, assay
from tests.reports.conftest import document_of

DOCUMENT = {**document_of(), "target": "a target"}
TARGET_TEXT = '[target]\nmcp_server = "http://127.0.0.1:1/mcp"\n'
Contents = dict[str, bytes]
Change = Callable[[Contents], object]


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> Contents:
    path = tmp_path_factory.mktemp("bundle") / "bundle.zip"
    path.write_bytes(bundle_bytes(DOCUMENT, TARGET_TEXT))
    with ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _pack(path: Path, contents: Contents) -> Path:
    with ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return path


def _verify(tmp_path: Path, contents: Contents, change: Change = lambda _: None) -> Ended:
    changed = dict(contents)
    change(changed)
    return assay("verify", _pack(tmp_path / "b.zip", changed))


def _set_manifest(contents: Contents, **members: Any) -> None:
    contents[MANIFEST] = json.dumps({**json.loads(contents[MANIFEST]), **members}).encode()


def _forge(contents: Contents, name: str, data: bytes) -> None:
    """Change a file, and make the manifest fit."""
    contents[name] = data
    files = [item for item in json.loads(contents[MANIFEST])["files"] if item["name"] != name]
    listed = {"name": name, "about": "forged", "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    _set_manifest(contents, files=[*files, listed])


def _forge_report(contents: Contents, **members: Any) -> None:
    _forge(contents, REPORT, json.dumps({**json.loads(contents[REPORT]), **members}).encode())


def _list_twice(contents: Contents) -> None:
    files = json.loads(contents[MANIFEST])["files"]
    _set_manifest(contents, files=[*files, files[0]])


def _drop_target(contents: Contents) -> None:
    files = json.loads(contents[MANIFEST])["files"]
    _set_manifest(contents, files=[item for item in files if item["name"] != TARGET])
    del contents[TARGET]


def test_a_whole_bundle_verifies_and_says_what_that_means(tmp_path: Path, contents: Contents) -> None:
    ended = _verify(tmp_path, contents)
    assert (ended.code, ended.err) == (0, "")
    assert f"manifest  SHA-256 {hashlib.sha256(contents[MANIFEST]).hexdigest()}" in ended.out
    assert f"b.zip verifies: {len(contents) - 1} files" in ended.out
    assert "a target, by MCP 2026-07-28" in ended.out
    assert "ended     with exit code 4" in ended.out
    assert "not who made them" in ended.out


@pytest.mark.parametrize(
    ("change", "sentences"),
    [
        (lambda c: c.update({TARGET: c[TARGET].replace(b":1/", b":2/")}), ["target.toml: has the SHA-256"]),
        (lambda c: c.update({TARGET: c[TARGET] + b"#"}), ["target.toml: has 48 bytes, and the manifest says 47"]),
        (lambda c: c.pop("junit.xml"), ["junit.xml: is missing"]),
        (lambda c: c.update({"more.txt": b""}), ["more.txt: is not in the manifest"]),
        (lambda c: (c.pop(TARGET), c.pop(REPORT)), ["report.json: is missing", "target.toml: is missing"]),
        (_list_twice, ["target.toml: the manifest lists it twice"]),
        (_drop_target, ["target.toml: the manifest does not list it"]),
        (lambda c: _set_manifest(c, sandbox=True), ["target.toml: is there, and the manifest says that the sandbox"]),
        (lambda c: _set_manifest(c, tool="b"), ["report.json: says tool 'mcp-assay", "and the manifest 'b'"]),
        (lambda c: _set_manifest(c, target="b"), ["report.json: says target 'a target', and the manifest 'b'"]),
        (lambda c: _set_manifest(c, exit_code=0), ["report.json: says exit_code 4, and the manifest 0"]),
        (lambda c: _set_manifest(c, seed=7), ["report.json: says seed 0, and the manifest 7"]),
        (lambda c: _set_manifest(c, started="2026"), ["report.json: says started '2026-11-22T01:02:03+00:00'"]),
        (lambda c: _forge_report(c, exit_code=0), ["report.json: says exit_code 0, and the manifest 4"]),
        (lambda c: _forge_report(c, results=[{}]), ["report.json: $.results[0]: 'scenario' is a required property"]),
        (lambda c: _forge_report(c, schema=9), ["report.json: is no JSON report of mcp-assay with schema 1"]),
        (lambda c: _forge(c, REPORT, b"{"), ["report.json: is no JSON"]),
        (lambda c: _forge(c, REPORT, b"[" * 100_000), ["report.json: is no JSON"]),
    ],
)
def test_what_was_changed_is_named(tmp_path: Path, contents: Contents, change: Change, sentences: list[str]) -> None:
    ended = _verify(tmp_path, contents, change)
    assert (ended.code, ended.err) == (1, "")
    assert "b.zip does not verify:" in ended.out
    assert "verifies" not in ended.out
    for sentence in sentences:
        assert sentence in ended.out


def test_every_difference_is_named(tmp_path: Path, contents: Contents) -> None:
    ended = _verify(tmp_path, contents, lambda c: c.update({name: b"" for name in c if name != MANIFEST}))
    assert ended.code == 1
    assert ended.out.count("has 0 bytes") == len(contents) - 1


def test_a_damaged_file_is_named(tmp_path: Path, contents: Contents) -> None:
    path = _pack(tmp_path / "b.zip", contents)
    with ZipFile(path) as archive:
        entry = archive.getinfo("junit.xml")
    data = bytearray(path.read_bytes())
    data[entry.header_offset + 30 + len(entry.filename) + entry.compress_size // 2] ^= 0xFF
    path.write_bytes(data)
    ended = assay("verify", path)
    assert ended.code == 1
    assert "  junit.xml: is damaged and cannot be unpacked\n" in ended.out


def test_words_of_a_stranger_do_not_move_the_cursor(tmp_path: Path, contents: Contents) -> None:
    ended = _verify(tmp_path, contents, lambda c: _set_manifest(c, tool="\x1b[2J\n\x07", target="\u202e" * 9000))
    assert ended.code == 1
    assert all(sign.isprintable() or sign == "\n" for sign in ended.out)
    assert max(map(len, ended.out.splitlines())) < 2000


def _refused(path: Path) -> str:
    """Return why a file is refused: one sentence, without a traceback."""
    ended = assay("verify", path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"Error: {path}: ")
    assert ended.err.count("\n") == 1
    return ended.err.removeprefix(f"Error: {path}: ").strip()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is no zip file"),
        (b"no zip file, but rather long for none", "is no zip file, or has something after its end"),
        (b"PK\x05\x06" + bytes(18), "is no bundle: there is no manifest.json in it"),
        (struct.pack("<4s4xHHII2s", b"PK\x05\x06", 5, 5, 200, 9, b"\0\0"), "is no zip file that can be read"),
        (struct.pack("<4s4xHHII2s", b"PK\x05\x06", 5, 6, 1, 0, b"\0\0"), "lists more than 32 files"),
        (struct.pack("<4s4xHHII2s", b"PK\x05\x06", 5, 5, 1 << 30, 0, b"\0\0"), "lists more than 32 files"),
        (b"PK\x06\x07" + bytes(16) + b"PK\x05\x06" + bytes(18), "lists more than 32 files"),
    ],
)
def test_what_is_no_zip_file_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "b.zip"
    path.write_bytes(data)
    assert reason in _refused(path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    assert _refused(tmp_path / "none.zip") == "there is no such file"
    assert _refused(tmp_path) == "is no file"
    assert _refused(Path("/dev/zero")) == "is no file"


@pytest.mark.parametrize("end", [-1, -40, 5000])
def test_a_part_of_a_bundle_is_refused(tmp_path: Path, contents: Contents, end: int) -> None:
    path = _pack(tmp_path / "b.zip", contents)
    path.write_bytes(path.read_bytes()[:end])
    assert _refused(path) == "is no zip file, or has something after its end"


def test_what_stands_before_a_bundle_makes_it_none(tmp_path: Path, contents: Contents) -> None:
    path = _pack(tmp_path / "b.zip", contents)
    path.write_bytes(b"#!/bin/sh\n" + path.read_bytes())
    assert _refused(path) == "is no bundle: there is something before its first file"


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        (b"{", "manifest.json is no JSON"),
        (b"\xff", "manifest.json is no JSON"),
        (b"[" * 100_000, "manifest.json is no JSON"),
        (b"[]", "manifest.json is none of an mcp-assay evidence bundle with schema 1"),
        (b'{"kind": "other", "schema": 1}', "manifest.json is none of an mcp-assay evidence bundle"),
        (json.dumps({"kind": KIND, "schema": 2}).encode(), "with schema 1"),
        (json.dumps({"kind": KIND, "schema": 1}).encode(), "manifest.json: $: 'tool' is a required property"),
        (b" " * (bundle_reading.LARGEST_MANIFEST + 1), "'manifest.json' in it is larger than 1 MB"),
    ],
)
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, contents: Contents, manifest: bytes, reason: str) -> None:
    path = _pack(tmp_path / "b.zip", {**contents, MANIFEST: manifest})
    assert reason in _refused(path)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ([{"name": "a" * 65, "about": "", "size": 0, "sha256": "0" * 64}], "$.files[0].name"),
        ([{"name": "../a", "about": "", "size": 0, "sha256": "0" * 64}], "$.files[0].name"),
        ([{"name": "a", "about": "", "size": -1, "sha256": "0" * 64}], "$.files[0].size"),
        ([{"name": "a", "about": "", "size": 0, "sha256": "\x1b"}], "$.files[0].sha256"),
        ([], "$.files"),
    ],
)
def test_a_manifest_of_another_shape_is_refused(
    tmp_path: Path, contents: Contents, files: list[Any], reason: str
) -> None:
    _set_manifest(changed := dict(contents), files=files)
    assert reason in _refused(_pack(tmp_path / "b.zip", changed))


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "a/b", "a\\b", "C:evil", ".hidden", "EVIL", "é", "\x1b[2J", "a" * 65, "a/"]
)
def test_names_that_could_leave_the_bundle_are_refused(tmp_path: Path, contents: Contents, name: str) -> None:
    reason = _refused(_pack(tmp_path / "b.zip", {**contents, name: b""}))
    assert reason == f"is no bundle: {name[:80]!a} in it has a name that no file of a bundle has"


def _with_entry(path: Path, contents: Contents, entry: ZipInfo, data: bytes = b"") -> Path:
    _pack(path, contents)
    with ZipFile(path, "a") as archive:
        archive.writestr(entry, data)
    return path


def test_a_link_is_refused(tmp_path: Path, contents: Contents) -> None:
    entry = ZipInfo("link")
    entry.external_attr = 0o120777 << 16
    path = _with_entry(tmp_path / "b.zip", contents, entry, b"/etc/passwd")
    assert _refused(path) == "is no bundle: 'link' in it is a link or another thing that is no file"


@pytest.mark.parametrize("method", [ZIP_LZMA, ZIP_BZIP2])
def test_compression_that_could_take_any_memory_is_refused(tmp_path: Path, contents: Contents, method: int) -> None:
    entry = ZipInfo("more")
    entry.compress_type = method
    path = _with_entry(tmp_path / "b.zip", contents, entry, b"data")
    assert _refused(path) == "is no bundle: 'more' in it is compressed in a way that is not read here"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_one_name_are_refused(tmp_path: Path, contents: Contents) -> None:
    path = _with_entry(tmp_path / "b.zip", contents, ZipInfo(REPORT), b"{}")
    assert _refused(path) == "is no bundle: 'report.json' in it is there twice"


def test_an_encrypted_file_is_refused(tmp_path: Path, contents: Contents) -> None:
    path = _pack(tmp_path / "b.zip", contents)
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert _refused(path) == f"is no bundle: '{next(iter(contents))}' in it is encrypted"


def test_too_many_files_are_refused(tmp_path: Path, contents: Contents) -> None:
    many = {f"file-{number}": b"" for number in range(bundle_reading.MOST_FILES)}
    assert _refused(_pack(tmp_path / "b.zip", contents | many)) == "is no bundle: it lists more than 32 files"


def test_a_file_that_unfolds_to_more_than_a_bundle_needs_is_refused(
    tmp_path: Path, contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = bytes(2 * bundle_reading.MEGABYTE)
    monkeypatch.setattr(bundle_reading, "LARGEST_FILE", bundle_reading.MEGABYTE)
    path = _pack(tmp_path / "b.zip", {**contents, "bomb": bomb})
    assert _refused(path) == "is no bundle: 'bomb' in it is larger than 1 MB"
    monkeypatch.setattr(bundle_reading, "LARGEST_BUNDLE", bundle_reading.MEGABYTE)
    assert "it holds more than 32 files or 1 MB" in _refused(path)


def test_a_file_that_unfolds_to_more_than_it_says_is_not_read_further(tmp_path: Path, contents: Contents) -> None:
    path = _pack(tmp_path / "b.zip", {**contents, "bomb": bytes(bundle_reading.MEGABYTE)})
    data = path.read_bytes()
    size = struct.pack("<I", bundle_reading.MEGABYTE)
    assert data.count(size) == 2
    path.write_bytes(data.replace(size, struct.pack("<I", 10)))
    ended = assay("verify", path)
    assert ended.code == 1
    assert "  bomb: is not in the manifest\n" in ended.out
