"""The user's own scenarios, for commands that show what there is rather than judge."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.endings import WrongTargetError
from harness.request import TARGET_FILE

if TYPE_CHECKING:
    from harness.catalogue import Catalogue

PATH = click.Path(dir_okay=True, path_type=Path)
HELP = "Show the scenarios that this target file names, too; mcp-assay.toml where there is one."


def target_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--target` to a command, as the parameter `file`."""
    return click.option("--target", "file", type=PATH, help=HELP)(command)


def known_with(file: Path | None) -> Catalogue:
    """Return all that there is with a target file, or with the one that stands in this folder.

    Raises:
        WrongTargetError: the file, or the folder that it names, cannot be used.
    """
    from harness.catalogue import catalogue

    path = file or (Path(TARGET_FILE) if Path(TARGET_FILE).exists() else None)
    if path is None:
        return catalogue()
    from harness.own_scenarios import own_folder
    from harness.request import TargetFileError

    try:
        return catalogue(own_folder(path))
    except TargetFileError as fault:
        raise WrongTargetError(str(fault)) from fault
