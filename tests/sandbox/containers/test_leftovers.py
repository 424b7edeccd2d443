"""What is removed from an engine, and what stays."""

import fcntl
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from harness.cli import runtimes
from harness.sandbox.containers import leftovers
from harness.sandbox.containers.faults import KeptError
from harness.sandbox.containers.leftovers import remove, remove_directory, sweep
from harness.sandbox.containers.owner import LOCK_FILE, Owner, lives
from harness.sandbox.errors import SandboxError

from .conftest import PAUSE, Things


def fill(things: Things, owner_file: Path) -> None:
    """Make one of each kind, and a container that has ended."""
    labels, name = things.labels(owner_file), f"mcp-assay-{things.sandbox_id}"
    things.container(owner_file)
    things.container(owner_file, "python3", "-c", "pass")
    things.engine.client.networks.create(name, labels=labels)
    things.engine.client.volumes.create(name, labels=labels)


def test_everything_of_one_sandbox_is_removed_and_nothing_else(things: Things, directory: Path) -> None:
    other = Things(things.engine, things.image)
    other.container(directory / LOCK_FILE)
    fill(things, directory / LOCK_FILE)
    assert len(remove(things.engine, things.sandbox_id)) == 4
    assert not things.left()
    assert len(other.left()) == 1
    assert remove(things.engine, things.sandbox_id) == []
    remove(things.engine, other.sandbox_id)


def test_two_may_remove_the_same(things: Things, directory: Path) -> None:
    for _ in range(3):
        things.container(directory / LOCK_FILE)
    with ThreadPoolExecutor() as threads:
        for each in [threads.submit(remove, things.engine, things.sandbox_id) for _ in range(3)]:
            each.result()
    assert not things.left()


def test_a_sweep_spares_whose_owner_lives(things: Things, directory: Path) -> None:
    with Owner(directory) as owner:
        fill(things, owner.file)
        assert sweep(things.engine) == []
        assert len(things.left()) == 4
    swept = sweep(things.engine)
    assert not things.left()
    assert not directory.exists()
    name = f"mcp-assay-{things.sandbox_id}"
    assert {f"network {name}", f"volume {name}", str(directory)} < set(swept)
    assert len(swept) == 5


def test_a_sweep_removes_what_has_lost_its_directory(things: Things, directory: Path) -> None:
    things.container(directory / "gone" / LOCK_FILE)
    assert len(sweep(things.engine)) == 1
    assert not things.left()


def test_a_sweep_removes_a_directory_that_has_lost_its_containers(things: Things, directory: Path) -> None:
    Owner(directory).close()
    (directory / "shared" / "audit.jsonl").write_text("{}", encoding="utf-8")
    assert sweep(things.engine) == [str(directory)]
    assert not directory.exists()


def test_what_the_engine_keeps_is_named_and_all_else_goes(things: Things, directory: Path, kept: str) -> None:
    other = directory.with_name("mcp-assay-of-another")
    other.mkdir()
    Owner(other).close()
    told = rf"did not remove volume {kept} within 0\.1 seconds: .*volume is in use"
    with pytest.raises(KeptError, match=told):
        sweep(things.engine, 0.1)
    assert directory.exists()
    assert not other.exists()


def test_what_was_removed_in_the_last_moment_is_not_kept(things: Things, directory: Path) -> None:
    labels = things.labels(directory / LOCK_FILE)
    things.engine.client.api.create_container(things.image, [*PAUSE], labels=labels)
    assert str(directory) in sweep(things.engine, 0)
    assert not things.left()


def test_what_the_engine_keeps_is_in_the_way_of_no_other_sandbox(
    kept: str, base_image: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(leftovers, "TIDY_SECONDS", 0.1)
    with ExitStack() as stack, runtimes.Runtime(runtimes.DOCKER, base_image=base_image).sandbox(stack) as sandbox:
        assert sandbox.ended == []
    told = capsys.readouterr().err
    assert "what an earlier sandbox left stays on the engine: " in told
    assert kept in told


def test_a_sweep_leaves_other_machines_and_unowned_things_alone(
    things: Things, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    things.container(directory / LOCK_FILE)
    things.engine.client.networks.create("of-nobody", labels={**things.labels(directory), "mcp-assay.owner": ""})
    monkeypatch.setattr("socket.gethostname", lambda: "another-host")
    assert sweep(things.engine) == []
    monkeypatch.undo()
    assert len(things.left()) == 2


def test_nothing_but_a_sandboxs_directory_is_ever_removed(
    own_host: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    names = own_host / "of-somebody", elsewhere / "mcp-assay-1", own_host / "mcp-assay-1" / "mcp-assay-2"
    for each in names:
        each.mkdir(parents=True)
    link, file = own_host / "mcp-assay-link", own_host / "mcp-assay-file"
    link.symlink_to(elsewhere)
    file.touch()
    for each in (*names, link, file, own_host, own_host / "mcp-assay-none", own_host / "mcp-assay-1" / "..", Path()):
        assert not remove_directory(each)
    assert all(each.exists() for each in (*names, link, file))
    if os.geteuid() == 0:
        os.chown(own_host / "mcp-assay-1", 65_534, 65_534)
        assert not remove_directory(own_host / "mcp-assay-1")
        os.chown(own_host / "mcp-assay-1", 0, 0)
    assert remove_directory(own_host / "mcp-assay-1")


def test_an_owner_lives_until_it_ends(tmp_path: Path) -> None:
    assert not lives(tmp_path / LOCK_FILE)
    with Owner(tmp_path) as owner:
        assert owner.file == tmp_path / LOCK_FILE
        assert lives(owner.file)
        assert lives(owner.file)
        assert not os.get_inheritable(owner._fd)
    assert not lives(owner.file)
    owner.close()


def test_an_owner_dies_with_its_process(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from harness.sandbox.containers.owner import Owner\n"
        f"owner = Owner(Path({str(tmp_path)!r})); print(owner.file, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        file = Path(process.stdout.readline().decode().strip())
        assert lives(file)
        process.kill()
        process.wait()
        assert not lives(file)


def test_an_owner_that_cannot_be_asked_lives(tmp_path: Path) -> None:
    link = tmp_path / LOCK_FILE
    link.symlink_to(tmp_path / "elsewhere")
    assert lives(link)
    assert not lives(tmp_path / "elsewhere")


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="cannot be used"):
        Owner(tmp_path / "none")
    (tmp_path / "owner.new").touch()
    with pytest.raises(SandboxError, match="cannot be used"):
        Owner(tmp_path)


def test_nobody_sees_the_lock_file_without_its_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    lock = fcntl.flock

    def look_first(fd: int, operation: int) -> None:
        seen.append((tmp_path / LOCK_FILE).exists())
        lock(fd, operation)

    monkeypatch.setattr(fcntl, "flock", look_first)
    Owner(tmp_path).close()
    assert seen == [False]
