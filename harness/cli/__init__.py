"""The command `mcp-assay`. Each command is loaded when it is called, so that help is quick."""

from __future__ import annotations

import importlib
import io
import os
import sys
import traceback

import click

from harness.cli.endings import IncompleteError, OutputLostError
from mcp_assay import INTERRUPTED, OUR_FAULT

BROKEN_PIPE = 141
COMMANDS = {
    "run": "Judge a target, or the sandbox when none is named.",
    "up": "Bring up the sandbox and keep it running.",
    "serve-issuer": "Run the issuer of the sandbox alone, for a server that trusts it.",
    "down": "End what `up` and `serve-issuer` started.",
    "compose": "Write a compose file for the sandbox, and what its image is built from.",
    "list": "List scenarios, requirements, capabilities or mutants.",
    "explain": "Explain a scenario, requirement, capability or verdict.",
    "init": "Write a target file from what discovery finds.",
    "doctor": "Say what is missing on this machine or in the target file.",
    "baseline": "Keep the accepted failures of a target file up to date.",
    "compare": "Say what changed from one run to another.",
    "matrix": "Show several runs side by side: implementations and areas.",
    "verify": "Say whether an evidence bundle is whole.",
    "replay": "Run a scenario of an evidence bundle again, and compare.",
    "mutants": "Show that every scenario can fail: run the matrix of mutants.",
    "audit": "Work with the audit trails of the sandbox.",
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS]  # not list(): that name is the command's module, once it is loaded

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"harness.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([*COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except OSError as fault:
            raise OutputLostError(fault) from fault

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as fault:
            from harness.names import nearest

            raise click.UsageError(f"{fault.format_message()}{nearest(args[0], COMMANDS)}", ctx) from fault


def _version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted:
        from harness.version import tool

        click.echo(tool())
        ctx.exit()


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def cli() -> None:
    """Judge how OAuth 2.1 is done in MCP: authorization servers and MCP servers, and a sandbox to try it in."""


def main() -> None:
    """Run the command; every end of it has an exit code, and none but a fault of ours a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(_called())


def _called() -> int:
    try:
        return cli(prog_name="mcp-assay", standalone_mode=False) or 0
    except click.ClickException as fault:
        fault.show()
        return fault.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except (OutputLostError, OSError) as fault:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _output_lost(fault.__cause__ or fault)
    except Exception:
        traceback.print_exc()
        click.echo("This is a fault of mcp-assay itself; please report it with the lines above.", err=True)
        return OUR_FAULT


def _output_lost(fault: BaseException) -> int:
    if isinstance(fault, BrokenPipeError):
        return BROKEN_PIPE
    what = getattr(fault, "filename", None) or "the output"
    click.echo(f"{what} cannot be used: {getattr(fault, 'strerror', None) or fault}", err=True)
    return IncompleteError.exit_code
