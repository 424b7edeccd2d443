"""`mcp-assay init`: write a target file from what discovery finds."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.endings import IncompleteError, WrongTargetError
from harness.request import TARGET_FILE

if TYPE_CHECKING:
    from harness.starter import Found

TIMEOUT = 10.0


@click.command("init")
@click.argument("url")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=TARGET_FILE,
    show_default=True,
    metavar="FILE",
    help="Where it is written.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there already.")
@click.option(
    "--token-env",
    metavar="VARIABLE",
    help="The environment variable that holds a token for the MCP server, where its tools are listed with one only.",
)
def command(url: str, output: Path, token_env: str | None, *, force: bool) -> None:
    """Write a target file for the MCP server or the authorization server at URL.

    Metadata and the list of tools are asked for. On loopback, tools of which the server says that they change nothing
    are called without a token, since the refusal says which scopes a call needs. The file says in comments what else
    would let more be judged.
    """
    _check_url(url)
    token = _token(token_env) if token_env else None
    _check_output(output, force=force)
    found = _discovered(url, token)
    _write(output, found, force=force)
    kind = "MCP server" if found.mcp_server else "authorization server"
    click.echo(f"{url} is an {kind}; wrote {output}")
    click.echo("next: mcp-assay doctor" + ("" if output == Path(TARGET_FILE) else f" --target {output}"))


def _check_url(url: str) -> None:
    from harness.http import origin_of
    from harness.mistakes import CREDENTIALS

    if not origin_of(url) or CREDENTIALS.search(url):
        raise click.UsageError("an http or https URL with a host and without credentials is wanted")


def _token(variable: str) -> str:
    token = os.environ.get(variable, "")
    if not variable.isidentifier():  # it may be the token itself, which is not repeated
        raise click.UsageError("--token-env wants the name of an environment variable")
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise click.UsageError(f"the environment variable {variable} holds no token")
    return token


def _check_output(output: Path, *, force: bool) -> None:
    from reports.files import check_writable

    if output.exists() and not force:
        raise WrongTargetError(f"{output} is there already; --force replaces it")
    try:
        check_writable(output)
    except OSError as fault:
        raise WrongTargetError(f"{output}: cannot be written: {fault.strerror}") from fault


def _discovered(url: str, token: str | None) -> Found:
    from harness.exchange import Evidence
    from harness.http import Client, Wire, is_loopback, origin_of
    from harness.starter import discover
    from harness.verdict import Blocked

    wire = Wire(TIMEOUT, authorized=True, origins={origin_of(url)}, loopback=is_loopback(url))
    try:
        return discover(Client(wire, Evidence()), url, token)
    except Blocked as fault:
        raise IncompleteError(f"nothing to write: {fault.reason}") from fault
    finally:
        wire.close()


def _write(output: Path, found: Found, *, force: bool) -> None:
    from harness.starter import target_file_text
    from reports.files import write_whole

    text = target_file_text(found)
    try:
        if force:
            write_whole(output, text)
        else:
            with output.open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as fault:
        raise WrongTargetError(f"{output}: cannot be written: {fault.strerror}") from fault
