"""The unmodified reference passes everything, with nothing blocked, in every revision."""

from pathlib import Path

import pytest

from fixtures.world import load_world
from harness import engine
from harness.events import Result, Settings
from harness.http import Wire
from harness.requirement import REVISIONS, Role
from harness.sandbox.target import sandbox_target
from harness.sandbox.threads import ThreadedSandbox
from harness.scenario import load_scenarios
from harness.selection import select
from harness.verdict import Verdict

ROLES = (Role.AUTHORIZATION_SERVER, Role.MCP_SERVER)


@pytest.mark.parametrize("revision", REVISIONS)
def test_the_reference_passes_everything(revision: str, tmp_path: Path) -> None:
    selected = select(load_scenarios(), (), roles=ROLES, spec=revision)
    with ThreadedSandbox(state_dir=tmp_path) as sandbox:
        target = sandbox_target(sandbox, load_world(), revision)
        summary = engine.run(target, selected, lambda _event: None, wire=Wire(), settings=Settings(jobs=4))
    others = {result.scenario.id: (result.verdict, result.actual) for result in summary.results if not _passed(result)}
    assert others == {}


def _passed(result: Result) -> bool:
    return result.verdict is Verdict.PASSED
