"""`[expected]` in a target file, edited so that all else in the file stays as it was written."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from harness.baseline import Accepted, Expected
from harness.target_tables import ExpectedTable

TABLE = "expected"
_DATE_AND_BRACE = re.compile(r"(?<=[0-9Z])[ \t]+(?=})")


class UneditableError(ValueError):
    """The table is written in a way that cannot be edited without changing something else."""


def with_baseline(text: str, wanted: Expected) -> str:
    """Return a target file's text with another baseline.

    Comments, order and formatting stay; what is new comes after the entries that are there, or in a table at the end.

    Args:
        text: a valid target file.
        wanted: the whole baseline.

    Raises:
        UneditableError: the result would not say exactly what is wanted.
    """
    before = tomllib.loads(text)
    try:
        after = _edited(text, before, wanted)
        right = _means(tomllib.loads(after), before, wanted)
    except (TOMLKitError, ValueError, LookupError, TypeError, AttributeError) as fault:  # on layouts it does not know
        raise UneditableError(str(fault)) from fault
    if not right:
        raise UneditableError("something else would have changed")
    return after


def _edited(text: str, before: Mapping[str, Any], wanted: Expected) -> str:
    present = _entries(before)
    if present == wanted:
        return text
    plain = _without_tables(text.replace("\r\n", "\n"), present.keys() - wanted.keys())
    left = tomllib.loads(plain)
    new = [entry for name, entry in wanted.items() if name not in present]
    if new and TABLE not in left:
        plain = plain.rstrip("\n") + f"\n\n[{TABLE}]\n"
    document: Any = tomlkit.parse(plain)
    _append(document.get(TABLE), new)
    for name, entry in _entries(left).items():  # looked up each time: a table in parts is a snapshot
        if name not in wanted:
            del document[TABLE][name]
        elif entry != wanted[name]:
            _set(document[TABLE][name], wanted[name])
    result = _with_spaces(tomlkit.dumps(document), [*plain.split("\n"), *map(_line, new)])
    return result.replace("\n", "\r\n") if "\r\n" in text else result


def _without_tables(text: str, names: Collection[str]) -> str:
    """Take out entries that are tables of their own. tomlkit would take the comment along that follows one."""
    kept = []
    inside = False
    for line in text.split("\n"):
        if line.startswith("["):
            inside = _entry_of_header(line) in names
        if not inside or line.startswith("#"):
            kept.append(line)
    return "\n".join(kept)


def _entry_of_header(line: str) -> str:
    try:
        table = tomllib.loads(line).get(TABLE)
    except tomllib.TOMLDecodeError:
        return ""
    return next(iter(table), "") if isinstance(table, Mapping) else ""


def _with_spaces(text: str, lines: Iterable[str]) -> str:
    """Put back the space between a date and a closing brace, which tomlkit drops from the lines that it is given."""
    given = {_DATE_AND_BRACE.sub("", line): line for line in lines}
    return "\n".join(given.get(line, line) for line in text.split("\n"))


def _means(after: Mapping[str, Any], before: Mapping[str, Any], wanted: Expected) -> bool:
    """Tell whether a file says what is wanted, and all else as before."""
    rest = [{key: value for key, value in data.items() if key != TABLE} for data in (after, before)]
    return rest[0] == rest[1] and _entries(after) == wanted


def _entries(data: Mapping[str, Any]) -> dict[str, Accepted]:
    return {name: ExpectedTable.model_validate(value).resolve(name) for name, value in data.get(TABLE, {}).items()}


def _set(table: Any, entry: Accepted) -> None:
    """Change what differs in an entry that is a table."""
    keys = _keys(entry)
    for key, value in keys.items():
        if table.get(key) != value:
            table[key] = value
    for key in [key for key in table if key not in keys]:
        del table[key]


def _append(table: Any, entries: list[Accepted]) -> None:
    """Add entries after the last one: what comes below it, such as a comment, may belong to the table that follows."""
    if not entries:
        return
    below: list[Any] = []
    body = table.value.body if isinstance(table, Table) and not table.is_super_table() else []
    while body and body[-1][0] is None:
        below.insert(0, body.pop())
    for entry in entries:
        table[entry.entry] = tomlkit.value(_value(entry))
    body.extend(below)


def _line(entry: Accepted) -> str:
    return f"{tomlkit.key(entry.entry).as_string()} = {_value(entry)}"


def _value(entry: Accepted) -> str:
    """Return an entry as TOML: the reason alone where there is no more to say, or else a table on one line."""
    keys: dict[str, str] = {key: tomlkit.item(value).as_string() for key, value in _keys(entry).items()}
    if [*keys] == ["reason"]:
        return keys["reason"]
    return f"{{ {', '.join(f'{key} = {value}' for key, value in keys.items())} }}"


def _keys(entry: Accepted) -> dict[str, Any]:
    keys = {
        "verdict": entry.verdict.value if entry.verdict else None,
        "reason": entry.reason,
        "expires": entry.expires,
        "link": entry.link or None,
    }
    return {key: value for key, value in keys.items() if value is not None}
