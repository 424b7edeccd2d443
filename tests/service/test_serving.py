"""A service as a program: its readiness, its end, and its answers to wrong usage."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from fixtures.service.audit import AuditTrail
from fixtures.service.clock import Clock
from harness.sandbox.child import environment

BOUND_SECONDS = 30


def _command(*options: object) -> list[str]:
    return [sys.executable, "-P", "-m", "mock_idp", "--base-url", "http://127.0.0.1:1", *map(str, options)]


@contextmanager
def _service(
    *options: object, token: str = "open-sesame", fds: tuple[int, ...] = ()
) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    variables = environment(MCP_ASSAY_CONTROL_TOKEN=token)
    with subprocess.Popen(
        _command(*options), stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=variables, pass_fds=fds
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _ready(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stdout
    ready: dict[str, str] = json.loads(process.stdout.readline())
    return ready


def _refused(*options: object) -> str:
    done = subprocess.run(
        _command(*options), capture_output=True, text=True, env=environment(), timeout=BOUND_SECONDS, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    return done.stderr


FREE = ("--port", 0, "--control-port", 0)


def test_the_ready_line_says_where_the_service_and_its_control_plane_are() -> None:
    with _service(*FREE) as process:
        ready = _ready(process)
        assert ready.keys() == {"service", "url", "control_url"}
        assert httpx.get(ready["url"] + "/", trust_env=False).status_code == 200
        answer = httpx.get(
            ready["control_url"] + "/clock", headers={"Authorization": "Bearer open-sesame"}, trust_env=False
        )
        assert answer.status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_quietly(number: signal.Signals) -> None:
    with _service(*FREE) as process:
        _ready(process)
        process.send_signal(number)
        assert process.communicate(timeout=BOUND_SECONDS) == ("", "")
        assert process.returncode == 0


def test_whoever_hangs_up_within_a_request_is_not_written_down_as_a_fault() -> None:
    with _service(*FREE) as process:
        host, _, port = _ready(process)["url"].removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=BOUND_SECONDS) as connection:
            form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 10"
            connection.sendall(f"POST /acme/token HTTP/1.1\r\nHost: {host}\r\n{form}\r\n\r\nhalf".encode())
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1000)
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=BOUND_SECONDS) == ("", "")


def test_it_ends_with_its_parent_and_takes_the_scratch_directory_along(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with _service(*FREE, "--exit-with-parent", "--scratch", scratch, "--clock", scratch / "clock") as process:
        _ready(process)
        assert process.communicate(timeout=BOUND_SECONDS) == ("", "")
    assert not scratch.exists()


def test_inherited_sockets_are_served() -> None:
    with socket.create_server(("127.0.0.1", 0)) as own, socket.create_server(("127.0.0.1", 0)) as control:
        fds = (own.fileno(), control.fileno())
        with _service("--fd", fds[0], "--control-fd", fds[1], fds=fds) as process:
            assert _ready(process)["url"] == f"http://127.0.0.1:{own.getsockname()[1]}"


def test_a_token_is_made_and_told_when_there_is_none() -> None:
    with _service(*FREE, token="") as process:
        assert process.stderr
        told = process.stderr.readline()
        ready = _ready(process)
        headers = {"Authorization": f"Bearer {told.split()[-1]}"}
        assert httpx.get(ready["control_url"] + "/clock", headers=headers, trust_env=False).status_code == 200


@pytest.mark.parametrize("option", ["--port", "--control-port"])
def test_a_port_in_use_is_one_sentence_that_offers_another(option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = _refused(*FREE, option, port)
    assert said == f"mock-idp: port {port} of 127.0.0.1 is in use; pass another with {option}\n"


def test_a_host_that_is_not_ours_is_one_sentence() -> None:
    said = _refused(*FREE, "--host", "192.0.2.1")
    assert said.startswith("mock-idp: cannot listen on 192.0.2.1 port 0: ")
    assert said.count("\n") == 1


def test_a_file_descriptor_that_is_no_socket_is_one_sentence() -> None:
    assert _refused("--fd", 987).startswith("mock-idp: cannot listen on file descriptor 987: ")


def test_a_port_that_is_none_is_refused() -> None:
    assert "'70000' is not a port: a whole number from 0 to 65535" in _refused("--port", 70000)


@pytest.mark.parametrize("content", ["", "tenants = 1", "not toml", "[tenants.acme]\nname = 1"])
def test_a_file_that_is_no_world_is_one_sentence(tmp_path: Path, content: str) -> None:
    world = tmp_path / "world.toml"
    world.write_text(content)
    said = _refused(*FREE, "--world", world)
    assert said.startswith(f"mock-idp: {world} is not a world file: ")
    assert said.count("\n") == 1


def test_an_audit_trail_that_another_service_writes_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    other = AuditTrail(path, Clock())
    said = _refused(*FREE, "--audit", path)
    other.close()
    assert f"{path} is the audit trail of another service that runs; name another file" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("option", ["--world", "--clock", "--audit"])
def test_a_file_that_cannot_be_used_is_one_sentence(tmp_path: Path, option: str) -> None:
    said = _refused(*FREE, option, tmp_path / "missing" / "file")
    assert "No such file or directory" in said
    assert said.count("\n") == 1
