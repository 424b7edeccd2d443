"""Target files, URLs and report paths with something wrong: one sentence, the documented exit code, nothing sent."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from reports.files import write_whole
from tests.cli.assay import assay, run_assay
from tests.hostile import Hostile, answer, document

LOOPBACK = '[target]\nmcp_server = "http://127.0.0.1:1/mcp"\n'
PUBLISHED = "as/discovery/metadata-is-published"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def honest() -> Iterator[Hostile]:
    """An authorization server of which one scenario passes."""
    metadata = {"issuer": "{url}", "response_types_supported": ["code"]}
    with Hostile(answer(), {"/.well-known/": document(metadata)}) as server:
        yield server


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", ["target: is missing"]),
        ("[target\n", ["is no TOML: "]),
        ("target = 1", ["target: a table is wanted; found 1"]),
        ("[target]", ["target: mcp_server or authorization_server is wanted"]),
        ("[target]\nmcp_server = 5", ["target.mcp_server: input should be a valid string; found 5"]),
        ('[target]\nmcp_server = "ftp://x"', ["target.mcp_server: an http or https URL with a host is wanted"]),
        ('[target]\nmcp_server = "http://"', ["target.mcp_server: an http or https URL with a host is wanted"]),
        ('[target]\nmcp_server = "http://[::1"', ["target.mcp_server: an http or https URL with a host is wanted"]),
        ('[target]\nmcp_server = "http://a.example/"', ["http://a.example/ is off loopback: set authorized = true"]),
        (LOOPBACK + 'authorized = "yes"', ["target.authorized: input should be a valid boolean; found 'yes'"]),
        (LOOPBACK + 'spec = "2020"', ["target.spec: input should be '2026-07-28'", "found '2020'"]),
        (LOOPBACK + 'server = "x"', ["target.server: is no key that is known here; there are: name, mcp_server"]),
        (LOOPBACK + "[client]", ["client: is no key that is known here; there are: target, clients"]),
        (LOOPBACK + "[clients.first]", ["clients.first.client_id: is missing"]),
        (LOOPBACK + "[clients.chef]", ["clients.chef: input should be 'first', 'second'"]),
        (LOOPBACK + '[clients.first]\nclient_id = "a"\nkey = 1', ["clients.first.key: is no key that is known here"]),
        (
            LOOPBACK + '[clients.machine]\nclient_id = "a"\nauth_method = "client_secret_basic"',
            ["clients.machine: auth_method client_secret_basic wants secret_env"],
        ),
        (LOOPBACK + "[capabilities]\nflying = true", ["capabilities.flying: no capability is called flying"]),
        (LOOPBACK + "[sandbox]\nport = 80", ["sandbox.port: input should be greater than or equal to 1024; found 80"]),
        (LOOPBACK + '[expected]\n"as/x" = ""', ["expected.as/x.reason: a reason in words is wanted; found ''"]),
        (
            LOOPBACK + "[expected]\n'as/x' = 1",
            ["expected.as/x: a reason in words is wanted, or a table that holds one"],
        ),
        (LOOPBACK + "[expected]\n'as/x' = {}", ["expected.as/x.reason: is missing"]),
        (LOOPBACK + "[expected.'as/x']\nreason = ' '", ["expected.as/x.reason: a reason in words is wanted"]),
        (
            LOOPBACK + "[expected.'as/x']\nreason = 'a'\nverdict = 'passed'",
            ["expected.as/x.verdict: input should be 'failed' or 'warning'; found 'passed'"],
        ),
        (
            LOOPBACK + "[expected.'as/x']\nreason = 'a'\nexpires = '2027-01-31'",
            ["expected.as/x.expires: a date is wanted, without quotes and time, such as 2027-01-31; found '2027"],
        ),
        (
            LOOPBACK + "[expected.'as/x']\nreason = 'a'\nexpires = 2027-01-31T00:00:00Z",
            ["expected.as/x.expires: a date is wanted, without quotes and time", "found 2027-01-31T00:00:00+00:00"],
        ),
        (
            LOOPBACK + "[expected.'as/x']\nreason = 'a'\nexpiry = 2027-01-31",
            ["expected.as/x.expiry: is no key that is known here; there are: reason, verdict, expires, link"],
        ),
        (
            LOOPBACK + "[expected.'as/x']\nreason = 'a'\nlink = 'javascript:alert(1)'",
            ["expected.as/x.link: an http or https URL with a host is wanted; found 'javascript:alert(1)'"],
        ),
        (
            LOOPBACK + "[expected.'as/x']\nreason = 'a'\nlink = 'https://me:pw@tracker.example/1'",
            ["expected.as/x.link: a URL without credentials is wanted; found 'https://tracker.example/1'"],
        ),
    ],
)
def test_each_mistake_in_a_target_file_is_named(tmp_path: Path, text: str, sentences: list[str]) -> None:
    path = tmp_path / "target.toml"
    path.write_text(text)
    ended = assay("run", "--target", path)
    assert ended.code == 2
    assert ended.out == ""
    assert str(path) in ended.err
    for sentence in sentences:
        assert sentence in ended.err


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text(LOOPBACK + 'colour = 1\n[login]\nmethod = "magic"\n[scope]\n')
    lines = assay("run", "--target", "t.toml").err.splitlines()
    places = [line.removeprefix("Error: ").split(": ")[1] for line in lines]
    assert places == ["target.colour", "login.method", "scope"]


def test_a_missing_target_file_is_named() -> None:
    ended = assay("run", "--target", "none.toml")
    assert (ended.code, ended.err) == (2, "Error: none.toml: cannot be read: No such file or directory\n")


def test_a_folder_is_no_target_file(tmp_path: Path) -> None:
    ended = assay("run", "--target", tmp_path)
    assert (ended.code, ended.err) == (2, f"Error: {tmp_path}: cannot be read: Is a directory\n")


def test_a_target_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "mcp-assay.toml").write_bytes(b"\xff\xfe[target]")
    ended = assay("run")
    assert (ended.code, ended.err) == (2, "Error: mcp-assay.toml: is no UTF-8 text\n")


CLIENT = LOOPBACK + '[clients.machine]\nclient_id = "a"\nauth_method = "client_secret_post"\n'


def test_an_unset_variable_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text(CLIENT + 'secret_env = "ASSAY_TEST_NOT_SET"')
    ended = assay("run", "--target", "t.toml")
    assert ended.code == 2
    assert "clients.machine.secret_env: the environment variable ASSAY_TEST_NOT_SET is not set" in ended.err


@pytest.mark.parametrize(
    "table",
    [
        "[tokens]\ngood_env = 's3cr3t'",
        "[tokens]\ngood_env = ['s3cr3t']",
        "[identities]\nalice = 's3cr3t'",
        "[identities.alice]\ntoken_env = 's3cr3t.x'",
        "[clients.machine]\nclient_id = 'x'\nsecret_env = 's3cr3t'",
    ],
)
def test_a_secret_in_the_place_of_its_variable_is_not_repeated(tmp_path: Path, table: str) -> None:
    path = tmp_path / "target.toml"
    path.write_text(f"{LOOPBACK}{table}")
    ended = assay("run", "--target", path)
    assert ended.code == 2
    assert "s3cr3t" not in ended.err


def test_a_secret_in_the_place_of_a_variable_is_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text(CLIENT + 'secret_env = "hunter-2"')
    ended = assay("run", "--target", "t.toml")
    assert ended.code == 2
    assert "clients.machine.secret_env: the name of an environment variable is wanted" in ended.err
    assert "hunter-2" not in ended.err


def test_a_password_in_a_url_is_not_repeated() -> None:
    ended = assay("run", "--mcp-server", "http://alice:hunter2@127.0.0.1/mcp")
    assert ended.code == 2
    assert "a URL without credentials is wanted; found 'http://127.0.0.1/mcp'" in ended.err


def test_a_variable_that_holds_no_key_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_TEST_KEY", "no JSON")
    table = '[clients.keyed]\nclient_id = "a"\nauth_method = "private_key_jwt"\nprivate_key_env = "ASSAY_TEST_KEY"'
    (tmp_path / "t.toml").write_text(LOOPBACK + table)
    ended = assay("run", "--target", "t.toml")
    assert ended.code == 2
    assert "clients.keyed.private_key_env: ASSAY_TEST_KEY holds no private JWK" in ended.err
    assert "no JSON" not in ended.err


def test_a_baseline_of_a_scenario_that_does_not_exist_offers_the_nearest(tmp_path: Path, honest: Hostile) -> None:
    text = f'[target]\nauthorization_server = "{honest.url}"\n[expected]\n"{PUBLISHED[:-1]}" = "known"\n'
    (tmp_path / "t.toml").write_text(text)
    ended = assay("run", PUBLISHED, "--target", "t.toml")
    assert ended.code == 1
    said = f"BASELINE {PUBLISHED[:-1]} is in the baseline, and fits no scenario: remove it; did you mean {PUBLISHED}"
    assert said in ended.out


def test_what_a_trusted_sandbox_makes_useless_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mcp-assay.toml"
    file.write_text('[target]\nmcp_server = "http://127.0.0.1:1/mcp"\ntrusts = "sandbox"\n[login]\nmethod = "auto"\n')
    ended = assay("run", "--target", str(file))
    assert ended.code == 2
    assert 'login: has no effect with trusts = "sandbox"' in ended.err


def test_a_tenant_that_the_sandbox_lacks_is_named(tmp_path: Path, honest: Hostile) -> None:
    text = f'[target]\nmcp_server = "{honest.url}"\ntrusts = "sandbox"\n[sandbox]\ntenant = "initech"\n'
    (tmp_path / "t.toml").write_text(text)
    ended = assay("run", "--target", "t.toml")
    assert ended.code == 2
    assert "sandbox.tenant: there is no 'initech'; there are: acme, globex" in ended.err


@pytest.mark.parametrize("url", ["", "http://", "http:///mcp", "ftp://127.0.0.1/", "127.0.0.1:8000", "http://[", "x y"])
@pytest.mark.parametrize("option", ["--mcp-server", "--authorization-server"])
def test_what_is_no_url_is_wrong_usage(option: str, url: str) -> None:
    ended = assay("run", option, url)
    assert ended.code == 2
    assert "an http or https URL with a host is wanted" in ended.err


def test_a_url_with_a_control_character_is_told(honest: Hostile) -> None:
    ended = assay("run", "--mcp-server", f"{honest.url}/\x01")
    assert ended.code == 3
    assert "cannot be requested" in ended.err
    assert honest.paths == []


@pytest.mark.parametrize("option", ["--json", "--junit"])
@pytest.mark.parametrize(("path", "reason"), [("none/report", "No such file"), (".", "it is a folder")])
def test_an_unwritable_report_is_found_before_anything_is_sent(
    honest: Hostile, option: str, path: str, reason: str
) -> None:
    ended = assay("run", PUBLISHED, "--authorization-server", honest.url, option, path)
    assert ended.code == 2
    assert f"{path}: the report cannot be written there: {reason}" in ended.err
    assert honest.paths == []


@pytest.mark.parametrize(
    ("option", "path", "sentence"),
    [
        ("--html", "report", "--json and --html name the same file: report"),
        ("--html", "folder/../report", "--json and --html name the same file: folder/../report"),
        ("--html", "link", "--json and --html name the same file: link"),
        ("--html", "folder/target.toml", "--html would replace the target file: folder/target.toml"),
        ("--checks-json", "report", "--json and --checks-json name the same file: report"),
        ("--html", "-", "-: the report cannot be written there: a file is wanted"),
    ],
)
def test_a_report_replaces_neither_another_one_nor_the_target_file(
    tmp_path: Path, option: str, path: str, sentence: str
) -> None:
    target = tmp_path / "folder" / "target.toml"
    target.parent.mkdir()
    target.write_text(LOOPBACK)
    (tmp_path / "link").symlink_to("report")
    ended = assay("run", "--target", target, "--json", "report", option, path)
    assert ended.code == 2
    assert sentence in ended.err
    assert target.read_text() == LOOPBACK


def test_a_link_stays_one_when_a_report_is_written_to_it(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("report")
    write_whole(tmp_path / "link", "said")
    assert (tmp_path / "link").readlink() == Path("report")
    assert (tmp_path / "report").read_text() == "said"


def test_a_report_on_the_standard_output_comes_after_what_is_shown(tmp_path: Path, honest: Hostile) -> None:
    said = ("run", PUBLISHED, "--authorization-server", honest.url, "--json")
    path = tmp_path / "said.txt"
    for place in ("/dev/stdout", path):
        with path.open("w") as out:
            ended = run_assay(*said, place, stdout=out)
        assert (ended.code, ended.err) == (0, "")
        shown, brace, report = path.read_text().partition("\n{")
        assert shown.startswith("mcp-assay judges")
        assert json.loads(brace + report)["exit_code"] == 0
    assert Path("/dev/stdout").is_symlink()


def test_checking_a_report_path_leaves_nothing_behind(tmp_path: Path) -> None:
    assay("run", "--json", "report.json", "--target", "none.toml")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_loses_one_report_and_neither_the_other_nor_the_verdicts(tmp_path: Path, honest: Hostile) -> None:
    said = ("run", PUBLISHED, "--authorization-server", honest.url)
    assert assay(*said).code == 0
    ended = assay(*said, "--json", "/dev/full", "--junit", "junit.xml")
    assert ended.code == 3
    assert "/dev/full: the report could not be written: No space left on device" in ended.err
    assert "judged 1 of 1 applicable requirements" in ended.out
    assert (tmp_path / "junit.xml").exists()


def test_a_report_that_cannot_be_replaced_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("before")
    with pytest.raises(TypeError):
        write_whole(path, None)  # type: ignore[arg-type]
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["report.json"]  # noqa: PTH208


@pytest.mark.parametrize("words", [("--help",), ("list", "requirements"), ("explain", "passed")])
def test_output_that_cannot_be_written_is_told(words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        ended = run_assay(*words, stdout=full)
    assert (ended.code, ended.err) == (3, "the output cannot be used: No space left on device\n")


def test_a_reader_that_goes_away_ends_the_command_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = run_assay("list", "requirements", "--json", stdout=writing)
    finally:
        os.close(writing)
    assert (ended.code, ended.err) == (141, "")


def test_an_encoding_that_lacks_a_sign_loses_nothing_but_the_sign(honest: Hostile) -> None:
    ended = run_assay(
        "run", "as/discovery", "--authorization-server", honest.url, variables={"PYTHONIOENCODING": "ascii"}
    )
    assert "Traceback" not in ended.err
    assert "judged" in ended.out
