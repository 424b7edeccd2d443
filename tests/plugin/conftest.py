"""A target on loopback, and the folder of somebody who uses pytest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import configuration

from harness.examples import HOME
from tests.hostile import Hostile, answer, document
from tests.plugin.stage import SECRET, target_file


@pytest.fixture(autouse=True)
def hypothesis_at_home(tmp_path: Path) -> Iterator[None]:
    """Let the user's Hypothesis write where it wants to, before and after."""
    before = getattr(configuration, HOME)
    configuration.set_hypothesis_home_dir(tmp_path)
    yield
    assert getattr(configuration, HOME) == tmp_path
    configuration.set_hypothesis_home_dir(before)


@pytest.fixture(autouse=True)
def off_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have pytest's summary as a person sees it: on CI it repeats each failure's whole text."""
    for name in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[Hostile]:
    """An authorization server with metadata, and a token for everybody."""
    metadata = document({"issuer": "{url}", "response_types_supported": ["code"]})
    with Hostile(answer(), {"/.well-known/": metadata, "/token": document({"access_token": SECRET})}) as running:
        yield running


@pytest.fixture
def folder(pytester: pytest.Pytester, server: Hostile) -> Path:
    """The user's folder, with the target file and a test."""
    target_file(pytester.path, server.url)
    pytester.makepyfile(test_unit="def test_theirs(): pass")
    return pytester.path
