"""Signing keys that are kept in a file are the same at the next start, and nobody else can read them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from joserfc import jwt

from fixtures.service.clock import Clock
from fixtures.service.key_file import KeyFileError, kept_keys
from fixtures.service.keys import KeyRing

OWNERS = ("acme", "globex")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "7400.json"


def test_what_was_signed_before_verifies_with_the_keys_of_the_next_start(file: Path) -> None:
    algorithms = ("ES256",)
    before = KeyRing(Clock(), algorithms, retention=900, first=kept_keys(file, OWNERS, algorithms)["acme"])
    token = before.sign({"sub": "alice"})
    before.rotate()
    after = KeyRing(Clock(), algorithms, retention=900, first=kept_keys(file, OWNERS, algorithms)["acme"])
    assert jwt.decode(token, after.key_set()).claims == {"sub": "alice"}
    assert after.jwks()["keys"][0].keys() >= {"kid", "alg", "use"}


def test_each_owner_has_keys_of_its_own(file: Path) -> None:
    kept = kept_keys(file, OWNERS, ("ES256",))
    assert kept["acme"]["ES256"].kid != kept["globex"]["ES256"].kid


def test_only_its_owner_can_read_the_file_and_nothing_else_is_left(file: Path) -> None:
    kept_keys(file, OWNERS, ("ES256",))
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_an_algorithm_that_came_later_is_added_and_the_others_stay(file: Path) -> None:
    first = kept_keys(file, OWNERS, ("ES256",))["acme"]["ES256"].kid
    both = kept_keys(file, OWNERS, ("RS256", "ES256"))["acme"]
    assert both["ES256"].kid == first
    assert kept_keys(file, OWNERS, ("RS256",))["acme"]["RS256"].kid == both["RS256"].kid


@pytest.mark.parametrize(
    "content", ["", "[]", "no json", '{"acme": 1}', '{"acme": [{"kty": "EC", "d": "hunter2", "alg": "ES256"}]}']
)
def test_a_file_that_holds_no_keys_is_one_sentence_that_repeats_none(file: Path, content: str) -> None:
    file.write_text(content)
    with pytest.raises(KeyFileError, match=f"{file}.* delete it, and new keys are made") as fault:
        kept_keys(file, OWNERS, ("ES256",))
    assert "hunter2" not in str(fault.value)
    assert file.read_text() == content


def test_a_public_key_is_no_key_to_sign_with(file: Path) -> None:
    kept_keys(file, OWNERS, ("ES256",))
    listed = json.loads(file.read_text())
    del listed["acme"][0]["d"]
    file.write_text(json.dumps(listed))
    with pytest.raises(KeyFileError, match="no usable keys of acme"):
        kept_keys(file, OWNERS, ("ES256",))


def test_a_place_that_cannot_be_written_is_one_sentence(file: Path) -> None:
    with pytest.raises(KeyFileError, match=r"cannot be kept in .*No such file or directory"):
        kept_keys(file / "below" / "keys.json", OWNERS, ("ES256",))
