"""The pod's end of the tunnel: who may announce connections, who is lent one, and that nothing is lost between them."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from fixtures.relay.relay import LISTENING, REFUSED, TAKEN
from harness.sandbox.child import environment
from tests.relay import running_relay

BOUND_SECONDS = 20
TOKEN = "open-sesame"
HERE = "127.0.0.1"


@pytest.fixture(scope="module")
def relay() -> Iterator[int]:
    with running_relay(TOKEN) as (port, _):
        yield port


@pytest.fixture
def port() -> int:
    with socket.create_server((HERE, 0)) as found:
        return int(found.getsockname()[1])


def _connection(port: int) -> socket.socket:
    return socket.create_connection((HERE, port), BOUND_SECONDS)


def _said(relay: int, line: bytes) -> socket.socket:
    connection = _connection(relay)
    connection.sendall(line)
    return connection


def _announced(relay: int, port: int) -> socket.socket:
    """Return an idle connection for a port."""
    connection = _said(relay, f"{TOKEN} {port}\n".encode())
    assert connection.recv(1) == LISTENING
    return connection


def _all_of(connection: socket.socket) -> bytes:
    """Return what comes until the other side has no more to say."""
    with connection.makefile("rb") as file:
        return file.read()


def _await_refusal(port: int) -> None:
    deadline = time.monotonic() + BOUND_SECONDS
    while time.monotonic() < deadline:
        try:
            _connection(port).close()
        except ConnectionResetError:
            continue
        except ConnectionRefusedError:
            return
    raise AssertionError(f"port {port} is still listened at")


def test_what_a_visitor_and_the_harness_say_to_each_other_passes_unchanged(relay: int, port: int) -> None:
    large = bytes(range(256)) * 4096
    with _announced(relay, port) as line, _connection(port) as visitor:
        assert line.recv(1) == TAKEN
        visitor.sendall(b"\r\n\x16\x03\x01 anything")
        visitor.shutdown(socket.SHUT_WR)
        assert _all_of(line) == b"\r\n\x16\x03\x01 anything"
        line.settimeout(BOUND_SECONDS)
        line.sendall(large)
        line.shutdown(socket.SHUT_WR)
        assert _all_of(visitor) == large


def test_each_visitor_is_lent_a_connection_of_its_own(relay: int, port: int) -> None:
    with _announced(relay, port) as first, _announced(relay, port) as second, _connection(port) as one:
        one.sendall(b"one")
        with _connection(port) as two:
            two.sendall(b"two")
            heard = {line.recv(1) + line.recv(3) for line in (first, second)}
    assert heard == {TAKEN + b"one", TAKEN + b"two"}


def test_a_visitor_waits_until_there_is_a_connection(relay: int, port: int) -> None:
    with _announced(relay, port) as line, _connection(port), _connection(port) as second:
        assert line.recv(1) == TAKEN
        second.sendall(b"later")
        with _announced(relay, port) as another:
            assert another.recv(1) == TAKEN
            assert another.recv(5) == b"later"


def test_a_connection_that_the_harness_closed_is_not_lent(relay: int, port: int) -> None:
    with _announced(relay, port) as closed, _announced(relay, port) as kept:
        closed.shutdown(socket.SHUT_WR)
        assert closed.recv(1) == b""
        with _connection(port):
            assert kept.recv(1) == TAKEN


def test_a_port_is_listened_at_as_long_as_there_is_a_connection_for_it(relay: int, port: int) -> None:
    with _announced(relay, port) as kept:
        _announced(relay, port).close()
        with _connection(port):
            assert kept.recv(1) == TAKEN
            _connection(port).close()
    _await_refusal(port)
    with _announced(relay, port) as again, _connection(port):
        assert again.recv(1) == TAKEN


def test_a_visitor_that_waits_is_sent_away_when_the_last_connection_is_gone(relay: int, port: int) -> None:
    with _announced(relay, port) as line, _connection(port) as visitor:
        assert line.recv(1) == TAKEN
        with _connection(port) as waiting:
            visitor.close()
            line.close()
            assert waiting.recv(1) == b""


def test_a_reset_by_the_visitor_ends_the_harness_s_connection(relay: int, port: int) -> None:
    with _announced(relay, port) as line:
        visitor = _connection(port)
        assert line.recv(1) == TAKEN
        visitor.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        visitor.close()
        try:
            assert line.recv(1) == b""
        except ConnectionResetError:
            return


def test_a_port_that_is_taken_is_refused(relay: int) -> None:
    with socket.create_server((HERE, 0)) as taken:
        port = taken.getsockname()[1]
        with _said(relay, f"{TOKEN} {port}\n".encode()) as line:
            assert _all_of(line) == REFUSED


@pytest.mark.parametrize(
    "line",
    ["another {port}\n", "{port}\n", "\n", " {port}\n", "open-sesame\n", "open-sesame -{port}\n", "open-sesame 0\n",
     "open-sesame 65536\n", "open-sesame x\n", "GET / HTTP/1.1\r\n\r\n"],
)  # fmt: skip
def test_whoever_says_something_else_is_sent_away_and_nothing_is_opened(relay: int, port: int, line: str) -> None:
    with _said(relay, line.format(port=port).encode()) as connection:
        assert _all_of(connection) == b""
    with pytest.raises(ConnectionRefusedError):
        _connection(port)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_quietly(number: signal.Signals, port: int) -> None:
    with running_relay(TOKEN) as (relay, process), _announced(relay, port) as line, _connection(port):
        assert line.recv(1) == TAKEN
        process.send_signal(number)
        assert process.communicate(timeout=BOUND_SECONDS) == ("", "")
        assert process.returncode == 0


def test_a_port_of_its_own_that_is_taken_is_named() -> None:
    with socket.create_server((HERE, 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-P", "-m", "fixtures.relay", "--port", str(port)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"relay: cannot listen on {HERE} port {port}: ")


def test_without_a_token_it_holds_the_network_and_lets_nobody_in(port: int) -> None:
    with running_relay("") as (relay, _), _said(relay, f" {port}\n".encode()) as connection:
        assert _all_of(connection) == b""
