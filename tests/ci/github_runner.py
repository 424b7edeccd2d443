"""As much of GitHub's runner as a composite action needs: expressions, steps, what they write to files and to the log.

Source: "Metadata syntax reference" and "Workflow commands" in GitHub's documentation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.ci.programs import run

EXPRESSION = re.compile(r"\$\{\{ *(.*?) *\}\}")
COMMAND = re.compile(r"\s*::(?P<name>[\w-]+)[^:]*::(?P<value>.*)")
REFERENCE = re.compile(r"(inputs|steps)\.[\w.-]+")


@dataclass
class Finished:
    """What an action left behind.

    Attributes:
        code: the exit code of the first step that failed, or 0.
        outputs: the action's outputs.
        summary: the job's summary, as Markdown.
        log: all that the steps printed.
        called: the other actions that were called, by name and commit, with what they were handed.
        ran: the names of the steps that ran, in order.
    """

    code: int = 0
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    log: str = ""
    called: dict[str, dict[str, str]] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)

    @property
    def commands(self) -> list[str]:
        """The lines of the log that GitHub would take for commands, by name and value."""
        return list(_commands(self.log))


def run_action(folder: Path, workspace: Path, inputs: Mapping[str, str]) -> Finished:
    """Run the steps of a composite action; other actions are noted, not run."""
    action: dict[str, Any] = yaml.safe_load((folder / "action.yml").read_text())
    values = {f"inputs.{name}": about.get("default", "") for name, about in action["inputs"].items()}
    assert set(inputs) <= set(action["inputs"])
    values |= {f"inputs.{name}": value for name, value in inputs.items()}
    finished = Finished()
    for step in action["runs"]["steps"]:
        if _due(step.get("if", ""), values, failed=finished.code != 0):
            finished.ran.append(step["name"])
            _take(step, folder, workspace, values, finished)
    finished.outputs = {name: _filled(about["value"], values) for name, about in action["outputs"].items()}
    return finished


def _take(step: dict[str, Any], folder: Path, workspace: Path, values: dict[str, str], finished: Finished) -> None:
    if "uses" in step:
        finished.called[step["uses"]] = {name: _filled(value, values) for name, value in step["with"].items()}
        return
    assert step["shell"] == "sh"
    script, output, summary = (workspace.parent / f"{name}-{step['name']}" for name in ("run", "output", "summary"))
    script.write_text(_filled(step["run"], values))
    output.write_text("")
    summary.write_text("")
    own = {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary), "GITHUB_ACTION_PATH": str(folder)}
    variables = {name: _filled(value, values) for name, value in step.get("env", {}).items()}
    ended = run("sh", "-e", script, folder=workspace, variables=own | variables)
    finished.log += ended.log
    finished.summary += summary.read_text()
    finished.code = finished.code or ended.code
    for line in output.read_text().splitlines():
        name, _, value = line.partition("=")
        values[f"steps.{step['id']}.outputs.{name}"] = value


def _due(condition: str, values: Mapping[str, str], *, failed: bool) -> bool:
    """Evaluate `a == 'b' && c != '' && !cancelled()`; where no status is asked for, `success()` is meant."""
    terms = EXPRESSION.sub(r"\1", condition).split(" && ") if condition else []
    regardless = "!cancelled()" in terms
    return (regardless or not failed) and all(_holds(term, values) for term in terms if term != "!cancelled()")


def _holds(term: str, values: Mapping[str, str]) -> bool:
    left, operator, right = term.split(" ")
    return (_value(left, values) == right.strip("'")) is {"==": True, "!=": False}[operator]


def _filled(template: str, values: Mapping[str, str]) -> str:
    return EXPRESSION.sub(lambda found: _value(found[1], values), template)


def _value(reference: str, values: Mapping[str, str]) -> str:
    """Return an input, which must be declared, or an output, which is empty where the step did not set it."""
    assert REFERENCE.fullmatch(reference), reference
    return values.get(reference, "") if reference.startswith("steps.") else values[reference]


def _commands(log: str) -> Iterator[str]:
    stopped_by = ""
    for line in log.splitlines():
        found = COMMAND.fullmatch(line)
        if stopped_by:
            stopped_by = "" if line.strip() == f"::{stopped_by}::" else stopped_by
        elif found and found["name"] == "stop-commands":
            stopped_by = found["value"]
        elif found:
            yield f"{found['name']}: {found['value']}"
