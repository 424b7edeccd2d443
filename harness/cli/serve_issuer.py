"""`mcp-assay serve-issuer`: run the issuer of the sandbox alone, for an MCP server that trusts it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from harness.cli.endings import WrongTargetError
from harness.sandbox.sockets import DEFAULT_PORT, HIGHEST_BASE

if TYPE_CHECKING:
    from harness.sandbox.embedded import EmbeddedSandbox


def _url(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    from harness.target_tables import url

    try:
        url(value)
    except ValueError as fault:
        raise click.BadParameter(str(fault)) from fault
    if "#" in value:
        raise click.BadParameter("a URL without fragment is wanted")
    return value


@click.command("serve-issuer")
@click.option(
    "--port",
    type=click.IntRange(0, HIGHEST_BASE),
    default=DEFAULT_PORT,
    show_default=True,
    help="The first port; the others are 1, 10 and 11 above it. 0 takes free ones.",
)
@click.option("--tenant", default="acme", show_default=True, help="The tenant whose issuer is told.")
@click.option("--resource", metavar="URL", callback=_url, help="The URL of your MCP server, as its metadata names it.")
@click.option("--json", "as_json", is_flag=True, help="Say the settings as one line of JSON.")
def command(port: int, tenant: str, resource: str | None, *, as_json: bool) -> None:
    """Run the sandbox's issuer alone until Ctrl-C, SIGTERM or `mcp-assay down`, for an MCP server that trusts it.

    Prints the three settings to give to your server: issuer, JWKS URL and audience. `mcp-assay run` with
    trusts = "sandbox" uses the issuer that runs at its port, and starts one where none does. Both sign with the same
    keys, which are kept below ~/.local/state/mcp-assay (XDG_STATE_HOME), so that your server need not be restarted.

    The settings are printed as soon as the issuer is ready, so that a script can wait for a line. Exits with 2 when a
    port is in use, with 3 when a service ended of itself.
    """
    from harness.cli.keeping import keep
    from harness.sandbox.embedded import EmbeddedSandbox
    from harness.sandbox.errors import SandboxError
    from harness.sandbox.layout import ISSUER
    from harness.sandbox.registry import key_file

    _check_tenant(tenant)
    try:
        sandbox = EmbeddedSandbox(port, services=ISSUER, keys=key_file(port) if port else None)
    except SandboxError as fault:
        raise WrongTargetError(str(fault)) from fault

    def say(_nothing: None) -> None:
        if resource:
            with sandbox.control("authorization_server") as control:
                control.add_resource(tenant, resource)
        (_say_as_json if as_json else _say)(sandbox, tenant, resource)

    keep(sandbox, lambda: None, say, usable=True)


def _check_tenant(tenant: str) -> None:
    from fixtures.world import load_world

    if tenant not in (known := load_world().tenants):
        raise click.UsageError(f"--tenant: there is no {tenant!r}; there are: {', '.join(known)}")


def _say(sandbox: EmbeddedSandbox, tenant: str, resource: str | None) -> None:
    from harness.cli.tables import show_table

    issuer = sandbox.layout.issuer(tenant)
    click.echo(
        "The issuer is ready. It ends with Ctrl-C or `mcp-assay down`. Give these settings to your MCP server:\n"
    )
    audience = resource or "the URL of your MCP server, as its metadata names it"
    show_table(("setting", "value"), [("issuer", issuer), ("JWKS", f"{issuer}/jwks"), ("audience", audience)])
    told = f'trusts = "sandbox" under [target]{_where(sandbox, tenant)}'
    click.echo(f"\nThen judge your server: say {told} in mcp-assay.toml, and run `mcp-assay run`.")


def _where(sandbox: EmbeddedSandbox, tenant: str) -> str:
    """Say what a target file needs besides, to find this issuer."""
    port = int(sandbox.layout.mock_idp.url.rpartition(":")[2])
    told = [f"port = {port}"] * (port != DEFAULT_PORT) + [f'tenant = "{tenant}"'] * (tenant != "acme")
    return f", {' and '.join(told)} under [sandbox]" if told else ""


def _say_as_json(sandbox: EmbeddedSandbox, tenant: str, resource: str | None) -> None:
    issuer = sandbox.layout.issuer(tenant)
    click.echo(json.dumps({"issuer": issuer, "jwks_uri": f"{issuer}/jwks", "audience": resource}))
