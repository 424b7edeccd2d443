"""The engine, and a sentence for each of its faults."""

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from threading import Thread

import pytest
from docker import DockerClient

from harness.sandbox.child import environment
from harness.sandbox.containers import address
from harness.sandbox.containers.engine import Engine, EngineError, PortTakenError, has_engine
from harness.sandbox.errors import PortError
from tests.answering_engine import VERSION, Answers, answering, only

from .conftest import Things

NOBODY = 65_534


@pytest.fixture
def sock(tmp_path: Path) -> Path:
    return tmp_path / "docker.sock"


@pytest.fixture
def listening(sock: Path) -> Iterator[Path]:
    """A socket where somebody listens who never takes a connection."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(sock))
        listener.listen()
        yield sock


def connect(where: Path | str, seconds: float = 5.0) -> Engine:
    return Engine.connect(seconds, {"DOCKER_HOST": where if isinstance(where, str) else f"unix://{where}"})


def test_it_says_what_it_is(engine: Engine) -> None:
    assert engine.architecture in {"amd64", "arm64"}
    assert engine.client.ping()
    assert engine.version.engine == engine.client.version()["Version"]


def _hang_up(listener: socket.socket, times: int) -> None:
    for _ in range(times):
        listener.accept()[0].close()


def test_no_engine(sock: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(EngineError) as caught:
        connect(sock)
    for part in (f"no Docker engine answers at unix://{sock}", "systemctl start docker", "DOCKER_HOST", "Podman"):
        assert part in str(caught.value)
    assert not has_engine({"DOCKER_HOST": f"unix://{sock}"})


def test_a_socket_that_an_engine_left(sock: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(sock))
    with pytest.raises(EngineError, match=f"no Docker engine answers at unix://{sock}"):
        connect(sock)


def test_podmans_socket_is_named_where_it_is(sock: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    podman = tmp_path / "podman" / "podman.sock"
    podman.parent.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(podman))
        with pytest.raises(EngineError) as caught:
            connect(sock)
    assert f"Podman's socket is there: `export DOCKER_HOST=unix://{podman}`" in str(caught.value)


def test_an_engine_is_looked_for_where_docker_desktop_and_rootless_ones_listen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(address, "DEFAULT", tmp_path / "no.sock")
    variables = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    assert address.address_of(variables) == f"unix://{tmp_path}/no.sock"
    for path in (tmp_path / "docker.sock", tmp_path / ".docker" / "run" / "docker.sock"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with answering(path, only(200, [])):
            assert address.address_of(variables) == f"unix://{path}"
            assert Engine.connect(environment=variables).address == f"unix://{path}"


def test_no_permission_on_its_socket(listening: Path) -> None:
    """Root may connect to any socket, so that another user has to try."""
    for folder in (listening.parent, listening.parent.parent, listening.parent.parent.parent):
        folder.chmod(0o755)
    listening.chmod(0)
    program = (
        "import os, docker, harness.sandbox.containers.sdk\n"
        "from harness.sandbox.containers.engine import Engine, EngineError, has_engine\n"
        f"os.geteuid() or os.setuid({NOBODY})\n"
        "try: Engine.connect()\n"
        "except EngineError as fault: print(has_engine(), fault)\n"
    )
    variables = environment(DOCKER_HOST=f"unix://{listening}")
    said = subprocess.run([sys.executable, "-P", "-c", program], env=variables, capture_output=True, check=True).stdout
    text = said.decode()
    assert text.startswith(f"False this user has no permission on the Docker engine's socket {listening}")
    assert all(part in text for part in ("usermod", "sudo", "rootless", "Podman"))


@pytest.mark.parametrize("api", ["1.40", "1.12", "1.9"])
def test_too_old(sock: Path, api: str) -> None:
    version = {**VERSION, "Version": "19.03.15", "ApiVersion": api}
    with answering(sock, lambda method, path: (200, version)), pytest.raises(EngineError) as caught:
        connect(sock)
    for part in ("19.03.15", str(sock), "too old", f"API {api},", "1.41", "20.10"):
        assert part in str(caught.value)


@pytest.mark.parametrize("answer", [(200, "<p>Hello</p>"), (200, []), (200, {}), (200, {**VERSION, "ApiVersion": "x"})])
def test_no_engine_at_all(sock: Path, answer: tuple[int, object]) -> None:
    with answering(sock, lambda method, path: answer), pytest.raises(EngineError, match="is no Docker engine"):
        connect(sock)


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("ssh://me@host", "another machine"),
        ("tcp://192.0.2.1:2375", "another machine"),
        ("tcp://127.0.0.1", "no port"),
        ("tcp://127.0.0.1:99999", "out of range"),
        ("ftp://host", "ftp:// is none of"),
        ("tcp://[::1", "Invalid IPv6"),
    ],
)
def test_an_address_that_is_of_no_use(host: str, why: str) -> None:
    with pytest.raises(EngineError, match=why):
        connect(host)
    assert not has_engine({"DOCKER_HOST": host})


def test_it_hangs_from_the_start(listening: Path) -> None:
    with pytest.raises(EngineError, match=rf"{listening} hangs: no answer within 0\.2 seconds"):
        connect(listening, 0.2)


def test_it_takes_no_connections(listening: Path) -> None:
    """Its backlog is full, as it was stopped."""
    waiting = [socket.socket(socket.AF_UNIX) for _ in range(200)]
    try:
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(str(listening))
        with pytest.raises(EngineError, match="hangs"):
            connect(listening, 0.2)
        assert has_engine({"DOCKER_HOST": f"unix://{listening}"})
    finally:
        for each in waiting:
            each.close()


def test_it_hangs_later_on(sock: Path) -> None:
    """The SDK sets no bound for a pull and for the end of a container."""
    with (
        answering(sock, lambda method, path: (200, VERSION) if path == "/version" else None),
        connect(sock) as patient,
        Engine(patient.address, patient.version, 0.2, {}) as engine,
    ):
        api = engine.client.api
        for call in (api.containers, lambda: api.pull("image", "1"), lambda: api.wait("container")):
            with pytest.raises(EngineError, match=r"hangs: no answer within 0\.2 seconds"), engine.faults():
                call()
        assert engine.patient.api.timeout == 600


def test_it_breaks_off(sock: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(sock))
        listener.listen()
        thread = Thread(target=_hang_up, args=(listener, 2))
        thread.start()
        with pytest.raises(EngineError, match="broke the connection off"):
            connect(sock)
        thread.join()


WORDS = "write /var/lib/docker/tmp/x: no space left on device"
STREAM = f'{{"stream":"Step 1"}}\r\n{{"errorDetail":{{"message":"{WORDS}"}},"error":"{WORDS}"}}\r\n'


@pytest.mark.parametrize(
    ("answers", "call"),
    [
        (only(500, {"message": WORDS}), lambda client: client.containers.create("image")),
        (only(200, STREAM), lambda client: client.images.build(fileobj=BytesIO(b"FROM scratch"))),
    ],
)
def test_the_disk_is_full(sock: Path, answers: Answers, call: Callable[[DockerClient], object]) -> None:
    with answering(sock, answers), connect(sock) as engine, pytest.raises(EngineError) as caught, engine.faults():
        call(engine.client)
    assert f"the disk of the Docker engine at unix://{sock} is full: {WORDS}" in str(caught.value)
    assert "docker system df" in str(caught.value)


def test_a_port_of_another_program(things: Things, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PortTakenError) as caught, things.engine.faults():
            things.container(tmp_path, port=port)
    assert str(caught.value) == f"port {port} of 127.0.0.1 is in use; pass another base with --port"
    assert isinstance(caught.value, PortError)


def test_a_port_of_another_container(things: Things, tmp_path: Path) -> None:
    first = things.container(tmp_path, port=0)
    first.reload()
    published = first.ports["80/tcp"]
    assert published
    port = int(published[0]["HostPort"])
    with pytest.raises(PortTakenError, match=f"port {port} of"), things.engine.faults():
        things.container(tmp_path, port=port)


DESKTOP = (
    "ports are not available: exposing port TCP 127.0.0.1:7401 -> 0.0.0.0:0: listen tcp 127.0.0.1:7401: bind: address "
    "already in use"
)
DOCKER_28 = (
    "failed to set up container networking: driver failed programming external connectivity on endpoint x: failed to "
    "bind host port for 127.0.0.1:7402:172.17.0.2:7402/tcp: address already in use"
)
PODMAN = "rootlessport listen tcp 127.0.0.1:7403: bind: address already in use"


@pytest.mark.parametrize(("words", "port"), [(DESKTOP, 7401), (DOCKER_28, 7402), (PODMAN, 7403)])
def test_a_port_in_the_words_of_other_engines(sock: Path, words: str, port: int) -> None:
    taken, answers = pytest.raises(PortTakenError, match=f"port {port} of"), only(500, {"message": words})
    with answering(sock, answers), connect(sock) as engine, taken, engine.faults():
        engine.client.api.start("container")


def test_an_image_that_is_nowhere(engine: Engine) -> None:
    with pytest.raises(EngineError) as caught, engine.faults("no-such-image:1"):
        engine.client.api.create_container("no-such-image:1")
    for part in ("does not have the base image no-such-image:1", "--base-image", "MCP_ASSAY_BASE_IMAGE"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        'Get "https://registry.example/v2/": dial tcp: lookup registry.example on 192.0.2.53:53: no such host',
        'Get "https://registry.example/v2/": net/http: request canceled (Client.Timeout exceeded)',
        "pull access denied for base, repository does not exist or may require 'docker login'",
        "manifest for base:1 not found: manifest unknown: manifest unknown",
        "no matching manifest for linux/arm64/v8 in the manifest list entries",
    ],
)
def test_an_image_without_a_network(sock: Path, words: str) -> None:
    told, answers = pytest.raises(EngineError, match="does not have the base"), only(500, {"message": words})
    with answering(sock, answers), connect(sock) as engine, told as caught, engine.faults("base:1"):
        engine.patient.images.pull("base", "1")
    assert f"base image base:1 and cannot get it: {words}" in str(caught.value)


def test_whatever_else_it_refuses_is_told_in_its_words(things: Things, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"refused: .*no-such-program.*not found"), things.engine.faults():
        things.container(tmp_path / "lock", "no-such-program")


def test_what_is_no_fault_of_an_engine_passes(engine: Engine) -> None:
    with pytest.raises(FileNotFoundError), engine.faults():
        Path("/no/such/file").read_bytes()


def test_a_broken_configuration_of_tls(listening: Path) -> None:
    variables = {"DOCKER_HOST": f"unix://{listening}", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/no/such/folder"}
    with pytest.raises(EngineError, match="cannot be used"):
        Engine.connect(0.5, variables)


def test_a_container_that_dies_at_once(things: Things, tmp_path: Path) -> None:
    program = "import sys; print(*range(30), sep='\\n'); sys.exit(3)"
    container = things.container(tmp_path / "lock", "python3", "-c", program)
    container.wait(timeout=30)
    lines = "\n".join(map(str, range(15, 30)))
    assert str(things.engine.died(container)) == f"the container {container.name} ended with exit code 3:\n{lines}"


def test_a_container_that_dies_without_a_word_and_one_that_is_gone(things: Things, tmp_path: Path) -> None:
    container = things.container(tmp_path / "lock", "python3", "-c", "raise SystemExit(7)")
    container.wait(timeout=30)
    assert str(things.engine.died(container)).endswith("ended with exit code 7, without a word")
    container.remove()
    assert "its last words are lost" in str(things.engine.died(container))
