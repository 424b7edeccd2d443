"""`mcp-assay run`: judge a target."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.endings import IncompleteError, WrongTargetError
from harness.cli.outputs import Outputs, output_options
from harness.cli.runtimes import Runtime, runtime_options
from harness.request import TARGET_FILE, Request
from harness.requirement import REVISIONS, Role

if TYPE_CHECKING:
    from harness.catalogue import Catalogue
    from harness.cli.bringing import Brought
    from harness.events import Event, Settings
    from harness.planning import Plan
    from harness.scenario import Scenario

PATH = click.Path(dir_okay=True, path_type=Path)
PORT = click.IntRange(1, 65_535)
ROLES = (Role.AUTHORIZATION_SERVER.value, Role.MCP_SERVER.value)
MAX_WAIT = "Seconds that a scenario may wait for a code or token to end, where no clock can be moved."
EXAMPLES = "So many times the usual number of generated examples; a whole sequence of requests is one example."


class Seconds(click.FloatRange):
    """A number of seconds within bounds; nan, which is within none and beyond none, is no number."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value!r} is not a valid float.", param, ctx)
        return number


def _settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--max-wait", type=Seconds(0, 86_400), default=0, show_default=True, help=MAX_WAIT),
        click.option("--examples", type=click.IntRange(1, 1000), default=1, help=EXAMPLES),
        click.option("--seed", type=click.IntRange(0), default=0, help="Another order and other examples than usual."),
        click.option("--jobs", type=click.IntRange(1, 64), default=8, show_default=True, help="Scenarios at a time."),
        click.option("--allow-blocked", is_flag=True, help="What could not be judged does not turn the run red."),
        click.option("--strict", is_flag=True, help="Warnings turn the run red."),
        click.option("--role", type=click.Choice(ROLES), help="Judge this role only."),
        click.argument("selectors", nargs=-1, metavar="[SELECTOR…]"),
    ):
        command = option(command)
    return command


@click.command("run")
@click.option("--target", "file", type=PATH, help="The target file; mcp-assay.toml where there is one.")
@click.option("--mcp-server", metavar="URL", help="An MCP server; its authorization server is discovered.")
@click.option("--authorization-server", metavar="URL", help="An authorization server's issuer.")
@click.option("--spec", type=click.Choice(REVISIONS), help=f"The MCP revision; {REVISIONS[0]} where nothing is said.")
@click.option("--target-image", "image", metavar="IMAGE", help="An image of the target, with --runtime docker.")
@click.option("--target-port", "port", type=PORT, metavar="P", help="Where the target listens in its container.")
@runtime_options
@_settings_options
@click.option("--timeout", type=Seconds(0.1, 300), default=10, show_default=True, help="Seconds an exchange.")
@output_options
@click.option("--show-secrets", is_flag=True, help="Leave tokens and secrets in; for targets on loopback only.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    file: Path | None,
    mcp_server: str | None,
    authorization_server: str | None,
    spec: str | None,
    timeout: float,
    image: str | None,
    port: int | None,
    show_secrets: bool,
    **others: Any,
) -> None:
    """Judge a target, or the sandbox when none is named.

    A SELECTOR is a scenario id or its beginning (as/pkce), or a section (rfc7636/4.6).
    """
    from harness.events import Settings

    outputs, runtime = Outputs.taken_from(others), Runtime.taken_from(others)
    request = Request(file, mcp_server, authorization_server, spec, timeout, image, port)
    ctx.exit(_run(Options(request, Settings(**others), outputs, runtime, show_secrets)))


