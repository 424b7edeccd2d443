"""Targets to judge: one that conforms, one that does not, and one that is not there."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.sandbox.embedded import EmbeddedSandbox
from tests.ci.programs import copy_of_the_project

SELECTOR = "as/discovery"
MUTANT = "as-metadata-without-response-types"


@dataclass(frozen=True)
class Targets:
    """Issuers of authorization servers; of each, `SELECTOR` can be judged without a login."""

    conforming: str
    violating: str
    absent: str


@pytest.fixture(scope="session")
def targets() -> Iterator[Targets]:
    with EmbeddedSandbox() as sandbox, EmbeddedSandbox(mutant=MUTANT) as mutant, socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, but nobody listens
        absent = f"http://127.0.0.1:{unused.getsockname()[1]}/acme"
        yield Targets(sandbox.layout.issuer("acme"), mutant.layout.issuer("acme"), absent)


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository of the project, tagged v1."""
    return copy_of_the_project(tmp_path_factory.mktemp("published"))


def target_file(folder: Path, issuer: str) -> Path:
    """Write a target file in a folder."""
    path = folder / "mcp-assay.toml"
    path.write_text(f'[target]\nauthorization_server = "{issuer}"\n')
    return path
