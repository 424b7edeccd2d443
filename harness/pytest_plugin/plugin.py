"""The hooks of the plugin, registered where a target is named."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.pytest_plugin.ending import Ending
from harness.pytest_plugin.items import JUDGE, ScenarioItem, TargetFileOfTests
from harness.pytest_plugin.judge import Judge
from harness.pytest_plugin.lending import HANDLE, Lender, borrowed

if TYPE_CHECKING:
    from harness.pytest_plugin.plan import AssayPlan


class Plugin:
    """Collects the target file, and judges.

    With xdist each worker has a run of its own; the process that started them puts the verdicts together, and runs the
    sandbox where the target trusts one, which can be there only once.
    """

    def __init__(self, config: pytest.Config, plan: AssayPlan) -> None:
        self._config, self._plan = config, plan
        told: dict[str, Any] | None = getattr(config, "workerinput", None)
        self._judge = Judge(plan if told is None else plan.beside_others(), lambda: borrowed(told) if told else None)
        self._lender = Lender(plan)
        config.stash[JUDGE] = self._judge
        if told is None:
            config.pluginmanager.register(Ending(plan), "mcp-assay-ending")

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> TargetFileOfTests | None:
        """Take the target file for a file of tests."""
        if file_path.resolve() != self._plan.path.resolve():
            return None
        collector: TargetFileOfTests = TargetFileOfTests.from_parent(parent, path=file_path)
        collector.scenarios = self._plan.scenarios
        return collector

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Name the target file as the place of a skip, and take secrets out of what the scenario printed."""
        report = yield
        if isinstance(item, ScenarioItem):
            if isinstance(report.longrepr, tuple):
                report.longrepr = (str(item.path), 1, report.longrepr[2])
            report.sections = [(name, self._judge.redacted(text)) for name, text in report.sections]
        return report

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker of xdist where the sandbox is that the target trusts."""
        node.workerinput[HANDLE] = self._lender.lend()

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """End what was started."""
        self._judge.close()
        self._lender.close()
