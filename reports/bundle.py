"""The evidence bundle: everything that a run leaves behind, in one zip file with the hashes of what is in it."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from reports.document import Document
from reports.files import encoded, write_whole
from reports.formats import FORMATS

SCHEMA = 1
KIND = "mcp-assay evidence bundle"
MANIFEST, REPORT, TARGET = "manifest.json", "report.json", "target.toml"
SAID_TWICE = ("tool", "versions", "target", "spec", "started", "exit_code")
"""What the manifest repeats of the report, so that it can be read without it."""

_NAMES = {"json": REPORT, "junit": "junit.xml", "har": "exchanges.har", "markdown": "report.md"}
_UNIX = 3
_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""Zip files know no earlier time."""


def write_bundle(document: Document, path: Path, target: str | None) -> None:
    """Write the evidence bundle of a run, wholly or not at all. The same run gives the same bytes.

    Args:
        document: the run, redacted.
        path: the zip file.
        target: the target file without secrets, as `harness.shareable` makes it; None when the sandbox was judged.

    Raises:
        OSError: it cannot be written.
    """
    write_whole(path, bundle_bytes(document, target))


def bundle_bytes(document: Document, target: str | None) -> bytes:
    """Return the zip file: the manifest first, then the target file and the report in every format."""
    contents = {} if target is None else {TARGET: ("the target file without secrets", encoded(target))}
    for item in FORMATS:
        contents[_NAMES.get(item.name, f"report.{item.name}")] = (item.about, encoded(item.render(document)))
    listed = manifest(document, contents, sandbox=target is None)
    first = {MANIFEST: encoded(json.dumps(listed, indent=1) + "\n")}
    return _zipped(first | {name: data for name, (_, data) in contents.items()}, _moment(document["started"]))


def manifest(document: Document, contents: Mapping[str, tuple[str, bytes]], *, sandbox: bool) -> Document:
    """Return the manifest; its schema is `reports/bundle_schema.json`.

    Args:
        document: the run, redacted.
        contents: what each file is, and its bytes, by name.
        sandbox: whether the sandbox itself was judged, for which there is no target file.
    """
    return {
        "kind": KIND,
        "schema": SCHEMA,
        **{name: document[name] for name in SAID_TWICE},
        "seed": document["settings"]["seed"],
        "examples": document["settings"].get("examples", 1),
        "max_wait": document["settings"].get("max_wait", 0),
        "sandbox": sandbox,
        "files": [
            {"name": name, "about": about, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, (about, data) in contents.items()
        ],
    }


def _zipped(contents: Mapping[str, bytes], moment: tuple[int, int, int, int, int, int]) -> bytes:
    stream = io.BytesIO()
    with ZipFile(stream, "w") as archive:
        for name, data in contents.items():
            entry = ZipInfo(name, moment)
            entry.compress_type = ZIP_DEFLATED
            entry.create_system = _UNIX  # else it would differ between systems
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, data)
    return stream.getvalue()


def _moment(started: str) -> tuple[int, int, int, int, int, int]:
    moment = datetime.fromisoformat(started).astimezone(UTC)
    return max(_EARLIEST, (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second))
