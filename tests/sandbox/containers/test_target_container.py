"""A target in a container: started beside the sandbox with its settings, judged, heard when it dies, and removed."""

from __future__ import annotations

import shutil
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from docker.errors import NotFound

from fixtures.world import load_world
from harness.catalogue import catalogue
from harness.engine import run
from harness.events import Settings
from harness.planning import plan_of
from harness.redaction import Redactor
from harness.requirement import Role
from harness.sandbox.authority import Authority
from harness.sandbox.containers.engine import Engine
from harness.sandbox.containers.image import built
from harness.sandbox.containers.listening import Listening, who_listens
from harness.sandbox.containers.runtime import DockerSandbox
from harness.sandbox.containers.target_container import LOG_BYTES, ROOT_CERTIFICATE, TargetContainer, log_beside
from harness.sandbox.containers.target_image import FOLDER
from harness.sandbox.errors import SandboxError
from harness.sandbox.layout import ISSUER
from harness.selection import select
from harness.target_file import TargetFile, checked_target_file
from harness.verdict import Verdict
from tests.addresses import free_base

SERVER = Path(__file__).parent / "target_server"
BOUND_SECONDS = 20
SECRET = "hunter-2-of-the-target"
LISTENING = "import signal, socket; it = socket.create_server({place}); print('it listens'); signal.pause()"
SETTINGS = {"ISSUER": "{issuer}", "JWKS_URI": "{jwks_uri}", "AUDIENCE": "{audience}"}
TOOLS = {"list_deployments": {"scopes": ["deployments:read"]}}


@pytest.fixture(scope="module")
def image(engine: Engine, base_image: str) -> str:
    return built(engine, base_image, lambda _: None)


@pytest.fixture(scope="module")
def port() -> int:
    return free_base((0,))


