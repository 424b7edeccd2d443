"""Work on several threads comes back in order, and ends with the first fault."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from httpcore._backends.sync import SyncStream

from harness import at_once as module
from harness.at_once import at_once, together
from harness.context import Context
from harness.exchange import Evidence
from harness.http import NotReached, Wire
from harness.run import Run
from harness.target import Target, Tenant


@pytest.mark.parametrize("width", [1, 4])
def test_results_are_in_the_order_of_the_items(width: int) -> None:
    assert at_once(lambda number: number * number, range(20), width) == [number * number for number in range(20)]


def test_as_many_are_under_way_as_were_asked_for() -> None:
    together = threading.Barrier(3, timeout=10)
    assert at_once(lambda _: together.wait() >= 0, range(6), 3) == [True] * 6


def test_a_fault_ends_it() -> None:
    begun: list[int] = []

    def work(number: int) -> None:
        begun.append(number)
        raise ValueError(number)

    with pytest.raises(ValueError, match="0"):
        at_once(work, range(1000), 2)
    assert len(begun) < 1000


class Late(BaseHTTPRequestHandler):
    """Answers nobody before three requests are here."""

    protocol_version = "HTTP/1.1"
    here = threading.Barrier(3, timeout=10)

    def do_GET(self) -> None:
        self.here.wait()
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Be quiet."""


@pytest.fixture
def late() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Late)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def ctx() -> Iterator[Context]:
    run = Run(Target("nothing", Tenant(), spec="2026-07-28"), Wire(), Context)
    yield Context(run, Evidence())
    run.wire.close()


def test_requests_are_under_way_together_though_there_is_one_job(ctx: Context, late: str) -> None:
    answers = together(ctx, [lambda: ctx.http.send("GET", late)] * 3)
    assert [answer.status for answer in answers] == [204] * 3


def test_none_is_sent_before_all_are_ready(ctx: Context, late: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    write = SyncStream.write

    def noted(stream: SyncStream, buffer: bytes, timeout: float | None = None) -> None:
        told.append("sent")
        write(stream, buffer, timeout)

    monkeypatch.setattr(SyncStream, "write", noted)

    def send(number: int) -> int:
        told.append("ready")
        return ctx.http.send("GET", f"{late}{number}").status

    assert together(ctx, [partial(send, number) for number in range(3)]) == [204] * 3
    assert told == ["ready"] * 3 + ["sent"] * 3


def test_nobody_waits_for_one_that_sends_nothing(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 60.0)
    with pytest.raises(NotReached):
        together(ctx, [lambda: ctx.http.send("GET", "http://127.0.0.1:9/").status, lambda: 0])
    assert together(ctx, [lambda: 1, lambda: 2]) == [1, 2]
