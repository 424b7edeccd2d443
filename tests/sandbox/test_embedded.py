"""The embedded sandbox: ready, alone or beside another, and gone without a trace."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from fixtures.service.audit import verify
from harness.listener import Listener, Reply
from harness.sandbox import child, embedded, programs, sockets
from harness.sandbox.control import ControlPlane
from harness.sandbox.embedded import EmbeddedSandbox
from harness.sandbox.errors import SandboxError, SilentError
from harness.sandbox.layout import SERVICES, Layout, Place
from mcp_assay import PACKAGES
from tests.addresses import own_loopback_address

BOUND_SECONDS = 20
PARENT = """
import dataclasses, json, sys
from harness.sandbox.embedded import EmbeddedSandbox

with EmbeddedSandbox() as sandbox:
    print(json.dumps([dataclasses.asdict(sandbox.layout), str(sandbox.directory)]), flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[EmbeddedSandbox]:
    with EmbeddedSandbox() as sandbox:
        yield sandbox


def test_all_three_services_answer_when_it_is_ready(sandbox: EmbeddedSandbox) -> None:
    layout = sandbox.layout
    _expect_200(f"{layout.idp_issuer('acme')}/.well-known/openid-configuration")
    _expect_200(f"{layout.authorization_server.url}/.well-known/oauth-authorization-server/acme")
    _expect_200(f"{layout.mcp_server.url}/.well-known/oauth-protected-resource/acme/mcp")


def test_the_services_know_each_other(sandbox: EmbeddedSandbox) -> None:
    layout = sandbox.layout
    metadata = httpx.get(f"{layout.mcp_server.url}/.well-known/oauth-protected-resource/acme/mcp", trust_env=False)
    assert metadata.json()["authorization_servers"] == [layout.issuer("acme")]
    assert metadata.json()["resource"] == layout.resource("acme")


def test_one_clock_is_shared_by_all(sandbox: EmbeddedSandbox) -> None:
    with sandbox.control("mock_idp") as idp, sandbox.control("mcp_server") as mcp:
        before = mcp.now()
        idp.advance(5000)
        assert mcp.now() >= before + 5000
        mcp.reset_clock()
        assert idp.now() < before + 5000


def test_each_control_plane_opens_with_the_sandboxs_token_only(sandbox: EmbeddedSandbox) -> None:
    for service in SERVICES:
        with sandbox.control(service) as control:
            control.reset()
        answer = httpx.get(sandbox.layout.place(service).control_url + "/requests", trust_env=False)
        assert answer.status_code == 401


def test_the_authorization_server_signs_what_it_is_asked_to(sandbox: EmbeddedSandbox) -> None:
    with sandbox.control("authorization_server") as control:
        token = control.sign("acme", {"typ": "at+jwt"}, {"sub": "anyone"})
        assert token.count(".") == 2
        control.rotate_keys("acme")
        with pytest.raises(SandboxError, match=r"the control plane refused POST /nobody/rotate-keys: "):
            control.rotate_keys("nobody")


def test_the_token_is_on_no_command_line(sandbox: EmbeddedSandbox) -> None:
    for pid in sandbox.pids.values():
        said = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=True)
        assert "--base-url" in said.stdout
        assert sandbox.control_token not in said.stdout


def test_two_sandboxes_run_side_by_side(sandbox: EmbeddedSandbox) -> None:
    with EmbeddedSandbox() as other:
        assert other.directory != sandbox.directory
        with sandbox.control("mcp_server") as here, other.control("mcp_server") as there:
            there.advance(100_000)
            assert here.now() < there.now() - 50_000
        for layout in (sandbox.layout, other.layout):
            _expect_200(f"{layout.idp_issuer('acme')}/jwks")


def test_stopping_leaves_neither_processes_nor_ports_nor_files() -> None:
    sandbox = EmbeddedSandbox()
    sandbox.start()
    pids, layout, directory = dict(sandbox.pids), sandbox.layout, sandbox.directory
    sandbox.stop()
    sandbox.stop()
    for pid in pids.values():
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    _expect_free(layout)
    assert not directory.exists()


def test_a_killed_parent_takes_everything_along() -> None:
    pipe = subprocess.PIPE
    command = [sys.executable, "-P", "-c", PARENT]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=child.environment()) as parent:
        assert parent.stdout
        places, directory = json.loads(parent.stdout.readline())
        layout = Layout(**{service: Place(**place) for service, place in places.items()})
        connections = [socket.create_connection(_address(url), BOUND_SECONDS) for url in _urls(layout)]
        parent.send_signal(signal.SIGKILL)
        for connection in connections:
            _await_end(connection)
    _expect_free(layout)
    assert not Path(directory).exists()


