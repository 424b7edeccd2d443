"""The watch, where an engine tells nothing of itself."""

from __future__ import annotations

import threading
from pathlib import Path

from harness.sandbox.containers.engine import Engine
from harness.sandbox.containers.labels import SERVICE
from harness.sandbox.containers.watch import Watch
from tests.answering_engine import VERSION, Answer, answering

BOUND_SECONDS = 20


def test_an_engine_that_refuses_to_tell_is_asked_now_and_then(tmp_path: Path) -> None:
    """What ends is noticed all the same."""
    looks: list[str] = []
    told = threading.Event()

    def answer(_method: str, path: str) -> Answer:
        if path == "/version":
            return 200, VERSION
        if "/events" in path:
            return 400, {"message": "no events here"}
        looks.append(path)
        state = "exited" if len(looks) > 2 else "running"
        return 200, [{"State": state, "Labels": {SERVICE: "mock_idp"}}]

    with (
        answering(tmp_path / "docker.sock", answer) as address,
        Engine.connect(environment={"DOCKER_HOST": address}) as engine,
    ):
        watch = Watch(engine, "0123abcd", told.set)
        watch.start()
        assert told.wait(BOUND_SECONDS)
        watch.stop()
    assert (watch.ended, watch.lost) == (["mock_idp"], None)


def test_a_stream_that_is_not_read_is_closed(tmp_path: Path) -> None:
    """Not left to the garbage collector, when the engine refuses what is asked next."""
    lost, hung_up = threading.Event(), threading.Event()

    def answer(_method: str, path: str) -> Answer:
        if path == "/version":
            return 200, VERSION
        return (200, hung_up) if "/events" in path else (500, {"message": "no containers here"})

    with (
        answering(tmp_path / "docker.sock", answer) as address,
        Engine.connect(environment={"DOCKER_HOST": address}) as engine,
    ):
        watch = Watch(engine, "0123abcd", lost.set)
        watch.start()
        assert lost.wait(BOUND_SECONDS)
        assert hung_up.wait(BOUND_SECONDS)
        watch.stop()
    assert "no containers here" in str(watch.lost)
