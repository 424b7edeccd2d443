"""What real authorization servers do otherwise than ours, and rightly: they are judged all the same, and fairly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from fixtures.authorization_server import metadata
from fixtures.authorization_server.client_assertion import ClientAssertion
from fixtures.authorization_server.errors import UnsupportedGrantType
from fixtures.authorization_server.issuer import Issuer
from fixtures.authorization_server.requests import OAuthRequest
from fixtures.authorization_server.revocation import Revocation
from fixtures.world import load_world
from harness import engine
from harness.browser import Landing
from harness.events import Settings
from harness.expect import expect_no_code
from harness.http import Wire
from harness.sandbox.target import sandbox_target
from harness.sandbox.threads import ThreadedSandbox
from harness.scenario import load_scenarios
from harness.target import LoginPage, Target
from harness.verdict import Verdict
from tests.harness.test_expect import answered

EMPTY = "as/token-endpoint/an-empty-parameter-counts-as-omitted"
REFUSAL = "as/login/a-refusal-is-access-denied"
REVOKED = "as/revocation/a-revoked-refresh-token-is-dead"
TYPED = "as/client-assertions/its-type-may-be-left-open/without-a-type"


@pytest.fixture
def target() -> Iterator[Target]:
    """The sandbox as a target that promises nothing."""
    with ThreadedSandbox() as sandbox, sandbox.control("authorization_server") as control:
        yield replace(sandbox_target(sandbox, load_world(), control=control), capabilities={})


def _verdict(target: Target, scenario: str) -> Verdict:
    chosen = [load_scenarios()[scenario]]
    (result,) = engine.run(target, chosen, lambda _: None, wire=Wire(), settings=Settings()).results
    return result.verdict


def test_a_page_that_knows_no_such_client_is_a_refusal() -> None:
    expect_no_code(Landing(answered(404, "text/html")))


def test_where_public_clients_may_not_revoke_another_one_does(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    def told(endpoint: str, methods: tuple[str, ...]) -> dict[str, Any]:
        return listed(endpoint, ("client_secret_basic",) if endpoint == "revocation" else methods)

    listed = metadata._authentication
    monkeypatch.setattr(Revocation, "CLIENT_AUTH_METHODS", ("client_secret_basic",))
    assert _verdict(target, REVOKED) is Verdict.BLOCKED
    monkeypatch.setattr(metadata, "_authentication", told)
    assert _verdict(target, REVOKED) is Verdict.PASSED


def test_what_was_never_refused_is_not_judged_as_a_refusal(target: Target) -> None:
    login = replace(target.home.login, refusal=(LoginPage(press="No such button"),))
    assert _verdict(replace(target, home=replace(target.home, login=login)), REFUSAL) is Verdict.BLOCKED


def test_assertions_are_for_whom_the_target_file_says(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClientAssertion, "get_audiences", lambda check: (f"{check._issuer.url}/token",))
    assert _verdict(target, TYPED) is Verdict.BLOCKED
    keyed = replace(target.home.clients["keyed"], assertion_audience="token_endpoint")
    clients = {**target.home.clients, "keyed": keyed}
    assert _verdict(replace(target, home=replace(target.home, clients=clients)), TYPED) is Verdict.PASSED


def test_an_empty_grant_type_is_compared_with_a_missing_one(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    def grant(issuer: Issuer, request: OAuthRequest) -> Any:
        if not request.payload.grant_type:
            raise UnsupportedGrantType("There is none.")
        return found(issuer, request)

    found = Issuer.get_token_grant
    monkeypatch.setattr(Issuer, "get_token_grant", grant)
    assert _verdict(target, EMPTY) is Verdict.PASSED
