"""The sandbox's image on a real engine: built once, small, and good for a read-only root without a shell."""

from __future__ import annotations

import json
import struct
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from docker.models.containers import Container
from docker.models.images import Image
from packaging.utils import canonicalize_name

from harness.sandbox.authority import Authority
from harness.sandbox.containers import context
from harness.sandbox.containers.base import base_image as base_of
from harness.sandbox.containers.base import python_of
from harness.sandbox.containers.engine import Engine
from harness.sandbox.containers.image import built, ready, tag_on
from harness.sandbox.containers.leftovers import PREFIX
from harness.sandbox.containers.owner import LOCK_FILE, lives
from harness.sandbox.errors import SandboxError

LARGEST_MEGABYTES = 90
READY_SECONDS = 20
SERVICES = ("mock_idp", "fixtures.authorization_server", "fixtures.mcp_server")
PORT, CONTROL_PORT = "7000", "7001"
LISTENING = ("--host", "0.0.0.0", "--port", PORT, "--control-port", CONTROL_PORT, "--base-url", "http://127.0.0.1:7000")
HEALTH = ["python3", "-P", "-S", "-m", "fixtures.service.health"]
SHELLS = ("/usr/bin/dash", "/usr/bin/bash")
TLS = "/run/tls"


@pytest.fixture(scope="module")
def tag(engine: Engine, base_image: str) -> str:
    return built(engine, base_image, print)


@pytest.fixture(scope="module")
def image(engine: Engine, tag: str) -> Image:
    return engine.client.images.get(tag)


class Containers:
    """Containers of a test, with a read-only root, no capability and no shell."""

    def __init__(self, engine: Engine, image: str) -> None:
        self._engine = engine
        self._image = image
        self._made: list[Container] = []

    def start(self, *command: str, **settings: Any) -> Container:
        volumes = [f"/dev/null:{shell}:ro" for shell in SHELLS] + settings.pop("volumes", [])
        made = self._engine.client.containers.run(
            self._image, list(command), detach=True, read_only=True, cap_drop=["ALL"], volumes=volumes,
            environment={"MCP_ASSAY_CONTROL_TOKEN": "t", "MCP_ASSAY_TUNNEL_TOKEN": "t"}, **settings,
        )  # fmt: skip
        self._made.append(made)
        return made

    def said(self, *command: str) -> str:
        container = self.start(*command, entrypoint=["python3"])
        assert container.wait(timeout=READY_SECONDS)["StatusCode"] == 0, container.logs()
        return container.logs().decode()

    def end(self) -> None:
        for container in self._made:
            container.remove(force=True)


@pytest.fixture
def containers(engine: Engine, tag: str) -> Iterator[Containers]:
    made = Containers(engine, tag)
    yield made
    made.end()


def first_line(container: Container) -> str:
    """What a container says first."""
    with subprocess.Popen(["docker", "logs", "--follow", container.id or ""], stdout=subprocess.PIPE) as log:
        assert log.stdout
        line = log.stdout.readline().decode()
        log.kill()
    return line.rstrip("\n")


def within(container: Container, *command: str) -> tuple[int, str]:
    """How a program ends in a container, and what it says."""
    assert container.client
    api = container.client.api
    program = api.exec_create(container.id, list(command))["Id"]
    said = api.exec_start(program).decode()
    return api.exec_inspect(program)["ExitCode"], said


def test_an_image_that_is_there_is_not_built_again(engine: Engine, base_image: str, tag: str) -> None:
    said: list[str] = []
    assert built(engine, base_image, said.append) == ready(engine, base_image) == tag
    assert said == []


