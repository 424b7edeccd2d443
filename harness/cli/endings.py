"""How a command ends when it cannot do what was asked: one sentence, and the exit code that says whose turn it is."""

from __future__ import annotations

import click


class WrongTargetError(click.ClickException):
    """The target file, the sandbox, or what was named on the command line cannot be used."""

    exit_code = 2


class IncompleteError(click.ClickException):
    """The target cannot be judged."""

    exit_code = 3


class OutputLostError(Exception):
    """Whoever read our output is gone, or there is no room for it. No OSError, so that click leaves it alone."""
