"""A sandbox that a target trusts signs with the same keys at each start, and one that runs already is used."""

from __future__ import annotations

import json
import os
import signal
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.cli.bringing import Brought
from harness.keys import header_of
from harness.listener import Listener, Reply
from harness.planning import plan_of
from harness.sandbox import registry
from harness.sandbox.attached import attach, handle_of
from harness.sandbox.embedded import EmbeddedSandbox
from harness.sandbox.errors import SandboxError
from harness.sandbox.target import Sandbox
from harness.sandbox.trusted import trusted_sandbox
from harness.target_file import checked_target_file
from tests.addresses import free_base


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def _kid(sandbox: Sandbox, tenant: str = "acme") -> Any:
    with sandbox.control("authorization_server") as control:
        return header_of(control.sign(tenant, {}, {}))["kid"]


def test_the_next_start_signs_with_the_same_keys_even_if_they_were_rotated(state_home: Path) -> None:
    base = free_base()
    with trusted_sandbox(base) as first:
        kid = _kid(first)
        with first.control("authorization_server") as control:
            control.rotate_keys("acme")
        assert _kid(first) != kid
    folder = state_home / "mcp-assay" / "keys"
    assert [entry.name for entry in folder.iterdir()] == [f"{base}.json"]
    assert folder.stat().st_mode & 0o777 == 0o700
    with trusted_sandbox(base) as second:
        assert _kid(second) == kid
        assert _kid(second, "globex") != kid


def test_it_has_no_mcp_server_and_leaves_that_one_s_port_alone() -> None:
    base = free_base()
    with socket.create_server(("127.0.0.1", base + 2)), trusted_sandbox(base) as sandbox:
        assert isinstance(sandbox, EmbeddedSandbox)
        assert sandbox.pids.keys() == {"authorization_server", "mock_idp"}


def test_one_that_runs_is_used_and_left_running() -> None:
    with EmbeddedSandbox() as running:
        port = int(running.layout.mock_idp.url.rpartition(":")[2])
        kid = _kid(running)
        with registry.recorded({"mock_idp": running.layout.mock_idp.url}, handle_of(running)):
            with trusted_sandbox(port) as used:
                assert _kid(used) == kid
            assert not running.ended
        assert registry.usable(port) is None


def test_a_run_is_told_what_ended_of_one_that_it_started_and_of_one_that_ran_already() -> None:
    base = free_base()
    with Listener(lambda _: Reply(401)) as target, ExitStack() as stack:
        data = {"target": {"mcp_server": f"{target.url}/mcp", "trusts": "sandbox"}, "sandbox": {"port": base}}
        plan = plan_of(checked_target_file(data, "here"), 10, stack)
        stack.callback(plan.wire.close)
        assert isinstance(plan.issuer, EmbeddedSandbox)
        beside = attach(handle_of(plan.issuer))
        assert [list(Brought().incidents(issuer)) for issuer in (plan.issuer, beside)] == [[], []]
        pid = plan.issuer.pids["authorization_server"]
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        told = ["The authorization server of the sandbox ended during the run."]
        assert [list(Brought().incidents(issuer)) for issuer in (plan.issuer, beside)] == [told, told]


def test_one_that_may_not_be_used_is_in_the_way() -> None:
    base = free_base()
    record = registry.recorded({"mock_idp": f"http://127.0.0.1:{base}"})
    refused = pytest.raises(SandboxError, match=rf"port {base} of 127.0.0.1 is in use; .sandbox. port names")
    with socket.create_server(("127.0.0.1", base)), record, refused:
        trusted_sandbox(base).__enter__()


def test_the_record_of_one_that_may_be_used_is_readable_for_the_user_only(state_home: Path) -> None:
    with registry.recorded({"mock_idp": "http://127.0.0.1:1"}, {"control_token": "secret"}) as record:
        (file,) = (state_home / "mcp-assay" / "sandboxes").iterdir()
        assert json.loads(file.read_text())["handle"] == {"control_token": "secret"}
        assert file.stat().st_mode & 0o777 == 0o600
        assert "secret" not in repr(record)


def test_keys_that_cannot_be_used_are_one_sentence(state_home: Path) -> None:
    base = free_base()
    registry.key_file(base).write_text("spoilt")
    with pytest.raises(SandboxError, match=f"{base}.json is no key file: delete it, and new keys are made"):
        trusted_sandbox(base).__enter__()


def test_without_a_place_for_the_keys_the_user_is_told_how_to_name_one(state_home: Path) -> None:
    (state_home / "mcp-assay").write_text("in the way")
    with pytest.raises(SandboxError, match=r"no place for the issuer's keys: .*set XDG_STATE_HOME to a folder"):
        trusted_sandbox(free_base()).__enter__()


def test_a_resource_that_is_added_can_be_asked_for_until_the_next_reset() -> None:
    resource = "http://localhost:8000/mcp"
    with EmbeddedSandbox() as sandbox, sandbox.control("authorization_server") as control:
        control.add_resource("acme", resource)
        agent = ("ledger-agent", "acme-ledger-agent-secret")
        form = {"grant_type": "client_credentials", "resource": resource}
        place = f"{sandbox.layout.issuer('acme')}/token"
        assert _asked(place, agent, form) == 200
        with pytest.raises(SandboxError, match="no resource called nothing"):
            control.add_resource("acme", resource, like="nothing")
        with pytest.raises(SandboxError, match="not an absolute URI"):
            control.add_resource("acme", "mcp")
        control.reset()
        assert _asked(place, agent, form) == 400


def _asked(place: str, agent: tuple[str, str], form: dict[str, str]) -> int:
    return httpx.post(place, auth=agent, data=form, trust_env=False).status_code
