"""`doctor` looks at the issuer from this machine and from inside a container, and names the fix."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from docker.models.containers import Container

from harness import doctor_containers
from harness.doctor_containers import examine_engine
from harness.doctor_target_container import examine_neighbours
from harness.finding import Finding, State
from harness.sandbox.authority import Authority
from harness.sandbox.containers import check, found, leftovers
from harness.sandbox.containers.engine import Engine, EngineError
from harness.sandbox.containers.found import FoundSandbox, sandboxes
from harness.sandbox.containers.image import built
from harness.sandbox.containers.labels import HOST, host
from harness.sandbox.containers.runtime import DockerSandbox
from harness.sandbox.layout import ISSUER
from tests.addresses import own_loopback_address
from tests.hostile import Hostile, answer
from tests.sandbox.containers.conftest import PAUSE, Things

ANCHOR, SERVER, TARGET = "mcp-assay-0badcafe-network", "mcp-assay-0badcafe-authorization-server", "someone"


@pytest.fixture(scope="module")
def image(engine: Engine, base_image: str) -> str:
    return built(engine, base_image, lambda _: None)


@pytest.fixture
def alone(own_host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this test find no sandboxes but its own: a compose file's have no host."""

    def own(engine: Engine) -> list[FoundSandbox]:
        return [each for each in sandboxes(engine) if each.anchor.labels.get(HOST) == host()]

    monkeypatch.setattr(found, "sandboxes", own)


def _issuers(base: str) -> list[Finding]:
    return [finding for finding in examine_engine(base) if finding.subject == "issuer"]


@pytest.mark.usefixtures("alone")
def test_a_running_sandbox_with_tls_is_the_same_from_both_sides(engine: Engine, base_image: str, image: str) -> None:
    with DockerSandbox(engine=engine, image=image, authority=Authority()) as sandbox:
        (finding,) = _issuers(base_image)
        name = sandbox.pod.name_of("mcp_server")
        issuer = sandbox.layout.issuer("acme")
    text = f"{issuer} is the same from the host and from the container {name}: issuer and keys"
    assert finding == Finding(State.FINE, "issuer", f"{text}; a token got on either side is taken on the other")


@pytest.mark.usefixtures("alone")
def test_an_issuer_alone_is_compared_too(engine: Engine, base_image: str, image: str) -> None:
    with DockerSandbox(engine=engine, image=image, services=ISSUER):
        (finding,) = _issuers(base_image)
    assert finding.state is State.FINE
    assert finding.text.endswith("-authorization-server: issuer and keys")


@pytest.mark.usefixtures("alone", "image")
def test_where_none_runs_one_is_brought_up_and_removed(engine: Engine, base_image: str) -> None:
    (finding,) = _issuers(base_image)
    assert (finding.state, "a token got on either side is taken on the other" in finding.text) == (State.FINE, True)
    assert engine.client.containers.list(all=True, filters={"label": f"{HOST}={host()}"}) == []


@pytest.mark.usefixtures("alone", "image")
def test_what_the_engine_keeps_of_an_earlier_one_is_named(
    base_image: str, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "TIDY_SECONDS", 0.1)
    engine, left, issuer = examine_engine(base_image)
    assert [each.state for each in (engine, left, issuer)] == [State.FINE, State.LACKING, State.FINE]
    assert kept in left.text


@pytest.mark.usefixtures("alone")
def test_where_the_image_is_not_built_nothing_is_brought_up(engine: Engine) -> None:
    (finding,) = _issuers("mcp-assay-none-such:1")
    text = "no sandbox runs in containers, and its image on mcp-assay-none-such:1 is not built"
    assert (finding.state, finding.text) == (State.LACKING, f"{text}: `mcp-assay up --runtime docker` builds it")


@pytest.mark.usefixtures("alone")
def test_an_mcp_server_with_a_fault_is_found_from_both_sides(engine: Engine, base_image: str, image: str) -> None:
    with DockerSandbox(engine=engine, image=image) as sandbox:
        with sandbox.control("mcp_server") as control:
            control.fault("/acme/mcp", status=503, times=100)
        findings = _issuers(base_image)
    assert [(finding.state, finding.code) for finding in findings] == [(State.WRONG, 2), (State.WRONG, 2)]
    assert "from the host, " in findings[0].text
    assert "answers a request without a token with 503: this is no MCP server of the sandbox, or" in findings[0].text


