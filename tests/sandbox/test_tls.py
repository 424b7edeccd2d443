"""A sandbox with an authority of its own: everything is https, and all clients of ours trust that authority alone."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from harness import engine
from harness.events import Settings
from harness.exchange import Evidence
from harness.http import Client
from harness.listener import Listener, Reply
from harness.planning import Plan, make_plan, plan_of
from harness.request import Request
from harness.sandbox import registry
from harness.sandbox.attached import attach, handle_of
from harness.sandbox.authority import Authority
from harness.sandbox.child import environment
from harness.sandbox.documents import DocumentsPlace
from harness.sandbox.embedded import EmbeddedSandbox
from harness.sandbox.layout import SERVICES
from harness.sandbox.rates import RatesPlace
from harness.sandbox.target import Sandbox
from harness.sandbox.threads import ThreadedSandbox
from harness.scenario import load_scenarios
from harness.selection import select
from harness.target_file import checked_target_file
from harness.verdict import Verdict

AREAS = ("as/pkce", "as/client-id-metadata", "as/id-jag", "as/issuer-parameter", "mcp/discovery", "mcp/downstream")
PLAIN = """
import sys
from harness.sandbox.documents import DocumentsPlace
from harness.sandbox.embedded import EmbeddedSandbox
from harness.sandbox.rates import RatesPlace

with EmbeddedSandbox(rates=RatesPlace(), documents=DocumentsPlace()):
    print({"trustme", "cryptography", "harness.sandbox.authority"} & sys.modules.keys())
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[EmbeddedSandbox]:
    with EmbeddedSandbox(rates=RatesPlace(), documents=DocumentsPlace(), authority=Authority()) as running:
        yield running


@pytest.fixture
def client(sandbox: EmbeddedSandbox) -> Iterator[httpx.Client]:
    assert sandbox.authority
    with httpx.Client(verify=sandbox.authority.client_context, trust_env=False) as client:
        yield client


def _verdicts(plan: Plan, *selectors: str) -> dict[str, tuple[Verdict, str]]:
    """Judge some areas, and close the plan's connections."""
    chosen = select(load_scenarios(), selectors, roles=plan.roles, spec=plan.target.spec)
    with closing(plan.wire):
        summary = engine.run(plan.target, chosen, lambda _event: None, wire=plan.wire, settings=Settings(jobs=2))
    return {result.scenario.id: (result.verdict, result.actual) for result in summary.results}


def _passed(verdicts: dict[str, tuple[Verdict, str]]) -> bool:
    return bool(verdicts) and set(verdicts.values()) == {(Verdict.PASSED, "")}


