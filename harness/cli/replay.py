"""`mcp-assay replay`: a scenario of an evidence bundle once more, and what is different now."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.endings import IncompleteError, WrongTargetError
from harness.names import nearest

if TYPE_CHECKING:
    from harness.planning import Plan
    from harness.scenario import Scenario
    from harness.target_file import TargetFile
    from reports.bundle_reading import Bundle
    from reports.document import Document

PATH = click.Path(dir_okay=True, path_type=Path)
SAME, DIFFERS, OUR_FAULT = 0, 1, 4
TIMEOUT = 10.0


@click.command("replay")
@click.argument("file", type=PATH, metavar="FILE.zip")
@click.argument("scenario", metavar="SCENARIO")
@click.option("--target", "target", type=PATH, metavar="FILE", help="Judge by this target file, not by the bundle's.")
@click.option("--authorized", is_flag=True, help="The owner of the bundle's target lets you test it off loopback.")
@click.pass_context
def command(ctx: click.Context, file: Path, scenario: str, target: Path | None, authorized: bool) -> None:
    """Run a scenario of an evidence bundle again, and compare requests, answers and verdicts.

    Requests are made anew: the secrets that they need are not in the bundle, but in the environment, as before.
    Exits with 0 when the verdict is the same, with 1 when it is another, with 3 when the target cannot be judged now.
    """
    bundle = _read(file)
    then = _result(bundle, scenario)
    with ExitStack() as stack:
        asked = _asked(bundle, scenario, target, authorized=authorized)
        now = _judged(asked, bundle, stack)
    _show(then, now)
    ctx.exit(_exit_code(then["verdict"], now["verdict"]))


@dataclass(frozen=True)
class Asked:
    """What is run again: a scenario, and by which target file; None for the sandbox."""

    scenario: Scenario
    file: TargetFile | None


def _read(file: Path) -> Bundle:
    from reports.bundle_reading import BundleError, read_bundle

    try:
        bundle = read_bundle(file)
    except BundleError as fault:
        raise WrongTargetError(str(fault)) from fault
    if bundle.differences:
        reasons = "\n".join(f"  {difference}" for difference in bundle.differences)
        raise WrongTargetError(f"{file} does not verify, so that nothing of it is run:\n{reasons}")
    return bundle


def _result(bundle: Bundle, scenario: str) -> Document:
    results = {result["scenario"]: result for result in bundle.document["results"]} if bundle.document else {}
    if scenario not in results:
        raise click.UsageError(f"{bundle.path} has no result of a scenario {scenario!r}{nearest(scenario, results)}")
    found: Document = results[scenario]
    return found


def _asked(bundle: Bundle, scenario: str, target: Path | None, *, authorized: bool) -> Asked:
    from harness.bundled_target import NotAuthorizedError
    from harness.catalogue import catalogue
    from harness.request import TargetFileError

    try:
        file = _file(bundle, target, authorized=authorized)
        known = catalogue(file.plan.folder(target) if file else None).scenarios
    except TargetFileError as fault:
        raise WrongTargetError(str(fault)) from fault
    except NotAuthorizedError as fault:
        raise click.UsageError(str(fault)) from fault
    if scenario not in known:
        raise WrongTargetError(
            f"{scenario} is unknown here: it is of another version of mcp-assay, or one of the user's own scenarios,"
            " which are not in the bundle; --target takes the target file whose [plan] names their folder"
        )
    return Asked(known[scenario], file)


def _file(bundle: Bundle, target: Path | None, *, authorized: bool) -> TargetFile | None:
    from harness.bundled_target import bundled_target
    from harness.planning import target_file
    from harness.request import Request

    if target:
        return target_file(Request(target, spec=bundle.manifest["spec"]))
    if bundle.target is None:
        return None
    return bundled_target(bundle.target, f"{bundle.path}: target.toml", authorized=authorized)


def _judged(asked: Asked, bundle: Bundle, stack: ExitStack) -> Document:
    """Run the scenario as the bundle's run did, and return its result."""
    from harness.engine import run
    from harness.events import Settings
    from reports.document import Recorder

    plan = _plan(asked, bundle.manifest["spec"], stack)
    if asked.scenario.role not in plan.roles:
        raise WrongTargetError(f"{asked.scenario.id} judges the {asked.scenario.role}, and the target names none")
    documents: list[Document] = []
    told = bundle.manifest
    examples, max_wait, selectors = told.get("examples", 1), told.get("max_wait", 0), (asked.scenario.id,)
    settings = Settings(jobs=1, seed=told["seed"], examples=examples, max_wait=max_wait, selectors=selectors)
    run(plan.target, [asked.scenario], Recorder([documents.append]), wire=plan.wire, settings=settings)
    if not documents[0]["results"]:
        raise IncompleteError("the run was ended before there was a verdict")
    result: Document = documents[0]["results"][0]
    return result


def _plan(asked: Asked, spec: str, stack: ExitStack) -> Plan:
    from harness.planning import Unreachable, make_plan, plan_of
    from harness.request import Request, TargetFileError
    from harness.requirement import REVISIONS
    from harness.sandbox.errors import SandboxError

    if spec not in REVISIONS:
        raise WrongTargetError(f"the bundle's run was judged by MCP {spec}; known here are {', '.join(REVISIONS)}")
    try:
        if asked.file is None:
            return make_plan(Request(spec=spec, timeout=TIMEOUT), stack)
        return plan_of(asked.file, TIMEOUT, stack)
    except (TargetFileError, SandboxError) as fault:
        raise WrongTargetError(str(fault)) from fault
    except Unreachable as fault:
        raise IncompleteError(f"the target cannot be judged: {fault}") from fault


def _show(then: Document, now: Document) -> None:
    from rich.console import Console

    from harness.replay import compare
    from reports.replay_text import show_comparison, show_verdicts

    console = Console(highlight=False, soft_wrap=True, emoji=False)
    show_comparison(console, compare(then["exchanges"], now["exchanges"]))
    show_verdicts(console, then, now)


def _exit_code(then: str, now: str) -> int:
    if then == now:
        return SAME
    return {"error": OUR_FAULT, "blocked": IncompleteError.exit_code}.get(now, DIFFERS)