@pytest.fixture(scope="module")
def sandbox(engine: Engine, image: str, port: int) -> Iterator[DockerSandbox]:
    with DockerSandbox(engine=engine, image=image, services=ISSUER, published=[port]) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def folder(engine: Engine, image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield a folder with a server whose image is built on the sandbox's, which has all that it needs."""
    folder = tmp_path_factory.mktemp("target")
    shutil.copytree(SERVER, folder / "server")
    recipe = folder / "server" / "Dockerfile"
    recipe.write_text(recipe.read_text().format(base=image))
    yield folder
    for made in engine.client.images.list(filters={"label": f"{FOLDER}={folder / 'server'}"}):
        engine.client.images.remove(made.id or "", force=True)


def target_file(port: int, **container: Any) -> TargetFile:
    environment = {**SETTINGS, "PORT": str(port), **container.pop("environment", {})}
    table = {"build": "server", "health": "/health", **container, "environment": environment}
    target = {"mcp_server": f"http://127.0.0.1:{port}/mcp", "trusts": "sandbox", "container": table}
    return checked_target_file({"target": target, "tools": TOOLS}, "the test")


def is_there(engine: Engine, sandbox: DockerSandbox) -> bool:
    try:
        engine.client.containers.get(sandbox.pod.name_of("target"))
    except NotFound:
        return False
    return True


def refusal(file: TargetFile, sandbox: DockerSandbox, folder: Path) -> str:
    """Return why a target does not come up, and see that nothing of it is left."""
    with pytest.raises(SandboxError) as fault, TargetContainer(file, sandbox, folder):
        pass
    return str(fault.value)


def test_a_target_is_judged_with_the_sandboxs_tokens_and_removed(
    engine: Engine, sandbox: DockerSandbox, folder: Path, port: int
) -> None:
    file = target_file(port)
    with TargetContainer(file, sandbox, folder) as target, ExitStack() as stack:
        plan = plan_of(file, 10, stack, sandbox, folder)
        chosen = ("mcp/token-validation", "mcp/challenge", "mcp/discovery")
        scenarios = select(catalogue().scenarios, chosen, roles=[Role.MCP_SERVER], spec=plan.target.spec)
        summary = run(plan.target, scenarios, lambda _: None, wire=plan.wire, settings=Settings(jobs=2))
        assert not target.ended
    fine = {Verdict.PASSED, Verdict.WARNING, Verdict.NOT_APPLICABLE}
    assert [(each.scenario.id, each.actual) for each in summary.results if each.verdict not in fine] == []
    assert summary.counts[Verdict.PASSED] > 20
    assert not is_there(engine, sandbox)


def test_its_log_is_kept_without_tokens_and_secrets(
    sandbox: DockerSandbox, folder: Path, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_TEST_SECRET", SECRET)
    file = target_file(port, environment_env={"PASSWORD": "ASSAY_TEST_SECRET"})
    with TargetContainer(file, sandbox, folder) as target, ExitStack() as stack:
        plan = plan_of(file, 10, stack, sandbox, folder)
        scenarios = select(
            catalogue().scenarios, ("mcp/token-validation",), roles=[Role.MCP_SERVER], spec=plan.target.spec
        )
        run(plan.target, scenarios[:3], lambda _: None, wire=plan.wire)
        log = target.logs().decode()
        kept = log_beside(tmp_path / "report.json")
        target.keep_logs(kept, Redactor(secrets=plan.target.secrets, traffic=plan.wire.traffic))
    assert kept == tmp_path / "report.target.log"
    assert f"the password is {SECRET}" in log
    assert "a good token: eyJ" in log
    text = kept.read_text()
    assert "the password is <secret:" in text
    assert "a good token: <" in text
    assert SECRET not in text
    assert "eyJ" not in text


def test_the_end_of_a_long_log_is_kept_in_whole_lines(sandbox: DockerSandbox, folder: Path, port: int) -> None:
    server = "import http.server as h; h.HTTPServer(('0.0.0.0', {port}), h.SimpleHTTPRequestHandler).serve_forever()"
    program = "print(*(f'{number:0999}' for number in range(3000)), sep=chr(10), flush=True); " + server.format(
        port=port
    )
    with TargetContainer(target_file(port, command=["-c", program], health=""), sandbox, folder) as target:
        lines = [line for line in target.logs().decode().splitlines() if line.isdecimal()]
    assert {len(line) for line in lines} == {999}
    assert int(lines[-1]) == 2999
    assert LOG_BYTES - 10_000 < 1000 * len(lines) <= LOG_BYTES


def test_what_looks_like_a_token_is_no_part_of_a_log_that_is_kept() -> None:
    wrote = (
        'Authorization: Bearer ya29.opaque\nbasic dXNlcjpwYXNzd29yZDE=\n{"refresh_token": "abc", "level": "info"}\n'
        "again ya29.opaque\n401 Bearer authentication is needed, https://alice:pw@as.example/?code=1234&lang=en\n"
    )
    text = Redactor().log(wrote)
    assert not [secret for secret in ("ya29", "dXNlc", '"abc"', "alice:pw", "1234") if secret in text]
    assert not [
        word for word in ('"level": "info"', "401 Bearer authentication is needed", "lang=en") if word not in text
    ]
    assert Redactor(show_secrets=True).log(wrote) == wrote


def test_it_is_given_what_it_asks_for_and_nothing_of_ours(
    engine: Engine, sandbox: DockerSandbox, folder: Path, port: int
) -> None:
    told = {"TENANT": "{tenant}", "UPSTREAM": "{idp_client_id}@{idp}", "CA": "{root_certificate}", "JSON": "{{}}"}
    with TargetContainer(target_file(port, environment=told), sandbox, folder):
        attributes = engine.client.containers.get(sandbox.pod.name_of("target")).attrs
    given = dict(entry.partition("=")[::2] for entry in attributes["Config"]["Env"])
    issuer = sandbox.layout.issuer("acme")
    assert {name: given.get(name) for name in (*SETTINGS, *told)} == {
        "ISSUER": issuer,
        "JWKS_URI": f"{issuer}/jwks",
        "AUDIENCE": f"http://127.0.0.1:{port}/mcp",
        "TENANT": "acme",
        "UPSTREAM": f"{load_world().federation['client_id']}@{sandbox.layout.idp_issuer('acme')}",
        "CA": None,
        "JSON": "{}",
    }
    assert sandbox.control_token not in str(attributes)
    assert attributes["Mounts"] == []


def test_one_that_dies_at_once_is_told_with_its_last_lines(
    engine: Engine, sandbox: DockerSandbox, folder: Path, port: int
) -> None:
    said = refusal(target_file(port, environment={"PORT": "none"}), sandbox, folder)
    assert said.startswith(
        f"the target does not start: the container {sandbox.pod.name_of('target')} ended with exit code 1"
    )
    assert "invalid literal for int() with base 10: 'none'" in said
    assert not is_there(engine, sandbox)


def test_no_secret_that_it_was_given_is_in_its_last_words(
    sandbox: DockerSandbox, folder: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_TEST_SECRET", SECRET)
    given = {"environment_env": {"PASSWORD": "ASSAY_TEST_SECRET"}}
    program = "import os; print('the password is', os.environ['PASSWORD'], flush=True); "
    for then in ("raise SystemExit(1)", "import signal; signal.pause()"):
        said = refusal(target_file(port, command=["-c", program + then], ready_within=5, **given), sandbox, folder)
        assert "the password is <secret:" in said
        assert SECRET not in said


def test_one_that_listens_on_its_own_loopback_alone_is_told_so(
    engine: Engine, sandbox: DockerSandbox, folder: Path, port: int
) -> None:
    program = LISTENING.format(place=("127.0.0.1", port))
    said = refusal(target_file(port, command=["-uc", program], ready_within=5), sandbox, folder)
    assert f"the target was not ready within 5 seconds: http://127.0.0.1:{port}/health does not answer" in said
    assert "the server listens on 127.0.0.1, where its container alone reaches it: let it listen on 0.0.0.0" in said
    assert said.endswith("\nit listens")
    assert not is_there(engine, sandbox)


def test_one_that_listens_at_another_port_is_told_so(sandbox: DockerSandbox, folder: Path, port: int) -> None:
    other = {"PORT": str(free_base((0,)) + 1)}
    said = refusal(target_file(port, environment=other, ready_within=1), sandbox, folder)
    assert "nothing listens at that port in the container: let the server listen there, on 0.0.0.0" in said


def test_one_whose_program_is_not_there_is_told_so(sandbox: DockerSandbox, folder: Path, port: int) -> None:
    said = refusal(target_file(port, command=["/srv/none.py"]), sandbox, folder)
    assert "can't open file '/srv/none.py'" in said


def test_any_answer_is_enough_without_a_health_path(sandbox: DockerSandbox, folder: Path, port: int) -> None:
    with TargetContainer(target_file(port, health=""), sandbox, folder) as target:
        assert target.health_url == f"http://127.0.0.1:{port}/"
        assert httpx.get(target.health_url).status_code == 404


def test_the_end_of_one_is_noticed_with_its_last_words(
    engine: Engine, sandbox: DockerSandbox, folder: Path, port: int
) -> None:
    with TargetContainer(target_file(port), sandbox, folder) as target:
        assert not target.ended
        engine.client.containers.get(sandbox.pod.name_of("target")).kill()
        deadline = time.monotonic() + BOUND_SECONDS
        while not target.ended and time.monotonic() < deadline:
            pass
        assert target.ended
        assert "the password is None" in target.last_words()
        ended = f"the container {sandbox.pod.name_of('target')} ended with exit code 137"
        assert target.end_told().startswith(f"The target ended while it was judged: {ended}: ")
        assert "\n" not in target.end_told()


def test_it_finds_the_root_certificate_of_a_sandbox_with_tls(engine: Engine, image: str, folder: Path) -> None:
    port, authority = free_base((0,)), Authority()
    file = target_file(port, environment={"SSL_CERT_FILE": "{root_certificate}"})
    options: dict[str, Any] = {"services": ISSUER, "authority": authority, "published": [port]}
    with (
        DockerSandbox(engine=engine, image=image, **options) as sandbox,
        TargetContainer(file, sandbox, folder),
        ExitStack() as stack,
    ):
        container = engine.client.containers.get(sandbox.pod.name_of("target"))
        assert [mount["Destination"] for mount in container.attrs["Mounts"]] == [ROOT_CERTIFICATE]
        program = f"print(open('{ROOT_CERTIFICATE}').read())"
        read = container.exec_run(["python3", "-c", program]).output
        assert isinstance(read, bytes)
        assert ssl.PEM_cert_to_DER_cert(read.decode().strip()) == ssl.PEM_cert_to_DER_cert(authority.root)
        plan = plan_of(file, 10, stack, sandbox, folder)
        scenarios = select(
            catalogue().scenarios, ("mcp/token-validation",), roles=[Role.MCP_SERVER], spec=plan.target.spec
        )
        summary = run(plan.target, scenarios[:3], lambda _: None, wire=plan.wire)
    assert summary.counts[Verdict.PASSED] == 3


HEADER = "   0: {place} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000 0 0 1"


@pytest.mark.parametrize(
    ("places", "who"),
    [
        ([], Listening.NOWHERE),
        ([("0100007F:1F41", "0A")], Listening.NOWHERE),
        ([("00000000:1F40", "01")], Listening.NOWHERE),
        ([("0100007F:1F40", "0A"), ("00000000000000000000000001000000:1F40", "0A")], Listening.LOOPBACK),
        ([("0100007F:1F40", "0A"), ("00000000000000000000000000000000:1F40", "0A")], Listening.OUTSIDE),
        ([("00000000:1F40", "0A")], Listening.OUTSIDE),
    ],
)
def test_who_listens_is_read_from_what_the_kernel_tells(places: list[tuple[str, str]], who: Listening) -> None:
    assert who_listens([HEADER.format(place=place, state=state) for place, state in places], 8000) is who
