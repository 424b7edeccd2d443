"""The compose file: the sandbox that it brings up is the one of `up --runtime docker`, and nothing of it stays."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from docker.models.containers import Container

from fixtures.service.issuer_check import look
from fixtures.service.serve import TOKEN_VARIABLE
from harness.sandbox.containers.check import both_sides
from harness.sandbox.containers.compose_folder import MARK, Wanted, Written, write_compose
from harness.sandbox.containers.engine import Engine
from harness.sandbox.containers.found import FoundSandbox, argument, sandboxes
from harness.sandbox.containers.image import built
from harness.sandbox.containers.labels import HOST, OWNER, SANDBOX, SERVICE
from harness.sandbox.containers.runtime import DockerSandbox
from harness.sandbox.control import ControlPlane
from harness.sandbox.errors import PortError, SandboxError
from harness.sandbox.layout import SERVICES, Layout
from harness.sandbox.sockets import Sockets
from tests.cli.assay import assay, run_assay

UP_SECONDS = 180
TOKEN = "a-token-of-the-environment"
MEMBERS = {"network", "mock-idp", "authorization-server", "mcp-server"}


def project(folder: Path) -> str:
    return f"assay-{os.getpid()}-{folder.name}"


def base_port() -> int:
    """Return a base that is free, and that nobody finds who looks for one with `free_base`."""
    for _ in range(100):
        base = 30_000 + secrets.randbelow(2_000)
        with suppress(PortError):
            Sockets.bind(base).close()
            return base
    raise AssertionError("no free ports")


def compose(folder: Path, *words: str) -> str:
    """Call compose, whichever there is, in a project of the folder's own, and return what it said."""
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0
    if not plugin and not shutil.which("docker-compose"):
        pytest.skip("neither docker compose nor docker-compose") if os.geteuid() else pytest.fail("run .ci/engine")
    command = [*(["docker", "compose"] if plugin else ["docker-compose"]), "-p", project(folder), *words]
    variables = {**os.environ, TOKEN_VARIABLE: TOKEN}
    ended = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=UP_SECONDS, env=variables, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@contextmanager
def up(engine: Engine, written: Written) -> Iterator[FoundSandbox]:
    """Bring it up until all of it is healthy: the MCP server is the last, for which nothing waits."""
    folder, since = written.file.parent, int(time.time())
    try:
        compose(folder, "up", "-d")
        sandbox = found(engine, written)
        name = str(sandbox.members["mcp-server"].name)
        healthy = {"container": name, "event": "health_status: healthy"}
        events: Any = engine.patient.api.events(since=since, filters=healthy, decode=True)
        with closing(events._response):
            next(events)
        yield sandbox
    finally:
        compose(folder, "down", "-t", "2")


def found(engine: Engine, written: Written) -> FoundSandbox:
    (sandbox,) = (each for each in sandboxes(engine) if each.issuer("acme") == written.layout.issuer("acme"))
    return sandbox


