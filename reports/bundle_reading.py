"""Reading an evidence bundle, which anyone may have made: within limits, and nothing of it is written to disk.

What no bundle of ours has (folders, links, encryption, two files of one name, more than it could need) makes a file no
bundle, and nothing of it is read. What could be a bundle of ours that was changed is read, and each difference named.
"""

from __future__ import annotations

import hashlib
import json
import re
import stat
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from reports.bundle import KIND, MANIFEST, REPORT, SAID_TWICE, SCHEMA, TARGET
from reports.document import Document, ReportError, checked_document

SCHEMA_FILE = Path(__file__).parent / "bundle_schema.json"
MEGABYTE = 1024 * 1024
MOST_FILES, LARGEST_BUNDLE, LARGEST_FILE, LARGEST_MANIFEST = 32, 256 * MEGABYTE, 64 * MEGABYTE, MEGABYTE
LARGEST_DIRECTORY = 16 * 1024
"""Bytes of a zip file's list of entries: each takes 46 and its name."""

_CHUNK = 64 * 1024
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_END = struct.Struct("<4s4xHHII2s")
"""The end of a zip file (APPNOTE.TXT 4.3.16): signature, two counts, size and place of the list, size of a comment."""
_LOCATOR = b"PK\x06\x07"
_LOCATOR_SIZE = 20
_READ_WHOLE = (MANIFEST, REPORT, TARGET)
_DAMAGED = (BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError, RuntimeError, ValueError, OSError)


class BundleError(ValueError):
    """A file is no evidence bundle that can be read; one sentence says which and why."""


@dataclass(frozen=True)
class Bundle:
    """An evidence bundle as it was found.

    Attributes:
        path: the zip file.
        manifest: what it says of itself.
        digest: the SHA-256 of the manifest as it stands in the file, in hexadecimal.
        size: bytes of all files but the manifest, unpacked.
        document: the JSON report; None where it is missing or is none.
        target: the target file without secrets; None where the sandbox was judged, or where it is missing.
        differences: what is not as the manifest says, a sentence each; none of them when the bundle verifies.
    """

    path: Path
    manifest: Document
    digest: str
    size: int
    document: Document | None
    target: str | None
    differences: tuple[str, ...]


@dataclass(frozen=True)
class _File:
    """What one file turned out to be. `data` is there for those that are read whole; `fault` says what kept us."""

    size: int = 0
    sha256: str = ""
    data: bytes = b""
    fault: str = ""


def read_bundle(path: Path) -> Bundle:
    """Read a bundle and compare it with its manifest.

    Raises:
        BundleError: it cannot be read, is no zip file, is none that we would write, or has no manifest of ours.
    """
    try:
        if not path.is_file():
            raise BundleError("is no file" if path.exists() else "there is no such file")
        with path.open("rb") as file:
            _check_end(file)
            with _opened(file) as archive:
                return _read(path, archive)
    except BundleError as fault:
        raise BundleError(f"{path}: {fault}") from fault
    except OSError as fault:
        raise BundleError(f"{path}: cannot be read: {fault.strerror or fault}") from fault


