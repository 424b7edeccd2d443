"""What the target publishes is found before the run, and the target file's word goes before it."""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from typing import Any

import pytest

from harness import planning
from harness.context import Context
from harness.http import NotAllowed, Wire
from harness.planning import Unreachable, look, plan_of
from harness.run import Run
from harness.target import Target
from harness.target_file import TargetFile
from tests.addresses import free_base
from tests.hostile import Hostile, answer, document

PUBLISHED = "http://127.0.0.1/published"


def _found(metadata: dict[str, Any], **tables: Any) -> Target:
    places = {"/.well-known/oauth-protected-resource": document(metadata)}
    with Hostile(answer(b"", "WWW-Authenticate: Bearer", status="401 Unauthorized"), places) as server:
        file = TargetFile.model_validate({"target": {"mcp_server": f"{server.url}/mcp"}, **tables})
        plan = look(file, timeout=5)
        plan.wire.close()
        return plan.target


def test_the_published_resource_identifier_is_used() -> None:
    assert _found({"resource": PUBLISHED}).resource == PUBLISHED


def test_the_resource_identifier_of_the_target_file_goes_before_the_published_one() -> None:
    named = "http://127.0.0.1/named"
    assert _found({"resource": PUBLISHED}, resources={"primary": named}).resource == named


@pytest.mark.parametrize(
    ("published", "scopes"), [(["a:b", "c", "d e", 7, ""], ("a:b", "c")), ("a", ()), (None, ()), ({"a": 1}, ())]
)
def test_the_scopes_that_the_server_publishes_are_known(published: object, scopes: tuple[str, ...]) -> None:
    assert _found({"resource": PUBLISHED, "scopes_supported": published}).resource_scopes == scopes


@pytest.mark.parametrize(
    ("tables", "scope"),
    [
        ({}, "a b"),
        ({"scopes": {"wide": "c d"}}, "c d"),
        ({"scopes": {"wide": "c d"}, "tools": {"t": {"scopes": ["e"]}}}, "e"),
    ],
)
def test_a_good_token_has_the_scopes_that_the_server_publishes_where_nothing_is_said(
    tables: dict[str, Any], scope: str
) -> None:
    run = Run(_found({"resource": PUBLISHED, "scopes_supported": ["b", "a"]}, **tables), Wire(5), Context)
    assert run.good_claims(run.home)["scope"] == scope
    run.wire.close()


@pytest.mark.parametrize("published", [None, "", 7, [PUBLISHED]])
def test_the_url_stands_for_a_resource_identifier_that_is_none(published: object) -> None:
    target = _found({"resource": published})
    assert target.resource == target.home.mcp_server


def test_what_the_target_file_takes_from_the_environment_is_known_as_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST", "SECOND", "THIRD", "FOURTH"):
        monkeypatch.setenv(name, f"secret of {name}")
    pages = [{"fill_env": {"pin": "FIRST"}}]
    client = {"client_id": "a", "auth_method": "client_secret_basic", "secret_env": "SECOND"}
    file = TargetFile.model_validate(
        {
            "target": {"mcp_server": "http://127.0.0.1/mcp"},
            "login": {"pages": pages, "refusal": [{"fill_env": {"pin": "THIRD"}}]},
            "other_tenant": {"clients": {"first": {**client, "secret_env": "FOURTH"}}},
            "clients": {"machine": client},
        }
    )
    assert set(file.resolve().secrets) == {f"secret of {name}" for name in ("FIRST", "SECOND", "THIRD", "FOURTH")}


def test_a_target_elsewhere_cannot_lead_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "_discovered", lambda target, *_: target)
    far = {"mcp_server": "https://mcp.example/mcp", "authorized": True}
    for extra, allowed in (({}, False), ({"origins": ["http://127.0.0.1:8080"]}, True), ({"trusts": "sandbox"}, True)):
        wire = look(TargetFile.model_validate({"target": {**far, **extra}}), timeout=5).wire
        wire.close()
        wire.check("https://mcp.example/token")
        with nullcontext() if allowed else pytest.raises(NotAllowed, match="this machine"):
            wire.check("http://127.0.0.1:8080/token")


def test_a_target_whose_container_nobody_started_is_told_with_who_would() -> None:
    target = {"mcp_server": f"http://127.0.0.1:{free_base((0,))}/mcp", "container": {"image": "server:1"}}
    file = TargetFile.model_validate({"target": target})
    said = "its container is started by `mcp-assay run --runtime docker` alone"
    with ExitStack() as stack, pytest.raises(Unreachable, match=said):
        plan_of(file, 5, stack)
