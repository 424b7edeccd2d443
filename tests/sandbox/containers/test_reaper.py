"""The child that tidies up: after a kill -9, not before, and not after a normal end."""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.sandbox.child import environment
from harness.sandbox.containers.leftovers import PREFIX
from harness.sandbox.containers.owner import LOCK_FILE
from harness.sandbox.containers.reaper import Reaper

from .conftest import PAUSE, Things

REAP_SECONDS = 60.0
HOLDER = """
import json, sys
from pathlib import Path
from harness.sandbox.containers.engine import Engine
from harness.sandbox.containers.labels import labels_of
from harness.sandbox.containers.owner import Owner
from harness.sandbox.containers.reaper import Reaper

sandbox_id, directory, image, command = sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4:]
owner = Owner(directory)
reaper = Reaper(sandbox_id, directory)
reaper.start()
engine = Engine.connect()
labels = labels_of(sandbox_id, owner.file, "mcp_server")
for _ in range(2):
    engine.client.containers.run(image, command, detach=True, labels=labels)
engine.client.networks.create("mcp-assay-" + sandbox_id, labels=labels)
print(json.dumps(reaper._process.pid), flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class Holder:
    """A process that holds a sandbox.

    Attributes:
        process: it, in a process group of its own.
        reaper: the process id of its reaper.
    """

    process: subprocess.Popen[bytes]
    reaper: int


@pytest.fixture
def directory() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    (folder / "shared").mkdir()
    yield folder
    if folder.exists():
        (folder / "shared").rmdir()
        (folder / LOCK_FILE).unlink(missing_ok=True)
        folder.rmdir()


@pytest.fixture
def holder(things: Things, directory: Path) -> Iterator[Holder]:
    command = [sys.executable, "-P", "-c", HOLDER, things.sandbox_id, str(directory), things.image, *PAUSE]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), start_new_session=True
    ) as process:
        assert process.stdout
        yield Holder(process, json.loads(process.stdout.readline()))
        process.kill()


def await_end(pid: int) -> bool:
    """Wait for the end of a process that is not our child."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([fd], [], [], REAP_SECONDS)[0])
    finally:
        os.close(fd)


def test_a_killed_process_leaves_nothing(holder: Holder, things: Things, directory: Path) -> None:
    """Not even what the engine was still at work on when the process was killed."""
    assert len(things.left()) == 3
    holder.process.kill()
    holder.process.wait()
    labels = things.labels(directory / LOCK_FILE)
    assert things.engine.client.api.create_container(things.image, [*PAUSE], labels=labels)["Id"]
    assert await_end(holder.reaper)
    assert not things.left()
    assert not directory.exists()


def test_signals_to_the_process_group_and_to_itself_do_not_end_it(holder: Holder, things: Things) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(holder.reaper, number)
    os.killpg(holder.process.pid, signal.SIGINT)
    os.killpg(holder.process.pid, signal.SIGKILL)
    assert await_end(holder.reaper)
    assert not things.left()


def test_it_holds_nothing_of_its_parents(holder: Holder) -> None:
    """No lock, no listening socket, and no end of a pipe that others wait at."""
    fds = {int(each.name): str(each.readlink()) for each in Path(f"/proc/{holder.reaper}/fd").iterdir()}
    assert set(fds) == {0, 1, 2}
    assert fds[1] == fds[2] == os.devnull
    assert os.getsid(holder.reaper) == holder.reaper


def test_a_normal_end_leaves_all_to_its_parent(things: Things, directory: Path) -> None:
    reaper = Reaper(things.sandbox_id, directory)
    reaper.start()
    process = reaper._process
    assert process
    things.container(directory / LOCK_FILE)
    reaper.end()
    assert process.returncode == 0
    assert len(things.left()) == 1
    assert directory.exists()
    reaper.end()


def test_it_takes_over_what_failed(things: Things, directory: Path) -> None:
    reaper = Reaper(things.sandbox_id, directory, things.engine.address)
    reaper.start()
    process = reaper._process
    assert process
    things.container(directory / LOCK_FILE)
    reaper.take_over()
    assert process.wait(REAP_SECONDS) == 0
    assert not things.left()
    assert not directory.exists()


def test_it_ends_even_if_it_was_killed_itself(things: Things, directory: Path) -> None:
    reaper = Reaper(things.sandbox_id, directory)
    reaper.start()
    assert reaper._process
    reaper._process.kill()
    reaper._process.wait()
    reaper.end()
    assert reaper._process is None