def _check_end(file: BinaryIO) -> None:
    """Bound the work of reading the list of entries, which the library reads whole."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END.size - _LOCATOR_SIZE))
    tail = file.read()
    if len(tail) < _END.size:
        raise BundleError("is no zip file")
    signature, here, total, length, _, comment = _END.unpack(tail[-_END.size :])
    if signature != b"PK\x05\x06" or comment != b"\0\0":
        raise BundleError("is no zip file, or has something after its end")
    if here != total or total > MOST_FILES or length > LARGEST_DIRECTORY or tail.startswith(_LOCATOR):
        raise BundleError(f"is no bundle: it lists more than {MOST_FILES} files")


def _opened(file: BinaryIO) -> ZipFile:
    try:
        return ZipFile(file)
    except _DAMAGED as fault:
        raise BundleError("is no zip file that can be read") from fault


def _read(path: Path, archive: ZipFile) -> Bundle:
    entries = archive.infolist()
    _check_entries(entries)
    held = {entry.filename: _load(archive, entry) for entry in entries}
    if MANIFEST not in held:
        raise BundleError(f"is no bundle: there is no {MANIFEST} in it")
    listing = held.pop(MANIFEST)
    manifest = _manifest(listing)
    document, fault = _document(held.get(REPORT, _File()))
    differences = (*_differences(manifest, held), *fault, *_disagreements(manifest, document))
    target = held[TARGET].data.decode(errors="replace") if TARGET in held else None
    size = sum(file.size for file in held.values())
    return Bundle(path, manifest, listing.sha256, size, document, target, differences)


def _check_entries(entries: Sequence[ZipInfo]) -> None:
    """Refuse what no bundle of ours has.

    Raises:
        BundleError: there is such a thing.
    """
    if len(entries) > MOST_FILES or sum(entry.file_size for entry in entries) > LARGEST_BUNDLE:
        raise BundleError(f"is no bundle: it holds more than {MOST_FILES} files or {LARGEST_BUNDLE // MEGABYTE} MB")
    if entries and min(entry.header_offset for entry in entries):
        raise BundleError("is no bundle: there is something before its first file")
    seen: set[str] = set()
    for entry in entries:
        name = entry.orig_filename
        kind = stat.S_IFMT(entry.external_attr >> 16)
        for wrong, why in (
            (not _NAME.fullmatch(name), "has a name that no file of a bundle has"),
            (name in seen, "is there twice"),
            (kind not in (0, stat.S_IFREG), "is a link or another thing that is no file"),
            (entry.flag_bits & 0x2041, "is encrypted"),
            (entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED), "is compressed in a way that is not read here"),
            (entry.file_size > _most(name), f"is larger than {_most(name) // MEGABYTE} MB"),
        ):
            if wrong:
                raise BundleError(f"is no bundle: {name[:80]!a} in it {why}")
        seen.add(name)


def _most(name: str) -> int:
    return LARGEST_MANIFEST if name == MANIFEST else LARGEST_FILE


def _load(archive: ZipFile, entry: ZipInfo) -> _File:
    """Read a file of the zip file, never more of it than it says it has."""
    digest, size, kept = hashlib.sha256(), 0, []
    try:
        with archive.open(entry) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                if entry.filename in _READ_WHOLE:
                    kept.append(chunk)
    except _DAMAGED:
        return _File(fault="is damaged and cannot be unpacked")
    return _File(size, digest.hexdigest(), b"".join(kept))


def _manifest(file: _File) -> Document:
    import jsonschema  # type: ignore[import-untyped]  # slow to import

    if file.fault:
        raise BundleError(f"is no bundle: {MANIFEST} {file.fault}")
    try:
        manifest = json.loads(file.data)
    except (ValueError, RecursionError) as fault:
        raise BundleError(f"is no bundle: {MANIFEST} is no JSON") from fault
    said = (manifest.get("kind"), manifest.get("schema")) if isinstance(manifest, dict) else ()
    if said != (KIND, SCHEMA):
        raise BundleError(f"is no bundle: {MANIFEST} is none of an {KIND} with schema {SCHEMA}")
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    for mistake in jsonschema.Draft202012Validator(schema).iter_errors(manifest):
        raise BundleError(f"is no bundle: {MANIFEST}: {mistake.json_path}: {ascii(mistake.message)[1:-1][:200]}")
    return dict(manifest)


def _document(file: _File) -> tuple[Document | None, tuple[str, ...]]:
    """Return the JSON report, or what is wrong with it; what is missing or damaged is told elsewhere."""
    if not file.data:
        return None, ()
    try:
        return checked_document(file.data, REPORT), ()
    except ReportError as fault:
        return None, (ascii(str(fault))[1:-1],)


def _differences(manifest: Document, held: dict[str, _File]) -> Iterator[str]:
    """Compare files with the manifest: what is missing, what is too much, sizes and hashes."""
    listed: dict[str, Any] = {}
    for item in manifest["files"]:
        if item["name"] in listed:
            yield f"{item['name']}: the manifest lists it twice"
        listed[item["name"]] = item
    needed = {REPORT} if manifest["sandbox"] else {REPORT, TARGET}
    for name in sorted(needed - listed.keys()):
        yield f"{name}: the manifest does not list it"
    for name in sorted(listed.keys() - held.keys()):
        yield f"{name}: is missing"
    for name in sorted(held.keys() - listed.keys()):
        yield f"{name}: is not in the manifest"
    for name in sorted(held.keys() & listed.keys()):
        yield from _difference(name, held[name], listed[name])


def _difference(name: str, file: _File, said: Document) -> Iterator[str]:
    if file.fault:
        yield f"{name}: {file.fault}"
    elif file.size != said["size"]:
        yield f"{name}: has {file.size} bytes, and the manifest says {said['size']}"
    elif file.sha256 != said["sha256"]:
        yield f"{name}: has the SHA-256 {file.sha256}, and the manifest says {said['sha256']}"


def _disagreements(manifest: Document, document: Document | None) -> Iterator[str]:
    """Compare what the manifest and the report both say of the run."""
    if document is None:
        return
    settings = document["settings"]
    found = {name: document[name] for name in SAID_TWICE} | {"seed": settings["seed"]}
    if "examples" in manifest:
        found["examples"] = settings.get("examples", 1)
    if "max_wait" in manifest:
        found["max_wait"] = settings.get("max_wait", 0)
    for name, value in found.items():
        if manifest[name] != value:
            yield f"{REPORT}: says {name} {ascii(value)[:200]}, and the manifest {ascii(manifest[name])[:200]}"
    if manifest["sandbox"] and TARGET in {item["name"] for item in manifest["files"]}:
        yield f"{TARGET}: is there, and the manifest says that the sandbox was judged"
