"""The requirement data is complete and well formed, and faulty data is refused with a sentence that helps."""

import re
from pathlib import Path

import pytest

from harness.requirement import REQUIREMENTS, REVISIONS, Level, Requirement, Role, load_requirements

DOCUMENT = """
[document]
id = "rfc0001"
title = "A document"
url = "https://example.com/rfc0001"
section_url = "https://example.com/rfc0001#section-{section}"
"""
STATEMENT = """
[[requirement]]
id = "rfc0001-4.6-1"
section = "4.6"
role = "authorization-server"
level = "MUST NOT"
text = "Nothing bad happens."
"""
DATA = load_requirements().values()


def read(folder: Path, text: str, name: str = "rfc0001.toml") -> Requirement:
    (folder / name).write_text(text, encoding="utf-8")
    return next(iter(load_requirements(folder).values()))


def test_each_file_is_read() -> None:
    assert {item.document.id for item in DATA} == {path.stem for path in REQUIREMENTS.glob("*.toml")}


def test_an_entry_becomes_a_requirement(tmp_path: Path) -> None:
    found = read(tmp_path, DOCUMENT + STATEMENT)
    assert (found.id, found.section, found.document.title) == ("rfc0001-4.6-1", "4.6", "A document")
    assert (found.role, found.level) == (Role.AUTHORIZATION_SERVER, Level.MUST_NOT)
    assert found.url == "https://example.com/rfc0001#section-4.6"
    assert found.revisions == REVISIONS
    assert found.unobservable is None


def test_optional_keys_are_read(tmp_path: Path) -> None:
    extra = (
        'revisions = ["2025-06-18", "2026-07-28"]\nunobservable = "It is inside."\nurl = "https://example.com/other"\n'
    )
    found = read(tmp_path, DOCUMENT + STATEMENT + extra)
    assert found.revisions == ("2026-07-28", "2025-06-18")
    assert found.unobservable == "It is inside."
    assert found.url == "https://example.com/other"


def test_the_revisions_come_newest_first() -> None:
    assert list(REVISIONS) == sorted(REVISIONS, reverse=True)


def test_the_data_cannot_be_changed_by_its_readers() -> None:
    loaded = load_requirements()
    assert loaded is load_requirements()
    assert not hasattr(loaded, "__setitem__")


@pytest.mark.parametrize("item", DATA, ids=lambda item: item.id)
def test_each_requirement_is_one_sentence_with_a_link(item: Requirement) -> None:
    assert item.text.endswith(".")
    assert len(item.text) <= 120
    assert re.fullmatch(r"(https://|docs/(tenant|audit)-profile\.md#(tenant|audit)-)\S+", item.url)
    assert "{" not in item.url
    assert item.unobservable is None or item.unobservable.endswith(".")
    assert item.role in (Role.AUTHORIZATION_SERVER, Role.MCP_SERVER)


def test_what_differs_between_the_revisions_of_mcp() -> None:
    loaded = load_requirements()
    since_2025_11, newest, oldest = REVISIONS[:2], REVISIONS[:1], REVISIONS[2:]
    assert loaded["mcp-overview-1"].revisions == since_2025_11
    assert loaded["mcp-overview-3"].revisions == oldest
    assert loaded["mcp-discovery.prm-1"].revisions == since_2025_11
    assert loaded["mcp-discovery.prm-4"].revisions == oldest
    assert loaded["mcp-errors.stepup-1"].revisions == since_2025_11
    assert loaded["mcp-errors.stepup-2"].revisions == newest
    assert loaded["mcp-authz-response-6"].revisions == newest
    assert loaded["mcp-token-handling-2"].revisions == REVISIONS


def test_a_requirement_of_old_revisions_only_links_to_them() -> None:
    for item in DATA:
        if REVISIONS[0] not in item.revisions:
            assert item.revisions[0] in item.url, item.id


@pytest.mark.parametrize("name", ["audit", "tenant"])
def test_a_profile_of_ours_explains_each_of_its_requirements(name: str) -> None:
    profile = (REQUIREMENTS.parents[1] / "docs" / f"{name}-profile.md").read_text(encoding="utf-8")
    for item in DATA:
        if item.document.id == name:
            _, _, rest = profile.partition(f"### {name}-{item.section}\n\n**{item.level}** ")
            assert rest.partition("\n###")[0].replace("`", "").find(item.text) >= 0, item.id


FAULTS = {
    "no TOML": ("[document", "rfc0001.toml: not valid TOML"),
    "no document": (STATEMENT, "rfc0001.toml: document is missing; needed are document"),
    "a document that is no table": ("document = 3", "document: found 3 (int); needed is a table with id, title"),
    "a document of another name": (DOCUMENT.replace("rfc0001", "rfc0002"), "the file's name asks for 'rfc0001'"),
    "a section link without its place": (DOCUMENT.replace("{section}", "1"), "it needs {section}"),
    "an unknown top level key": (DOCUMENT + "[other]\n", "key 'other' is unknown; allowed are document, requirement"),
    "one table instead of many": (DOCUMENT + "[requirement]\n", "write it as [[requirement]] tables"),
    "an entry that is no table": ("requirement = [1]\n" + DOCUMENT, "requirement 1: found 1 (int)"),
    "an unknown key": (DOCUMENT + STATEMENT + "note = 1\n", "requirement 1 (rfc0001-4.6-1): key 'note' is unknown"),
    "a missing key": (DOCUMENT + STATEMENT.replace("section", "#"), "section is missing; needed are id, section, role"),
    "a section that is a number": (DOCUMENT + STATEMENT.replace('"4.6"', "4.6"), "section is 4.6 (float)"),
    "an empty text": (DOCUMENT + STATEMENT.replace("Nothing bad happens.", " "), "text is ' '; allowed is a text"),
    "an unknown level": (
        DOCUMENT + STATEMENT.replace("MUST NOT", "MAY"),
        "level: 'MAY' is unknown; allowed are MUST, MUST",
    ),
    "an unknown role": (
        DOCUMENT + STATEMENT.replace("authorization-", ""),
        "allowed are authorization-server, mcp-server",
    ),
    "an id of another document": (DOCUMENT + STATEMENT.replace("0001-", "0002-"), "begin with 'rfc0001-'"),
    "the same id twice": (DOCUMENT + STATEMENT * 2, "'rfc0001-4.6-1' exists already"),
    "an unknown revision": (
        DOCUMENT + STATEMENT + 'revisions = ["2024-11-05"]',
        "'2024-11-05' is unknown; allowed are 2026",
    ),
    "no revision": (DOCUMENT + STATEMENT + "revisions = []", "revisions is [] (list); allowed is a list of 2026"),
    "an empty reason": (DOCUMENT + STATEMENT + 'unobservable = ""', "unobservable is ''; allowed is a text"),
}


@pytest.mark.parametrize(("text", "sentence"), FAULTS.values(), ids=FAULTS.keys())
def test_a_faulty_file_is_named_with_what_is_allowed(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith("rfc0001.toml: ")


def test_a_folder_without_requirements_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no requirements"):
        load_requirements(tmp_path)
