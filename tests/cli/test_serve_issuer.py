"""`serve-issuer` runs the issuer alone, says what to give to a server, and is used by runs while it lasts."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.addresses import free_base
from tests.cli.assay import BOUND_SECONDS, assay, run_assay, running_assay

RESOURCE = "http://localhost:8000/mcp"


@pytest.fixture
def state(tmp_path: Path) -> dict[str, str]:
    """The variables by which these tests' issuers are kept apart from the user's own."""
    return {"XDG_STATE_HOME": str(tmp_path / "state")}


def _settings(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stdout
    settings: dict[str, str] = json.loads(process.stdout.readline())
    return settings


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_settings_are_true_and_nothing_but_the_keys_is_left(
    state: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    base = free_base()
    with running_assay(
        "serve-issuer", "--json", "--port", str(base), "--tenant", "globex", "--resource", RESOURCE, variables=state
    ) as process:
        settings = _settings(process)
        issuer = f"http://127.0.0.1:{base + 1}/globex"
        assert settings == {"issuer": issuer, "jwks_uri": f"{issuer}/jwks", "audience": RESOURCE}
        assert httpx.get(settings["jwks_uri"], trust_env=False).json()["keys"]
        metadata = httpx.get(f"{issuer}/.well-known/openid-configuration", trust_env=False).json()
        assert RESOURCE in metadata["protected_resources"]
        process.send_signal(number)
        assert process.communicate(timeout=BOUND_SECONDS) == ("", "")
    assert process.returncode == 0
    left = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert left == [f"{base}.json"]


def test_people_are_told_the_same_and_what_comes_next(state: dict[str, str]) -> None:
    base = free_base()
    with running_assay("serve-issuer", "--port", str(base), "--tenant", "globex", variables=state) as process:
        assert process.stdout
        said = [process.stdout.readline() for _ in range(8)]
    issuer = f"http://127.0.0.1:{base + 1}/globex"
    assert said[0].startswith("The issuer is ready. It ends with Ctrl-C or `mcp-assay down`.")
    assert [line.split(maxsplit=1)[1].strip() for line in said[3:5]] == [issuer, f"{issuer}/jwks"]
    assert said[5].startswith("audience  the URL of your MCP server")
    assert f'trusts = "sandbox" under [target], port = {base} and tenant = "globex" under [sandbox]' in said[7]


def test_down_ends_it(state: dict[str, str]) -> None:
    with running_assay("serve-issuer", "--json", "--port", str(free_base()), variables=state) as process:
        _settings(process)
        ended = run_assay("down", variables=state)
        assert process.wait(BOUND_SECONDS) == 0
    assert ended.out.startswith(f"ended the sandbox of process {process.pid} at ")


def test_a_port_in_use_is_named_with_the_choice_to_pass_another(state: dict[str, str]) -> None:
    base = free_base()
    with socket.create_server(("127.0.0.1", base + 1)):
        ended = run_assay("serve-issuer", "--port", str(base), variables=state)
    assert ended.code == 2
    assert ended.err == f"Error: port {base + 1} of 127.0.0.1 is in use; pass another base with --port\n"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--tenant", "umbrella"], "there is no 'umbrella'; there are: acme, globex"),
        (["--resource", "localhost"], "an http or https URL with a host is wanted"),
        (["--resource", "http://localhost/mcp#top"], "a URL without fragment is wanted"),
    ],
)
def test_wrong_usage_is_told_before_anything_starts(options: list[str], sentence: str) -> None:
    ended = assay("serve-issuer", *options)
    assert ended.code == 2
    assert sentence in ended.err
