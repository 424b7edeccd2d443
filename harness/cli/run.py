"""`mcp-assay run`: judge a target."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.endings import IncompleteError, WrongTargetError
from harness.request import TARGET_FILE, Request
from harness.requirement import REVISIONS, Role

if TYPE_CHECKING:
    from harness.events import Event
    from harness.planning import Plan
    from harness.sandbox.embedded import EmbeddedSandbox
    from harness.scenario import Scenario

PATH = click.Path(dir_okay=True, path_type=Path)
ROLES = (Role.AUTHORIZATION_SERVER.value, Role.MCP_SERVER.value)


@click.command("run")
@click.argument("selectors", nargs=-1, metavar="[SELECTOR…]")
@click.option("--target", "file", type=PATH, help="The target file; mcp-assay.toml where there is one.")
@click.option("--mcp-server", metavar="URL", help="An MCP server; its authorization server is discovered.")
@click.option("--authorization-server", metavar="URL", help="An authorization server's issuer.")
@click.option("--role", type=click.Choice(ROLES), help="Judge this role only.")
@click.option("--spec", type=click.Choice(REVISIONS), help=f"The MCP revision; {REVISIONS[0]} where nothing is said.")
@click.option("--strict", is_flag=True, help="Warnings turn the run red.")
@click.option("--allow-blocked", is_flag=True, help="What could not be judged does not turn the run red.")
@click.option("--jobs", type=click.IntRange(1, 64), default=8, show_default=True, help="Scenarios at the same time.")
@click.option("--timeout", type=click.FloatRange(0.1, 300), default=10, show_default=True, help="Seconds an exchange.")
@click.option("--json", "json_file", type=PATH, metavar="FILE", help="Write the JSON report.")
@click.option("--junit", "junit_file", type=PATH, metavar="FILE", help="Write the JUnit XML report.")
@click.option("--show-secrets", is_flag=True, help="Leave tokens and secrets in; for targets on loopback only.")
@click.pass_context
def command(ctx: click.Context, /, **options: object) -> None:
    """Judge a target, or the sandbox when none is named.

    A SELECTOR is a scenario id or its beginning (as/pkce), or a section (rfc7636/4.6).
    """
    ctx.exit(_run(Options(**options)))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Options:
    """What was given on the command line."""

    selectors: tuple[str, ...]
    file: Path | None
    mcp_server: str | None
    authorization_server: str | None
    role: str | None
    spec: str | None
    strict: bool
    allow_blocked: bool
    jobs: int
    timeout: float
    json_file: Path | None
    junit_file: Path | None
    show_secrets: bool

    @property
    def request(self) -> Request:
        """What is to be judged."""
        named = Request(self.file, self.mcp_server, self.authorization_server, self.spec, self.timeout)
        default = Path(TARGET_FILE)
        return replace(named, file=default) if named.sandbox and default.exists() else named


def _run(options: Options) -> int:
    _check_reports(options)
    _check_selectors(options)
    with ExitStack() as stack:
        plan = _plan(options, stack)
        selected = _select(options, plan)
        return _judge(options, plan, selected)


def _check_reports(options: Options) -> None:
    from reports.files import check_writable

    for path in filter(None, (options.json_file, options.junit_file)):
        try:
            check_writable(path)
        except OSError as fault:
            raise click.UsageError(f"{path}: the report cannot be written there: {fault.strerror}") from fault


def _check_selectors(options: Options) -> None:
    from harness.scenario import load_scenarios
    from harness.selection import NoMatchError, check_selectors

    if not options.selectors:
        return
    try:
        check_selectors(load_scenarios(), options.selectors)
    except NoMatchError as fault:
        raise click.UsageError(str(fault)) from fault


def _plan(options: Options, stack: ExitStack) -> Plan:
    from harness.sandbox.errors import SandboxError

    request = options.request
    try:
        sandbox = _launched(stack) if request.sandbox else None
        from harness.planning import Unreachable, make_plan
        from harness.target_file import TargetFileError
    except SandboxError as fault:
        raise WrongTargetError(str(fault)) from fault
    try:
        plan = make_plan(request, stack, sandbox)
    except TargetFileError as fault:
        raise WrongTargetError(str(fault)) from fault
    except Unreachable as fault:
        raise IncompleteError(f"the target cannot be judged: {fault}") from fault
    except SandboxError as fault:
        raise WrongTargetError(str(fault)) from fault
    if options.show_secrets and plan.target.authorized:
        raise click.UsageError("--show-secrets is for targets on loopback only")
    return plan


def _launched(stack: ExitStack) -> EmbeddedSandbox:
    """Start the sandbox, and import while it starts."""
    from harness.sandbox.embedded import EmbeddedSandbox

    sandbox = EmbeddedSandbox()
    stack.callback(sandbox.stop)
    sandbox.launch()
    for module in ("harness.planning", "harness.engine", "harness.sandbox.target", "reports.terminal"):
        importlib.import_module(module)
    importlib.import_module("harness.scenario").load_scenarios()
    sandbox.await_ready()
    return sandbox


def _select(options: Options, plan: Plan) -> tuple[Scenario, ...]:
    from harness.scenario import load_scenarios
    from harness.selection import select

    roles = [role for role in plan.roles if options.role in (None, role.value)]
    if not roles:
        raise click.UsageError(f"--role {options.role}: the target names no {options.role}")
    scenarios = load_scenarios()
    _check_baseline(plan, scenarios)
    selected = select(scenarios, options.selectors, roles=roles, spec=plan.target.spec)
    if not selected:
        raise click.UsageError(f"no scenario of {', '.join(roles)} in MCP {plan.target.spec} fits the selectors")
    return selected


def _check_baseline(plan: Plan, scenarios: Mapping[str, Scenario]) -> None:
    from harness.names import nearest

    unknown = [identifier for identifier in plan.target.expected if identifier not in scenarios]
    if unknown:
        lines = [f"expected.{name}: no scenario has this id{nearest(name, scenarios)}" for name in unknown]
        raise WrongTargetError("\n".join(lines))


def _judge(options: Options, plan: Plan, selected: tuple[Scenario, ...]) -> int:
    from harness.engine import run
    from reports.terminal import TerminalReport

    terminal = TerminalReport(show_secrets=options.show_secrets)
    files = _Files(options)

    def sink(event: Event) -> None:
        terminal(event)
        files(event)

    summary = run(plan.target, selected, sink, wire=plan.wire, jobs=options.jobs)
    code = summary.exit_code(strict=options.strict, allow_blocked=options.allow_blocked)
    return code or (IncompleteError.exit_code if files.incomplete else 0)


class _Files:
    """The reports that go to files. One that cannot be written is named, and the others still are."""

    def __init__(self, options: Options) -> None:
        from harness.version import tool
        from reports.json_report import JsonReport
        from reports.junit import JUnitReport

        self.incomplete = False
        self._reports: dict[Path, Callable[[Event], None]] = {}
        if options.json_file:
            self._reports[options.json_file] = JsonReport(
                options.json_file, tool=tool(), show_secrets=options.show_secrets
            )
        if options.junit_file:
            self._reports[options.junit_file] = JUnitReport(
                options.junit_file, strict=options.strict, allow_blocked=options.allow_blocked
            )

    def __call__(self, event: Event) -> None:
        for path, report in self._reports.items():
            try:
                report(event)
            except OSError as fault:
                self.incomplete = True
                click.echo(f"{path}: the report could not be written: {fault.strerror}", err=True)
