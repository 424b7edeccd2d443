"""The server as a program of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import httpx
import pytest

from fixtures.mcp_server.__main__ import main
from fixtures.mcp_server.settings import Settings, SettingsError

ISSUER = "http://127.0.0.1:7401"


def test_it_serves_metadata_and_challenges_as_soon_as_it_is_ready_and_ends_with_its_parent() -> None:
    base = "http://mcp.example:7402"
    command = [sys.executable, "-m", "fixtures.mcp_server", "--port", "0", "--control-port", "0", "--base-url", base]
    environment = {**os.environ, "MCP_ASSAY_CONTROL_TOKEN": "secret"}
    with subprocess.Popen(
        [*command, "--exit-with-parent"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as program:
        assert program.stdin
        assert program.stdout
        ready = json.loads(program.stdout.readline())
        path = "/.well-known/oauth-protected-resource/acme/mcp"
        metadata = httpx.get(ready["url"] + path, trust_env=False).json()
        refused = httpx.post(f"{ready['url']}/acme/mcp", trust_env=False)
        program.stdin.close()
        program.wait(timeout=20)
    assert ready["service"] == "mcp-server"
    assert metadata["resource"] == f"{base}/acme/mcp"
    assert metadata["authorization_servers"] == [f"{ISSUER}/acme"]
    assert f'resource_metadata="{base}{path}"' in refused.headers["www-authenticate"]


def test_the_sdk_is_not_imported_before_the_server_is_ready() -> None:
    slow = "{'mcp', 'httpx', 'joserfc', 'pydantic'}"
    code = f"import sys, fixtures.mcp_server.app; sys.exit(bool({slow} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("arguments", [["--port", "0"], ["--base-url", "mcp.example"], ["--base-url", "http://a/b"]])
def test_wrong_options_end_it_with_a_sentence(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "base" in capsys.readouterr().err


@pytest.mark.parametrize(
    "url",
    ["", "ftp://a", "http://", "http://a/path", "http://a?b", "http://a#b", "http://[a", "http://u@a", "http://:80"],
)
def test_origins_are_checked(url: str) -> None:
    with pytest.raises(SettingsError):
        Settings(url, ISSUER)


def test_a_trailing_slash_makes_no_difference() -> None:
    assert Settings("http://a/", "http://b:1/") == Settings("http://a", "http://b:1")
