"""`mcp-assay replay`: the same requests, the same verdict, or what is different; nothing is sent unasked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from harness import engine
from harness.events import Result
from harness.sandbox.embedded import EmbeddedSandbox
from harness.verdict import Verdict
from reports.bundle import MANIFEST, REPORT, TARGET, write_bundle
from tests.cli.assay import Ended, assay, run_assay
from tests.hostile import Hostile, answer, document

PUBLISHED = "as/discovery/metadata-is-published"
LISTED = "as/discovery/the-openid-document-lists-challenge-methods"
SCHEME = "mcp/challenge/the-scheme-is-recognised-in-any-case"
PKCE = "as/pkce/a-wrong-verifier-is-refused"
METADATA = {"issuer": "{url}", "code_challenge_methods_supported": ["S256"]}
FAULTY = {"issuer": "{url}"}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def server() -> Iterator[Hostile]:
    """An authorization server that does not list its challenge methods."""
    with Hostile(answer(), {"/.well-known/": document(FAULTY)}) as server:
        yield server


def _bundle(url: str, *more: str) -> Ended:
    """Judge an authorization server, and leave `b.zip`."""
    return assay("run", "as/discovery", "--authorization-server", url, "--bundle", "b.zip", *more)


def _rewritten(**changes: Any) -> None:
    """Write `b.zip` anew as a stranger could: with another report, target file or kind of target."""
    with ZipFile("b.zip") as archive:
        report = json.loads(archive.read(REPORT))
        sandbox = json.loads(archive.read(MANIFEST))["sandbox"]
        target = None if sandbox else archive.read(TARGET).decode()
    target = changes.pop("target_text", target)
    write_bundle({**report, **changes}, Path("b.zip"), target)


@pytest.fixture(scope="module")
def of_the_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the sandbox."""
    path = tmp_path_factory.mktemp("bundle") / "b.zip"
    ended = run_assay("run", PKCE, "mcp/challenge", "--bundle", path, "--seed", "3", "--spec", "2025-11-25")
    assert ended.code == 0
    return path


def test_the_sandbox_is_judged_again_as_it_was(of_the_sandbox: Path) -> None:
    ended = run_assay("replay", of_the_sandbox, PKCE)
    assert (ended.code, ended.err) == (0, "")
    assert "4 of 4 requests are the same" in ended.out
    assert "verdict  passed → passed" in ended.out
    assert f"PASSED {PKCE}" in ended.out
    assert "demanded  MUST (rfc7636-4.6-1)" in ended.out
    assert "resource=http://" in ended.out


def test_an_mcp_server_is_judged_again_by_the_revision_of_then(of_the_sandbox: Path) -> None:
    ended = run_assay("replay", of_the_sandbox, SCHEME)
    assert ended.code == 0
    assert "differs" not in ended.out
    assert "mcp-protocol-version: 2025-11-25" in ended.out


def test_a_mutant_fails_again() -> None:
    with EmbeddedSandbox(mutant="as-metadata-openid-without-challenge-methods") as sandbox:
        assert _bundle(sandbox.layout.issuer("acme")).code == 1
        ended = assay("replay", "b.zip", LISTED)
    assert ended.code == 0
    assert "verdict  failed → failed" in ended.out
    assert "differs" not in ended.out


def test_what_was_mended_is_told_with_both_answers(server: Hostile) -> None:
    assert _bundle(server.url).code == 1
    server.behaviours["/.well-known/"] = document(METADATA)
    ended = assay("replay", "b.zip", LISTED)
    assert ended.code == 1
    assert "same     GET " in ended.out
    assert "answered 200, as then\n     body code_challenge_methods_supported: absent → 'S256'\n" in ended.out
    assert "verdict  failed → passed\nthen     " in ended.out


def test_what_fails_still_is_the_same(server: Hostile) -> None:
    _bundle(server.url)
    ended = assay("replay", "b.zip", LISTED)
    assert ended.code == 0
    assert "verdict  failed → failed" in ended.out
    assert f"FAILED {LISTED}" in ended.out


