"""The sandbox in this process's threads: the same places, and services that can be replaced."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from fixtures.service.audit import verify
from harness.sandbox.errors import SandboxError
from harness.sandbox.layout import SERVICES
from harness.sandbox.threads import ThreadedSandbox
from mock_idp.discovery import Discovery


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ThreadedSandbox]:
    with ThreadedSandbox() as sandbox:
        yield sandbox


def test_all_three_services_answer(sandbox: ThreadedSandbox) -> None:
    layout = sandbox.layout
    assert _get(f"{layout.idp_issuer('acme')}/.well-known/openid-configuration").is_success
    assert _get(f"{layout.authorization_server.url}/.well-known/oauth-authorization-server/acme").is_success
    assert _get(f"{layout.mcp_server.url}/.well-known/oauth-protected-resource/acme/mcp").is_success


def test_one_clock_is_shared_by_all(sandbox: ThreadedSandbox) -> None:
    for service in SERVICES:
        with sandbox.control(service) as control:
            control.advance(1000)
            assert control.now() == pytest.approx(sandbox.clock.now(), abs=60)
    assert sandbox.clock.offset == 3000
    sandbox.clock.reset()


@pytest.mark.parametrize("service", SERVICES)
def test_a_replaced_service_begins_anew_at_the_same_place(sandbox: ThreadedSandbox, service: str) -> None:
    with sandbox.control(service) as control:
        _get(f"{sandbox.layout.place(service).url}/nowhere")
        assert control.requests()[-1]["path"] == "/nowhere"
        sandbox.replace(service)
        assert control.requests() == []


def test_a_replaced_service_is_built_from_the_classes_as_they_are(
    sandbox: ThreadedSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    jwks = f"{sandbox.layout.idp_issuer('acme')}/jwks"
    with monkeypatch.context() as patched:
        patched.setattr(Discovery, "jwks", Discovery.configuration)
        sandbox.replace("mock_idp")
        assert "issuer" in _get(jwks).json()
    sandbox.replace("mock_idp")
    assert "keys" in _get(jwks).json()


def test_a_service_that_cannot_be_built_leaves_the_old_one_serving(
    sandbox: ThreadedSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise LookupError("broken on purpose")

    with monkeypatch.context() as patched:
        patched.setattr(Discovery, "__init__", broken)
        with pytest.raises(LookupError):
            sandbox.replace("mock_idp")
    assert _get(f"{sandbox.layout.idp_issuer('acme')}/jwks").is_success


def test_a_state_directory_keeps_the_audit_trails(tmp_path: Path) -> None:
    with ThreadedSandbox(state_dir=tmp_path) as sandbox:
        httpx.post(sandbox.layout.resource("acme"), json={}, headers={"Authorization": "Bearer x"}, trust_env=False)
        report = verify(sandbox.audit_files["mcp_server"])
    assert report.lines >= 1
    assert report.problems == []


def test_after_the_stop_its_ports_are_free() -> None:
    sandbox = ThreadedSandbox()
    sandbox.start()
    control = sandbox.control("mock_idp")
    sandbox.stop()
    sandbox.stop()
    with control, pytest.raises(SandboxError, match="does not answer"):
        control.now()
    for service in SERVICES:
        port = urlsplit(sandbox.layout.place(service).url).port
        socket.create_server(("127.0.0.1", port or 0)).close()


def _get(url: str) -> httpx.Response:
    return httpx.get(url, trust_env=False)
