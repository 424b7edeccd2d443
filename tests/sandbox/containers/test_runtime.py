"""The sandbox in containers: the same as the embedded one from outside, and gone without a trace."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from fixtures.service.audit import verify
from harness import listener
from harness.catalogue import catalogue
from harness.engine import run
from harness.events import ScenarioFinished, Settings
from harness.listener import Listener
from harness.planning import make_plan
from harness.request import Request
from harness.sandbox import child, programs
from harness.sandbox.attached import attach, handle_of
from harness.sandbox.authority import Authority
from harness.sandbox.containers import reaper, runtime
from harness.sandbox.containers.engine import Engine
from harness.sandbox.containers.labels import SANDBOX
from harness.sandbox.containers.ports import Ports
from harness.sandbox.containers.runtime import DockerSandbox
from harness.sandbox.documents import DocumentsPlace
from harness.sandbox.errors import PortError, SandboxError
from harness.sandbox.layout import ISSUER, SERVICES
from harness.sandbox.rates import RatesPlace
from harness.verdict import Verdict
from tests.addresses import free_base
from tests.private_engine import PrivateEngine

BOUND_SECONDS = 30
FETCH = "import sys, urllib.request; sys.stdout.buffer.write(urllib.request.urlopen(sys.argv[1], timeout=20).read())"
PARENT = """
import json, sys
from harness.sandbox.containers.engine import Engine
from harness.sandbox.containers.runtime import DockerSandbox

with Engine.connect() as engine, DockerSandbox(engine=engine, image=sys.argv[1]) as sandbox:
    print(json.dumps([sandbox.pod.name, str(sandbox.directory.parent)]), flush=True)
    sys.stdin.read()