def test_another_target_file_takes_the_place_of_the_bundles(server: Hostile, tmp_path: Path) -> None:
    _bundle(server.url)
    with Hostile(answer(), {"/.well-known/": document(METADATA)}) as other:
        (tmp_path / "t.toml").write_text(f'[target]\nauthorization_server = "{other.url}"\n')
        server.paths.clear()
        ended = assay("replay", "b.zip", LISTED, "--target", "t.toml")
        assert other.paths != []
    assert ended.code == 1
    assert server.paths == []
    assert "differs" not in ended.out


def test_a_target_that_is_gone_cannot_be_judged(server: Hostile) -> None:
    _bundle(server.url)
    server.shutdown()
    server.server_close()
    ended = assay("replay", "b.zip", LISTED)
    assert ended.code == 3
    assert "the target cannot be judged: " in ended.err


def test_what_is_blocked_now_cannot_be_judged(server: Hostile) -> None:
    _bundle(server.url)
    server.behaviours["/.well-known/"] = answer(b"", status="500 Oops")
    ended = assay("replay", "b.zip", LISTED)
    assert (ended.code, ended.err) == (3, "")
    assert "verdict  failed → blocked" in ended.out


def test_a_fault_of_ours_and_an_end_by_the_user_are_no_verdicts(
    server: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    _bundle(server.url)
    monkeypatch.setattr(engine, "judge", lambda _, scenario: Result(scenario, Verdict.ERROR, trace="Traceback"))
    ended = assay("replay", "b.zip", LISTED)
    assert ended.code == 4
    assert "verdict  failed → error" in ended.out

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "judge", interrupt)
    ended = assay("replay", "b.zip", LISTED)
    assert (ended.code, ended.err) == (3, "Error: the run was ended before there was a verdict\n")


def test_a_mistyped_scenario_offers_the_nearest(server: Hostile) -> None:
    _bundle(server.url)
    ended = assay("replay", "b.zip", PUBLISHED[:-1])
    assert ended.code == 2
    assert f"b.zip has no result of a scenario '{PUBLISHED[:-1]}'; did you mean {PUBLISHED}" in ended.err


OWN = '''
from harness import Context, expect, scenario

@scenario("oauth21-4.1.3-6")
def a_house_rule_holds(ctx: Context) -> None:
    """The rule of the house holds.

    Remedy: follow it.
    """
    expect(ctx.metadata, "metadata", "none")
'''


def test_a_scenario_of_the_users_own_needs_their_target_file(server: Hostile, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "house.py").write_text(OWN)
    text = f'[target]\nauthorization_server = "{server.url}"\n[plan]\nscenarios = "mine"\n'
    (tmp_path / "t.toml").write_text(text)
    name = "as/house/a-house-rule-holds"
    assert assay("run", name, "--target", "t.toml", "--bundle", "b.zip").code == 0
    ended = assay("replay", "b.zip", name)
    assert ended.code == 2
    assert f"{name} is unknown here: it is of another version of mcp-assay, or one of the user's own" in ended.err
    assert assay("replay", "b.zip", name, "--target", "t.toml").code == 0


def test_what_does_not_verify_is_not_run(server: Hostile, tmp_path: Path) -> None:
    _bundle(server.url)
    with ZipFile("b.zip", "a") as archive:
        archive.writestr("more.txt", b"")
    server.paths.clear()
    ended = assay("replay", "b.zip", LISTED)
    assert ended.code == 2
    assert "b.zip does not verify, so that nothing of it is run:\n  more.txt: is not in the manifest\n" in ended.err
    assert server.paths == []


def test_what_is_no_bundle_is_refused() -> None:
    ended = assay("replay", "none.zip", LISTED)
    assert (ended.code, ended.err) == (2, "Error: none.zip: there is no such file\n")


def test_a_strangers_bundle_sends_nothing_off_loopback_on_its_own_word(server: Hostile) -> None:
    _bundle(server.url)
    table = f'[target]\nauthorization_server = "{server.url}"\nauthorized = true\norigins = ["https://far.example"]\n'
    client = '[clients.machine]\nclient_id = "a"\nauth_method = "client_secret_post"\nsecret_env = "ASSAY_NOT_SET"\n'
    _rewritten(target_text=table + client)
    server.paths.clear()
    ended = assay("replay", "b.zip", LISTED)
    assert ended.code == 2
    assert "would go to https://far.example, with what is in ASSAY_NOT_SET; say --authorized if" in ended.err
    assert server.paths == []