def _texts(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    for item in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        yield from _texts(item)


@pytest.mark.parametrize("area", AREAS)
def test_an_area_of_each_kind_passes(sandbox: EmbeddedSandbox, area: str) -> None:
    with ExitStack() as stack:
        verdicts = _verdicts(make_plan(Request(), stack, sandbox), area)
    assert _passed(verdicts), verdicts


def test_in_threads_it_is_the_same() -> None:
    with ThreadedSandbox(authority=Authority()) as sandbox, ExitStack() as stack:
        verdicts = _verdicts(make_plan(Request(), stack, sandbox), "as/client-id-metadata", "mcp/downstream")
    assert _passed(verdicts), verdicts


def test_all_that_is_published_is_https(sandbox: EmbeddedSandbox, client: httpx.Client) -> None:
    layout = sandbox.layout
    places = (
        f"{layout.idp_issuer('acme')}/.well-known/openid-configuration",
        f"{layout.authorization_server.url}/.well-known/oauth-authorization-server/acme",
        f"{layout.mcp_server.url}/.well-known/oauth-protected-resource/acme/mcp",
    )
    for place in places:
        published = [text for text in _texts(client.get(place).json()) if "://" in text]
        assert published
        assert all(text.startswith("https://127.0.0.1:") for text in published)
    assert sandbox.rates
    assert sandbox.rates.url.startswith("https://127.0.0.1:")


@pytest.mark.parametrize("service", SERVICES)
def test_nobody_who_trusts_others_reaches_a_service_or_its_control_plane(
    sandbox: EmbeddedSandbox, service: str
) -> None:
    place = sandbox.layout.place(service)
    for url in (place.url, place.control_url):
        for others in (ssl.create_default_context(), Authority().client_context):
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                httpx.get(url, verify=others, trust_env=False)


def test_the_certificate_stands_the_strictest_look(sandbox: EmbeddedSandbox) -> None:
    assert sandbox.authority
    strict = ssl.create_default_context(cadata=sandbox.authority.root)
    strict.verify_flags |= ssl.VERIFY_X509_STRICT
    for host in ("127.0.0.1", "localhost"):
        url = sandbox.layout.mock_idp.url.replace("127.0.0.1", host)
        assert httpx.get(f"{url}/", verify=strict, trust_env=False).status_code == 200


def test_cookies_are_for_https_alone(sandbox: EmbeddedSandbox, client: httpx.Client) -> None:
    asked = {
        "response_type": "code",
        "client_id": "console",
        "redirect_uri": "http://127.0.0.1:8976/callback",
        "resource": sandbox.layout.resource("acme"),
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
        "state": "state",
    }
    there = client.get(f"{sandbox.layout.issuer('acme')}/authorize?{urlencode(asked)}")
    assert there.headers["location"].startswith(sandbox.layout.idp_issuer("acme"))
    login = client.get(there.headers["location"])
    assert login.status_code == 200
    cookies = [*there.headers.get_list("set-cookie"), *login.headers.get_list("set-cookie")]
    assert cookies
    assert all("secure" in cookie.lower().split("; ") for cookie in cookies)


def test_the_key_is_where_nobody_else_may_go_and_goes_with_the_sandbox(tmp_path: Path) -> None:
    with EmbeddedSandbox(state_dir=tmp_path, services=("mock_idp",), authority=Authority()):
        (key,) = tmp_path.glob("*/key.pem")
        assert key.stat().st_mode & 0o777 == 0o644
        assert key.parent.stat().st_mode & 0o777 == 0o700
    assert not key.parent.exists()


def test_files_are_named_as_a_container_sees_them(tmp_path: Path) -> None:
    files = Authority().write(tmp_path)
    assert files.options("/run/mcp-assay") == [
        "--tls-certificate", "/run/mcp-assay/certificate.pem",
        "--tls-key", "/run/mcp-assay/key.pem",
        "--trust", "/run/mcp-assay/root.pem",
    ]  # fmt: skip
    assert files.options()[-1] == str(tmp_path / "root.pem")


def _trusting(sandbox: Sandbox, **names: Any) -> Any:
    target = {"mcp_server": sandbox.layout.resource("acme"), "trusts": "sandbox", "tenant": "acme", **names}
    return checked_target_file({"target": target}, "here")


def test_whoever_attaches_is_given_the_root(sandbox: EmbeddedSandbox) -> None:
    attached = attach(json.loads(json.dumps(handle_of(sandbox))))
    with attached.control("mcp_server") as control:
        assert control.now() > 0
    with ExitStack() as stack:
        plan = plan_of(_trusting(attached), 10, stack, attached)
        verdicts = _verdicts(plan, "mcp/discovery")
    assert _passed(verdicts), verdicts


def test_a_target_that_trusts_it_may_show_its_certificate(sandbox: EmbeddedSandbox) -> None:
    port = int(sandbox.layout.mock_idp.url.rpartition(":")[2])
    target = {"mcp_server": sandbox.layout.resource("acme"), "trusts": "sandbox"}
    with (
        registry.recorded({"mock_idp": sandbox.layout.mock_idp.url}, handle_of(sandbox)),
        ExitStack() as stack,
    ):
        plan = plan_of(checked_target_file({"target": target, "sandbox": {"port": port}}, "here"), 10, stack)
        assert _passed(_verdicts(plan, "mcp/discovery"))


def test_a_target_that_trusts_it_may_have_a_certificate_of_the_system_s(
    sandbox: EmbeddedSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = Authority()
    monkeypatch.setenv("SSL_CERT_FILE", str(system.write(tmp_path).root))
    port = int(sandbox.layout.mock_idp.url.rpartition(":")[2])
    with (
        Listener(lambda _: Reply(401), tls=system.server_context()) as listener,
        registry.recorded({"mock_idp": sandbox.layout.mock_idp.url}, handle_of(sandbox)),
        ExitStack() as stack,
    ):
        data = {"target": {"mcp_server": f"{listener.url}/mcp", "trusts": "sandbox"}, "sandbox": {"port": port}}
        plan = plan_of(checked_target_file(data, "here"), 10, stack)
        stack.callback(plan.wire.close)
        asking = Client(plan.wire, Evidence())
        assert asking.send("GET", f"{listener.url}/mcp").status == 401
        assert plan.target.home.authorization_server == sandbox.layout.issuer("acme")
        assert asking.send("GET", f"{plan.target.home.authorization_server}/jwks").status == 200


def test_nothing_of_it_is_loaded_where_it_is_not_asked_for() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", PLAIN], capture_output=True, text=True, env=environment(), timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "set()\n", "")
