from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.mcp_server.stage import Stage, open_stage


@pytest.fixture(scope="package")
def running_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("mcp_server")) as stage:
        yield stage


@pytest.fixture
def stage(running_stage: Stage) -> Stage:
    running_stage.reset()
    return running_stage