@pytest.fixture(scope="module")
def written(engine: Engine, base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("compose") / "new" / "sandbox"
    return write_compose(engine, folder, Wanted(base_port(), base_image), lambda _: None)


@pytest.fixture(scope="module")
def brought(engine: Engine, base_image: str, written: Written) -> Iterator[FoundSandbox]:
    built(engine, base_image, lambda _: None)
    with up(engine, written) as sandbox:
        yield sandbox


def settings(container: Container, ports: Mapping[str, str], names: Mapping[str, str]) -> dict[str, Any]:
    """Return what an engine says of a container, but for what each sandbox has of its own."""
    config, host = container.attrs["Config"], container.attrs["HostConfig"]
    own = {"Binds", "LogConfig", "PortBindings", "RestartPolicy", "ContainerIDFile", "ConsoleSize", "AutoRemove"}
    kept: dict[str, Any] = {name: value or None for name, value in host.items() if name not in own}
    kept["NetworkMode"], kept["IpcMode"] = (_neutral(host[name], names) for name in ("NetworkMode", "IpcMode"))
    reserved = "net.ipv4.ip_local_reserved_ports"
    kept["Sysctls"] = {name: value for name, value in (host.get("Sysctls") or {}).items() if name != reserved}
    kept["Log"] = host["LogConfig"]["Type"], host["LogConfig"]["Config"]["max-size"]
    kept["Bound"] = [bind.rpartition("/shared:")[2].partition(":")[0] for bind in host["Binds"]]
    kept["Published"] = sorted(ports[port.partition("/")[0]] for port in host["PortBindings"] or {})
    kept |= {name: config[name] for name in ("User", "Entrypoint", "WorkingDir", "Image")}
    kept["Test"] = config["Healthcheck"]["Test"]
    kept["Cmd"] = [_without(word, ports) for word in config["Cmd"]]
    return kept


def _neutral(mode: str, names: Mapping[str, str]) -> str:
    kind, _, name = mode.partition(":")
    mode = f"{kind}:{names.get(name, name)}" if name else kind
    return {"default": "bridge"}.get(mode, mode)


def _without(word: str, ports: Mapping[str, str]) -> str:
    before, _, port = word.rpartition(":")
    return f"{before}:{ports[port]}" if port in ports else word


def all_settings(sandbox: FoundSandbox, layout: Layout) -> dict[str, dict[str, Any]]:
    names = {str(sandbox.anchor.id): "network", str(sandbox.anchor.name): "network"}
    places = {service: layout.place(service) for service in SERVICES}
    ports = {place.url.rpartition(":")[2]: f"{service} itself" for service, place in places.items()}
    ports |= {place.control_url.rpartition(":")[2]: f"{service} control" for service, place in places.items()}
    relay = argument(sandbox.anchor, "--port")
    ports |= {relay: "relay"}
    return {name: settings(member, ports, names) for name, member in sandbox.members.items()}


def test_it_gives_the_containers_of_the_docker_runtime(
    engine: Engine, base_image: str, written: Written, brought: FoundSandbox
) -> None:
    image = built(engine, base_image, lambda _: None)
    with DockerSandbox(engine=engine, image=image) as sandbox:
        theirs = next(each for each in sandboxes(engine) if each.anchor.name == sandbox.pod.name)
        runtime = all_settings(theirs, sandbox.layout)
    composed = all_settings(brought, written.layout)
    runtime["network"]["Published"].remove("relay")  # the tunnel has nobody at its other end
    assert composed == runtime
    assert composed.keys() == MEMBERS
    assert (composed["mcp-server"]["ReadonlyRootfs"], composed["mcp-server"]["CapDrop"]) == (True, ["ALL"])


def test_its_containers_have_the_names_of_the_docker_runtime_and_no_owner(brought: FoundSandbox) -> None:
    names = {name: member.name for name, member in brought.members.items()}
    assert names == {name: f"mcp-assay-{brought.sandbox_id}-{name}" for name in MEMBERS}
    labels = [member.labels.keys() for member in brought.members.values()]
    assert all(each >= {SANDBOX, SERVICE} for each in labels)
    assert all(each.isdisjoint({OWNER, HOST}) for each in labels)  # by which the runtime would remove them


def test_what_it_brings_up_is_judged_like_any_other(brought: FoundSandbox) -> None:
    issuer, resource = brought.issuer("acme"), brought.resource("acme")
    for words in (("--authorization-server", issuer, "as/discovery"), ("--mcp-server", resource, "mcp/discovery")):
        ended = run_assay("run", *words)
        assert (ended.code, "All judged requirements hold." in ended.out) == (0, True), ended.out + ended.err


def test_its_issuer_is_the_same_from_both_sides(engine: Engine, brought: FoundSandbox) -> None:
    compared = both_sides(engine, brought, "acme")
    assert compared.faults == ()
    assert compared.here.issuer == compared.there.issuer == brought.issuer("acme")


def test_the_control_planes_take_the_token_of_the_environment_and_share_a_clock(
    written: Written, brought: FoundSandbox
) -> None:
    planes = [ControlPlane(written.layout.place(service).control_url, TOKEN) for service in SERVICES]
    try:
        before = planes[0].now()
        planes[0].advance(3600)
        assert all(plane.now() - before >= 3600 for plane in planes)
        planes[0].reset_clock()
    finally:
        for plane in planes:
            plane.close()


def test_a_container_that_joins_as_the_header_says_finds_the_same_issuer(
    engine: Engine, base_image: str, written: Written, brought: FoundSandbox
) -> None:
    (line,) = (line for line in written.file.read_text().splitlines() if "docker run --network" in line)
    network = line.split()[4]
    url = f"{brought.issuer('acme')}/jwks"
    program = f"import urllib.request; print(urllib.request.urlopen({url!r}).status)"
    said = engine.client.containers.run(base_image, ["python3", "-c", program], network_mode=network, remove=True)
    assert said.strip() == b"200"


def test_a_folder_is_brought_up_to_date_and_serves_https_by_a_root_that_stays(
    engine: Engine, base_image: str, tmp_path: Path
) -> None:
    base = f"mcp-assay-compose-base:{secrets.token_hex(4)}"
    engine.client.images.get(base_image).tag(base)
    folder, port = tmp_path / "tls", base_port()
    try:
        first = write_compose(engine, folder, Wanted(port, base, tls=True), lambda _: None)
        assert first.root
        root = first.root.read_text()
        (folder / "image" / "left-over").touch()
        again = write_compose(engine, folder, Wanted(port, base, tls=True), lambda _: None)
        assert again.root == first.root
        assert again.root.read_text() == root
        assert sorted(path.name for path in folder.iterdir()) == ["compose.yaml", "image", "shared"]
        assert not (folder / "image" / "left-over").exists()
        with up(engine, again) as sandbox:  # which builds the image
            issuer, resource = again.layout.issuer("acme"), again.layout.resource("acme")
            seen = look(issuer, resource, trust=str(again.root))
            assert (seen.issuer, seen.fault, issuer.partition(":")[0]) == (issuer, "", "https")
            assert both_sides(engine, sandbox, "acme").faults == ()
        left: dict[str, Any] = {"label": f"{SANDBOX}={sandbox.sandbox_id}"}
        assert engine.client.containers.list(all=True, filters=left) == []
        ours: dict[str, Any] = {"label": f"com.docker.compose.project={project(folder)}"}
        assert [engine.client.networks.list(filters=ours), engine.client.volumes.list(filters=ours)] == [[], []]
    finally:
        for name in (_image(folder), base):
            engine.client.images.remove(name, force=True)


def _image(folder: Path) -> str:
    return str(yaml.safe_load((folder / "compose.yaml").read_text())["services"]["network"]["image"])


def test_nobody_but_the_user_enters_the_folder(written: Written) -> None:
    folder = written.file.parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "shared").stat().st_mode) == 0o777
    assert written.root is None


