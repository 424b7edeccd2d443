"""`doctor` looks at the engine for containers, and at the container of a target, and waits for neither."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from harness import doctor_containers
from harness.sandbox.containers import image
from harness.sandbox.containers.engine import Engine
from harness.sandbox.errors import SandboxError
from tests.addresses import free_base
from tests.cli.assay import assay
from tests.cli.test_doctor import _findings, _target
from tests.hostile import Hostile, answer, document, hang


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")


def test_a_docker_engine_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with Hostile(hang) as server:
        monkeypatch.setattr(doctor_containers, "ENGINE_SECONDS", 0.2)
        monkeypatch.setenv("DOCKER_HOST", server.url.replace("http", "tcp"))
        ((state, text),) = _findings(assay("doctor"))["docker"]
    assert state == "lacking"
    assert "hangs: no answer within 0.2 seconds" in text


def test_an_engine_of_another_machine_is_no_engine_for_a_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://engine.example:2375")
    ((state, text),) = _findings(assay("doctor"))["docker"]
    assert (state, "is on another machine" in text) == ("lacking", True)


def test_an_engine_that_answers_is_named_and_what_is_not_built_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    version = {"ApiVersion": "1.50", "Version": "28.1.0", "Arch": "arm64"}
    missing = answer('{"message": "No such image"}', status="404 Not Found", kind="application/json")
    places = {"/version": document(version), "/v1.50/containers/json": document([]), "/v1.50/images/": missing}
    with Hostile(answer(status="500 Internal Server Error"), places) as server:
        address = server.url.replace("http", "tcp")
        monkeypatch.setenv("DOCKER_HOST", address)
        ended = assay("doctor", "--base-image", "some-base:1")
    found = _findings(ended)
    assert ended.code == 0
    assert found["docker"] == [("ok", f"the engine 28.1.0 for arm64 answers at {address}")]
    text = "no sandbox runs in containers, and its image on some-base:1 is not built"
    assert found["issuer"] == [("lacking", f"{text}: `mcp-assay up --runtime docker` builds it")]


def test_an_engine_that_breaks_down_while_it_is_asked_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    version = {"ApiVersion": "1.50", "Version": "28.1.0", "Arch": "arm64"}
    with Hostile(answer(status="500 Internal Server Error"), {"/version": document(version)}) as server:
        monkeypatch.setenv("DOCKER_HOST", server.url.replace("http", "tcp"))
        ended = assay("doctor")
    assert ended.code == 2
    assert "it could not be looked at from inside a container: the Docker engine at" in _findings(ended)["issuer"][0][1]


def test_a_sandbox_that_does_not_start_for_the_look_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def ready(_engine: Engine, _base: str) -> str:
        raise SandboxError("the mock_idp of the sandbox was not ready within 30 seconds")

    monkeypatch.setattr(image, "ready", ready)
    version = {"ApiVersion": "1.50", "Version": "28.1.0", "Arch": "arm64"}
    places = {"/version": document(version), "/v1.50/containers/json": document([])}
    with Hostile(answer(status="500 Internal Server Error"), places) as server:
        monkeypatch.setenv("DOCKER_HOST", server.url.replace("http", "tcp"))
        ended = assay("doctor")
    assert ended.code == 2
    assert "the mock_idp of the sandbox was not ready" in _findings(ended)["issuer"][0][1]


def test_the_container_of_a_target_file_is_looked_at_instead_of_the_target(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as played:
        port, other = (sock.getsockname()[1] for sock in (taken, played))
        _target(
            f'mcp_server = "http://127.0.0.1:{port}/mcp"\ntrusts = "sandbox"\n'
            '[target.container]\nbuild = "server"\n[tools.convert]\nscopes = ["fx"]\n'
            f'[downstream]\nport = {other}\ntool = "convert"\n'
        )
        ended = assay("doctor")
    findings = _findings(ended)
    found = findings["container"]
    assert ended.code == 2
    assert [state for state, _ in found] == ["wrong", "wrong", "wrong"]
    assert f"port {port} of 127.0.0.1 cannot be published for the target: Address already in use" in found[0][1]
    assert found[1][1] == f"container.build: there is no Dockerfile in {tmp_path / 'server'}"
    assert "the target is in a container, which needs an engine: no Docker engine answers" in found[2][1]
    assert findings["downstream"][0][0] == "wrong"
    assert "target" not in findings


def test_the_image_of_a_target_that_the_engine_can_have_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    version = {"ApiVersion": "1.50", "Version": "28.1.0", "Arch": "arm64"}
    missing = answer('{"message": "No such image"}', status="404 Not Found", kind="application/json")
    registry = document({"Descriptor": {"digest": "sha256:0"}, "Platforms": []})
    places = {
        "/version": document(version),
        "/v1.50/containers/json": document([]),
        "/v1.50/images/there:1/json": document({"Id": "sha256:1"}),
        "/v1.50/images/": missing,
        "/v1.50/distribution/far:1/json": registry,
    }
    refusal = answer('{"message": "manifest unknown"}', status="404 Not Found", kind="application/json")
    said = {}
    with Hostile(refusal, places) as server:
        monkeypatch.setenv("DOCKER_HOST", server.url.replace("http", "tcp"))
        for name in ("there:1", "far:1", "none:1"):
            table = f'trusts = "sandbox"\n[target.container]\nimage = "{name}"'
            _target(f'mcp_server = "http://127.0.0.1:{free_base()}/mcp"\n{table}')
            said[name] = _findings(assay("doctor"))["container"][-1]
    assert said["there:1"] == ("ok", "the engine has the target's image there:1")
    assert said["far:1"] == ("ok", "the engine will pull the target's image far:1")
    wrong = "the engine neither has the target's image none:1 nor can get it: manifest unknown; build it or load it"
    assert said["none:1"] == ("wrong", f"{wrong} (`docker load -i FILE`)")
