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
        }
        for requirement in known_with(file).requirements.values()
    ]


def _capabilities(_file: Path | None) -> list[Entry]:
    from harness.capability import CAPABILITIES

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


KINDS: dict[str, tuple[Callable[[Path | None], list[Entry]], tuple[str, ...]]] = {
    "scenarios": (_scenarios, ("id", "title")),
    "requirements": (_requirements, ("id", "level", "text")),
    "capabilities": (_capabilities, ("id", "summary")),
    "mutants": (_mutants, ("id", "summary")),
}


@click.command("list")
@click.argument("kind", type=click.Choice(tuple(KINDS)), metavar="|".join(KINDS))
@click.option("--json", "as_json", is_flag=True, help="Print JSON with all members.")
@target_option
def command(kind: str, *, as_json: bool, file: Path | None) -> None:
    """List scenarios, requirements, capabilities or mutants; `explain` says more of each."""
    load, columns = KINDS[kind]
    entries = load(file)
    if as_json:
        click.echo(json.dumps(entries, indent=1, ensure_ascii=False))
        return
    show_table(columns, [[entry[column] for column in columns] for entry in entries])
    click.echo(f"\n{len(entries)} {kind}", err=True)