@pytest.mark.usefixtures("alone")
def test_what_does_not_answer_in_a_container_is_told_with_its_log(
    engine: Engine, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with DockerSandbox(engine=engine, image=image) as sandbox:
        (here,) = found.sandboxes(engine)
        monkeypatch.setattr(FoundSandbox, "issuer", lambda _self, tenant: f"http://127.0.0.1:9/{tenant}")
        first, second = check.both_sides(engine, here, "acme").faults
        name = sandbox.pod.name_of("authorization_server")
    url = "http://127.0.0.1:9/.well-known/oauth-authorization-server/acme"
    assert first.startswith(f"from the host, {url} does not answer: ")
    assert first.partition("refused: ")[2].startswith(
        f"the container {here.anchor.name} does not publish port 9; publish"
    )
    assert second.startswith(f"from the container {here.inside.name}, {url} does not answer: ")
    assert second.endswith(f"`docker logs {name}` tells why")


def test_a_container_in_which_the_program_is_not_there_is_told(engine: Engine, things: Things, tmp_path: Path) -> None:
    stranger = things.container(tmp_path / "owner.lock")
    look = check._from_inside(engine, stranger, _sandbox({}), "http://127.0.0.1:9/acme", "")
    with pytest.raises(EngineError, match=r"could not look at the issuer: .*No module named 'fixtures'"):
        look("")


@pytest.mark.usefixtures("alone")
def test_a_target_whose_container_has_a_network_of_its_own_is_told_how_it_joins(
    engine: Engine, base_image: str, image: str
) -> None:
    port = {"8000/tcp": ("127.0.0.1", 0)}
    with DockerSandbox(engine=engine, image=image, services=ISSUER) as sandbox:
        target = engine.client.containers.run(base_image, list(PAUSE), detach=True, ports=port, stop_signal="SIGKILL")
        try:
            target.reload()
            published = target.attrs["NetworkSettings"]["Ports"]["8000/tcp"][0]["HostPort"]
            (finding,) = examine_neighbours([f"http://127.0.0.1:{published}/mcp"])
        finally:
            target.remove(force=True)
        assert finding.state is State.LACKING
        assert (
            f"the target is the container {target.name}, where 127.0.0.1 is not the sandbox, but its own"
            in finding.text
        )
        assert f"start it with `--network container:{sandbox.pod.name}`, or let `mcp-assay run" in finding.text
        assert list(examine_neighbours([sandbox.layout.authorization_server.url, "https://far.example/mcp"])) == []


def test_without_an_engine_there_are_no_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    assert list(examine_neighbours(["http://127.0.0.1:8000/mcp"])) == []


def _container(name: str, mode: str = f"container:{ANCHOR}", **attributes: Any) -> Container:
    attrs = {"HostConfig": {"NetworkMode": mode}, "Path": "python3", "Args": [], "Mounts": [], **attributes}
    return cast("Container", SimpleNamespace(id=f"id-of-{name}", name=name, attrs=attrs, labels={}))


def _sandbox(ports: Any, **members: Container) -> FoundSandbox:
    anchor = _container(ANCHOR, "bridge", NetworkSettings={"Ports": ports})
    return FoundSandbox("0badcafe", {"network": anchor, "authorization-server": _container(SERVER), **members})


@pytest.mark.parametrize(
    ("ports", "said"),
    [
        (None, f"the container {ANCHOR} does not publish port 7401"),
        ({"7401/tcp": None}, f"the container {ANCHOR} does not publish port 7401"),
        ({"7401/tcp": [{"HostIp": "127.0.0.1", "HostPort": "80"}]}, "publishes port 7401 as 127.0.0.1:80"),
        ({"7401/tcp": [{"HostIp": "10.0.0.1", "HostPort": "7401"}]}, "publishes port 7401 as 10.0.0.1:7401"),
        ({"7401/tcp": [{"HostIp": "127.0.0.1", "HostPort": "7401"}]}, ""),
        ({"7401/tcp": [{"HostIp": "0.0.0.0", "HostPort": "7401"}]}, ""),
    ],
)
def test_a_port_that_is_not_published_under_its_number_is_the_reason(ports: Any, said: str) -> None:
    sandbox = _sandbox(ports)
    assert said in sandbox.published(7401)
    fix = check._fix_here(sandbox, "http://127.0.0.1:7401/acme", "")
    wanted = (
        "publish it under its own number: `-p 127.0.0.1:7401:7401`" if said else f"`docker logs {SERVER}` tells whether"
    )
    assert wanted in fix


def test_a_member_with_a_network_of_its_own_is_the_reason_within() -> None:
    assert "--network" not in check._fix_inside(_sandbox({}))
    by_id = _container("by-id", f"container:id-of-{ANCHOR}")
    assert _sandbox({}).shares(by_id)
    fix = check._fix_inside(_sandbox({}, **{TARGET: _container(TARGET, "bridge")}))
    assert fix == f"{TARGET} must share the sandbox's network: `--network container:{ANCHOR}`"


def test_a_proxy_and_another_program_at_localhost_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from fixtures.service.issuer_check import Seen

    (proxied,) = doctor_containers._proxied("the host", Seen(proxy=("HTTP_PROXY",)))
    assert proxied.text.endswith("through a proxy: set NO_PROXY=127.0.0.1,localhost there")
    with Hostile(answer()) as server:
        port = server.server_address[1]
        monkeypatch.setattr(doctor_containers, "_IPV6_LOOPBACK", "127.0.0.1")
        (shadowed,) = doctor_containers._shadowed(f"http://127.0.0.1:{port}/acme")
        assert f"tell it http://127.0.0.1:{port}/acme, to the letter" in shadowed.text
        monkeypatch.setattr(doctor_containers, "_IPV6_LOOPBACK", own_loopback_address())
        assert list(doctor_containers._shadowed(f"http://127.0.0.1:{port}/acme")) == []
