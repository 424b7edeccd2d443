"""The engines that these tests run on, and what they put there."""

import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from docker.models.containers import Container

from harness.sandbox.containers.engine import Engine, has_engine
from harness.sandbox.containers.image import built
from harness.sandbox.containers.labels import SANDBOX, labels_of
from harness.sandbox.containers.leftovers import remove, sweep
from harness.sandbox.containers.owner import LOCK_FILE
from tests.private_engine import PrivateEngine, lacking

PAUSE = ("python3", "-c", "import signal; signal.pause()")


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The machine's engine."""
    if not has_engine():
        if os.geteuid() != 0:
            pytest.skip("no engine answers, and only root may start one")
        pytest.fail("no engine answers: run .ci/engine, which installs and starts one")
    with Engine.connect() as connected:
        yield connected


@pytest.fixture(scope="session")
def base_image(engine: Engine) -> str:
    """The base image: MCP_ASSAY_BASE_IMAGE, else the one that `.ci/engine` makes."""
    name = os.environ.get("MCP_ASSAY_BASE_IMAGE") or "mcp-assay-test-base:latest"
    if not engine.client.images.list(name):
        reason = f"the engine does not have the base image {name}"
        if os.geteuid() != 0:
            pytest.skip(f"{reason}, and only root may make it")
        pytest.fail(f"{reason}: run .ci/engine, which makes it")
    return name


@pytest.fixture(scope="session")
def sandbox_image(engine: Engine, base_image: str) -> str:
    """The sandbox's image."""
    return built(engine, base_image, print)


@pytest.fixture
def private_engine() -> Iterator[PrivateEngine]:
    """An engine of the test's own, which it may kill and start again; it has no images."""
    if reason := lacking():
        pytest.skip(reason) if os.geteuid() != 0 else pytest.fail(reason)
    with PrivateEngine() as started:
        yield started


@dataclass(frozen=True)
class Things:
    """Puts things of a sandbox on an engine.

    Attributes:
        engine: where.
        image: what its containers run.
        sandbox_id: whose they are.
    """

    engine: Engine
    image: str
    sandbox_id: str = field(default_factory=lambda: secrets.token_hex(4))

    def container(self, owner_file: Path, *command: str, port: int | None = None) -> Container:
        """Start a container with these labels; its port 80 is `port` on loopback, 0 for a free one."""
        return self.engine.client.containers.run(
            self.image,
            list(command or PAUSE),
            detach=True,
            labels=self.labels(owner_file),
            stop_signal="SIGKILL",
            ports={} if port is None else {"80/tcp": ("127.0.0.1", port)},
        )

    def labels(self, owner_file: Path) -> dict[str, str]:
        """Return the labels."""
        return labels_of(self.sandbox_id, owner_file, "mcp_server")

    def left(self) -> list[str]:
        """Return the ids of what is there of it."""
        api, label = self.engine.client.api, {"label": f"{SANDBOX}={self.sandbox_id}"}
        found = [*api.containers(all=True, filters=label), *api.networks(filters=label)]
        return [each["Id"] for each in found] + [each["Name"] for each in api.volumes(filters=label)["Volumes"] or ()]


@pytest.fixture
def own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name for this machine that nobody else has, so that what this test makes is spared by the sweeps of others."""
    name = f"host-{secrets.token_hex(4)}"
    monkeypatch.setattr(socket, "gethostname", lambda: name)


@pytest.fixture
def things(engine: Engine, base_image: str, own_name: None) -> Iterator[Things]:
    """What a sandbox has on the machine's engine; removed at the end."""
    made = Things(engine, base_image)
    yield made
    remove(engine, made.sandbox_id)


@pytest.fixture
def own_host(own_name: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A name for this machine, and a temporary directory, that no other test shares; what is swept is this test's."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def directory(own_host: Path) -> Path:
    folder = own_host / "mcp-assay-of-this-test"
    (folder / "shared").mkdir(parents=True)
    return folder


@pytest.fixture
def kept(things: Things, directory: Path) -> Iterator[str]:
    """A volume of a dead sandbox that the engine does not remove, since a container of somebody else has it."""
    api, volume = things.engine.client.api, f"mcp-assay-{things.sandbox_id}"
    things.engine.client.volumes.create(volume, labels=things.labels(directory / LOCK_FILE))
    mounts = api.create_host_config(binds=[f"{volume}:/mnt"])
    container = api.create_container(things.image, [*PAUSE], host_config=mounts)["Id"]
    yield volume
    api.remove_container(container)
    sweep(things.engine)
