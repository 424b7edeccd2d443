"""Where a run is written to: one option for each format, one for the bundle, one for the official suite's folders."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.endings import WrongTargetError
from reports.formats import FORMATS

if TYPE_CHECKING:
    from harness.request import Request
    from reports.document import Document

PATH = click.Path(dir_okay=True, path_type=Path)
BUNDLE, CHECKS = "bundle", "checks-json"
_FORMATS = {item.name: item for item in FORMATS}
_MORE = {
    BUNDLE: ("FILE.zip", "the evidence bundle: all reports, the target file without secrets, and hashes"),
    CHECKS: ("DIR", "folders with a checks.json each, as the official conformance suite does"),
}


def output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add an option for each format to a command."""
    kinds = {**{name: ("FILE", item.about) for name, item in _FORMATS.items()}, **_MORE}
    for name, (metavar, about) in reversed(kinds.items()):
        option = click.option(f"--{name}", _parameter(name), type=PATH, metavar=metavar, help=f"Write {about}.")
        command = option(command)
    return command


class Outputs:
    """The files that a run is written to. One that cannot be written is named, and the others still are.

    Attributes:
        incomplete: whether one could not be written.
    """

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._paths = paths
        self._target: str | None = None
        self.incomplete = False

    @property
    def wanted(self) -> bool:
        """Whether there is anything to write."""
        return bool(self._paths)

    @property
    def first(self) -> Path | None:
        """The first report that was written to a file; beside a pipe, or /dev/stdout, there is no place for more."""
        from reports.files import destination

        files = (destination(path) for name, path in self._paths.items() if name != CHECKS)
        return next(filter(Path.is_file, files), None)

    @classmethod
    def taken_from(cls, options: dict[str, Any]) -> Outputs:
        """Take the options of `output_options` out of a command's options."""
        named = {name: options.pop(_parameter(name)) for name in (*_FORMATS, *_MORE)}
        return cls({name: path for name, path in named.items() if path})

    def check(self, request: Request, *, show_secrets: bool) -> None:
        """Find out before the run whether everything can be written, and read what the bundle will need.

        Args:
            request: what will be judged.
            show_secrets: whether reports will hold secrets.

        Raises:
            click.UsageError: something cannot be written, would replace what is needed, or is a bundle with secrets.
            WrongTargetError: the target file has mistakes.
        """
        for name, path in self._paths.items():
            _check_path(name, path)
        self._check_apart(request.file)
        if BUNDLE in self._paths:
            if show_secrets:
                raise click.UsageError("--bundle is made to be handed on, so that it goes without --show-secrets")
            self._target = None if request.sandbox else _target_text(request)

    def _check_apart(self, target: Path | None) -> None:
        from reports.files import one_file

        for (name, first), (other, path) in combinations(self._paths.items(), 2):
            if one_file(first, path):
                raise click.UsageError(f"--{name} and --{other} name the same file: {path}")
        for name, path in self._paths.items():
            if target and one_file(path, target):
                raise click.UsageError(f"--{name} would replace the target file: {path}")

    def write(self, document: Document) -> None:
        """Write a run's document in each way that was asked for."""
        for name, path in self._paths.items():
            try:
                self._write(name, path, document)
            except OSError as fault:
                self.incomplete = True
                click.echo(f"{path}: the report could not be written: {fault.strerror}", err=True)

    def _write(self, name: str, path: Path, document: Document) -> None:
        if name == BUNDLE:
            importlib.import_module("reports.bundle").write_bundle(document, path, self._target)
        elif name == CHECKS:
            importlib.import_module("reports.checks_json").write_checks(document, path)
        else:
            from reports.files import write_whole

            write_whole(path, _FORMATS[name].render(document))


def _parameter(name: str) -> str:
    return f"{name.replace('-', '_')}_path"


def _check_path(name: str, path: Path) -> None:
    from reports.files import check_folder, check_writable

    if str(path) == "-":
        raise click.UsageError("-: the report cannot be written there: a file is wanted, such as /dev/stdout")
    try:
        (check_folder if name == CHECKS else check_writable)(path)
    except OSError as fault:
        raise click.UsageError(f"{path}: the report cannot be written there: {fault.strerror}") from fault


def _target_text(request: Request) -> str:
    """Return the target file that says what the user said, without secrets."""
    from harness.planning import target_file
    from harness.request import TargetFileError
    from harness.shareable import shareable_text

    try:
        return shareable_text(target_file(request))
    except TargetFileError as fault:
        raise WrongTargetError(str(fault)) from fault
