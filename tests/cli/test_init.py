"""`init` writes a target file that can be read, with what discovery found and nothing that a target smuggled in."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from harness.request import TargetFileError
from harness.starter import Found, target_file_text
from harness.starter_tools import FoundTool
from harness.target_file import TargetFile, read_target_file
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


LISTED = {
    "jsonrpc": "2.0",
    "id": 1,
    "result": {
        "tools": [
            {"name": "look", "annotations": {"readOnlyHint": True}},
            {"name": "find it", "annotations": {"readOnlyHint": True}, "inputSchema": {"required": ["what"]}},
            {"name": "change", "inputSchema": []},
            {"name": 7},
            "none",
        ]
    },
}


def _lists_and_refuses_calls(visit: hostile.Visit) -> None:
    if b"tools/call" in visit.request:
        answer(b"", 'WWW-Authenticate: Bearer scope="read"', status="401 Unauthorized")(visit)
    else:
        document(LISTED)(visit)


def test_tools_are_proposed_with_the_scopes_of_their_challenges_and_only_harmless_ones_are_called() -> None:
    called: list[bytes] = []

    def behave(visit: hostile.Visit) -> None:
        called.extend([visit.request] if b"tools/call" in visit.request else [])
        _lists_and_refuses_calls(visit)

    with Hostile(behave, {"/.well-known/": answer(b"", status="404 Not Found")}) as server:
        assert assay("init", f"{server.url}/mcp").code == 0
    file, text = read_target_file(HERE), HERE.read_text()
    assert {name: tool.scopes for name, tool in file.tools.items()} == {"look": ["read"]}
    assert '# [tools."find it"]\n# scopes = ["read"]' in text
    assert '# arguments = {}   # wanted: "what"' in text
    assert "# [tools.change]   # it may change something\n" in text
    assert len(called) == 2
    assert not any(b"change" in request or b"uthorization" in request for request in called)


def test_scopes_that_any_request_is_told_are_not_taken_for_those_of_a_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    def behave(visit: hostile.Visit) -> None:
        if b"uthorization: Bearer" in visit.request:
            document(LISTED)(visit)
        else:
            answer(b"", 'WWW-Authenticate: Bearer scope="read write"', status="401 Unauthorized")(visit)

    monkeypatch.setenv("MY_TOKEN", "a-token-of-mine")
    with Hostile(behave, {"/.well-known/": answer(b"", status="404 Not Found")}) as server:
        assert assay("init", f"{server.url}/mcp", "--token-env", "MY_TOKEN").code == 0
    assert read_target_file(HERE).tools == {}
    told = "what any request is told: keep those that this call needs"
    assert f'# [tools.look]\n# scopes = ["read", "write"]   # {told}\n' in HERE.read_text()


def test_a_token_comes_from_the_environment_and_stays_out_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "a-token-of-mine")
    seen: list[bool] = []

    def behave(visit: hostile.Visit) -> None:
        seen.append(b"Bearer a-token-of-mine" in visit.request)
        _lists_and_refuses_calls(visit)

    with Hostile(behave, {"/.well-known/": answer(b"", status="404 Not Found")}) as server:
        assert assay("init", f"{server.url}/mcp", "--token-env", "MY_TOKEN").code == 0
    assert any(seen)
    assert "a-token-of-mine" not in HERE.read_text()
    assert "look" in read_target_file(HERE).tools


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        ("eyJ.eyJ.sig", "--token-env wants the name of an environment variable"),
        ("NOT_SET", "the environment variable NOT_SET holds no token"),
    ],
)
def test_what_is_no_variable_with_a_token_is_wrong_usage(variable: str, words: str) -> None:
    ended = assay("init", "http://127.0.0.1:1/mcp", "--token-env", variable)
    assert ended.code == 2
    assert words in ended.err
    assert "eyJ.eyJ" not in ended.err


def test_no_tool_becomes_a_line_of_its_own() -> None:
    evil = 'x"\n[target]\nauthorized = true\n#\x1b[2J'
    tools = (
        FoundTool(evil, (evil, "read"), (evil,), read_only=True),
        FoundTool(evil + "y", ("read",), (), read_only=True),
    )
    text = target_file_text(Found("http://127.0.0.1/mcp", tools=tools))
    file = TargetFile.model_validate(tomllib.loads(text))
    assert list(file.tools) == [evil + "y"]
    assert not file.target.authorized
    assert "\x1b" not in text
