"""Reports that a command reads back, and files that it makes of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.endings import WrongTargetError

if TYPE_CHECKING:
    from reports.document import Document

REPORT = click.Path(dir_okay=True, path_type=Path)


def read_reports(paths: Iterable[Path]) -> list[Document]:
    """Read JSON reports back, in the order in which they are named.

    Raises:
        WrongTargetError: one is no such report; the message says which and why.
    """
    from reports.document import ReportError, read_document

    try:
        return [read_document(path) for path in paths]
    except ReportError as fault:
        raise WrongTargetError(str(fault)) from fault


def check_output(path: Path, option: str, inputs: Iterable[Path]) -> None:
    """Find out before the work whether its result can be written.

    Raises:
        click.UsageError: it cannot, or it would replace a report that is read.
    """
    from reports.files import check_writable, one_file

    try:
        check_writable(path)
    except OSError as fault:
        raise click.UsageError(f"{path}: {option} cannot be written there: {fault.strerror}") from fault
    if any(one_file(path, item) for item in inputs):
        raise click.UsageError(f"{path}: {option} would replace a report that is read")


def write_output(path: Path, text: str) -> bool:
    """Write what was made of the reports; say so and return False where that fails."""
    from reports.files import write_whole

    try:
        write_whole(path, text)
    except OSError as fault:
        click.echo(f"{path}: could not be written: {fault.strerror}", err=True)
        return False
    return True
