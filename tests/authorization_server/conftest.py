from collections.abc import Iterator

import pytest

from tests.authorization_server.trio import Client, Trio, running


@pytest.fixture(scope="package")
def running_trio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trio]:
    with running(tmp_path_factory.mktemp("audit") / "audit.jsonl") as trio:
        yield trio


@pytest.fixture
def trio(running_trio: Trio) -> Iterator[Trio]:
    running_trio.clock.reset()
    assert running_trio.control("/reset").status_code == 200
    yield running_trio
    running_trio.close_clients()


@pytest.fixture
def console(trio: Trio) -> Client:
    return trio.client()


@pytest.fixture
def ledger_agent(trio: Trio) -> Client:
    return trio.client(client_id="ledger-agent", secret="acme-ledger-agent-secret")


@pytest.fixture
def mcp_server(trio: Trio) -> Client:
    return trio.client(client_id="mcp-server", secret="acme-mcp-server-secret")
