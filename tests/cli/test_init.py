"""`init` writes a target file that can be read, with what discovery found and nothing that a target smuggled in."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from harness.starter import Found, target_file_text
from harness.target_file import TargetFile, TargetFileError, read_target_file
from tests import hostile
from tests.cli.assay import assay
from tests.cli.test_hostile_targets import METADATA, PLACES, RESOURCE
from tests.hostile import Hostile, answer, document, redirect

HERE = Path("mcp-assay.toml")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_an_mcp_server_is_recognised_and_described() -> None:
    with Hostile(answer(), PLACES) as server:
        ended = assay("init", f"{server.url}/mcp")
        file = read_target_file(HERE)
    assert ended.code == 0
    assert ended.out == f"{server.url}/mcp is an MCP server; wrote mcp-assay.toml\nnext: mcp-assay doctor\n"
    assert file.target.mcp_server == file.resources.primary == f"{server.url}/mcp"
    assert file.target.authorization_server == f"{server.url}/issuer"
    assert (file.scopes.narrow, file.scopes.wide) == ("read", "read write")


def test_an_authorization_server_is_recognised_and_described() -> None:
    metadata = {name: value for name, value in METADATA.items() if name != "registration_endpoint"}
    with Hostile(answer(), {"/.well-known/oauth-authorization-server": document(metadata)}) as server:
        ended = assay("init", f"{server.url}/issuer", "--output", "as.toml")
        file = read_target_file(Path("as.toml"))
    assert ended.code == 0
    assert "next: mcp-assay doctor --target as.toml" in ended.out
    assert file.target.mcp_server is None
    assert file.target.authorization_server == f"{server.url}/issuer"
    written = Path("as.toml").read_text()
    assert "# [clients.first]" in written
    assert "# [clients.machine]" in written
    assert "# [clients.resource_server]" in written


def test_an_mcp_server_without_metadata_is_recognised_by_its_challenge() -> None:
    with Hostile(answer(b"", "WWW-Authenticate: Bearer", status="401 Unauthorized")) as server:
        assert assay("init", f"{server.url}/mcp").code == 0
    assert read_target_file(HERE).target.mcp_server == f"{server.url}/mcp"


def test_an_mcp_server_that_asks_nobody_is_recognised_by_its_answer() -> None:
    with Hostile(document({"jsonrpc": "2.0", "id": 1, "result": {"tools": []}})) as server:
        assert assay("init", f"{server.url}/mcp").code == 0
    assert read_target_file(HERE).target.mcp_server == f"{server.url}/mcp"


def test_the_commented_clients_are_valid_tables_when_the_comment_signs_go(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("MACHINE", "RESOURCE_SERVER"):
        monkeypatch.setenv(f"{kind}_SECRET", "known")
    metadata = {"grant_types_supported": ["client_credentials"], "introspection_endpoint": "https://a.example/"}
    text = target_file_text(Found("http://127.0.0.1/mcp", "http://127.0.0.1", {}, metadata))
    start, _, rest = text.partition("# [clients.first]")
    tables = f"# [clients.first]{rest.partition('# Tools')[0]}".replace("# ", "").replace('""', '"a-client"')
    file = TargetFile.model_validate(tomllib.loads(start + tables))
    assert sorted(file.clients) == ["first", "machine", "resource_server", "second"]


def test_a_file_that_is_there_is_left_alone_unless_forced() -> None:
    HERE.write_text("mine")
    with Hostile(answer(), PLACES) as server:
        ended = assay("init", f"{server.url}/mcp")
        assert ended.code == 2
        assert ended.err == "Error: mcp-assay.toml is there already; --force replaces it\n"
        assert HERE.read_text() == "mine"
        assert server.paths == []
        assert assay("init", f"{server.url}/mcp", "--force").code == 0
    assert read_target_file(HERE).target.mcp_server == f"{server.url}/mcp"


def test_a_place_that_cannot_be_written_is_told_before_anything_is_sent() -> None:
    with Hostile(answer(), PLACES) as server:
        ended = assay("init", f"{server.url}/mcp", "--output", "none/target.toml")
        assert server.paths == []
    assert ended.code == 2
    assert ended.err == "Error: none/target.toml: cannot be written: No such file or directory\n"


@pytest.mark.parametrize("behaviour", [hostile.reset, answer("<p>Welcome</p>"), redirect("{path}")])
def test_what_is_neither_is_told_and_nothing_is_written(behaviour: hostile.Behaviour) -> None:
    with Hostile(behaviour) as server:
        ended = assay("init", server.url)
    assert ended.code == 3
    assert ended.err.startswith("Error: nothing to write: ")
    assert len(ended.err.splitlines()) == 1
    assert not HERE.exists()


@pytest.mark.parametrize("url", ["localhost", "ftp://localhost", "http://", "http://user:secret@localhost/"])
def test_what_is_no_url_is_wrong_usage(url: str) -> None:
    ended = assay("init", url)
    assert ended.code == 2
    assert "secret" not in ended.err


def test_nothing_that_a_target_says_becomes_a_line_of_its_own() -> None:
    evil = 'x"\nauthorized = true\n#\x1b[2J'
    resource = {
        "resource": f"http://127.0.0.1/{evil}",
        "scopes_supported": [evil, "\ud800", 5, None, "good", 'q"'],
        "a": evil,
    }
    metadata = {**METADATA, "scopes_supported": evil, "grant_types_supported": evil, "registration_endpoint": evil}
    text = target_file_text(Found("http://127.0.0.1/mcp", "http://127.0.0.1/issuer", resource, metadata))
    file = TargetFile.model_validate(tomllib.loads(text))
    assert file.scopes.narrow == "good"
    assert file.scopes.wide == ""
    assert file.resources.primary == "http://127.0.0.1/mcp"
    assert not file.target.authorized
    assert "\x1b" not in text


def test_off_loopback_the_owners_leave_is_left_to_the_user(tmp_path: Path) -> None:
    HERE.write_text(target_file_text(Found("https://mcp.example/mcp", "https://login.example", RESOURCE, METADATA)))
    with pytest.raises(TargetFileError, match="is off loopback: set authorized = true"):
        read_target_file(HERE)
    HERE.write_text(HERE.read_text().replace("authorized = false", "authorized = true"))
    assert read_target_file(HERE).target.mcp_server == "https://mcp.example/mcp"


def test_an_authorization_server_in_a_far_place_is_not_named_for_a_local_target() -> None:
    HERE.write_text(target_file_text(Found("http://127.0.0.1/mcp", "https://login.example", RESOURCE)))
    assert read_target_file(HERE).target.authorization_server is None
    assert '# authorization_server = "https://login.example"' in HERE.read_text()
