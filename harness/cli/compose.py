"""`mcp-assay compose`: write a compose file that brings up the same sandbox as `up --runtime docker`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.endings import WrongTargetError
from harness.cli.runtimes import base_image_option
from harness.sandbox.sockets import DEFAULT_PORT, HIGHEST_BASE

ARCHITECTURES = ("amd64", "arm64")


@click.command("compose")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option(
    "--port",
    type=click.IntRange(1, HIGHEST_BASE),
    default=DEFAULT_PORT,
    show_default=True,
    help="The first port; the others are 1, 2, 10, 11 and 12 above it.",
)
@click.option("--tls", is_flag=True, help="Let the sandbox speak https, with an authority made for it alone.")
@click.option(
    "--arch",
    "architectures",
    type=click.Choice(ARCHITECTURES),
    multiple=True,
    help="What the image can be built for; may be repeated. This machine's architecture when it is left out.",
)
@base_image_option
def command(directory: Path, port: int, *, tls: bool, architectures: tuple[str, ...], base_image: str) -> None:
    """Write DIRECTORY/compose.yaml and what its image is built from, for `docker compose up`.

    It gives the same sandbox as `mcp-assay up --runtime docker`. DIRECTORY is made, has to be empty, or holds what
    this command wrote before, which is replaced; the authority of an earlier --tls stays. Nobody but you can enter
    it then. The engine is asked which Python the base image has, and pulls that where it lacks it.
    """
    from harness.sandbox.containers.compose_folder import Wanted, write_compose
    from harness.sandbox.containers.engine import Engine
    from harness.sandbox.errors import SandboxError

    wanted = Wanted(port, base_image, architectures, tls)
    try:
        with Engine.connect() as engine:
            written = write_compose(engine, directory, wanted, lambda text: click.echo(text, err=True))
    except SandboxError as fault:
        raise WrongTargetError(str(fault)) from fault
    click.echo(f"wrote {written.file}; its header says how it is used, and how a container of yours joins")
    click.echo(f"MCP server            {written.layout.resource('acme')}")
    click.echo(f"authorization server  {written.layout.issuer('acme')}")
    if written.root:
        click.echo(f"import this root certificate where the sandbox is to be trusted: {written.root}")
