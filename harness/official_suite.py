"""The official conformance suite of MCP: which of its statements are judged here too, and what its baseline means here.

The data is in official_suite.toml. In the suite's list of expected failures, what `--checks-json` writes can be listed
by our own names as well, such as `as/pkce` or `as/pkce:as/pkce/a-wrong-verifier-is-refused`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.expected_failures import SECTIONS, Entry, read_entries

DATA = Path(__file__).with_suffix(".toml")

_TESTS_CLIENTS = "It judges a client; the scenarios here judge servers."
_NO_COUNTERPART = "No scenario here means the same."
_NOT_OURS = "No scenario here is called so, or begins so."
_NO_SECTION = f"It is a section that is not read; those that are: {', '.join(SECTIONS)}."


@dataclass(frozen=True)
class Counterpart:
    """A statement that an official check and a scenario of ours both judge.

    Attributes:
        scenario: the official scenario.
        check: the official check in it.
        says: the statement, in our words.
        ours: the id of our scenario.
        note: how ours differs in reach; empty where it does not.
    """

    scenario: str
    check: str
    says: str
    ours: str
    note: str = ""


@dataclass(frozen=True)
class Near:
    """What looks alike and is not the same: official scenarios, or one check of them, why, and what is nearest here."""

    scenarios: tuple[str, ...]
    reason: str
    check: str = ""
    ours: tuple[str, ...] = ()


@dataclass(frozen=True)
class OfficialSuite:
    """The comparison with one release of the official suite."""

    package: str
    version: str
    counterparts: tuple[Counterpart, ...]
    near: tuple[Near, ...]

    def of(self, scenario: str) -> tuple[Counterpart, ...]:
        """Return the official statements that one of our scenarios judges."""
        return tuple(item for item in self.counterparts if item.ours == scenario)


@dataclass(frozen=True)
class Imported:
    """An entry for our baseline.

    Attributes:
        scenario: the id of a scenario here, or a beginning of ids.
        official: the entries that it came from, as the file has them.
        certain: whether one of them names it by our own name. An official check holds several statements, and the file
            says no more than that one of them does not hold: the scenario could well pass.
    """

    scenario: str
    official: tuple[str, ...]
    certain: bool


@dataclass(frozen=True)
class Unmapped:
    """An entry that has no counterpart here, why, and the scenarios that are nearest."""

    entry: str
    section: str
    reason: str
    near: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImportedBaseline:
    """What a list of expected failures means here, in the order of the file; each scenario of ours is there once."""

    entries: tuple[Imported, ...]
    unmapped: tuple[Unmapped, ...]


@cache
def official_suite() -> OfficialSuite:
    """Return what is known of the official suite."""
    data = tomllib.loads(DATA.read_text(encoding="utf-8"))
    near = (
        Near(tuple(row["scenarios"]), row["reason"], row.get("check", ""), tuple(row.get("ours", ())))
        for row in data["near"]
    )
    counterparts = tuple(Counterpart(**row) for row in data["counterpart"])
    return OfficialSuite(data["package"], data["version"], counterparts, tuple(near))


def read_expected_failures(path: Path, ours: Collection[str]) -> ImportedBaseline:
    """Read the official suite's list of expected failures.

    Args:
        path: the YAML file.
        ours: the ids of all scenarios here, with the user's own.

    Raises:
        ExpectedFailuresError: it cannot be read, is no YAML, or is no list that the suite would take.
    """
    found: dict[str, list[str]] = {}
    certain: set[str] = set()
    unmapped = []
    for entry in read_entries(path):
        own = _own(entry, ours)
        certain.update(own)
        meant = own or _same(entry, ours)
        for scenario in meant:
            names = found.setdefault(scenario, [])
            names.extend([entry.text] if entry.text not in names else [])
        if not meant:
            unmapped.append(_without_counterpart(entry, ours))
    entries = (Imported(scenario, tuple(names), scenario in certain) for scenario, names in found.items())
    return ImportedBaseline(tuple(entries), tuple(dict.fromkeys(unmapped)))


def _own(entry: Entry, ours: Collection[str]) -> list[str]:
    """Return what an entry names by our own names, as `--checks-json` gives them: an area, or a scenario of it."""
    if entry.check:
        return [entry.check] if entry.check in ours and entry.check.startswith(f"{entry.scenario}/") else []
    begins = any(f"{scenario}/".startswith(f"{entry.scenario}/") for scenario in ours)
    return [entry.scenario] if begins else []


def _same(entry: Entry, ours: Collection[str]) -> list[str]:
    """Return our scenarios that judge what an official scenario or check holds."""
    return [
        item.ours
        for item in official_suite().counterparts
        if item.scenario == entry.scenario and entry.check in ("", item.check) and item.ours in ours
    ]


def _without_counterpart(entry: Entry, ours: Collection[str]) -> Unmapped:
    near = next((item for item in official_suite().near if _is_near(item, entry)), None)
    if near:
        return Unmapped(entry.text, entry.section, near.reason, near.ours)
    if entry.section not in SECTIONS:
        return Unmapped(entry.text, "", _NO_SECTION)
    if entry.scenario.split("/")[0] in {scenario.split("/")[0] for scenario in ours}:
        return Unmapped(entry.text, entry.section, _NOT_OURS)
    return Unmapped(entry.text, entry.section, _TESTS_CLIENTS if entry.section == "client" else _NO_COUNTERPART)


def _is_near(item: Near, entry: Entry) -> bool:
    return entry.scenario in item.scenarios and (not item.check or item.check == entry.check)
