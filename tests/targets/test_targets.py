"""Real targets that nobody here wrote: each is judged by its target file, whose baseline holds the true findings."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
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
from tests.docs.first_servers import FASTMCP, TYPESCRIPT_SDK, announced, violations
from tests.targets import programs

HERE = Path(__file__).parent
LONGER_THAN_ANY_LIFE = 24.0
"""Seconds after which codes and tokens have ended, where that is waited for: those servers give them 20 at most."""
pytestmark = pytest.mark.targets


def judged(request: Request, sandbox: EmbeddedSandbox | None = None, *, max_wait: float = 0) -> Summary:
    """Judge a target as `mcp-assay run` does, and show the report; see its `--max-wait` for the last one."""
    with ExitStack() as stack:
        plan = make_plan(request, stack, sandbox)
        scenarios = load_scenarios()
        selected = select(scenarios, (), roles=plan.roles, spec=plan.target.spec)
        told, settings = Recorder([TerminalReport().show]), Settings(max_wait=max_wait)
        return engine.run(plan.target, selected, told, wire=plan.wire, settings=settings, known=scenarios)


def holds(summary: Summary, *, blocked: str = "", sometimes: str = "") -> bool:
    """Tell whether there is no finding but those of the baseline, and nothing that should be judged was not.

    Args:
        summary: of the run.
        blocked: the end of what keeps some scenarios from being judged; empty where nothing does.
        sometimes: the scenario that warns in some runs only, which no baseline can hold; empty where none does.
    """
    found = [r for r in summary.results if r.verdict in (Verdict.FAILED, Verdict.WARNING) and not r.accepted]
    unexplained = [r for r in found if (r.scenario.id, r.verdict) != (sometimes, Verdict.WARNING)]
    reasons = [r.actual for r in summary.results if r.verdict is Verdict.BLOCKED]
    explained = all(blocked and reason.endswith(blocked) for reason in reasons) and bool(reasons) is bool(blocked)
    return not unexplained and explained and summary.exit_code(Settings(allow_blocked=bool(blocked))) == 0


def test_oidc_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    with programs.oidc_provider() as program:
        for name, value in program.environment.items():
            monkeypatch.setenv(name, value)
        request = Request(HERE / "oidc-provider.toml", authorization_server=program.url)
        assert holds(judged(request, max_wait=LONGER_THAN_ANY_LIFE))


def test_oidc_provider_with_opaque_access_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "opaque.toml"
    with programs.oidc_provider() as program:
        for name, value in program.environment.items():
            monkeypatch.setenv(name, value)
        file.write_text((HERE / "oidc-provider.toml").read_text().replace("https://mcp.", "https://opaque."))
        request = Request(file, authorization_server=program.url)
        summary = judged(request, max_wait=LONGER_THAN_ANY_LIFE)
    good = (Verdict.PASSED, Verdict.NOT_APPLICABLE)
    assert {r.scenario.id: r.actual for r in summary.results if not (r.accepted or r.verdict in good)} == {}
    seen = {r.scenario.id for r in summary.results if r.verdict is Verdict.PASSED}
    assert {
        "as/expiry/an-expired-access-token-is-inactive",
        "as/refresh/refreshing-cannot-widen-the-scope",
        "as/resource-indicators/the-audience-is-the-requested-resource",
        "as/revocation/a-revoked-access-token-is-inactive",
    } <= seen


NO_END = "a refresh token still works after 24 s, as it well may"
"""What REFRESH_TOKEN_EXPIRE_SECONDS says is read by django-oauth-toolkit's `manage.py cleartokens` alone."""
A_RACE_THAT_ALL_LOSE = "as/races/one-refresh-token-wins-once"
"""One refresh that was let in before another ended the grant as a replay still gives a token, though a dead one."""
NO_REFUSAL = "the answer was 500 with error 'internal_server_error' (application/json)"
"""A token request without grant_type is a KeyError in canaille: neither a refusal nor a token."""


def test_django_oauth_toolkit(monkeypatch: pytest.MonkeyPatch) -> None:
    with programs.django_oauth_toolkit() as program:
        for name, value in program.environment.items():
            monkeypatch.setenv(name, value)
        request = Request(HERE / "django-oauth-toolkit.toml", authorization_server=program.url)
        summary = judged(request, max_wait=LONGER_THAN_ANY_LIFE)
    assert holds(summary, blocked=NO_END, sometimes=A_RACE_THAT_ALL_LOSE)


def test_canaille(monkeypatch: pytest.MonkeyPatch) -> None:
    with programs.canaille() as program:
        for name, value in program.environment.items():
            monkeypatch.setenv(name, value)
        summary = judged(Request(HERE / "canaille.toml", authorization_server=program.url))
    assert holds(summary, blocked=NO_REFUSAL)


def test_the_python_sdk_as_authorization_server() -> None:
    with programs.python_sdk_authorization_server() as program:
        file = HERE / "python-sdk-authorization-server.toml"
        assert holds(judged(Request(file, authorization_server=program.url), max_wait=LONGER_THAN_ANY_LIFE))


MCP_SERVERS: dict[str, Callable[[str], AbstractContextManager[programs.TargetProgram]]] = {
    "python-sdk-mcp-server": lambda issuer: programs.python_sdk_mcp_server(issuer, "--validate-token-resource"),
    "python-sdk-mcp-server-by-default": programs.python_sdk_mcp_server,
    "fastmcp-jwt-verifier": programs.fastmcp_server,
    "fastmcp-remote-auth": lambda issuer: programs.fastmcp_server(issuer, "--remote-auth"),
    "typescript-sdk-mcp-server": programs.typescript_sdk_server,
}
"""Starters of MCP servers that trust an issuer, by the names of their target files."""

BLOCKED = {"fastmcp-jwt-verifier": "publishes no protected resource metadata"}
"""Why some scenarios cannot be judged."""


@pytest.mark.parametrize("name", MCP_SERVERS)
def test_an_mcp_server_that_trusts_the_sandbox(name: str) -> None:
    with EmbeddedSandbox() as sandbox, MCP_SERVERS[name](sandbox.layout.issuer("acme")) as program:
        summary = judged(Request(HERE / f"{name}.toml", mcp_server=program.url), sandbox)
        assert holds(summary, blocked=BLOCKED.get(name, ""))


def test_the_server_on_fastmcp_that_the_guide_shows(tmp_path: Path) -> None:
    python = programs.install_fastmcp()
    assert violations(FASTMCP, [str(python)], tmp_path) == announced("FastMCP")


def test_the_server_on_the_typescript_sdk_that_the_guide_shows(tmp_path: Path) -> None:
    programs.install_node(programs.TYPESCRIPT_SDK)
    (tmp_path / "node_modules").symlink_to(programs.TYPESCRIPT_SDK / "node_modules")
    assert violations(TYPESCRIPT_SDK, ["node"], tmp_path) == announced("TypeScript SDK")
