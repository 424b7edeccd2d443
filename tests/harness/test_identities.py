"""What a target file says of identities is checked before anything is sent, and their tokens are shown nowhere."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from harness.identity_table import widest_token
from harness.request import TargetFileError
from harness.shareable import shareable_text
from harness.target import Identity
from harness.target_file import checked_target_file

TARGET: dict[str, Any] = {"mcp_server": "http://127.0.0.1/mcp", "tenant": "acme"}
TRUSTING: dict[str, Any] = {**TARGET, "trusts": "sandbox"}
TOKEN = "a-token-of-reader"


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READER_TOKEN", TOKEN)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"target": TARGET, "identities": {"reader": {}}}, "identities.reader wants token_env"),
        ({"target": TRUSTING, "identities": {"reader": {"tenant": "other"}}}, "there is no tenant 'other'"),
        ({"target": TRUSTING, "tools": {"read": {"allow": ["reader"]}}}, "tools.read.allow names reader"),
        ({"target": TARGET, "identities": {"reader": {"token_env": "NOT_SET"}}}, "NOT_SET is not set"),
        ({"target": TRUSTING, "identities": {"reader": {"scope": "x"}}}, "is no key that is known here"),
        ({"target": TARGET, "tools": {"read": {"arguments": {"day": date(2027, 1, 31)}}}}, "has no dates, times, inf"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(data: dict[str, Any], words: str) -> None:
    with pytest.raises(TargetFileError, match=words) as raised:
        checked_target_file(data, "the file")
    assert len(str(raised.value).splitlines()) == 1


def test_tokens_come_from_the_environment_and_are_secret() -> None:
    identities = {"reader": {"scopes": ["see"], "token_env": "READER_TOKEN"}}
    file = checked_target_file({"target": TARGET, "identities": identities, "tools": {"read": {}}}, "the file")
    target = file.resolve()
    assert target.identities == {"reader": Identity("reader", frozenset({"see"}), token=TOKEN)}
    assert TOKEN in target.secrets
    assert TOKEN not in repr(target)
    assert TOKEN not in shareable_text(file)
    assert target.home.tokens["good"] == TOKEN


def test_the_good_token_is_that_of_whom_most_scopes_are_given() -> None:
    people = {
        "some": Identity("some", frozenset({"see"}), token="1"),
        "most": Identity("most", frozenset({"see", "do"}), "acme", token="2"),
        "others": Identity("others", frozenset({"see", "do", "all"}), "globex", token="3"),
    }
    assert widest_token(people, "acme") == {"good": "2"}
    assert widest_token({"nobody": Identity("nobody")}, "acme") == {}
