"""A pod on a real engine: one network, one clock, no rights for our own, and others as they want to be run."""

from __future__ import annotations

import json
import secrets
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from docker.models.containers import Container

from harness.sandbox.containers.engine import Engine, PortTakenError
from harness.sandbox.containers.labels import OWNER, SANDBOX, SERVICE
from harness.sandbox.containers.owner import Owner
from harness.sandbox.containers.pod import NETWORK, SHARED, Belongings, Pod
from tests.addresses import free_base

BOUND_SECONDS = 20
RELAY = ("fixtures.relay", "--host", "0.0.0.0", "--port", "7000")
SAY = "import os, sys; print(os.getuid(), sys.argv[1:], os.environ.get('SAID'), flush=True)"
PROBE = """
import json, os
from pathlib import Path

def refused(work):
    try:
        work()
    except OSError as error:
        return error.strerror

status = dict(line.split(":\\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\\t" in line)
Path("/run/mcp-assay/written").write_text("by the container")
Path("/dev/shm/seen").write_text("by all of ours")
print(json.dumps({
    "user": [os.getuid(), os.getgid()],
    "rights": int(status["CapEff"], 16),
    "no_new_privileges": status["NoNewPrivs"],
    "root": refused(lambda: Path("/opt/mcp-assay/new").write_text("x")),
    "ports": Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split(),
    "shared_memory": sorted(path.name for path in Path("/dev/shm").iterdir()),
    "environment": os.environ["SAID"],
}))
"""


@pytest.fixture
def belongings(tmp_path: Path) -> Iterator[Belongings]:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    with Owner(tmp_path) as owner:  # who lives, so that the sweep of a command that runs beside us spares the pod
        yield Belongings(secrets.token_hex(4), owner.file, shared)


@pytest.fixture
def port() -> int:
    return free_base((0,))


@pytest.fixture
def pod(engine: Engine, sandbox_image: str, belongings: Belongings, port: int) -> Iterator[Pod]:
    made = Pod(engine, sandbox_image, belongings, [port])
    yield made
    made.remove()


def _python(code: str) -> list[str]:
    """Return the command of one of our own programs, in the place of which some code is to run."""
    return ["timeit", "-n1", "-r1", f"exec({code!r}, {{}})"]


def _said(container: Container) -> str:
    """Return what a container wrote until its end."""
    container.wait(timeout=BOUND_SECONDS)
    return container.logs().decode()


def _attributes(container: Container) -> Mapping[str, Any]:
    container.reload()
    return container.attrs


def test_our_own_run_without_rights_and_share_a_folder_and_memory(
    pod: Pod, sandbox_image: str, belongings: Belongings
) -> None:
    pod.open(RELAY, {})
    for service in ("first", "second"):
        container = pod.run(service, sandbox_image, _python(PROBE), {"SAID": "so"}, ours=True)
        seen = json.loads(_said(container).splitlines()[0])
        assert seen == {
            "user": [65532, 65532],
            "rights": 0,
            "no_new_privileges": "1",
            "root": "Read-only file system",
            "ports": ["10240", "32767"],
            "shared_memory": ["seen"],
            "environment": "so",
        }
    assert (belongings.shared / "written").read_text() == "by the container"
    assert SHARED == "/run/mcp-assay"


def test_what_listens_in_any_container_is_reached_at_the_same_port_on_this_machine_alone(
    pod: Pod, base_image: str, port: int
) -> None:
    network = pod.open(RELAY, {})
    serve = ["python3", "-c", f"import socket; socket.create_server(('0.0.0.0', {port})).accept()[0].sendall(b'hello')"]
    pod.run("target", base_image, serve)
    bindings = _attributes(network)["HostConfig"]["PortBindings"]
    assert bindings == {f"{port}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]}
    assert _heard(port) == b"hello"


def _heard(port: int) -> bytes:
    """Return what whoever listens says; before it listens, the engine's proxy hangs up."""
    deadline = time.monotonic() + BOUND_SECONDS
    while time.monotonic() < deadline:
        with socket.create_connection(("127.0.0.1", port), BOUND_SECONDS) as connection:
            try:
                if said := connection.recv(100):
                    return said
            except ConnectionResetError:
                continue
    return b""


def test_a_foreign_image_runs_as_it_wants_to_or_as_it_is_told(pod: Pod, base_image: str, tmp_path: Path) -> None:
    pod.open(RELAY, {})
    (tmp_path / "given").write_text("a file")
    wanted = pod.run("target", base_image, ["python3", "-c", SAY, "a b", "$HOME"], {"SAID": "x=y z"})
    told = pod.run("other", base_image, ["python3", "-c", "print(open('/given').read())"],
                   user="12:34", binds=[f"{tmp_path}/given:/given:ro"])  # fmt: skip
    assert _said(wanted) == "0 ['a b', '$HOME'] x=y z\n"
    assert _said(told) == "a file\n"
    assert _attributes(told)["Config"]["User"] == "12:34"
    assert not _attributes(wanted)["HostConfig"]["ReadonlyRootfs"]


def test_every_container_is_named_and_labelled_and_has_a_bounded_log(pod: Pod, belongings: Belongings) -> None:
    network = _attributes(pod.open(RELAY, {}))
    assert network["Name"] == f"/{pod.name}" == f"/mcp-assay-{belongings.sandbox}-network"
    assert pod.name_of("mcp_server") == f"mcp-assay-{belongings.sandbox}-mcp-server"
    labels = network["Config"]["Labels"]
    assert (labels[SANDBOX], labels[OWNER], labels[SERVICE]) == (belongings.sandbox, str(belongings.owner), NETWORK)
    assert network["HostConfig"]["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "10m"}}
    assert set(pod.containers) == {NETWORK}


def test_the_last_words_of_a_container_are_kept_until_it_is_removed(pod: Pod, base_image: str, engine: Engine) -> None:
    pod.open(RELAY, {})
    _said(pod.run("target", base_image, ["python3", "-c", "raise SystemExit('this was it')"]))
    assert pod.last_words("target") == "this was it"
    assert pod.last_words("unknown") == ""
    pod.remove()
    pod.remove()
    assert pod.last_words("target") == ""
    assert not engine.client.containers.list(all=True, filters={"name": pod.name})


def test_a_published_port_that_is_taken_is_named_and_what_was_made_can_be_removed(
    engine: Engine, pod: Pod, port: int
) -> None:
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(PortTakenError, match=f"port {port} of 127.0.0.1 is in use"),
    ):
        pod.open(RELAY, {})
    pod.remove()
    assert not engine.client.containers.list(all=True, filters={"name": pod.name})
