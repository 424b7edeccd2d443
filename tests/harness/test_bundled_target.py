"""The target file of a bundle, which anybody may have written, decides neither where requests go nor what is run."""

from __future__ import annotations

import pytest

from harness.bundled_target import NotAuthorizedError, bundled_target
from harness.http import Wire
from harness.request import TargetFileError

NEAR = '[target]\nmcp_server = "http://127.0.0.1:1/mcp"\n'
FAR = 'authorized = true\norigins = ["https://login.example"]\n'


def test_a_target_on_loopback_needs_no_word() -> None:
    assert bundled_target(NEAR, "b.zip", authorized=False).target.mcp_server == "http://127.0.0.1:1/mcp"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('[target]\nmcp_server = "https://as.example/mcp"\nauthorized = true\n', "https://as.example/mcp"),
        (NEAR + FAR, "https://login.example"),
        (NEAR + 'authorized = true\n[other_tenant]\nmcp_server = "https://b.example/"\n', "https://b.example/"),
    ],
)
def test_a_place_off_loopback_needs_the_users_word(text: str, place: str) -> None:
    with pytest.raises(NotAuthorizedError, match=f"b.zip: requests would go to {place}; say --authorized"):
        bundled_target(text, "b.zip", authorized=False)
    assert bundled_target(text, "b.zip", authorized=True).target.authorized


def test_what_would_be_sent_there_is_named_before_it_is_read() -> None:
    clients = (
        '[clients.machine]\nclient_id = "a"\nauth_method = "client_secret_post"\nsecret_env = "ASSAY_TEST_NOT_SET"\n'
        '[[login.pages]]\nfill_env = { password = "ASSAY_TEST_NEITHER" }\n'
    )
    with pytest.raises(NotAuthorizedError, match="with what is in ASSAY_TEST_NEITHER, ASSAY_TEST_NOT_SET; say"):
        bundled_target(NEAR + FAR + clients, "b.zip", authorized=False)
    with pytest.raises(TargetFileError, match="the environment variable ASSAY_TEST_NOT_SET is not set"):
        bundled_target(NEAR + FAR + clients, "b.zip", authorized=True)


def test_its_own_word_counts_for_nothing() -> None:
    file = bundled_target(NEAR + "authorized = true\n", "b.zip", authorized=False)
    assert not file.resolve().authorized
    assert Wire(1, file.target.authorized).authorized is False


def test_it_names_no_folder_whose_code_is_run() -> None:
    file = bundled_target(NEAR + '[plan]\nscenarios = "/tmp/evil"\n', "b.zip", authorized=False)
    assert file.plan.scenarios is None


def test_it_names_no_file_of_this_machine_to_be_read() -> None:
    assert bundled_target(NEAR + '[audit]\nfile = "/etc/passwd"\n', "b.zip", authorized=False).audit is None
    served = '[client_documents]\nport = 1\ncertificate = "/etc/passwd"\nkey = "/etc/passwd"\n'
    assert bundled_target(NEAR + served, "b.zip", authorized=False).client_documents is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[target", "b.zip: is no TOML"),
        ("[target]\ncolour = 1", "b.zip: target.colour: is no key that is known here"),
        ("target = 1", "b.zip: target: a table is wanted"),
        (NEAR + '[login]\nparameters = { token = "<left-out>" }', "b.zip: login.parameters.token: left out"),
        ("a = " + "[" * 5000, "b.zip: is no TOML"),
    ],
)
@pytest.mark.parametrize("authorized", [True, False])
def test_a_mistake_is_named(text: str, sentence: str, authorized: bool) -> None:
    with pytest.raises(TargetFileError, match=sentence.replace("[", r"\[")):
        bundled_target(text, "b.zip", authorized=authorized)
