"""The comparison with the official suite holds together, and its list of expected failures is read as there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.expected_failures import ExpectedFailuresError
from harness.official_suite import DATA, Imported, ImportedBaseline, Unmapped, official_suite, read_expected_failures
from harness.scenario import load_scenarios

OURS = tuple(load_scenarios())
METADATA = "authorization-server-metadata-endpoint"
WANTED = "SCENARIO or SCENARIO:CHECK is wanted in server"
WRONG_VERIFIER = "as/pkce/a-wrong-verifier-is-refused"

# `list --authorization`, and the ids that these scenarios emit, in the release that official_suite.toml names.
OFFICIAL_CHECKS = {
    METADATA: {"authorization-server-metadata", "authorization-server-metadata-cimd"},
    "authorization-code-grant": {"authorization-code-grant"},
}


def _read(folder: Path, text: str) -> ImportedBaseline:
    path = folder / "expected-failures.yml"
    path.write_text(text, encoding="utf-8")
    return read_expected_failures(path, OURS)


def _entries(folder: Path, text: str) -> dict[str, tuple[str, ...]]:
    return {entry.scenario: entry.official for entry in _read(folder, text).entries}


def _mistake(folder: Path, text: str | bytes) -> str:
    path = folder / "expected-failures.yml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ExpectedFailuresError) as caught:
        read_expected_failures(path, OURS)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def test_each_scenario_that_the_comparison_names_is_one_of_ours() -> None:
    suite = official_suite()
    named = [item.ours for item in suite.counterparts] + [name for item in suite.near for name in item.ours]
    assert set(named) <= set(OURS)


def test_each_official_check_of_a_counterpart_is_one_that_the_suite_emits() -> None:
    suite = official_suite()
    assert {item.scenario for item in suite.counterparts} == set(OFFICIAL_CHECKS)
    assert all(item.check in OFFICIAL_CHECKS[item.scenario] for item in suite.counterparts)
    checks = [(name, item.check) for item in suite.near if item.check for name in item.scenarios]
    assert all(check in OFFICIAL_CHECKS[name] for name, check in checks)


def test_no_scenario_of_ours_and_no_official_scenario_is_compared_twice() -> None:
    suite = official_suite()
    ours = [item.ours for item in suite.counterparts]
    near = [(name, item.check) for item in suite.near for name in item.scenarios]
    assert len(set(ours)) == len(ours)
    assert len(set(near)) == len(near)


def test_each_difference_is_told_in_whole_sentences() -> None:
    suite = official_suite()
    texts = [text for item in suite.counterparts for text in (item.says, item.note) if text]
    texts += [item.reason for item in suite.near]
    assert all(text.endswith(".") and "\n" not in text and "  " not in text for text in texts)


def test_the_data_names_the_release_that_was_compared() -> None:
    suite = official_suite()
    assert suite.package == "@modelcontextprotocol/conformance"
    assert re.fullmatch(r"\d+\.\d+\.\d+(-[a-z]+\.\d+)?", suite.version)


def test_what_a_scenario_judges_of_the_official_suite_is_found() -> None:
    found = official_suite().of("as/discovery/s256-is-advertised")
    assert [(item.scenario, item.check) for item in found] == [(METADATA, "authorization-server-metadata")]
    assert official_suite().of(WRONG_VERIFIER) == ()


def test_the_data_is_beside_the_code_that_reads_it() -> None:
    assert DATA.parent.name == "harness"
    assert DATA.is_file()


def test_our_own_names_are_taken_as_they_are(tmp_path: Path) -> None:
    text = f"server:\n  - as/registration\n  - as/pkce:{WRONG_VERIFIER}\n  - mcp/expiry/a-token-dies-in-use\n"
    found = _read(tmp_path, text)
    assert found.entries == (
        Imported("as/registration", ("as/registration",), certain=True),
        Imported(WRONG_VERIFIER, (f"as/pkce:{WRONG_VERIFIER}",), certain=True),
        Imported("mcp/expiry/a-token-dies-in-use", ("mcp/expiry/a-token-dies-in-use",), certain=True),
    )
    assert found.unmapped == ()


@pytest.mark.parametrize("section", ["server", "authorization"])
def test_an_official_scenario_stands_for_each_scenario_that_judges_a_part_of_it(tmp_path: Path, section: str) -> None:
    entries = _read(tmp_path, f"{section}:\n  - {METADATA}\n").entries
    assert {entry.scenario for entry in entries} == {
        "as/discovery/metadata-is-published",
        "as/discovery/metadata-is-json",
        "as/discovery/s256-is-advertised",
        "as/discovery/the-issuer-is-the-one-asked-for",
    }
    assert {entry.official for entry in entries} == {(METADATA,)}
    assert not any(entry.certain for entry in entries)


def test_an_official_check_stands_for_the_same_as_its_scenario(tmp_path: Path) -> None:
    whole = _entries(tmp_path, "server:\n  - authorization-code-grant\n")
    check = _entries(tmp_path, "server:\n  - authorization-code-grant:authorization-code-grant\n")
    assert whole.keys() == check.keys()
    assert "as/token-endpoint/a-token-response-is-not-stored" in whole


def test_a_scenario_that_two_entries_name_is_there_once_with_both(tmp_path: Path) -> None:
    own = "as/discovery/s256-is-advertised"
    found = _read(tmp_path, f"server:\n  - {METADATA}\n  - as/discovery:{own}\nauthorization:\n  - {METADATA}\n")
    entry = next(entry for entry in found.entries if entry.scenario == own)
    assert entry == Imported(own, (METADATA, f"as/discovery:{own}"), certain=True)
    assert sum(entry.scenario == own for entry in found.entries) == 1


def test_an_entry_about_a_client_has_no_counterpart_and_says_what_is_nearest(tmp_path: Path) -> None:
    found = _read(tmp_path, "client:\n  - auth/scope-step-up\n  - sse-retry\n  - auth/iss-unexpected:some-check\n")
    assert found.entries == ()
    step_up, retry, iss = found.unmapped
    assert (step_up.entry, step_up.section) == ("auth/scope-step-up", "client")
    assert "mcp/scope-escalation/stepping-up-works" in step_up.near
    assert retry == Unmapped("sse-retry", "client", "It judges a client; the scenarios here judge servers.")
    assert (iss.entry, iss.near[0].split("/")[1]) == ("auth/iss-unexpected:some-check", "issuer-parameter")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("server:\n  - tools-list", "No scenario here means the same."),
        ("server:\n  - tools-list:tools-name-format", "No scenario here means the same."),
        ("server:\n  - as/pkce/gone", "No scenario here is called so, or begins so."),
        (f"server:\n  - as/refresh:{WRONG_VERIFIER}", "No scenario here is called so, or begins so."),
        ("server:\n  - as/pkc", "No scenario here is called so, or begins so."),
        ("srever:\n  - tools-list", "It is a section that is not read; those that are: server, client, authorization."),
    ],
)
def test_an_entry_without_counterpart_says_why(tmp_path: Path, text: str, reason: str) -> None:
    found = _read(tmp_path, text)
    assert found.entries == ()
    assert [item.reason for item in found.unmapped] == [reason]


def test_a_check_that_is_no_part_of_a_counterpart_says_why(tmp_path: Path) -> None:
    found = _read(tmp_path, f"server:\n  - {METADATA}:authorization-server-metadata-cimd\n")
    assert found.entries == ()
    assert "Client ID Metadata Documents" in found.unmapped[0].reason


def test_an_unmapped_entry_is_told_once(tmp_path: Path) -> None:
    assert len(_read(tmp_path, "server: [tools-list, tools-list]").unmapped) == 1


def test_scenarios_of_the_user_can_be_listed_too(tmp_path: Path) -> None:
    (tmp_path / "list.yml").write_text("server: ['my/thing']", encoding="utf-8")
    found = read_expected_failures(tmp_path / "list.yml", ["my/thing/is-right"])
    assert [entry.scenario for entry in found.entries] == ["my/thing"]


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "~\n", "server: []\nclient: []\n", "{}"])
def test_a_list_of_nothing_is_one(tmp_path: Path, text: str) -> None:
    assert _read(tmp_path, text) == ImportedBaseline((), ())


def test_texts_are_read_as_they_were_written(tmp_path: Path) -> None:
    lines = ["on", "2025-11-25 # a comment", "1_0", "'null'", '"a\\x1bb"']
    text = "\N{ZERO WIDTH NO-BREAK SPACE}server:\n" + "".join(f"  - {line}\n" for line in lines)
    assert [item.entry for item in _read(tmp_path, text).unmapped] == ["on", "2025-11-25", "1_0", "null", "a\x1bb"]


def test_anchors_and_foreign_tags_build_no_objects(tmp_path: Path) -> None:
    text = "server: &all\n  - !!python/object/apply:os.getcwd tools-list\nclient: *all\n"
    assert [(item.section, item.entry) for item in _read(tmp_path, text).unmapped] == [
        ("server", "tools-list"),
        ("client", "tools-list"),
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("- tools-list", "line 1: lists named server, client, authorization are wanted; found a list"),
        ("tools-list", "line 1: lists named server, client, authorization are wanted; found 'tools-list'"),
        ("server: tools-list", "line 1: server is to be a list of scenarios; found 'tools-list'"),
        ("client:\n  a: b", "line 2: client is to be a list of scenarios; found a mapping"),
        ("client:\nserver: []", "line 1: client is to be a list of scenarios; found nothing"),
        ("server:\n  -\n", f"line 2: {WANTED}; found nothing"),
        ("server:\n  - ~\n", f"line 2: {WANTED}; found nothing"),
        ("server:\n  - ''", f"line 2: {WANTED}; found ''"),
        ("server:\n  - [a]", f"line 2: {WANTED}; found a list"),
        ("server:\n  - ':b'", f"line 2: {WANTED}; found ':b'"),
        ("server:\n  - 'a:'", f"line 2: {WANTED}; found 'a:'"),
        ("server:\n  - a:", f"line 2: {WANTED}; found a mapping"),
        (
            "server:\n  - a: b",
            f"line 2: {WANTED}; found a mapping; without the space it would be 'a:b'",
        ),
        ("server:\n  - a\n  - a:b", "line 3: 'a:b' says nothing new, since the whole scenario is listed too"),
        ("server: [a]\nclient: []\nserver: []", "line 3: section 'server' comes twice"),
        ("? [a]\n: []", "line 1: a section has no name"),
        ("server:\n  - [a", "line 2: is no YAML: expected ',' or ']', but got '<stream end>'"),
        ("server: []\n---\nclient: []", "line 2: is no YAML: but found another document"),
        ("server: *gone", "line 1: is no YAML: found undefined alias 'gone'"),
        ("server: ['\x07']", "is no YAML: special characters are not allowed"),
        (b"server: ['\xff']", "is no UTF-8 text"),
        ("[" * 5000, "is nested too deeply"),
    ],
)
def test_a_faulty_list_is_refused_with_its_line_and_what_is_wanted(
    tmp_path: Path, text: str | bytes, sentence: str
) -> None:
    assert _mistake(tmp_path, text) == sentence


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExpectedFailuresError, match=r"gone\.yml: cannot be read: No such file or directory"):
        read_expected_failures(tmp_path / "gone.yml", OURS)
    with pytest.raises(ExpectedFailuresError, match="cannot be read: Is a directory"):
        read_expected_failures(tmp_path, OURS)
