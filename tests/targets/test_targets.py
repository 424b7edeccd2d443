"""Real targets that nobody here wrote: each is judged by its target file, whose baseline holds the true findings."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from harness import engine
from harness.events import Settings, Summary
from harness.planning import make_plan
from harness.request import Request
from harness.sandbox.embedded import EmbeddedSandbox
from harness.scenario import load_scenarios
from harness.selection import select
from harness.verdict import Verdict
from reports.document import Recorder
from reports.terminal import TerminalReport
from tests.targets import programs

HERE = Path(__file__).parent
pytestmark = pytest.mark.targets


def judged(request: Request, sandbox: EmbeddedSandbox | None = None) -> Summary:
    """Judge a target as `mcp-assay run` does, and show the report."""
    with ExitStack() as stack:
        plan = make_plan(request, stack, sandbox)
        scenarios = load_scenarios()
        selected = select(scenarios, (), roles=plan.roles, spec=plan.target.spec)
        return engine.run(plan.target, selected, Recorder([TerminalReport().show]), wire=plan.wire, known=scenarios)


def holds(summary: Summary) -> bool:
    """Tell whether there is no finding but those of the baseline, and nothing that should be judged was not."""
    unexplained = [r for r in summary.results if r.verdict in (Verdict.FAILED, Verdict.WARNING) and not r.accepted]
    return not unexplained and summary.exit_code(Settings()) == 0


def test_oidc_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    with programs.oidc_provider() as program:
        for name, value in program.environment.items():
            monkeypatch.setenv(name, value)
        assert holds(judged(Request(HERE / "oidc-provider.toml", authorization_server=program.url)))


def test_the_python_sdk_as_authorization_server() -> None:
    with programs.python_sdk_authorization_server() as program:
        file = HERE / "python-sdk-authorization-server.toml"
        assert holds(judged(Request(file, authorization_server=program.url)))


def test_the_python_sdk_as_mcp_server() -> None:
    with EmbeddedSandbox() as sandbox:
        issuer = sandbox.layout.issuer("acme")
        with programs.python_sdk_mcp_server(issuer=issuer, jwks_uri=f"{issuer}/jwks") as program:
            assert holds(judged(Request(HERE / "python-sdk-mcp-server.toml", mcp_server=program.url), sandbox))