@dataclass(frozen=True)
class Options:
    """What was given on the command line."""

    named: Request
    settings: Settings
    outputs: Outputs
    runtime: Runtime
    show_secrets: bool

    @property
    def request(self) -> Request:
        """What is to be judged."""
        default = Path(TARGET_FILE)
        return replace(self.named, file=default) if self.named.sandbox and default.exists() else self.named

    @cached_property
    def catalogue(self) -> Catalogue:
        """All that could be asked, the user's own scenarios among it.

        Raises:
            WrongTargetError: the target file or the folder with them cannot be used.
        """
        from harness.catalogue import catalogue

        request = self.request
        if request.file is None:
            return catalogue()
        from harness.planning import target_file
        from harness.request import TargetFileError

        try:
            return catalogue(target_file(request).plan.folder(request.file))
        except TargetFileError as fault:
            raise WrongTargetError(str(fault)) from fault


def _run(options: Options) -> int:
    options.outputs.check(options.request, show_secrets=options.show_secrets)
    if options.request.file or options.settings.selectors:  # else there is time while the sandbox starts
        _check_words(options)
    with ExitStack() as stack:
        brought = _brought(options, stack)
        plan = _plan(options, brought, stack)
        selected = _select(options, plan)
        return _judge(options, plan, brought, selected)


def _check_words(options: Options) -> None:
    """Check the target file, the user's own scenarios and the selectors before anything is started."""
    from harness.selection import NoMatchError, check_selectors

    try:
        check_selectors(options.catalogue.scenarios, options.settings.selectors)
    except NoMatchError as fault:
        raise click.UsageError(str(fault)) from fault


def _brought(options: Options, stack: ExitStack) -> Brought:
    from harness.cli.bringing import bring
    from harness.request import TargetFileError
    from harness.sandbox.errors import SandboxError

    try:
        return bring(options.request, options.runtime, stack, lambda: options.catalogue)
    except (SandboxError, TargetFileError) as fault:
        raise WrongTargetError(str(fault)) from fault


def _plan(options: Options, brought: Brought, stack: ExitStack) -> Plan:
    from harness.planning import Unreachable, make_plan
    from harness.request import TargetFileError
    from harness.sandbox.errors import SandboxError

    try:
        plan = make_plan(options.request, stack, brought.sandbox)
    except Unreachable as fault:
        raise IncompleteError(f"the target cannot be judged: {fault}") from fault
    except (SandboxError, TargetFileError) as fault:
        raise WrongTargetError(str(fault)) from fault
    if options.show_secrets and plan.target.authorized:
        raise click.UsageError("--show-secrets is for targets on loopback only")
    return plan


def _select(options: Options, plan: Plan) -> tuple[Scenario, ...]:
    from harness.selection import select

    roles = [role for role in plan.roles if options.settings.role in (None, role.value)]
    if not roles:
        raise click.UsageError(f"--role {options.settings.role}: the target names no {options.settings.role}")
    selected = select(options.catalogue.scenarios, options.settings.selectors, roles=roles, spec=plan.target.spec)
    if not selected:
        raise click.UsageError(f"no scenario of {', '.join(roles)} in MCP {plan.target.spec} fits the selectors")
    return selected


def _judge(options: Options, plan: Plan, brought: Brought, selected: tuple[Scenario, ...]) -> int:
    from harness.engine import run
    from reports.document import Recorder
    from reports.terminal import TerminalReport

    terminal = TerminalReport()
    writers = [terminal.show, options.outputs.write]
    recorder = Recorder(writers, show_secrets=options.show_secrets, brief=not options.outputs.wanted)

    def sink(event: Event) -> None:
        terminal(event)
        recorder(event)

    settings = options.settings
    gc.freeze()  # what is loaded stays: Hypothesis collects garbage in each thread that it begins to work in
    known, incidents = options.catalogue.scenarios, partial(brought.incidents, plan.issuer)
    summary = run(plan.target, selected, sink, wire=plan.wire, settings=settings, known=known, incidents=incidents)
    code = summary.exit_code(settings) or (IncompleteError.exit_code if options.outputs.incomplete else 0)
    if code and options.outputs.first:
        brought.keep_logs(options.outputs.first, recorder.redactor)
    return code
