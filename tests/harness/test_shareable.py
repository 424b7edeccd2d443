"""A target file that is handed on says the same and holds no secret."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from harness.planning import target_file
from harness.request import Request
from harness.shareable import LEFT_OUT, left_out, shareable_text
from harness.target_file import checked_target_file

TARGET = '[target]\nmcp_server = "http://127.0.0.1:1/mcp"\n'


def _shared(tmp_path: Path, text: str, **told: str) -> dict[str, Any]:
    """Return the data of the shared file, which is a valid target file itself."""
    path = tmp_path / "mcp-assay.toml"
    path.write_text(text)
    data = tomllib.loads(shareable_text(target_file(Request(path, **told))))  # type: ignore[arg-type]
    checked_target_file(data, "the shared file")
    return data


def test_what_the_file_says_is_said_again(tmp_path: Path) -> None:
    text = (
        TARGET
        + "[scopes]\nnarrow = 'a'\n[tools.get]\nscopes = ['a']\narguments = { id = 'DE-1', deep = [{ n = 1 }] }\n"
        "[[login.pages]]\npress = 'Allow'\n[[login.pages]]\nfill = { user = 'alice' }\n"
        "[expected]\n'as/pkce' = { reason = 'known', expires = 2027-01-31 }\n"
    )
    said = tomllib.loads(text)
    said["target"]["spec"] = "2026-07-28"
    assert _shared(tmp_path, text) == said


def test_what_the_command_line_says_takes_the_place_of_the_files(tmp_path: Path) -> None:
    url = "http://127.0.0.1:2/mcp"
    shared = _shared(tmp_path, TARGET, mcp_server=url, spec="2025-11-25")
    assert shared["target"] == {"mcp_server": url, "spec": "2025-11-25"}


def test_urls_of_the_command_line_alone_become_a_file() -> None:
    text = shareable_text(target_file(Request(authorization_server="http://127.0.0.1:3")))
    assert tomllib.loads(text)["target"] == {"authorization_server": "http://127.0.0.1:3", "spec": "2026-07-28"}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[[login.pages]]\nfill = { q1 = 'SECRET' }", "login.pages.0.fill.q1"),
        ("[[login.refusal]]\nfill = { user = 'a', passwd = 'SECRET' }", "login.refusal.0.fill.passwd"),
        ("[[limited_login.pages]]\nfill = { PIN = 'SECRET' }", "limited_login.pages.0.fill.PIN"),
        ("[login]\nparameters = { prompt = 'login', login_token = 'SECRET' }", "login.parameters.login_token"),
        ("[tools.get]\narguments = { deep = [{ api_key = 'SECRET' }] }", "tools.get.arguments.deep.0.api_key"),
        ("[tools.get]\narguments = { passwords = ['SECRET'] }", "tools.get.arguments.passwords.0"),
        (
            "[tools.a]\n[effect]\nwrite = 'a'\nread = 'a'\nread_arguments = { secret = 'SECRET' }",
            "effect.read_arguments.secret",
        ),
        ("[other_tenant]\n[[other_tenant.login.pages]]\nfill = { a = 'SECRET' }", "other_tenant.login.pages.0.fill.a"),
        ("[resources]\nother = 'http://127.0.0.1:2/mcp?page=1&apiKey=SECRET'", "resources.other"),
    ],
)
def test_what_may_be_a_secret_is_left_out(tmp_path: Path, text: str, place: str) -> None:
    shared = _shared(tmp_path, TARGET + text)
    assert "SECRET" not in str(shared)
    assert list(left_out(shared)) == [place]


def test_what_is_no_secret_stays(tmp_path: Path) -> None:
    text = "[login]\nparameters = { prompt = 'login' }\n[tools.get]\narguments = { q = 'x', max_tokens = 5 }"
    assert list(left_out(_shared(tmp_path, TARGET + text))) == []


def test_the_value_of_a_variable_is_left_out_wherever_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_TEST_PASSWORD", "hunter-2-hunter")
    text = (
        "[[login.pages]]\nfill_env = { password = 'ASSAY_TEST_PASSWORD' }\n"
        "[tools.get]\narguments = { note = 'it is hunter-2-hunter.' }\n"
    )
    shared = _shared(tmp_path, TARGET + text)
    assert shared["login"]["pages"][0]["fill_env"] == {"password": "ASSAY_TEST_PASSWORD"}
    assert shared["tools"]["get"]["arguments"] == {"note": f"it is {LEFT_OUT}."}


def test_comments_and_own_scenarios_stay_behind(tmp_path: Path) -> None:
    path = tmp_path / "mcp-assay.toml"
    path.write_text(f"{TARGET}# the password is hunter2\n[plan]\nscenarios = 'mine'\n")
    text = shareable_text(target_file(Request(path)))
    assert "hunter2" not in text
    assert "mine" not in text
    assert "The scenarios that [plan] named are not part of it." in text