def test_no_secret_is_in_the_file(written: Written) -> None:
    services = yaml.safe_load(written.file.read_text())["services"]
    variables = {name: each.get("environment", {}) for name, each in services.items()}
    passed = {TOKEN_VARIABLE: f"${{{TOKEN_VARIABLE}:-}}"}
    assert variables == {"network": {}, "mock-idp": passed, "authorization-server": passed, "mcp-server": passed}


def test_a_folder_with_something_else_is_left_alone(engine: Engine, base_image: str, tmp_path: Path) -> None:
    other = tmp_path / "compose.yaml"
    other.write_text("services: {}\n")
    with pytest.raises(SandboxError, match=f"{tmp_path} holds something else than `mcp-assay compose` writes; name"):
        write_compose(engine, tmp_path, Wanted(7400, base_image), lambda _: None)
    assert other.read_text() == "services: {}\n"
    with pytest.raises(SandboxError, match=f"{other} is no folder; name one that is new or empty"):
        write_compose(engine, other, Wanted(7400, base_image), lambda _: None)


def test_a_folder_that_cannot_be_made_is_told_by_the_command(engine: Engine, base_image: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = assay("compose", tmp_path / "file" / "below", "--base-image", base_image)
    assert ended.code == 2
    assert "cannot be written: Not a directory" in ended.err


def test_without_an_engine_the_command_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    ended = assay("compose", tmp_path / "new")
    assert (ended.code, (tmp_path / "new").exists()) == (2, False)
    assert "no Docker engine answers at tcp://127.0.0.1:1" in ended.err


def test_the_command_says_what_it_wrote(engine: Engine, base_image: str, tmp_path: Path) -> None:
    folder, port = tmp_path / "new", base_port()
    ended = assay(
        "compose", folder, "--port", str(port), "--base-image", base_image, "--arch", "amd64", "--arch", "arm64"
    )
    assert ended.code == 0, ended.err
    assert f"wrote {folder / 'compose.yaml'}" in ended.out
    assert f"http://127.0.0.1:{port + 2}/acme/mcp" in ended.out
    text = (folder / "compose.yaml").read_text()
    assert text.startswith(f"# {MARK}\n")
    assert "DOCKER_BUILDKIT=1" in text
    assert sorted(path.name for path in (folder / "image" / "packages").iterdir()) == ["amd64", "arm64"]
