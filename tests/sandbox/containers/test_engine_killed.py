"""Kill -9 of the engine in the middle of the work: the client hears of it, and nothing is left when it is back."""

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.sandbox.containers.engine import Engine, EngineError
from harness.sandbox.containers.leftovers import PREFIX, sweep
from harness.sandbox.containers.owner import Owner
from tests.private_engine import PrivateEngine

from .conftest import Things


@pytest.fixture
def owner(own_host: Path) -> Iterator[Owner]:
    with Owner(Path(tempfile.mkdtemp(prefix=PREFIX))) as made:
        yield made


def test_a_killed_engine(private_engine: PrivateEngine, engine: Engine, base_image: str, owner: Owner) -> None:
    private_engine.load(base_image, engine)
    with private_engine.connect() as connected:
        things = Things(connected, base_image)
        events = connected.client.events(decode=True)
        containers = [things.container(owner.file) for _ in range(2)]
        assert next(events)
        with ThreadPoolExecutor() as threads:
            waiting = threads.submit(_wait, connected, containers[0].id)
            private_engine.kill()
            assert all(event["Action"] != "die" for event in events)  # the stream ends, and they go on without it
            with pytest.raises(EngineError, match=f"{private_engine.address} broke the conn|no Docker engine answers"):
                waiting.result(30)
        for call in (connected.client.containers.list, lambda: sweep(connected)):
            with pytest.raises(EngineError, match="no Docker engine answers at"), connected.faults():
                call()
        assert "its last words are lost" in str(connected.died(containers[0]))
        with pytest.raises(EngineError, match="no Docker engine answers at"):
            private_engine.connect()

        private_engine.start()
        assert sweep(connected) == []
        assert len(things.left()) == 2
        owner.close()
        assert len(sweep(connected)) == 3
        assert not things.left()
        assert not owner.file.parent.exists()


def _wait(engine: Engine, container: str | None) -> None:
    """Wait for a container's end; whether the engine hears of it before it is killed, the threads decide."""
    with engine.faults():
        engine.client.api.wait(str(container), timeout=20)