def test_the_tag_follows_from_the_content(
    engine: Engine, base_image: str, tag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = base_of(engine, base_image, print)
    assert tag_on(base) == tag
    (tmp_path / "one.py").write_text("1")
    monkeypatch.setattr(context, "sources", lambda: iter([("one.py", tmp_path / "one.py")]))
    before = tag_on(base)
    (tmp_path / "one.py").write_text("2")
    assert len({tag, before, tag_on(base)}) == 3


def test_it_is_small(engine: Engine, base_image: str, image: Image) -> None:
    over = image.attrs["Size"] - engine.client.images.get(base_image).attrs["Size"]
    assert 0 < over / 1_000_000 <= LARGEST_MEGABYTES


def test_its_settings_need_no_root_and_no_shell(image: Image, base_image: str) -> None:
    settings = image.attrs["Config"]
    assert settings["User"] == "65532:65532"
    assert settings["Entrypoint"] == ["python3", "-P", "-m"]
    assert settings["Healthcheck"]["Test"] == ["CMD", *HEALTH]
    assert {
        "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.version": context.our_version(),
        "org.opencontainers.image.base.name": base_image,
        "mcp-assay.sbom": f"/opt/mcp-assay/{context.BILL_OF_MATERIALS}",
    }.items() <= settings["Labels"].items()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_with_a_read_only_root_and_without_a_shell(containers: Containers, service: str) -> None:
    container = containers.start(service, *LISTENING)
    assert json.loads(first_line(container))["control_url"].endswith(CONTROL_PORT)
    assert within(container, *HEALTH) == (0, "")
    assert within(container, "sh", "-c", "true")[0] != 0
    assert within(container, "id", "-u") == (0, "65532\n")


def test_the_health_check_speaks_tls(containers: Containers, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    files = Authority().write(tmp_path)
    files.key.chmod(0o644)
    container = containers.start("mock_idp", *LISTENING, *files.options(TLS), volumes=[f"{tmp_path}:{TLS}:ro"])
    assert json.loads(first_line(container))["url"].startswith("https:")
    assert within(container, *HEALTH) == (0, "")


def test_a_service_below_an_init_process_is_healthy(containers: Containers) -> None:
    container = containers.start("mock_idp", *LISTENING, init=True)
    assert json.loads(first_line(container))["service"] == "mock-idp"
    assert within(container, *HEALTH) == (0, "")


def test_the_relay_is_healthy_when_it_listens(containers: Containers) -> None:
    container = containers.start("fixtures.relay", "--host", "0.0.0.0", "--port", PORT)
    assert first_line(container) == PORT
    assert within(container, *HEALTH) == (0, "")


def test_what_does_not_listen_is_not_healthy(containers: Containers) -> None:
    program = "print(1, flush=True); input()"
    container = containers.start("-c", program, *LISTENING, entrypoint=["python3"], stdin_open=True)
    assert first_line(container) == "1"
    code, said = within(container, *HEALTH)
    assert (code, said.strip()) == (1, "no answer: [Errno 111] Connection refused")


def test_what_has_no_port_is_not_healthy(containers: Containers) -> None:
    container = containers.start("fixtures.service.health")
    assert container.wait(timeout=READY_SECONDS)["StatusCode"] == 1
    assert container.logs() == b"no answer: the container's first process has no --port\n"


def test_no_source_is_compiled_when_a_service_starts(containers: Containers) -> None:
    imports = "import fixtures.authorization_server.app, fixtures.mcp_server.app, fixtures.mutants, mock_idp.app"
    told = containers.said("-v", "-P", "-c", imports)
    loaded = [line for line in told.splitlines() if line.startswith("# code object from") and "/opt/mcp-assay" in line]
    assert len(loaded) > 200
    assert [line for line in loaded if "__pycache__" not in line] == []


def test_the_bill_of_materials_names_every_distribution(containers: Containers) -> None:
    told = containers.said("-P", "-c", f"print(open('/opt/mcp-assay/{context.BILL_OF_MATERIALS}').read())")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(told) is None
    bill = json.loads(told)
    assert "timestamp" not in bill["metadata"]
    for each in bill["components"]:
        assert each["licenses"], each["name"]
        assert [digest["alg"] for digest in each["hashes"]] == ["SHA-256"], each["name"]
    program = "from importlib.metadata import *; print(*(each.name for each in distributions(path=['/opt/mcp-assay'])))"
    there = {canonicalize_name(name) for name in containers.said("-P", "-c", program).split()}
    assert {each["name"] for each in bill["components"]} == there
    assert all(version(each["name"]) == each["version"] for each in bill["components"])


def test_the_licences_are_in_the_image(containers: Containers) -> None:
    program = (
        "from pathlib import Path\nhome = Path('/opt/mcp-assay')\n"
        "print('Apache License' in (home / 'LICENSE').read_text(), len(list(home.glob('*.dist-info/**/LICENSE*'))))"
    )
    ours, theirs = containers.said("-P", "-c", program).split()
    assert ours == "True"
    assert int(theirs) > 25


def test_a_context_for_two_architectures_holds_the_libraries_of_each(
    engine: Engine, base_image: str, tmp_path: Path
) -> None:
    python = python_of(engine, base_of(engine, base_image, print))
    context.write_context(tmp_path, ["amd64", "arm64"], base_image, python)
    machines = {"amd64": 0x3E, "arm64": 0xB7}
    for architecture, machine in machines.items():
        libraries = list((tmp_path / "packages" / architecture).rglob("*.so"))
        assert len(libraries) > 5
        assert {struct.unpack_from("<H", path.read_bytes(), 18)[0] for path in libraries} == {machine}
    recipe = (tmp_path / "Dockerfile").read_text()
    assert f"ARG BASE={base_image}\n" in recipe
    assert "--platform=${BUILDPLATFORM}" in recipe


def test_a_sweep_finds_what_a_killed_build_leaves(
    engine: Engine, base_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Path, bool]] = []

    def killed(folder: Path, *_: object) -> None:
        seen.append((folder.parent, lives(folder.parent / LOCK_FILE)))
        raise SandboxError("killed")

    monkeypatch.setattr(context, "our_version", lambda: "0.0.0")  # of which there is no image yet
    monkeypatch.setattr(context, "write_context", killed)
    with pytest.raises(SandboxError, match="killed"):
        built(engine, base_image, print)
    [(scratch, lived)] = seen
    assert lived
    assert scratch.name.startswith(PREFIX)
    assert not scratch.exists()