def test_with_the_users_word_it_is_judged(server: Hostile) -> None:
    _bundle(server.url)
    table = f'[target]\nauthorization_server = "{server.url}"\nauthorized = true\norigins = ["https://far.example"]\n'
    _rewritten(target_text=table)
    assert assay("replay", "b.zip", LISTED, "--authorized").code == 0


def test_a_strangers_bundle_runs_no_code(server: Hostile, tmp_path: Path) -> None:
    _bundle(server.url)
    folder = tmp_path / "evil"
    folder.mkdir()
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'done')!r}, 'w').close()\n")
    text = f'[target]\nauthorization_server = "{server.url}"\n[plan]\nscenarios = "{folder}"\n'
    _rewritten(target_text=text)
    assert assay("replay", "b.zip", LISTED).code == 0
    assert not (tmp_path / "done").exists()


def test_what_was_left_out_is_named(server: Hostile, tmp_path: Path) -> None:
    text = f'[target]\nauthorization_server = "{server.url}"\n[login]\nparameters = {{ password = "hunter2" }}\n'
    (tmp_path / "t.toml").write_text(text)
    assay("run", LISTED, "--target", "t.toml", "--bundle", "b.zip")
    ended = assay("replay", "b.zip", LISTED)
    assert ended.code == 2
    assert "b.zip: target.toml: login.parameters.password: left out, since it may be a secret" in ended.err
    assert assay("replay", "b.zip", LISTED, "--target", "t.toml").code == 0


def test_a_mistake_in_the_target_file_of_a_bundle_is_named(server: Hostile) -> None:
    _bundle(server.url)
    _rewritten(target_text="[target]\ncolour = 1\n")
    ended = assay("replay", "b.zip", LISTED)
    assert ended.code == 2
    assert "b.zip: target.toml: target.colour: is no key that is known here" in ended.err


def test_a_revision_that_nobody_knows_is_named(server: Hostile) -> None:
    _bundle(server.url)
    _rewritten(spec="2020-01-01")
    ended = assay("replay", "b.zip", LISTED)
    assert ended.code == 2
    assert "the bundle's run was judged by MCP 2020-01-01; known here are 2026-07-28" in ended.err


def test_a_role_that_the_target_lacks_is_named(server: Hostile, of_the_sandbox: Path, tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text(f'[target]\nauthorization_server = "{server.url}"\n')
    ended = assay("replay", of_the_sandbox, SCHEME, "--target", "t.toml")
    assert ended.code == 2
    assert f"{SCHEME} judges the mcp-server, and the target names none" in ended.err


def test_a_bundle_and_secrets_exclude_each_other(server: Hostile) -> None:
    ended = _bundle(server.url, "--show-secrets")
    assert ended.code == 2
    assert "--bundle is made to be handed on, so that it goes without --show-secrets" in ended.err
    assert server.paths == []


@pytest.mark.parametrize(("option", "reason"), [("--bundle", "it is a folder"), ("--checks-json", "it is no folder")])
def test_what_cannot_be_written_is_found_before_anything_is_sent(
    server: Hostile, tmp_path: Path, option: str, reason: str
) -> None:
    path = tmp_path / "there"
    path.mkdir() if option == "--bundle" else path.touch()
    ended = assay("run", LISTED, "--authorization-server", server.url, option, "there")
    assert ended.code == 2
    assert f"there: the report cannot be written there: {reason}" in ended.err
    assert server.paths == []


def test_one_file_for_two_reports_is_wrong_usage(server: Hostile) -> None:
    ended = _bundle(server.url, "--json", "b.zip")
    assert ended.code == 2
    assert "--json and --bundle name the same file: b.zip" in ended.err


def test_a_full_disk_loses_the_bundle_and_not_the_folders(server: Hostile, tmp_path: Path) -> None:
    more = ("--bundle", "/dev/full", "--checks-json", "checks")
    ended = assay("run", PUBLISHED, "--authorization-server", server.url, *more)
    assert ended.code == 3
    assert "/dev/full: the report could not be written: No space left on device" in ended.err
    assert len(list((tmp_path / "checks").rglob("checks.json"))) == 1
