"""`mcp-assay explain`: why something matters, what is sent, the sentence it comes from, and the remedy."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from functools import singledispatch
from pathlib import Path

import click

from harness.capabilities import CAPABILITIES
from harness.catalogue import Catalogue
from harness.cli.endings import WrongTargetError
from harness.cli.own import known_with, target_option
from harness.names import nearest
from harness.requirement import Requirement
from harness.scenario import Fault, Scenario
from harness.support import Capability
from harness.verdict import MEANING, Verdict

Explained = Scenario | Requirement | Capability | Verdict


@click.command("explain")
@click.argument("identifier", metavar="ID")
@target_option
def command(identifier: str, file: Path | None) -> None:
    """Explain a scenario, requirement, capability or verdict.

    Of a scenario: why it matters, what is sent, the sentence that demands it, the remedy, and the mutants that prove
    that it can fail.
    """
    there = known_with(file)
    known = _explained(there)
    if identifier not in known:
        offer = nearest(identifier, known)
        raise WrongTargetError(f"no scenario, requirement, capability or verdict is called {identifier!r}{offer}")
    click.echo(f"{identifier}\n")
    for line in _lines(known[identifier], there):
        click.echo(line)


def _explained(there: Catalogue) -> Mapping[str, Explained]:
    verdicts = {verdict.value: verdict for verdict in Verdict}
    return {**verdicts, **CAPABILITIES, **there.requirements, **there.scenarios}


@singledispatch
def _lines(item: Explained, _there: Catalogue) -> Iterator[str]:
    raise TypeError(f"nothing explains a {type(item).__name__}")


@_lines.register
def _verdict(verdict: Verdict, _there: Catalogue) -> Iterator[str]:
    yield from _part("means", MEANING[verdict])


@_lines.register
def _capability(capability: Capability, there: Catalogue) -> Iterator[str]:
    yield from _part("means", capability.summary)
    yield from _part("unlock", capability.unlock)
    yield from _part("requires", ", ".join(required.name for required in capability.requires))
    yield from _scenarios(item for item in there.scenarios.values() if capability in item.needs)


@_lines.register
def _requirement(requirement: Requirement, there: Catalogue) -> Iterator[str]:
    yield from _part("demands", f"{requirement.level} {requirement.text}")
    yield from _part("of", requirement.role)
    yield from _part("in", f"{requirement.document.title}, section {requirement.section}")
    yield from _part("", requirement.url)
    yield from _part("MCP", ", ".join(requirement.revisions))
    yield from _part("unseen", requirement.unobservable or "")
    yield from _scenarios(item for item in there.scenarios.values() if requirement in item.requirements)


@_lines.register
def _scenario(scenario: Scenario, _there: Catalogue) -> Iterator[str]:
    from fixtures.mutants import all_mutants

    yield from _part("checks", scenario.title)
    yield from _part("why", scenario.why)
    yield from _part("needs", ", ".join(sorted(capability.name for capability in scenario.needs)))
    for requirement in scenario.requirements:
        yield from _part("demanded", f"{requirement.level} ({requirement.id}) {requirement.text}")
        yield from _part("", requirement.url)
    yield from _part("remedy", scenario.remedy)
    for mutant in all_mutants():
        if scenario.id in mutant.fails:
            yield from _part("proven by", f"{mutant.id}: {mutant.summary}")
    yield from _part("one fault", _deviation(scenario.row) if scenario.row else "")
    yield from _part("sends", "what this check says:")
    yield "\n" + textwrap.indent(scenario.source.rstrip(), "    ")


def _scenarios(scenarios: Iterable[Scenario]) -> Iterator[str]:
    for scenario in scenarios:
        yield from _part("scenario", f"{scenario.id}: {scenario.title}")


def _deviation(row: Fault) -> str:
    header = {f"header {name}": value for name, value in row.header.items()}
    parts = [f"{name} = {_value(value)}" for name, value in {**header, **row.claims}.items()]
    return ", ".join([*parts, *([f"made by {_value(row.forge)}"] if row.forge else [])])


def _value(value: object) -> str:
    if callable(value):
        return str(getattr(value, "__name__", "") or getattr(getattr(value, "func", value), "__name__", "a function"))
    return "left out" if value is None else repr(value)


def _part(name: str, text: str) -> Iterator[str]:
    if text:
        yield f"{name:<9}  {text}"
