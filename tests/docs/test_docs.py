"""The documentation: complete, up to date, without a dead link, and with nothing of the machine that it was made on."""

from __future__ import annotations

import re
import shlex
import subprocess
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from docs import reference, sent
from harness.capabilities import CAPABILITIES
from harness.cli import COMMANDS, cli
from harness.requirement import load_requirements
from harness.scenario import load_scenarios
from harness.target_file import TargetFile

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"`((?:harness|reports|scenarios|fixtures|mock_idp)[./][\w./-]+)`")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
LOCAL = re.compile(
    r"p[y]pi\.|p[y]thonhosted|n[p]mjs|(?:index|registry)[-_]u[r]l|/r[o]ot/|/w[o]rk/|/h[o]me/\w|/t[m]p/w\b"
)
VARIABLES = re.compile(r'_env = "(\w+)"|(?:fill|environment)_env = \{ \w+ = "(\w+)"')


def tracked(*patterns: str) -> list[Path]:
    """Return the files of the repository, those that are not yet added among them."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns]
    output = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in output.split("\0") if name and (path := ROOT / name).is_file()]


PAGES = tracked("*.md")


def page(name: str) -> str:
    return (reference.FOLDER / f"{name}.md").read_text()


def blocks(path: Path, *kinds: str) -> list[str]:
    return [body for kind, body in FENCE.findall(path.read_text()) if kind in kinds]


def examples(path: Path) -> list[str]:
    """Return what a page shows of scenarios, requirements and mutants."""
    return blocks(path, "python") + [text for text in blocks(path, "toml") if "[[requirement]]" in text]


def commands() -> Iterator[tuple[Path, str]]:
    """Yield each command line of ours that a page shows."""
    for path in PAGES:
        for block in blocks(path, "sh"):
            for line in block.replace("\\\n", "").splitlines():
                if line.removeprefix(".venv/bin/").startswith("mcp-assay "):
                    yield path, line.removeprefix(".venv/bin/").partition("#")[0].rstrip(" &")


def test_the_reference_pages_are_up_to_date() -> None:
    assert reference.stale() == []


def test_a_stale_page_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(reference, "FOLDER", tmp_path)
    monkeypatch.setattr(sent, "write", lambda: None)  # what is sent stays as it was recorded
    reference.write()
    assert reference.main([]) == 0
    (tmp_path / "verdicts.md").write_text("old")
    (tmp_path / "of-old.md").write_text("left over")
    assert reference.main([]) == 1
    named = [line.partition(":")[0] for line in capsys.readouterr().err.splitlines()]
    assert named == [str(tmp_path / "of-old.md"), str(tmp_path / "verdicts.md")]
    assert reference.main(["--write"]) == 0
    assert reference.stale() == []


def test_every_scenario_is_documented() -> None:
    for identifier in load_scenarios():
        assert identifier in HEADING.findall((reference.FOLDER / reference.page_of(identifier)).read_text())


def test_it_is_known_what_every_scenario_sends() -> None:
    assert list(sent.recorded()) == list(load_scenarios())


def test_what_is_sent_is_as_it_was_recorded() -> None:
    now = sent.record(["as/pkce", "mcp/challenge"])
    assert now == {name: lines for name, lines in sent.recorded().items() if name in now}
    assert len(now) > 10


def test_every_requirement_is_documented() -> None:
    text = page("requirements")
    assert [identifier for identifier in load_requirements() if f"[{identifier}](" not in text] == []


def test_every_capability_is_documented() -> None:
    text = page("capabilities")
    assert [name for name in CAPABILITIES if f"| `{name}` |" not in text] == []


def test_every_command_is_documented() -> None:
    headings = HEADING.findall(page("commands"))
    assert [name for name in COMMANDS if f"`mcp-assay {name}`" not in headings] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(path: Path) -> None:
    dead = [link for link in _links(path) if not _leads_somewhere(path, link)]
    assert dead == []


def _links(path: Path) -> Iterator[str]:
    for link, image in LINK.findall(FENCE.sub("", path.read_text())):
        if not re.match(r"[a-z]+:", link or image):
            yield link or image


def _leads_somewhere(path: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    goal = (path.parent / name).resolve() if name else path
    if not goal.is_relative_to(ROOT) or not goal.exists():
        return False
    return not anchor or anchor in {reference.anchor(heading) for heading in HEADING.findall(goal.read_text())}


def test_the_modules_and_files_of_ours_that_pages_name_exist() -> None:
    named = {(path, name) for path in PAGES for name in NAMED.findall(path.read_text())}
    assert {"harness.engine", "harness/own_scenarios.py"} < {name for _, name in named}
    gone = [(path, name) for path, name in named if not any((ROOT / spelt).exists() for spelt in _spellings(name))]
    assert gone == []


def _spellings(name: str) -> tuple[str, ...]:
    module = name.replace(".", "/")
    return (name,) if "/" in name else (f"{module}.py", module)


@pytest.mark.parametrize(("path", "line"), list(commands()), ids=lambda value: str(value).replace(f"{ROOT}/", ""))
def test_the_commands_that_pages_show_exist(path: Path, line: str) -> None:
    _parse(cli, shlex.split(line)[1:], None, "mcp-assay")


def _parse(command: click.Command, arguments: list[str], parent: click.Context | None, name: str) -> None:
    if not isinstance(command, click.Group) or arguments == ["--version"]:
        command.make_context(name, arguments, parent=parent, resilient_parsing=arguments == ["--version"])
        return
    below = command.get_command(click.Context(command), arguments[0])
    assert below, arguments[0]
    _parse(below, arguments[1:], click.Context(command, info_name=name, parent=parent), arguments[0])


def test_the_target_files_that_pages_show_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = [text for path in PAGES for text in blocks(path, "toml") if "[target]" in text]
    assert shown
    for text in shown:
        for name in (name for pair in VARIABLES.findall(text) for name in pair if name):
            monkeypatch.setenv(name, "set")
        file = TargetFile.model_validate(tomllib.loads(text))
        assert set(file.expected) <= set(load_scenarios())


@pytest.mark.parametrize(
    "example", [text for path in PAGES for text in examples(path)], ids=lambda text: text.split("\n")[0]
)
def test_the_examples_are_in_the_code(example: str) -> None:
    sources = [path.read_text() for path in tracked("scenarios/**", "fixtures/mutants/**", "docs/examples/**")]
    spellings = (example.rstrip(), textwrap.indent(example.rstrip(), "    "))
    assert any(spelling in source for source in sources for spelling in spellings)


def test_no_file_names_a_package_registry_or_a_place_on_one_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in tracked()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        if LOCAL.search(line)
    ]
    assert found == []
