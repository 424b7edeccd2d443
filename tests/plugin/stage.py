"""A folder of somebody who uses pytest: a target file, scenarios of their own with every verdict, a test of theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

import harness.own_scenarios  # loaded here, as a run in this process forgets what it loads itself
import harness.pytest_plugin  # noqa: F401
from harness.scenario import load_scenarios

SCENARIOS = load_scenarios()
FILE = "mcp-assay.toml"
CHOSEN = ("--assay-target", FILE)
OWN = ("-k", "as/own")
NAMES = ("crashes", "does-not-apply", "fails", "holds", "is-blocked", "warns")
"""What there is in `as/own`."""
BOUND_SECONDS = 30

MUST, SHOULD = "oauth21-4.1.3-6", "oauth21-3.2.4-1"
SECRET = "tkn-5dJ2vQ8sXw0LrB7n"
"""What the target's token endpoint answers with."""
VERDICTS = f'''
from harness import Context, expect, scenario
from harness.verdict import Blocked, NotApplicable

@scenario("{MUST}")
def holds(ctx: Context) -> None:
    "It holds."

@scenario("{MUST}")
def fails(ctx: Context) -> None:
    """It fails.

    Remedy: mend it.
    """
    answer = ctx.http.send("GET", ctx.target.home.authorization_server + "/token")
    expect(False, "a better answer", "a worse \\x1b[31mone\\nwith two lines", answer)

@scenario("{SHOULD}")
def warns(ctx: Context) -> None:
    "It warns."
    expect(False, "a custom kept", "a custom broken")

@scenario("{MUST}")
def is_blocked(ctx: Context) -> None:
    "It is blocked."
    raise Blocked("there is no key", "add a key")

@scenario("{MUST}")
def does_not_apply(ctx: Context) -> None:
    "It does not apply."
    raise NotApplicable("there are no tenants")

@scenario("{MUST}")
def crashes(ctx: Context) -> None:
    "It crashes."
    {{}}["nothing"]
'''
TELLING = f'''
import logging
from harness import Context, expect, scenario

@scenario("{MUST}")
def tells_everything(ctx: Context) -> None:
    "It tells what it should not."
    answer = ctx.http.send("GET", ctx.target.home.authorization_server + "/token")
    token = answer.json["access_token"]
    print("printed", token)
    logging.getLogger("mine").warning("logged %s", token)
    expect(False, "no token", token, answer)

@scenario("{MUST}")
def crashes_with_it(ctx: Context) -> None:
    "It crashes with it."
    answer = ctx.http.send("GET", ctx.target.home.authorization_server + "/token")
    token = answer.json["access_token"]
    raise KeyError(token)
'''


def target_file(folder: Path, url: str, rest: str = "", *, scenarios: str = VERDICTS) -> Path:
    """Write a target file for an authorization server, with one file of scenarios, `as/own/…`."""
    own = folder / "my_scenarios"
    own.mkdir(exist_ok=True)
    (own / "own.py").write_text(scenarios)
    target = f'[target]\nname = "the target"\nauthorization_server = "{url}"\n'
    path = folder / "mcp-assay.toml"
    path.write_text(f'{target}[plan]\nscenarios = "my_scenarios"\n{rest}')
    return path


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run pytest with the target file in this process."""
    return pytester.runpytest_inprocess(*CHOSEN, *arguments)


def ids(result: pytest.RunResult) -> list[str]:
    """Return the items that `--collect-only -q` lists."""
    return [line for line in result.outlines if "::" in line and " " not in line]


def own(*names: str) -> list[str]:
    """Return the node ids of scenarios in `as/own`."""
    return [f"{FILE}::as/own/{name}" for name in names]
