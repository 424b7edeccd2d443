"""Requirements: normative statements as data, one TOML file per source document in `scenarios/requirements`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

# Not importlib.resources: it would import the scenarios package, which needs the requirements, and a user's own
# `scenarios/` folder could come first.
REQUIREMENTS = Path(__file__).parents[1] / "scenarios" / "requirements"

REVISIONS = ("2026-07-28", "2025-11-25", "2025-06-18")
"""The revisions of MCP that requirements can belong to, newest first."""

_DOCUMENT_KEYS = ("id", "title", "url", "section_url")
_NEEDED_KEYS = ("id", "section", "role", "level", "text")
_OPTIONAL_KEYS = ("revisions", "unobservable", "url")


class Level(StrEnum):
    """How binding a requirement is (RFC 2119). What a document defines without such a word counts as SHOULD."""

    MUST = "MUST"
    MUST_NOT = "MUST NOT"
    SHOULD = "SHOULD"
    SHOULD_NOT = "SHOULD NOT"


class Role(StrEnum):
    """The protocol role that a requirement binds."""

    AUTHORIZATION_SERVER = "authorization-server"
    MCP_SERVER = "mcp-server"
    MCP_CLIENT = "mcp-client"
    IDENTITY_PROVIDER = "identity-provider"


@dataclass(frozen=True)
class Document:
    """A source document; `section_url` is the link to a section, with `{section}` where its number goes."""

    id: str
    title: str
    url: str
    section_url: str


@dataclass(frozen=True)
class Requirement:
    """One normative statement.

    Attributes:
        id: unique among all documents; begins with the document's id.
        section: where it stands, as the document numbers it.
        text: one sentence in our words.
        revisions: the revisions of MCP that it belongs to, newest first.
        unobservable: why it cannot be judged from outside; None where it can.
        link: set where the link is not the one of the document's section.
    """

    id: str
    document: Document
    section: str
    role: Role
    level: Level
    text: str
    revisions: tuple[str, ...] = REVISIONS
    unobservable: str | None = None
    link: str | None = None

    @property
    def url(self) -> str:
        """The link to the statement in its document."""
        return self.link or self.document.section_url.replace("{section}", self.section)


@cache
def load_requirements(folder: Path = REQUIREMENTS) -> Mapping[str, Requirement]:
    """Return all requirements of a folder by id, document by document, in the order of the files.

    Raises:
        ValueError: a file is faulty; the message names the file, the entry and what is allowed.
    """
    found = read_requirements(folder)
    if not found:
        raise ValueError(f"{folder} holds no requirements; the package is incomplete")
    return MappingProxyType(found)


def read_requirements(folder: Path) -> dict[str, Requirement]:
    """Return all requirements of a folder by id, as `load_requirements` does, as its files are now; there may be none.

    Raises:
        ValueError: a file is faulty; the message begins with its name.
    """
    found: dict[str, Requirement] = {}
    for path in sorted(folder.glob("*.toml")):
        for requirement in _read(path):
            if requirement.id in found:
                raise ValueError(f"{path.name}: requirement {requirement.id!r} exists already; each id is given once")
            found[requirement.id] = requirement
    return found


def _read(path: Path) -> Iterator[Requirement]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise ValueError(f"{path.name}: cannot be read: {fault.strerror}") from fault
    except ValueError as fault:
        raise ValueError(f"{path.name}: not valid TOML: {fault}") from fault
    _check_keys(data, path.name, needed=("document",), optional=("requirement",))
    document = _document(path, data["document"])
    tables = data.get("requirement", [])
    if not isinstance(tables, list):
        raise ValueError(f"{path.name}: requirement is {_shown(tables)}; write it as [[requirement]] tables")
    for number, table in enumerate(tables, start=1):
        yield _requirement(document, table, f"{path.name}: requirement {number}")


def _document(path: Path, table: object) -> Document:
    where = f"{path.name}: document"
    values = _strings(_check_keys(table, where, needed=_DOCUMENT_KEYS), where, _DOCUMENT_KEYS)
    if values["id"] != path.stem:
        raise ValueError(f"{where}: id is {values['id']!r}; the file's name asks for {path.stem!r}")
    if "{section}" not in values["section_url"]:
        raise ValueError(
            f"{where}: section_url is {values['section_url']!r}; it needs {{section}} where the number goes"
        )
    return Document(**values)


def _requirement(document: Document, table: object, where: str) -> Requirement:
    if isinstance(table, dict) and isinstance(table.get("id"), str):
        where = f"{where} ({table['id']})"
    table = _check_keys(table, where, needed=_NEEDED_KEYS, optional=_OPTIONAL_KEYS)
    values = _strings(table, where, [key for key in table if key != "revisions"])
    if not values["id"].startswith(f"{document.id}-"):
        raise ValueError(f"{where}: id is {values['id']!r}; ids of this file begin with {document.id + '-'!r}")
    return Requirement(
        id=values["id"],
        document=document,
        section=values["section"],
        role=Role(_one_of(values["role"], list(Role), f"{where}: role")),
        level=Level(_one_of(values["level"], list(Level), f"{where}: level")),
        text=values["text"],
        revisions=_revisions(table.get("revisions", list(REVISIONS)), where),
        unobservable=values.get("unobservable"),
        link=values.get("url"),
    )


def _revisions(listed: object, where: str) -> tuple[str, ...]:
    if not isinstance(listed, list) or not listed:
        raise ValueError(f"{where}: revisions is {_shown(listed)}; allowed is a list of {', '.join(REVISIONS)}")
    known = {_one_of(revision, REVISIONS, f"{where}: revisions") for revision in listed}
    return tuple(revision for revision in REVISIONS if revision in known)


def _check_keys(table: object, where: str, needed: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    allowed = (*needed, *optional)
    if not isinstance(table, dict):
        raise ValueError(f"{where}: found {_shown(table)}; needed is a table with {', '.join(needed)}")
    for key in table:
        if key not in allowed:
            raise ValueError(f"{where}: key {key!r} is unknown; allowed are {', '.join(allowed)}")
    for key in needed:
        if key not in table:
            raise ValueError(f"{where}: {key} is missing; needed are {', '.join(needed)}")
    return table


def _strings(table: dict[str, Any], where: str, keys: tuple[str, ...] | list[str]) -> dict[str, str]:
    for key in keys:
        if not isinstance(table[key], str) or not table[key].strip():
            raise ValueError(f"{where}: {key} is {_shown(table[key])}; allowed is a text that is not empty")
    return {key: table[key] for key in keys}


def _one_of(value: object, allowed: tuple[str, ...] | list[Any], what: str) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{what}: {_shown(value)} is unknown; allowed are {', '.join(allowed)}")
    return value


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, str) else f"{value!r} ({type(value).__name__})"
