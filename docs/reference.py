"""The pages of docs/reference: made from the code and its data, so that nothing is missing and nothing is told twice.

`python -m docs.reference` names the pages that are not up to date and fails; with `--write` it writes them.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import click
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from docs import sent
from docs.sent import recorded
from docs.target_file import target_file_tables
from fixtures.mutants import all_mutants
from harness.baseline import OUT_OF_DATE
from harness.capabilities import CAPABILITIES
from harness.cli import cli
from harness.requirement import load_requirements
from harness.scenario import Scenario, load_scenarios
from harness.support import Capability
from harness.verdict import MEANING
from reports.document import schema
from reports.formats import FORMATS

HERE = Path(__file__).parent
FOLDER = HERE / "reference"
NAMES = ("baseline", "capabilities", "commands", "formats", "requirements", "scenarios", "target-file", "verdicts")


def main(arguments: list[str] | None = None) -> int:
    """Check or write the pages; return 1 when one is not up to date."""
    parser = argparse.ArgumentParser(prog="python -m docs.reference", description="Make the pages of docs/reference.")
    parser.add_argument("--write", action="store_true", help="write the pages instead of checking them")
    if parser.parse_args(arguments).write:
        sent.write()
        write()
        return 0
    for path in stale():
        print(f"{path}: is not up to date; run `nox -s docs -- --write`", file=sys.stderr)  # noqa: T201
    return 1 if stale() else 0


def write() -> None:
    """Write all pages, and remove what is no page any more."""
    FOLDER.mkdir(exist_ok=True)
    wanted = pages()
    for path in FOLDER.rglob("*.md"):
        if path not in wanted:
            path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def stale() -> list[Path]:
    """Return the pages that are missing, differ from what they should be, or should not be there."""
    wanted = pages()
    found = {path: path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.md")}
    return sorted(path for path in {*wanted, *found} if wanted.get(path) != found.get(path))


def pages() -> dict[Path, str]:
    """Return the text of every page by its path."""
    environment = _environment()
    data: dict[str, Any] = {
        "areas": _areas(),
        "capabilities": list(CAPABILITIES.values()),
        "commands": list(_commands(cli, click.Context(cli, info_name="mcp-assay"))),
        "documents": _documents(),
        "formats": FORMATS,
        "members": _members(schema()),
        "out_of_date": list(OUT_OF_DATE.values()),
        "result_members": _members(schema()["$defs"]["result"]),
        "scenarios": list(_scenarios().values()),
        "tables": target_file_tables(),
        "verdicts": MEANING,
    }
    area = environment.get_template("area.md.jinja")
    whole = {FOLDER / f"{name}.md": environment.get_template(f"{name}.md.jinja").render(data) for name in NAMES}
    return {**whole, **{FOLDER / page_of(item["id"]): area.render(area=item) for item in data["areas"]}}


def page_of(identifier: str) -> str:
    """Return the page of an area, or of a scenario's area, from docs/reference."""
    return f"scenarios/{'-'.join(identifier.split('/')[:2])}.md"


def _environment() -> Environment:
    environment = Environment(  # noqa: S701 - the pages are Markdown, whose escape is the filter `plain`
        loader=FileSystemLoader(HERE / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(plain=_plain, link=_link, anchor=anchor, page=page_of)
    environment.globals["about_module"] = _about_module
    environment.globals["mutants_of"] = _mutants_of
    environment.globals["sent_by"] = _sent_by
    environment.globals["scenarios_of"] = _scenarios_of
    environment.globals["scenarios_with"] = _scenarios_with
    return environment


def _plain(text: str) -> str:
    """Return a text that Markdown shows as it is, in a table too."""
    return re.sub(r"([<|*\[\]])", r"\\\1", " ".join(text.split()))


def _link(url: str, up: str = "../") -> str:
    """Return a link as it works from docs/reference, or from a folder that lies `up` from docs."""
    return f"{up}{url.removeprefix('docs/')}" if url.startswith("docs/") else url


def anchor(heading: str) -> str:
    """Return what a heading is linked by: its letters, digits, hyphens and underscores, in lower case."""
    return re.sub(r"[^\w\- ]", "", heading).replace(" ", "-").lower()


@cache
def _scenarios() -> dict[str, Scenario]:
    return load_scenarios()


def _areas() -> list[dict[str, Any]]:
    """Return the areas of scenarios, each with the first line of its module."""
    found = []
    for prefix, group in groupby(_scenarios().values(), key=lambda scenario: scenario.id.split("/")[:2]):
        scenarios = list(group)
        first = scenarios[0]
        module = importlib.import_module(f"scenarios.{first.role}.{first.area}".replace("-", "_"))
        about = (module.__doc__ or "").splitlines()[0]
        found.append({"id": "/".join(prefix), "role": first.role, "about": about, "scenarios": scenarios})
    return found


def _documents() -> list[dict[str, Any]]:
    """Return the source documents, each with its requirements."""
    grouped = groupby(load_requirements().values(), key=lambda requirement: requirement.document)
    return [{"document": document, "requirements": list(group)} for document, group in grouped]


def _scenarios_of(requirement_id: str) -> list[Scenario]:
    return [
        scenario
        for scenario in _scenarios().values()
        if requirement_id in {requirement.id for requirement in scenario.requirements}
    ]


def _scenarios_with(capability: Capability) -> int:
    return sum(capability in scenario.needs for scenario in _scenarios().values())


def _about_module(name: str) -> Iterable[str]:
    """Return the paragraphs in which a module and what it renders with are described."""
    module = importlib.import_module(name)
    texts = [module.__doc__, getattr(getattr(module, "render", None), "__doc__", "")]
    return [paragraph for text in texts for paragraph in _paragraphs(inspect.cleandoc(text or "")) if paragraph]


def _members(schema: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name, value["description"]) for name, value in schema["properties"].items()]


def _mutants_of(scenario: Scenario) -> list[str]:
    return [mutant.id for mutant in all_mutants() if scenario.id in mutant.fails]


def _sent_by(scenario: Scenario) -> list[str]:
    return recorded().get(scenario.id, [])


def _commands(command: click.Command, context: click.Context) -> Iterator[dict[str, Any]]:
    """Yield a command and, of a group, all commands below it."""
    options = [option for option in command.params if isinstance(option, click.Option)]
    yield {
        "path": context.command_path,
        "usage": command.get_usage(context).removeprefix("Usage: "),
        "help": _paragraphs(command.help or ""),
        "options": [option.get_help_record(context) for option in options],
    }
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below
            yield from _commands(below, click.Context(below, info_name=name, parent=context))


def _paragraphs(text: str) -> Iterable[str]:
    """Return the paragraphs of a text; each item of a list is one, too."""
    return [" ".join(part.split()) for part in re.split(r"\n\n|\n(?=- )", text)]


if __name__ == "__main__":
    sys.exit(main())
