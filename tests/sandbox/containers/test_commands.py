"""The commands on a real engine: what they bring up is judged, and nothing is left, whatever is killed."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from harness.sandbox.child import environment
from harness.sandbox.containers.check import both_sides
from harness.sandbox.containers.engine import Engine
from harness.sandbox.containers.found import sandboxes
from harness.sandbox.containers.image import built
from harness.sandbox.containers.labels import OWNER, SANDBOX, SERVICE
from tests.addresses import free_base
from tests.cli.assay import COMMAND
from tests.private_engine import PrivateEngine

BOUND_SECONDS = 60
AREA = ("as/pkce", "--role", "authorization-server")
READY = "Let a container of your own share the network"


@pytest.fixture(scope="module")
def image(engine: Engine, base_image: str) -> str:
    return built(engine, base_image, lambda _: None)


@pytest.fixture
def apart(base_image: str, tmp_path: Path) -> dict[str, str]:
    """The variables that keep a test's sandboxes apart from all others."""
    (tmp_path / "tmp").mkdir()
    return {"XDG_STATE_HOME": str(tmp_path), "TMPDIR": str(tmp_path / "tmp"), "MCP_ASSAY_BASE_IMAGE": base_image}


class Machine:
    """Runs the command with variables of the test's own."""

    def __init__(self, variables: dict[str, str]) -> None:
        self._environment = environment(**variables)

    def _command(self, *arguments: str | Path) -> list[str]:
        return [*COMMAND, *map(str, arguments)]

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._command(*arguments),
            check=False,
            capture_output=True,
            text=True,
            timeout=BOUND_SECONDS,
            env=self._environment,
        )

    @contextmanager
    def running(self, *arguments: str | Path, until: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
        """Start a command, and yield it with what it said up to a line that holds a text."""
        pipe = subprocess.PIPE
        with subprocess.Popen(
            self._command(*arguments),
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            text=True,
            env=self._environment,
        ) as process:
            try:
                yield process, _said(process, until)
            finally:
                process.kill()


@pytest.fixture
def machine(apart: dict[str, str], image: str) -> Machine:
    return Machine(apart)


def _said(process: subprocess.Popen[str], until: str) -> str:
    lines = []
    assert process.stdout
    assert process.stderr
    for line in process.stdout:
        lines.append(line)
        if until in line:
            return "".join(lines)
    raise AssertionError("".join(lines) + process.stderr.read())


def _sandbox(said: str) -> str:
    """Return the id of the sandbox that `up` told of."""
    return said.partition("container:mcp-assay-")[2][:8]


def _containers(engine: Engine, sandbox: str) -> dict[str, str]:
    """Return the ids of a sandbox's containers by service."""
    found = engine.client.api.containers(all=True, filters={"label": f"{SANDBOX}={sandbox}"})
    return {each["Labels"][SERVICE]: each["Id"] for each in found}


@contextmanager
def _outlived_by_its_children(process: subprocess.Popen[str]) -> Iterator[None]:
    """Wait after the block until the children of a process have ended, too."""
    with ExitStack() as stack:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
        ends = [os.pidfd_open(int(child)) for child in children]
        for end in ends:
            stack.callback(os.close, end)
        yield
        for end in ends:
            assert select.select([end], [], [], BOUND_SECONDS)[0]


def test_two_sandboxes_run_side_by_side_and_down_removes_both(engine: Engine, machine: Machine) -> None:
    with (
        machine.running("up", "--runtime", "docker", "--port", "0", until=READY) as (first, told),
        machine.running("up", "--runtime", "docker", "--port", "0", until=READY) as (second, also),
    ):
        sandboxes = [_sandbox(told), _sandbox(also)]
        services = {"network", "mock_idp", "authorization_server", "mcp_server"}
        assert all(_containers(engine, sandbox).keys() == services for sandbox in sandboxes)
        ended = machine.run("down")
        assert not any(_containers(engine, sandbox) for sandbox in sandboxes)
        codes = [process.wait(BOUND_SECONDS) for process in (first, second)]
    assert (ended.returncode, codes) == (0, [0, 0])
    assert ended.stdout.count("ended the sandbox of process") == 2


def test_the_table_is_that_of_the_embedded_runtime_but_for_its_last_line(machine: Machine) -> None:
    port = str(free_base())
    with machine.running("up", "--runtime", "docker", "--port", port, until=READY) as (process, said):
        process.terminate()
        assert process.wait(BOUND_SECONDS) == 0
    with machine.running("up", "--port", port, until="The control planes want") as (_, embedded):
        pass
    assert _comparable(said.splitlines()[:-1]) == _comparable(embedded.splitlines())


def _comparable(lines: list[str]) -> list[str]:
    """Return words without those that are different each time: where audit trails are, and the token."""
    return [" ".join(line.split()[:-1] if ".jsonl" in line or "Bearer" in line else line.split()) for line in lines]


def test_a_killed_up_leaves_neither_containers_nor_files(engine: Engine, machine: Machine, tmp_path: Path) -> None:
    with machine.running("up", "--runtime", "docker", "--port", "0", until=READY) as (process, said):
        sandbox = _sandbox(said)
        assert _containers(engine, sandbox)
        with _outlived_by_its_children(process):
            process.send_signal(signal.SIGKILL)
    assert not _containers(engine, sandbox)
    assert not any((tmp_path / "tmp").glob("mcp-assay-*"))


def test_up_says_when_a_service_is_killed_and_ends(engine: Engine, machine: Machine) -> None:
    with machine.running("up", "--runtime", "docker", "--port", "0", until=READY) as (process, said):
        sandbox = _sandbox(said)
        engine.client.api.kill(_containers(engine, sandbox)["mock_idp"], "SIGKILL")
        _, err = process.communicate(timeout=BOUND_SECONDS)
    assert process.returncode == 3
    assert "the mock_idp of the sandbox ended; so does the rest" in err
    assert not _containers(engine, sandbox)


def test_a_sandbox_in_containers_is_judged_with_https(machine: Machine) -> None:
    ended = machine.run("run", "--runtime", "docker", "--tls", *AREA)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "All judged requirements hold." in ended.stdout


def test_a_run_whose_service_is_killed_says_so_in_its_report(engine: Engine, machine: Machine, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    arguments = ("run", "--runtime", "docker", "--json", report, "--role", "mcp-server")
    with machine.running(*arguments, until="judges sandbox") as (process, _):
        engine.client.api.kill(_own(engine, tmp_path)["mcp_server"], "SIGKILL")
        out, _ = process.communicate(timeout=BOUND_SECONDS)
    assert process.returncode == 3
    sentence = "The mcp server of the sandbox ended during the run."
    assert sentence in out
    assert json.loads(report.read_text(encoding="utf-8"))["incidents"] == [sentence]
    assert not _own(engine, tmp_path)


def _own(engine: Engine, folder: Path) -> dict[str, str]:
    """Return the ids of the containers, by service, whose owner's file is below a folder."""
    found = engine.client.api.containers(all=True, filters={"label": OWNER})
    return {each["Labels"][SERVICE]: each["Id"] for each in found if each["Labels"][OWNER].startswith(f"{folder}/")}


def test_a_run_whose_engine_is_killed_says_so_and_the_next_one_tidies_up(
    private_engine: PrivateEngine, engine: Engine, image: str, base_image: str, apart: dict[str, str], tmp_path: Path
) -> None:
    for each in (base_image, image):
        private_engine.load(each, engine)
    machine = Machine({**apart, "DOCKER_HOST": private_engine.address})
    report = tmp_path / "report.json"
    arguments = ("run", "--runtime", "docker", "--json", report, "--role", "mcp-server")
    with machine.running(*arguments, until="judges sandbox") as (process, _):
        private_engine.kill()
        out, err = process.communicate(timeout=BOUND_SECONDS)
    assert process.returncode == 3, err
    assert err.startswith("`mcp-assay down` removes what the sandbox left on the engine: no Docker engine answers at ")
    sentence = "The engine of the sandbox ended during the run."
    assert sentence in out
    assert json.loads(report.read_text(encoding="utf-8"))["incidents"] == [sentence]
    private_engine.start()
    ended = machine.run("down")
    assert ended.returncode == 0
    with private_engine.connect() as own:
        assert not _own(own, tmp_path)
    assert not any((tmp_path / "tmp").glob("mcp-assay-*"))


def test_a_token_that_was_got_here_works_in_a_container_and_the_other_way_round(
    engine: Engine, machine: Machine
) -> None:
    with machine.running("up", "--runtime", "docker", "--port", "0", until=READY) as (_, said):
        (found,) = (each for each in sandboxes(engine) if each.sandbox_id == _sandbox(said))
        compared = both_sides(engine, found, "acme")
    assert compared.faults == ()
    assert found.issuer("acme") in said
    for seen in (compared.here, compared.there):
        assert (seen.issuer, seen.bare, bool(seen.token)) == (found.issuer("acme"), 401, True)
        assert seen.presented not in (0, 401, 403, 404)
