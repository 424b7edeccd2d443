"""`doctor` says what is missing before anything is run, and stops nothing that could run."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from harness import doctor
from harness.sandbox.attached import handle_of
from harness.sandbox.embedded import EmbeddedSandbox
from harness.sandbox.layout import ISSUER
from harness.sandbox.registry import recorded
from tests.addresses import free_base
from tests.cli.assay import Ended, assay
from tests.cli.test_hostile_targets import METADATA, PLACES
from tests.hostile import Hostile, answer, document, reset


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")


def _target(text: str) -> None:
    Path("mcp-assay.toml").write_text(f"[target]\n{text}")


def _findings(ended: Ended) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for line in ended.out.splitlines()[1:]:
        state, _, rest = line.partition("  ")
        subject, _, text = rest.strip().partition("  ")
        found.setdefault(subject.strip(), []).append((state.strip(), text.strip()))
    return found


def test_without_a_target_file_the_machine_is_looked_at() -> None:
    ended = assay("doctor")
    assert ended.code == 0
    found = _findings(ended)
    assert [found[name][0][0] for name in ("python", "files")] == ["ok", "ok"]
    ((state, text),) = found["docker"]
    assert (state, "no Docker engine answers at tcp://127.0.0.1:1: start it" in text) == ("lacking", True)
    assert "issuer" not in found
    assert "there is no mcp-assay.toml here, so `mcp-assay run` judges the sandbox" in ended.out


def test_a_port_in_use_is_named_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(doctor, "DEFAULT_PORT", port)
        ended = assay("doctor")
    assert ended.code == 0
    assert _findings(ended)["ports"] == [
        ("lacking", f"port {port} of 127.0.0.1 is in use: mcp-assay up wants another --port")
    ]


def test_a_package_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "requires", lambda _name: ["none-such-package>=1", 'other>=1; extra == "dev"'])
    ended = assay("doctor")
    assert ended.code == 2
    assert ("wrong", "none-such-package is not installed") in _findings(ended)["packages"]


def test_the_mistakes_of_a_target_file_are_findings() -> None:
    _target('mcp_server = "ftp://x"\ncolour = 1')
    ended = assay("doctor")
    assert ended.code == 2
    said = [text for state, text in _findings(ended)["target file"] if state == "wrong"]
    assert len(said) == 2
    assert "target.mcp_server: an http or https URL with a host is wanted" in said[0]


def test_a_missing_target_file_is_wrong() -> None:
    ended = assay("doctor", "--target", "none.toml")
    assert ended.code == 2
    assert _findings(ended)["target file"] == [("wrong", "none.toml: cannot be read: No such file or directory")]


def test_a_target_that_does_not_answer_is_told() -> None:
    with Hostile(reset) as server:
        _target(f'mcp_server = "{server.url}/mcp"')
        ended = assay("doctor")
    assert ended.code == 3
    assert "Connection reset by peer" in _findings(ended)["target"][0][1]


def test_an_authorization_server_without_metadata_is_told() -> None:
    with Hostile(answer()) as server:
        _target(f'authorization_server = "{server.url}"')
        ended = assay("doctor")
    assert ended.code == 3
    assert ("wrong", f"{server.url} publishes no authorization server metadata") in _findings(ended)["target"]


def test_what_would_let_more_be_judged_is_said_for_each_capability() -> None:
    with Hostile(answer(), PLACES) as server:
        _target(f'mcp_server = "{server.url}/mcp"')
        ended = assay("doctor")
    found = _findings(ended)
    assert ended.code == 0
    assert found["target"] == [
        ("ok", f"MCP server {server.url}/mcp"),
        ("ok", f"authorization server {server.url}/issuer"),
    ]
    assert found["authorization-code"] == [("ok", "advertised")]
    assert found["tenants"] == [("lacking", "absent; add [other_tenant]")]
    assert found["time"][0][0] == "lacking"
    assert "--max-wait SECONDS" in found["time"][0][1]
    assert found["minted-tokens"][0][0] == "lacking"


def test_client_tables_that_the_file_lacks_are_named() -> None:
    metadata = {name: value for name, value in METADATA.items() if name != "registration_endpoint"}
    with Hostile(answer(), {"/.well-known/oauth-authorization-server": document(metadata)}) as server:
        _target(f'authorization_server = "{server.url}/issuer"')
        found = _findings(assay("doctor"))
    for name, kind in (
        ("authorization-code", "first"),
        ("client-credentials", "machine"),
        ("private-key-jwt", "keyed"),
    ):
        text = f"offered, but the file has no [clients.{kind}], and the target no registration"
        assert found[name] == [("lacking", text)]


def test_the_port_of_a_trusted_sandbox_has_to_be_free() -> None:
    with Hostile(answer(), PLACES) as server, socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        _target(f'mcp_server = "{server.url}/mcp"\ntrusts = "sandbox"\n[sandbox]\nport = {port}')
        ended = assay("doctor")
    assert ended.code == 2
    text = f"port {port} of 127.0.0.1 is in use: the target trusts a sandbox there"
    assert ("wrong", text) in _findings(ended)["ports"]
    assert _findings(ended)["minted-tokens"] == [("ok", "configured")]


def test_a_server_that_trusts_the_sandbox_is_told_what_it_has_to_trust() -> None:
    with Hostile(answer(), PLACES) as server:
        _target(
            f'mcp_server = "{server.url}/mcp"\ntrusts = "sandbox"\n[sandbox]\nport = {free_base()}\ntenant = "globex"'
        )
        found = _findings(assay("doctor"))
    port = int(Path("mcp-assay.toml").read_text().split("port = ")[1].split()[0])
    issuer = f"http://127.0.0.1:{port + 1}/globex"
    (fine, settings), (lacking, mismatch) = found["way in"]
    assert (fine, lacking) == ("ok", "lacking")
    assert f"(issuer {issuer}, JWKS {issuer}/jwks, audience {server.url}/mcp)" in settings
    assert (
        mismatch == f"the server's metadata names the authorization server {server.url}/issuer; does it trust {issuer}?"
    )
    assert found["mcp-tenants"][0][0] == "lacking"
    assert "authorization-code" not in found


def test_a_server_with_its_own_authorization_server_is_told_what_flows_need() -> None:
    with Hostile(answer(), PLACES) as server:
        _target(f'mcp_server = "{server.url}/mcp"')
        ways = _findings(assay("doctor"))["way in"]
    assert [state for state, _ in ways] == ["ok", "lacking", "lacking"]
    assert ways[0][1].startswith(f"real flows and forged: tokens are had from {server.url}/issuer")
    assert ways[1][1].startswith("[login] is absent: redirects are followed")
    assert "expired_env, other_resource_env, limited_env, other_tenant_env under [tokens]" in ways[2][1]


def test_tokens_that_are_given_are_named_with_those_that_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOD", "a-good-token")
    with Hostile(answer(), PLACES) as server:
        _target(f'mcp_server = "{server.url}/mcp"\n[tokens]\ngood_env = "GOOD"')
        ended = assay("doctor")
    ways = _findings(ended)["way in"]
    assert ways[0] == ("ok", "tokens are given: good; they are shown, and the good one is altered where it is a JWT")
    assert "expired_env, other_resource_env, limited_env, other_tenant_env under [tokens]" in ways[1][1]
    assert "a-good-token" not in ended.out


def test_without_any_way_to_a_token_this_is_said() -> None:
    with Hostile(answer(b"", "WWW-Authenticate: Bearer", status="401 Unauthorized")) as server:
        _target(f'mcp_server = "{server.url}/mcp"')
        (way,) = _findings(assay("doctor"))["way in"]
    assert way[0] == "lacking"
    assert way[1].startswith("there is none, so that refusals alone are judged; ")


def test_a_token_of_an_identity_is_a_way_in_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_TEST_ALICE", "opaque")
    with Hostile(answer()) as server:
        _target(f'mcp_server = "{server.url}/mcp"\n[identities.alice]\ntoken_env = "ASSAY_TEST_ALICE"')
        found = _findings(assay("doctor"))
    assert found["way in"][0][1].startswith("tokens are given: good;")


def test_a_tenant_that_the_sandbox_lacks_is_wrong() -> None:
    _target('mcp_server = "http://127.0.0.1:1/mcp"\ntrusts = "sandbox"\n[sandbox]\ntenant = "initech"')
    ended = assay("doctor")
    assert ended.code == 2
    assert ("wrong", "sandbox.tenant: there is no 'initech'; there are: acme, globex") in _findings(ended)[
        "target file"
    ]


def test_without_a_place_for_the_issuers_keys_this_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(Path(__file__)))
    with Hostile(answer(), PLACES) as server:
        _target(f'mcp_server = "{server.url}/mcp"\ntrusts = "sandbox"\n[sandbox]\nport = {free_base()}')
        ended = assay("doctor")
    assert ended.code == 2
    assert "there is no place for the issuer's keys" in _findings(ended)["keys"][0][1]


def test_the_issuer_that_runs_is_told_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with EmbeddedSandbox(services=ISSUER) as sandbox, Hostile(answer()) as server:
        base = sandbox.layout.mock_idp.url
        with recorded({"mock_idp": base}, handle_of(sandbox)):
            _target(f'mcp_server = "{server.url}/mcp"\ntrusts = "sandbox"\n[sandbox]\nport = {base.rpartition(":")[2]}')
            found = _findings(assay("doctor"))
        assert f"(issuer {sandbox.layout.issuer('acme')}, " in found["way in"][0][1]
    assert not [name for name in found if name.startswith("given-")]
