"""The guide to judging an MCP server: its servers are what it shows, and that on the Python SDK does what it says.

Those on FastMCP and on the TypeScript SDK are tried with the real targets, which install both.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.docs.first_servers import EXAMPLES, PYTHON_SDK, announced, shown, violations


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.iterdir() if path.is_file()))
def test_the_guide_shows_each_example_as_it_is(name: str) -> None:
    assert shown(name)


def test_the_server_on_the_python_sdk(tmp_path: Path) -> None:
    assert violations(PYTHON_SDK, [sys.executable], tmp_path) == announced("Python SDK")
