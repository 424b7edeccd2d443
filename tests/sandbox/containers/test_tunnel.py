"""The harness's end of the tunnel, against a relay without containers: what is behind it has another address here."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import httpx
import pytest

from fixtures.relay.relay import LISTENING, TAKEN
from harness import listener
from harness.listener import Listener, Received, Reply
from harness.sandbox.containers import tunnel
from harness.sandbox.containers.tunnel import IDLE_LINES, Tunnel
from harness.sandbox.errors import SandboxError
from tests.addresses import own_loopback_address
from tests.relay import running_relay

BOUND_SECONDS = 20
TOKEN = "open-sesame"
POD = "127.0.0.1"


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> str:
    """Our loopback's address, so that 127.0.0.1 can be the pod's."""
    address = own_loopback_address()
    monkeypatch.setattr(tunnel, "LOOPBACK", address)
    return address


@pytest.fixture
def relay(ours: str) -> Iterator[int]:
    with running_relay(TOKEN, ours) as (port, _):
        yield port


@pytest.fixture
def through(relay: int) -> Iterator[Tunnel]:
    made = Tunnel(relay, TOKEN)
    yield made
    made.stop()


def _asked(request: Received) -> Reply:
    return Reply(200, request.path.encode() + request.body)


def _at(address: str) -> socket.socket:
    """Listen at a port that is free at the pod's address, too."""
    while True:
        found = socket.create_server((address, 0))
        try:
            socket.create_server((POD, found.getsockname()[1])).close()
        except OSError:
            found.close()
        else:
            return found


def _url(heard: Listener) -> str:
    """Return where a listener is reached in the pod."""
    return f"http://{POD}:{urlsplit(heard.url).port}"


def test_a_listener_is_reached_in_the_pod_at_the_same_port(through: Tunnel, ours: str) -> None:
    with Listener(_asked, sock=_at(ours)) as heard, through.outlet(urlsplit(heard.url).port or 0):
        assert heard.connections == 0
        answer = httpx.post(f"{_url(heard)}/rates?x=1", content=b"b" * 300_000, trust_env=False)
        assert (answer.status_code, answer.content) == (200, b"/rates?x=1" + b"b" * 300_000)
        assert heard.connections == 1


def test_more_visitors_at_once_than_there_are_idle_connections(through: Tunnel, ours: str) -> None:
    together = threading.Barrier(3 * IDLE_LINES, timeout=BOUND_SECONDS)

    def answer(request: Received) -> Reply:
        together.wait()
        return _asked(request)

    def ask(number: int) -> None:
        heard_there.append(httpx.get(f"{_url(heard)}/{number}", trust_env=False, timeout=BOUND_SECONDS).text)

    heard_there: list[str] = []
    with Listener(answer, sock=_at(ours)) as heard, through.outlet(urlsplit(heard.url).port or 0):
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(3 * IDLE_LINES)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(heard_there) == sorted(f"/{number}" for number in range(3 * IDLE_LINES))


def test_nothing_is_reached_any_more_after_the_block(through: Tunnel, ours: str) -> None:
    with Listener(_asked, sock=_at(ours)) as heard:
        port = urlsplit(heard.url).port or 0
        for _ in range(3):
            with through.outlet(port), httpx.Client(trust_env=False) as client:
                assert client.get(f"{_url(heard)}/a").text == "/a"
        with pytest.raises(httpx.TransportError):
            httpx.get(_url(heard), trust_env=False)


def test_every_listener_that_begins_is_let_out(through: Tunnel, ours: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "outlets", [through.outlet])
    with Listener(_asked, sock=_at(ours)) as heard:
        assert httpx.get(f"{_url(heard)}/let-out", trust_env=False).text == "/let-out"
    with pytest.raises(httpx.TransportError):
        httpx.get(_url(heard), trust_env=False)


def test_whoever_hangs_up_without_an_answer_does_so_in_the_pod_too(through: Tunnel, ours: str) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(_at(ours))
        port = server.getsockname()[1]
        stack.enter_context(through.outlet(port))
        visitor = stack.enter_context(socket.create_connection((POD, port), BOUND_SECONDS))
        visitor.sendall(b"anybody?")
        taken, _ = server.accept()
        with taken:
            assert taken.recv(8) == b"anybody?"
        assert visitor.recv(1) == b""


