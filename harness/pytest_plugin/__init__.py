"""The pytest plugin: the scenarios that apply to a target are test items. `mcp_assay` holds its options."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.pytest_plugin.plan import AssayPlan, read_plan
from harness.pytest_plugin.plugin import Plugin
from harness.request import TargetFileError
from mcp_assay import check_names

if TYPE_CHECKING:
    from collections.abc import Iterator


MOST_EXAMPLES = 1000
LONGEST_WAIT = 86_400


def begin(config: pytest.Config) -> None:
    """Read the target file that the options name, and let its scenarios be collected.

    Raises:
        UsageError: the file, the user's own scenarios, or an option cannot be used.
    """
    if not 1 <= config.getoption("assay_examples") <= MOST_EXAMPLES:
        raise pytest.UsageError(f"--assay-examples: from 1 to {MOST_EXAMPLES} times the usual examples")
    if not 0 <= config.getoption("assay_max_wait") <= LONGEST_WAIT:
        raise pytest.UsageError(f"--assay-max-wait: from 0 to {LONGEST_WAIT} seconds")
    # Not resolved: the ids of the items are as the file was named, though that may be a link.
    path = Path(os.path.abspath(config.invocation_params.dir / config.getoption("assay_target")))  # noqa: PTH100
    try:
        plan = read_plan(path, config)
    except TargetFileError as fault:
        raise pytest.UsageError(str(fault)) from None
    _check_login(plan, config)
    if plan.trusting:
        check_names("fixtures")
    if path.resolve() not in _named(config):
        config.args.append(str(path))
    config.pluginmanager.register(Plugin(config, plan), "mcp-assay-target")


def _named(config: pytest.Config) -> Iterator[Path]:
    """Yield the files and folders on the command line, without the test that is named in one."""
    for argument in config.args:
        yield Path(config.invocation_params.dir, argument.partition("::")[0]).resolve()


def _check_login(plan: AssayPlan, config: pytest.Config) -> None:
    """A person has to see the URL that is printed, and one process only can wait at the redirect URI."""
    unseen = config.getoption("capture", "no") in ("fd", "sys") or config.getoption("numprocesses", None)
    if plan.manual and unseen and not config.getoption("collectonly"):
        raise pytest.UsageError(f"{plan.path}: login.method is manual: run pytest with -s, and without -n")
