"""`mcp-assay list`: what there is, as a table or as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from harness.cli.own import known_with, target_option
from harness.cli.tables import show_table

Entry = dict[str, Any]


def _scenarios(file: Path | None) -> list[Entry]:
    return [
        {
            "id": scenario.id,
            "role": scenario.role.value,
            "area": scenario.area,
            "title": scenario.title,
            "requirements": [requirement.id for requirement in scenario.requirements],
            "needs": sorted(capability.name for capability in scenario.needs),
        }
        for scenario in known_with(file).scenarios.values()
    ]


def _requirements(file: Path | None) -> list[Entry]:
    known = known_with(file)
    judging = {
        requirement.id: [scenario.id for scenario in known.scenarios.values() if requirement in scenario.requirements]
        for requirement in known.requirements.values()
    }
    return [
        {
            "id": requirement.id,
            "level": requirement.level.value,
            "role": requirement.role.value,
            "section": requirement.section,
            "text": requirement.text,
            "url": requirement.url,
            "revisions": list(requirement.revisions),
            "unobservable": requirement.unobservable,
            "scenarios": judging[requirement.id],
        }
        for requirement in known.requirements.values()
    ]


def _capabilities(_file: Path | None) -> list[Entry]:
    from harness.capabilities import CAPABILITIES

    return [
        {
            "id": capability.name,
            "summary": capability.summary,
            "unlock": capability.unlock,
            "requires": [required.name for required in capability.requires],
        }
        for capability in CAPABILITIES.values()
    ]


def _mutants(_file: Path | None) -> list[Entry]:
    from fixtures.mutants import all_mutants

    return [
        {"id": item.id, "service": item.service, "summary": item.summary, "fails": sorted(item.fails)}
        for item in all_mutants()
    ]


def _show_coverage(entries: list[Entry]) -> None:
    """Print a line for each scenario of a requirement, or for the reason why there is none."""
    rows = [
        (entry["id"], entry["level"], entry["role"], judged)
        for entry in entries
        for judged in entry["scenarios"] or [f"not observable: {entry['unobservable']}"]
    ]
    show_table(("requirement", "level", "role", "judged by"), rows)
    judged = sum(1 for entry in entries if entry["scenarios"])
    click.echo(f"\n{len(entries)} requirements: {judged} judged, {len(entries) - judged} not observable", err=True)


KINDS: dict[str, tuple[Callable[[Path | None], list[Entry]], tuple[str, ...]]] = {
    "scenarios": (_scenarios, ("id", "title")),
    "requirements": (_requirements, ("id", "level", "text")),
    "capabilities": (_capabilities, ("id", "summary")),
    "mutants": (_mutants, ("id", "summary")),
}


@click.command("list")
@click.argument("kind", type=click.Choice(tuple(KINDS)), metavar="|".join(KINDS))
@click.option("--json", "as_json", is_flag=True, help="Print JSON with all members.")
@click.option("--coverage", is_flag=True, help="Show which scenarios judge each requirement, or why none can.")
@target_option
def command(kind: str, *, as_json: bool, coverage: bool, file: Path | None) -> None:
    """List scenarios, requirements, capabilities or mutants; `explain` says more of each."""
    if coverage and kind != "requirements":
        raise click.UsageError(f"--coverage is for requirements; {kind} are not covered by anything.")
    load, columns = KINDS[kind]
    entries = load(file)
    if as_json:
        click.echo(json.dumps(entries, indent=1, ensure_ascii=False))
        return
    if coverage:
        _show_coverage(entries)
        return
    show_table(columns, [[entry[column] for column in columns] for entry in entries])
    click.echo(f"\n{len(entries)} {kind}", err=True)