@pytest.mark.parametrize("beyond", range(-98_304, 98_304, 16_384))
def test_a_slow_visitor_that_has_said_all_hears_all(ours: str, beyond: int) -> None:
    """What does not fit into the network's buffers when both have ended is not lost; here the relay is ours."""
    with ExitStack() as stack:
        server, relay = stack.enter_context(_at(ours)), stack.enter_context(_at(ours))
        through = Tunnel(relay.getsockname()[1], TOKEN)
        stack.callback(through.stop)
        fits = _fitting(relay)
        letting = threading.Thread(target=lambda: stack.enter_context(through.outlet(server.getsockname()[1])))
        letting.start()
        line = stack.enter_context(relay.accept()[0])
        line.sendall(LISTENING)
        letting.join()
        line.sendall(TAKEN)
        line.shutdown(socket.SHUT_WR)
        taken, _ = server.accept()
        with taken:
            assert taken.recv(1) == b""
            taken.settimeout(BOUND_SECONDS)
            taken.sendall(bytes(fits + beyond))
        with line.makefile("rb") as heard:
            assert len(heard.readline()) > 0
            assert len(heard.read()) == fits + beyond


def _fitting(server: socket.socket) -> int:
    """Return how many bytes a connection takes of which nothing is read."""
    with socket.create_connection(server.getsockname()) as one, server.accept()[0]:
        one.setblocking(False)
        sent = 0
        with suppress(BlockingIOError):
            while True:
                sent += one.send(bytes(65_536))
    return sent


def test_a_port_that_nobody_listens_at_hangs_up(through: Tunnel, ours: str) -> None:
    with _at(ours) as server:
        port = server.getsockname()[1]
    with through.outlet(port), socket.create_connection((POD, port), BOUND_SECONDS) as visitor:
        assert visitor.recv(1) == b""


def test_a_port_that_is_taken_in_the_pod_is_named(through: Tunnel) -> None:
    with socket.create_server((POD, 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(SandboxError, match=f"port {port} is in use in the network of the sandbox's containers"),
            through.outlet(port),
        ):
            pass


def test_a_relay_that_does_not_answer_is_told(ours: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnel, "ANSWER_SECONDS", 0.1)
    with _at(ours) as silent, ExitStack() as stack:
        through = Tunnel(silent.getsockname()[1], TOKEN)
        stack.callback(through.stop)
        with pytest.raises(SandboxError, match="the network of the sandbox's containers does not answer"):
            stack.enter_context(through.outlet(1))


def test_a_relay_with_another_token_does_not_answer(ours: str, relay: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnel, "ANSWER_SECONDS", 0.1)
    with ExitStack() as stack:
        through = Tunnel(relay, "guessed")
        stack.callback(through.stop)
        with pytest.raises(SandboxError, match="does not answer"):
            stack.enter_context(through.outlet(1))


def test_a_relay_that_starts_late_is_waited_for(ours: str) -> None:
    with _at(ours) as found:
        port = found.getsockname()[1]
    opened, through = threading.Event(), Tunnel(port, TOKEN)

    def wait() -> None:
        with _at(ours) as server, through.outlet(server.getsockname()[1]):
            opened.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert not opened.is_set()
    with socket.create_server((ours, port)) as late:
        lines = [late.accept()[0] for _ in range(IDLE_LINES)]
        for line in lines:
            line.sendall(b"+")
        assert opened.wait(BOUND_SECONDS)
    waiting.join()
    through.stop()
    for line in lines:
        line.close()


def test_after_the_stop_nothing_is_let_out_and_what_was_is_closed(ours: str, relay: int) -> None:
    through = Tunnel(relay, TOKEN)
    with ExitStack() as stack:
        server = stack.enter_context(_at(ours))
        stack.enter_context(through.outlet(server.getsockname()[1]))
        through.stop()
        through.stop()
        with pytest.raises(SandboxError, match="has ended"), through.outlet(server.getsockname()[1]):
            pass
