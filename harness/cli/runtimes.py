"""Which sandbox a command starts: in child processes or in containers, with TLS or without."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from harness.sandbox.containers import BASE_VARIABLE

if TYPE_CHECKING:
    from harness.sandbox.authority import Authority
    from harness.sandbox.containers.runtime import DockerSandbox
    from harness.sandbox.runtime import StartedSandbox

EMBEDDED, DOCKER = "embedded", "docker"
BASE_IMAGE = "python:3.13-slim"

base_image_option = click.option(
    "--base-image",
    metavar="IMAGE",
    envvar=BASE_VARIABLE,
    show_envvar=True,
    default=BASE_IMAGE,
    show_default=True,
    help="What the image of the sandbox is built on: an image with Python 3.11 or newer.",
)


def runtime_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how the sandbox runs; `Runtime.taken_from` takes them."""
    for option in (
        base_image_option,
        click.option("--tls", is_flag=True, help="Let the sandbox speak https, with an authority made for it alone."),
        click.option(
            "--runtime",
            type=click.Choice((EMBEDDED, DOCKER)),
            default=EMBEDDED,
            show_default=True,
            help="Run the sandbox in child processes or in containers.",
        ),
    ):
        command = option(command)
    return command


@dataclass(frozen=True)
class Runtime:
    """How a sandbox is to run."""

    name: str = EMBEDDED
    tls: bool = False
    base_image: str = BASE_IMAGE

    @classmethod
    def taken_from(cls, options: dict[str, Any]) -> Runtime:
        """Take the options of `runtime_options` out of a command's options."""
        return cls(options.pop("runtime"), options.pop("tls"), options.pop("base_image"))

    @property
    def in_containers(self) -> bool:
        """Whether the sandbox runs in containers."""
        return self.name == DOCKER

    def sandbox(self, stack: ExitStack, port: int | None = None, **options: Any) -> StartedSandbox:
        """Return a sandbox that can be launched; its image is built, and what dead ones left is removed.

        Args:
            stack: is given what has to end with the command; the sandbox itself is not.
            port: the first port; None or 0 for free ones.
            options: what both kinds of sandbox take.

        Raises:
            SandboxError: the engine cannot be used, or the image cannot be built.
        """
        if not self.in_containers:
            from harness.sandbox.embedded import EmbeddedSandbox

            return EmbeddedSandbox(port, authority=self.authority(), **options)
        return self._containers(stack, port, **options)

    def authority(self) -> Authority | None:
        """Return a certificate authority for a sandbox that speaks https; None for one that does not."""
        if not self.tls:
            return None
        from harness.sandbox.authority import Authority

        return Authority()

    def _containers(self, stack: ExitStack, port: int | None, **options: Any) -> DockerSandbox:
        from harness.sandbox.containers.engine import Engine
        from harness.sandbox.containers.image import built
        from harness.sandbox.containers.leftovers import tidy
        from harness.sandbox.containers.runtime import DockerSandbox

        engine = stack.enter_context(Engine.connect())
        if kept := tidy(engine):
            click.echo(f"what an earlier sandbox left stays on the engine: {kept}", err=True)
        image = built(engine, self.base_image, lambda text: click.echo(text, err=True))
        sandbox = DockerSandbox(port, engine=engine, image=image, authority=self.authority(), **options)
        stack.callback(_tell_left, sandbox)
        return sandbox


def _tell_left(sandbox: DockerSandbox) -> None:
    """Say that containers may be left, where the engine did not remove them."""
    if sandbox.left:
        click.echo(f"`mcp-assay down` removes what the sandbox left on the engine: {sandbox.left}", err=True)
