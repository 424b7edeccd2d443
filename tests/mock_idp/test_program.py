"""The provider as a program of its own, and what it is told when it starts."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

import mock_idp
from mock_idp.__main__ import main
from mock_idp.settings import Settings

ROOT = Path(mock_idp.__file__).parents[1]


def test_it_runs_alone_and_ends_with_its_parent(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock, socket.create_server(("127.0.0.1", 0)) as control_sock:
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        fds = (sock.fileno(), control_sock.fileno())
        command = [sys.executable, "-P", "-m", "mock_idp", "--base-url", url, "--exit-with-parent"]
        process = subprocess.Popen(
            [*command, "--fd", str(fds[0]), "--control-fd", str(fds[1])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=fds,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "MCP_ASSAY_CONTROL_TOKEN": "t"},
        )
        with process:
            assert process.stdin is not None
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            document = httpx.get(f"{url}/acme/.well-known/openid-configuration").json()
            process.stdin.close()
            assert process.wait(30) == 0
    assert (ready["service"], ready["url"]) == ("mock-idp", url)
    assert document["issuer"] == f"{url}/acme"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--base-url", "localhost:7400"],
        ["--base-url", "ftp://localhost"],
        ["--base-url", "http://"],
        ["--base-url", "http://localhost/#x"],
        ["--relying-party", "nowhere"],
        ["--id-token-signed-response-alg", "none"],
        ["--port", "0"],
        ["--host", "0.0.0.0"],
    ],
)
def test_wrong_options_are_named(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_an_algorithm_that_the_provider_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="HS256"):
        Settings("http://127.0.0.1", id_token_signed_response_alg="HS256")


def test_slashes_at_the_end_do_not_double() -> None:
    settings = Settings("http://idp.example/base/", ("http://as.example/",), ("http://other.example/cb",))
    assert settings.issuer("acme") == "http://idp.example/base/acme"
    assert settings.redirects("acme") == {"http://as.example/acme/callback", "http://other.example/cb"}
