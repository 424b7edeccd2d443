"""The official conformance suite's list of expected failures: the YAML file that it takes with `--expected-failures`.

The grammar is that of the suite's src/expected-failures.ts: sections that are named for the suite's commands, each a
list of `SCENARIO` (some check of it fails) or `SCENARIO:CHECK` (this check does).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECTIONS = ("server", "client", "authorization")
"""The sections that are read. The suite itself reads the first two; `authorization` is its third command."""

_WANTED = "SCENARIO or SCENARIO:CHECK is wanted"


class ExpectedFailuresError(ValueError):
    """The file has a mistake: one sentence with the file, the line and what is wanted."""


@dataclass(frozen=True)
class Entry:
    """One line of the list.

    Attributes:
        section: where it is listed; empty for a whole section that is not read, whose name is then the scenario.
        check: empty where the whole scenario is meant.
    """

    section: str
    scenario: str
    check: str = ""

    @property
    def text(self) -> str:
        """The line as the file has it."""
        return f"{self.scenario}:{self.check}" if self.check else self.scenario


def read_entries(path: Path) -> Iterator[Entry]:
    """Yield the lines of the list, in the order of the file.

    Raises:
        ExpectedFailuresError: it cannot be read, is no YAML, or is no list that the suite would take.
    """
    root = _compose(path)
    if root is None or _is_null(root):
        return
    if root.id != "mapping":
        raise _mistake(path, root, f"lists named {', '.join(SECTIONS)} are wanted; found {_kind(root)}")
    seen = set()
    for key, value in root.value:
        section = _text(key)
        if not section or section in seen:
            raise _mistake(path, key, f"section {section!r} comes twice" if section else "a section has no name")
        seen.add(section)
        yield from _section(path, section, value) if section in SECTIONS else [Entry("", section)]


def _section(path: Path, section: str, node: Any) -> list[Entry]:
    if node.id != "sequence":
        raise _mistake(path, node, f"{section} is to be a list of scenarios; found {_kind(node)}")
    entries = [_entry(path, section, item) for item in node.value]
    whole = {entry.scenario for entry in entries if not entry.check}
    for entry, item in zip(entries, node.value, strict=True):
        if entry.check and entry.scenario in whole:
            raise _mistake(path, item, f"{entry.text!r} says nothing new, since the whole scenario is listed too")
    return entries


def _entry(path: Path, section: str, node: Any) -> Entry:
    text = _text(node)
    if text is None:
        raise _mistake(path, node, f"{_WANTED} in {section}; found {_kind(node)}{_typo(node)}")
    scenario, colon, check = text.partition(":")
    if not scenario or (colon and not check):
        raise _mistake(path, node, f"{_WANTED} in {section}; found {text!r}")
    return Entry(section, scenario, check)


def _compose(path: Path) -> Any:
    """Return the file as YAML nodes, which have lines, keep texts as they were written, and build no objects."""
    import yaml

    try:
        return yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as fault:
        raise ExpectedFailuresError(f"{path}: cannot be read: {fault.strerror}") from fault
    except UnicodeDecodeError as fault:
        raise ExpectedFailuresError(f"{path}: is no UTF-8 text") from fault
    except RecursionError as fault:
        raise ExpectedFailuresError(f"{path}: is nested too deeply") from fault
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        problem = getattr(fault, "problem", None) or getattr(fault, "reason", None) or "it cannot be parsed"
        raise ExpectedFailuresError(f"{path}: {line}is no YAML: {problem}") from fault


def _mistake(path: Path, node: Any, sentence: str) -> ExpectedFailuresError:
    return ExpectedFailuresError(f"{path}: line {node.start_mark.line + 1}: {sentence}")


def _text(node: Any) -> str | None:
    """Return what a scalar says; None for nothing and for what is no scalar."""
    return str(node.value) if node.id == "scalar" and not _is_null(node) else None


def _is_null(node: Any) -> bool:
    return bool(node.tag == "tag:yaml.org,2002:null")


def _kind(node: Any) -> str:
    if _is_null(node):
        return "nothing"
    return {"mapping": "a mapping", "sequence": "a list"}.get(node.id) or repr(node.value)


def _typo(node: Any) -> str:
    """Guess at a space after the colon, which makes a mapping of what was meant as one text."""
    pairs = node.value if node.id == "mapping" else []
    said = [_text(item) for pair in pairs for item in pair]
    return f"; without the space it would be {f'{said[0]}:{said[1]}'!r}" if len(said) == 2 and all(said) else ""
