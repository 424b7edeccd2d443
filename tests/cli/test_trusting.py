"""A server with two tenants that trusts the sandbox is judged with tokens of both, run after run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.sandbox.child import environment
from tests.addresses import free_base
from tests.cli.assay import Ended, assay, run_assay, running_assay

TARGET = """
[target]
mcp_server = "http://127.0.0.1:{port}/acme/mcp"
trusts = "sandbox"
own_text = "1250.00"

[sandbox]
port = {base}

[other_tenant]
name = "globex"
mcp_server = "http://127.0.0.1:{port}/globex/mcp"

[capabilities]
revocation-promised = true

[tools.get_balance]
scopes = ["urn:ledger:balance:read"]
arguments = {{ account = "DE-001" }}
"""
JUDGED = (
    "mcp/tenant-isolation/a-token-of-another-tenant-is-refused",
    "mcp/token-validation/a-revoked-token-is-refused",
    "mcp/token-validation/a-refresh-token-is-no-access-token",
)
HOLDS = "All judged requirements hold."


@contextmanager
def _server(base: int) -> Iterator[None]:
    """Run the sample MCP server alone; it trusts the issuers at the port after `base`, whether they run or not."""
    ports = ("--port", str(base + 2), "--control-port", str(base + 12))
    trusted = ("--authorization-server", f"http://127.0.0.1:{base + 1}")
    command = [sys.executable, "-P", "-m", "fixtures.mcp_server", *ports, *trusted]
    variables = environment(MCP_ASSAY_CONTROL_TOKEN="token")
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=variables, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline()
            yield
        finally:
            process.kill()


@pytest.fixture
def base(tmp_path: Path) -> Iterator[int]:
    found = free_base()
    (tmp_path / "mcp-assay.toml").write_text(TARGET.format(base=found, port=found + 2))
    with _server(found):
        yield found


def _run(folder: Path) -> Ended:
    return run_assay("run", *JUDGED, cwd=folder, variables={"XDG_STATE_HOME": str(folder)})


def test_a_second_run_and_one_beside_serve_issuer_need_no_new_keys(base: int, tmp_path: Path) -> None:
    ended = [_run(tmp_path) for _ in range(2)]
    with running_assay(
        "serve-issuer", "--json", "--port", str(base), variables={"XDG_STATE_HOME": str(tmp_path)}
    ) as issuer:
        assert issuer.stdout
        issuer.stdout.readline()
        ended.append(_run(tmp_path))
        assert issuer.poll() is None
    assert [(one.code, HOLDS in one.out, one.err) for one in ended] == [(0, True, "")] * 3


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ('[other_tenant]\nname = "umbrella"', "other_tenant.name: there is no 'umbrella'; there are: acme, globex"),
        ('[other_tenant]\nname = "acme"', "other_tenant.name: 'acme' is the tenant that signs for [target] already"),
        ('[other_tenant]\nlogin = {}\nname = "globex"', "other_tenant.login: has no effect with trusts"),
        ("[other_tenant]", "other_tenant wants name, a tenant of the sandbox, and mcp_server"),
    ],
)
def test_another_tenant_that_cannot_be_is_one_sentence(base: int, tmp_path: Path, table: str, sentence: str) -> None:
    place = f'mcp_server = "http://127.0.0.1:{base + 2}/'
    table += "\n" + place + 'globex/mcp"' if "name" in table else ""
    file = tmp_path / "one.toml"
    file.write_text(f'[target]\n{place}acme/mcp"\ntrusts = "sandbox"\n{table}\n')
    ended = assay("run", "--target", file)
    assert ended.code == 2
    assert sentence in ended.err