def test_a_port_in_use_is_named_and_nothing_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    address = own_loopback_address()
    monkeypatch.setattr(sockets, "LOOPBACK", address)
    with socket.create_server((address, 0)) as taken:
        port = taken.getsockname()[1]
        sandbox = EmbeddedSandbox(port - 1)
        with pytest.raises(SandboxError, match=f"port {port} of {address} is in use; pass another base with --port"):
            sandbox.start()
        assert not sandbox.pids


def test_the_users_own_packages_do_not_get_in_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise SystemExit('this is the user\\'s')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", ".", str(tmp_path)]))
    with EmbeddedSandbox() as sandbox:
        _expect_200(f"{sandbox.layout.idp_issuer('acme')}/jwks")


def test_a_state_directory_keeps_the_audit_trails(tmp_path: Path) -> None:
    with EmbeddedSandbox(state_dir=tmp_path) as sandbox:
        httpx.post(sandbox.layout.resource("acme"), json={}, headers={"Authorization": "Bearer x"}, trust_env=False)
    report = verify(sandbox.audit_files["mcp_server"])
    assert report.lines >= 1
    assert report.problems == []


def test_a_state_directory_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="the sandbox's directory cannot be used: "):
        EmbeddedSandbox(state_dir=tmp_path / "missing").start()


def test_before_the_start_it_has_neither_layout_nor_clock() -> None:
    with pytest.raises(SandboxError, match="was not started"):
        _ = EmbeddedSandbox().layout
    with pytest.raises(SandboxError, match="was not started"):
        _ = EmbeddedSandbox().clock


@pytest.mark.parametrize(
    ("program", "seconds", "sentence"),
    [
        ("import sys; sys.exit('first line\\nlast line')", BOUND_SECONDS, "did not start:\nfirst line\nlast line"),
        ("print('hello')", BOUND_SECONDS, "did not start"),
        ("import sys; sys.stdin.read()", 1, "was not ready within 1 seconds"),
    ],
)
def test_a_service_that_does_not_start_is_named_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, seconds: int, sentence: str
) -> None:
    (tmp_path / "failing_service.py").write_text(program)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setitem(programs._MODULES, "mock_idp", "failing_service")
    monkeypatch.setattr(embedded, "READY_SECONDS", seconds)
    sandbox = EmbeddedSandbox(services=("mock_idp",))
    with pytest.raises(SandboxError) as failure:
        sandbox.start()
    assert str(failure.value) == f"the mock_idp of the sandbox {sentence}"
    assert not sandbox.directory.exists()


def test_an_unknown_mutant_is_named_and_nothing_is_started() -> None:
    sandbox = EmbeddedSandbox(mutant="no-such-mutant")
    with pytest.raises(SandboxError, match="no mutant is called 'no-such-mutant'; `mcp-assay list mutants`"):
        sandbox.start()
    assert not sandbox.pids


def test_a_control_plane_that_is_gone_is_told() -> None:
    with EmbeddedSandbox() as sandbox:
        control = sandbox.control("mock_idp")
    with control, pytest.raises(SilentError, match="does not answer"):
        control.now()


def test_a_control_plane_that_breaks_is_not_taken_for_one_that_is_gone() -> None:
    with (
        Listener(lambda _: Reply(500, b"Internal Server Error")) as broken,
        ControlPlane(broken.url, "token") as control,
        pytest.raises(SandboxError, match="answers 500 and no JSON to GET /clock") as told,
    ):
        control.now()
    assert not isinstance(told.value, SilentError)


def _expect_200(url: str) -> None:
    assert httpx.get(url, trust_env=False).status_code == 200


def _urls(layout: Layout) -> list[str]:
    return [url for service in SERVICES for url in (layout.place(service).url, layout.place(service).control_url)]


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


def _expect_free(layout: Layout) -> None:
    for url in _urls(layout):
        _await_refusal(_address(url))
        socket.create_server(_address(url)).close()


def _await_refusal(address: tuple[str, int]) -> None:
    """Wait until nobody listens: the kernel may close a dead process's connections before its listening sockets."""
    deadline = time.monotonic() + BOUND_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(address, BOUND_SECONDS).close()
        except OSError:
            return


def _await_end(connection: socket.socket) -> None:
    """Wait for the end of a connection: it comes when the process at its other end is gone."""
    with connection:
        try:
            assert connection.recv(1) == b""
        except ConnectionResetError:
            return