"""

Make = Callable[..., DockerSandbox]


@pytest.fixture(scope="module")
def make(engine: Engine, sandbox_image: str) -> Make:
    def made(port: int | None = None, **options: Any) -> DockerSandbox:
        return DockerSandbox(port, engine=engine, image=sandbox_image, **options)

    return made


@pytest.fixture(scope="module")
def sandbox(make: Make) -> Iterator[DockerSandbox]:
    with make(rates=RatesPlace(), documents=DocumentsPlace()) as sandbox:
        yield sandbox


def _left(engine: Engine, sandbox: DockerSandbox) -> list[str]:
    name = sandbox.pod.name.removesuffix("-network")
    return [str(each["Names"]) for each in engine.client.api.containers(all=True, filters={"name": name})]


def _get(url: str, **options: Any) -> httpx.Response:
    return httpx.get(url, trust_env=False, **options)


def _verdicts(sandbox: DockerSandbox, *selectors: str) -> dict[str, Verdict]:
    """Return how the sandbox is judged."""
    found: dict[str, Verdict] = {}

    def sink(event: object) -> None:
        if isinstance(event, ScenarioFinished):
            found[event.result.scenario.id] = event.result.verdict

    scenarios = [each for name, each in catalogue().scenarios.items() if name.startswith(selectors)]
    with ExitStack() as stack:
        plan = make_plan(Request(), stack, sandbox)
        run(plan.target, scenarios, sink, wire=plan.wire, settings=Settings())
    return found


def test_all_three_services_answer_when_it_is_ready(sandbox: DockerSandbox) -> None:
    layout = sandbox.layout
    assert _get(f"{layout.idp_issuer('acme')}/.well-known/openid-configuration").status_code == 200
    metadata = _get(f"{layout.authorization_server.url}/.well-known/oauth-authorization-server/acme").json()
    assert metadata["issuer"] == layout.issuer("acme")
    resource = _get(f"{layout.mcp_server.url}/.well-known/oauth-protected-resource/acme/mcp").json()
    assert resource["authorization_servers"] == [layout.issuer("acme")]
    assert resource["resource"] == layout.resource("acme")


def test_the_urls_are_the_same_in_a_container(sandbox: DockerSandbox, base_image: str) -> None:
    url = f"{sandbox.layout.authorization_server.url}/.well-known/oauth-authorization-server/acme"
    container = sandbox.pod.run("target", base_image, ["python3", "-c", FETCH, url])
    assert container.wait(timeout=BOUND_SECONDS)["StatusCode"] == 0
    assert container.logs() == _get(url).content
    container.remove()


def test_a_listener_of_ours_is_reached_from_a_container(sandbox: DockerSandbox, base_image: str) -> None:
    with Listener() as heard:
        container = sandbox.pod.run("target", base_image, ["python3", "-c", FETCH, f"{heard.url}/from-there"])
        container.wait(timeout=BOUND_SECONDS)
        container.remove()
    assert [request.path for request in heard.requests] == ["/from-there"]


def test_one_clock_is_shared_by_all(sandbox: DockerSandbox) -> None:
    clock = sandbox.clock
    with sandbox.control("mock_idp") as idp, sandbox.control("mcp_server") as mcp:
        clock.advance(5000)
        assert (clock.offset, idp.clock()[1], mcp.clock()[1]) == (5000, 5000, 5000)
        assert time.time() + 4999 < clock.now() <= mcp.now()
        clock.advance(-1000)
        assert (clock.offset, idp.clock()[1]) == (4000, 4000)
        clock.reset()
        assert (clock.offset, mcp.clock()[1]) == (0, 0)


def test_another_process_attaches_itself(sandbox: DockerSandbox) -> None:
    attached = attach(json.loads(json.dumps(handle_of(sandbox))))
    attached.clock.advance(300)
    with sandbox.control("mcp_server") as control:
        assert control.clock()[1] == attached.clock.offset == 300
    attached.clock.reset()
    assert attached.audit_files == sandbox.audit_files


def test_each_control_plane_opens_with_the_sandboxs_token_only(sandbox: DockerSandbox) -> None:
    for service in SERVICES:
        with sandbox.control(service) as control:
            control.reset()
        assert _get(sandbox.layout.place(service).control_url + "/requests").status_code == 401


def test_the_token_is_neither_in_a_command_nor_in_a_label(sandbox: DockerSandbox) -> None:
    for service in (*SERVICES, "network"):
        container = sandbox.pod.containers[service]
        container.reload()
        said = {name: container.attrs[name] for name in ("Path", "Args", "Name", "HostConfig")}
        assert sandbox.control_token not in json.dumps([said, container.attrs["Config"]["Labels"]])


def test_the_audit_trails_are_read_on_this_machine(sandbox: DockerSandbox) -> None:
    httpx.post(sandbox.layout.resource("acme"), json={}, headers={"Authorization": "Bearer x"}, trust_env=False)
    report = verify(sandbox.audit_files["mcp_server"])
    assert report.lines >= 1
    assert report.problems == []


def test_what_needs_servers_of_the_harness_is_judged_as_on_the_embedded_runtime(sandbox: DockerSandbox) -> None:
    area = "as/client-id-metadata-fetching/a-"
    verdicts = _verdicts(sandbox, area, "mcp/downstream")
    assert len(verdicts) > 5
    assert set(verdicts.values()) == {Verdict.PASSED}


def test_a_mutant_that_connects_to_any_address_is_caught(make: Make) -> None:
    with make(mutant="as-document-any-address", rates=RatesPlace(), documents=DocumentsPlace()) as sandbox:
        verdicts = _verdicts(sandbox, "as/client-id-metadata-fetching/a-special-address")
    assert set(verdicts.values()) == {Verdict.FAILED}


def test_an_unknown_mutant_is_named_and_nothing_is_started(make: Make) -> None:
    sandbox = make(mutant="no-such-mutant")
    with pytest.raises(SandboxError, match="no mutant is called 'no-such-mutant'; `mcp-assay list mutants`"):
        sandbox.start()
    with pytest.raises(SandboxError, match="was not started"):
        _ = sandbox.pod


def test_two_sandboxes_run_side_by_side_and_one_leaves_without_a_trace(
    sandbox: DockerSandbox, make: Make, engine: Engine
) -> None:
    other = make()
    other.start()
    assert other.directory != sandbox.directory
    with sandbox.control("mcp_server") as here, other.control("mcp_server") as there:
        there.advance(100_000)
        assert here.now() < there.now() - 50_000
    assert len(_left(engine, other)) == 4
    other.stop()
    other.stop()
    assert _left(engine, other) == []
    assert not other.directory.parent.exists()
    assert len(listener.outlets) == 1
    for service in SERVICES:
        place = other.layout.place(service)
        for url in (place.url, place.control_url):
            socket.create_server(("127.0.0.1", httpx.URL(url).port or 0)).close()
    assert len(_left(engine, sandbox)) == 4


def test_a_killed_parent_takes_everything_along(engine: Engine, sandbox_image: str) -> None:
    pipe = subprocess.PIPE
    command = [sys.executable, "-P", "-c", PARENT, sandbox_image]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=child.environment()) as parent:
        assert parent.stdout
        name, directory = json.loads(parent.stdout.readline())
        label = engine.client.containers.get(name).labels[SANDBOX]
        parent.send_signal(signal.SIGKILL)
    filters = {"label": f"{SANDBOX}={label}"}
    _await(lambda: not engine.client.api.containers(all=True, filters=filters) and not Path(directory).exists())


def _await(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + BOUND_SECONDS
    while not done():
        assert time.monotonic() < deadline


def test_a_port_in_use_is_named_and_nothing_is_left(make: Make, engine: Engine) -> None:
    base = free_base()
    sandbox = make(base)
    with (
        socket.create_server(("127.0.0.1", base + 11)),
        pytest.raises(PortError, match=f"port {base + 11} of 127.0.0.1 is in use; pass another base with --port"),
    ):
        sandbox.start()
    assert not sandbox.directory.exists()
    with sandbox:
        assert sandbox.layout.mock_idp.url == f"http://127.0.0.1:{base}"
    assert (_left(engine, sandbox), sandbox.left) == ([], "")


def test_a_port_of_the_target_that_is_in_use_is_named(make: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SandboxError, match=f"port {port} of 127.0.0.1 cannot be the target's: Address already"):
            make(published=[port]).start()


@pytest.mark.parametrize("base", [free_base, lambda: None])
def test_a_free_port_that_is_lost_to_another_is_replaced(
    make: Make, monkeypatch: pytest.MonkeyPatch, base: Callable[[], int | None]
) -> None:
    lost: list[socket.socket] = []
    picked = Ports.picked

    def picked_too_late(*arguments: Any, **options: Any) -> Ports:
        ports = picked(*arguments, **options)
        if not lost:
            lost.append(socket.create_server(("127.0.0.1", ports.relay)))
        return ports

    monkeypatch.setattr(Ports, "picked", picked_too_late)
    with make(base(), services=("mock_idp",)) as sandbox, lost[0]:
        assert _get(f"{sandbox.layout.idp_issuer('acme')}/jwks").status_code == 200


def test_a_container_that_ends_at_once_is_named_with_its_last_words(
    make: Make, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(programs._MODULES, "mock_idp", "fixtures.missing")
    sandbox = make(services=("mock_idp",))
    with pytest.raises(SandboxError) as failure:
        sandbox.start()
    name = sandbox.pod.name_of("mock_idp")
    assert str(failure.value).startswith(f"the container {name} ended with exit code 1:\n")
    assert str(failure.value).endswith("No module named fixtures.missing")
    assert _left(engine, sandbox) == []
    assert not sandbox.directory.exists()


def test_a_service_that_does_not_answer_in_time_is_named(
    make: Make, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "READY_SECONDS", 0.5)
    sandbox = make(services=("mock_idp",))
    sandbox.launch()
    sandbox.control_token = "another one"
    with pytest.raises(SandboxError, match=r"the mock_idp of the sandbox was not ready within 0\.5 seconds"):
        sandbox.await_ready()
    assert _left(engine, sandbox) == []


def test_a_service_that_is_killed_is_told(make: Make) -> None:
    told = threading.Event()
    with make(services=ISSUER) as sandbox:
        sandbox.on_end(told.set)
        assert sandbox.ended == []
        sandbox.pod.containers["mock_idp"].kill()
        assert told.wait(BOUND_SECONDS)
        assert sandbox.ended == ["mock_idp"]
        assert '"service": "mock-idp"' in sandbox.last_words("mock_idp")
        again = threading.Event()
        sandbox.on_end(again.set)
        assert again.is_set()


def test_what_the_engine_makes_when_nobody_waits_for_it_any_more_goes_too(
    make: Make, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def interrupted(*arguments: Any) -> None:
        asked.append(arguments)
        raise KeyboardInterrupt

    sandbox = make(services=("mock_idp",))
    with monkeypatch.context() as patch:
        patch.setattr(engine.client.api, "create_container_from_config", interrupted)
        with pytest.raises(KeyboardInterrupt):
            sandbox.start()
    assert not sandbox.directory.exists()
    assert engine.client.api.create_container_from_config(*asked[0])["Id"]  # type: ignore[no-untyped-call]
    _await(lambda: not _left(engine, sandbox))
    assert sandbox.left == ""


def test_an_issuer_keeps_its_keys_in_a_file_of_the_users_alone(make: Make, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    seen = []
    for _ in range(2):
        with make(services=ISSUER, keys=file) as sandbox:
            metadata = _get(f"{sandbox.layout.authorization_server.url}/.well-known/oauth-authorization-server/acme")
            seen.append(_get(metadata.json()["jwks_uri"]).json())
            assert set(sandbox.audit_files) == {"authorization_server"}
    assert seen[0]["keys"]
    assert seen[0] == seen[1]
    assert (stat.S_IMODE(file.stat().st_mode), file.stat().st_uid) == (0o600, os.getuid())


def test_a_key_file_that_is_none_is_named(make: Make, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text("[]")
    with pytest.raises(SandboxError, match=r"keys\.json is no key file"):
        make(services=ISSUER, keys=file).start()


def test_with_an_authority_everything_is_https_and_verified(make: Make) -> None:
    authority = Authority()
    with make(authority=authority, rates=RatesPlace(), documents=DocumentsPlace()) as sandbox:
        url = sandbox.layout.idp_issuer("acme")
        assert url.startswith("https://127.0.0.1:")
        assert _get(f"{url}/jwks", verify=authority.client_context).status_code == 200
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            _get(f"{url}/jwks")
        sandbox.clock.advance(60)
        assert sandbox.clock.offset == 60
        sandbox.clock.reset()
        verdicts = _verdicts(sandbox, "as/pkce/wrong", "as/client-id-metadata-fetching/a-redirect", "mcp/downstream")
    assert len(verdicts) > 2
    assert set(verdicts.values()) == {Verdict.PASSED}


def test_before_the_start_there_is_nothing_and_stopping_is_nothing(make: Make) -> None:
    sandbox = make(rates=RatesPlace(), documents=DocumentsPlace())
    for name in ("layout", "clock", "pod"):
        with pytest.raises(SandboxError, match="was not started"):
            getattr(sandbox, name)
    assert (sandbox.ended, sandbox.last_words("mock_idp")) == ([], "")
    sandbox.stop()


def test_a_killed_engine_is_told_and_what_is_left_goes_when_it_is_back(
    private_engine: PrivateEngine, engine: Engine, sandbox_image: str
) -> None:
    private_engine.load(sandbox_image, engine)
    told = threading.Event()
    with private_engine.connect() as own:
        sandbox = DockerSandbox(engine=own, image=sandbox_image, services=ISSUER)
        sandbox.start()
        sandbox.on_end(told.set)
        private_engine.kill()
        assert told.wait(BOUND_SECONDS)
        assert sandbox.ended == ["engine"]
        sandbox.stop()
        assert sandbox.left.startswith(f"no Docker engine answers at {own.address}")
        private_engine.start()
        _await(lambda: not own.client.api.containers(all=True) and not sandbox.directory.exists())
    for process in reaper._left_alone:
        process.wait(BOUND_SECONDS)
