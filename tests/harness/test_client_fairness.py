"""Client authentication leaves some things to the server: whoever does them otherwise than we do is judged fairly."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest

from fixtures.authorization_server import client_authentication, metadata, store
from fixtures.authorization_server.authorization_code import AuthorizationCodeGrant
from fixtures.authorization_server.client_assertion import ClientAssertion
from fixtures.authorization_server.client_authentication import Authentication
from fixtures.authorization_server.clients import Client
from fixtures.authorization_server.errors import InvalidClient, InvalidGrant, InvalidRequest
from fixtures.authorization_server.guessing import FREE, Guesses
from fixtures.authorization_server.issuer import Issuer
from fixtures.authorization_server.jose import Claims
from fixtures.world import load_world
from harness import engine
from harness.events import Settings
from harness.http import Wire
from harness.keys import header_of
from harness.sandbox.target import sandbox_target
from harness.sandbox.threads import ThreadedSandbox
from harness.scenario import load_scenarios
from harness.target import OAuthClient, Target
from harness.verdict import Verdict
from scenarios.authorization_server.token_endpoint import BETTER, _most_bits

ASYMMETRIC = "as/client-authentication/asymmetric-authentication-is-offered"
EMPTY = "as/client-authentication/another-secret-is-refused/empty"
GUESSING = "as/client-authentication/guessing-a-secret-is-slowed-down"
NAMED_BESIDE = "as/client-assertions/another-client-cannot-be-named-beside-it"
IN_URI = "as/client-authentication/a-secret-in-the-uri-is-refused"
LENGTH = "as/token-endpoint/what-is-issued-is-too-long-to-guess"
ONCE = "as/client-assertions/it-works-once"
TO_THE_ENDPOINT = "as/client-assertions/it-is-for-the-issuer-alone/not-for-the-token-endpoint"

Differs = Callable[[pytest.MonkeyPatch], None]

_basic_credentials = client_authentication.basic_credentials


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ThreadedSandbox]:
    with ThreadedSandbox() as running:
        yield running


@pytest.fixture
def target(sandbox: ThreadedSandbox) -> Iterator[Target]:
    """The sandbox as a target that promises nothing."""
    sandbox.replace("authorization_server")
    with sandbox.control("authorization_server") as control:
        yield replace(sandbox_target(sandbox, load_world(), control=control), capabilities={})


def _verdict(target: Target, scenario: str) -> Verdict:
    chosen = [load_scenarios()[scenario]]
    (result,) = engine.run(target, chosen, lambda _: None, wire=Wire(), settings=Settings()).results
    return result.verdict


def _with_clients(target: Target, **clients: OAuthClient | None) -> Target:
    """Return the target with other clients; None leaves one out."""
    told = {kind: client for kind, client in {**target.home.clients, **clients}.items() if client}
    return replace(target, home=replace(target.home, clients=told))


def _guessed_at_freely(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Guesses, "check", lambda *_: None)


def _locked(patch: pytest.MonkeyPatch) -> None:
    def check(guesses: Guesses, client_id: str, source: str) -> None:
        if guesses._of(client_id, source)[0] >= FREE:
            raise InvalidClient("Too many wrong secrets.")

    patch.setattr(Guesses, "check", check)


def _code_first(patch: pytest.MonkeyPatch) -> None:
    def validate(grant: AuthorizationCodeGrant) -> None:
        if not grant.server.store.codes.find(grant.request.form.get("code")):
            raise InvalidGrant("The code is unknown.")
        checks(grant)

    checks = AuthorizationCodeGrant.validate_token_request
    patch.setattr(AuthorizationCodeGrant, "validate_token_request", validate)


def _query_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Authentication, "check_no_credentials_in_uri", lambda *_: None)


def _empty_secret_missing(patch: pytest.MonkeyPatch) -> None:
    def credentials(header: str) -> tuple[str, str]:
        client_id, secret = _basic_credentials(header)
        if not secret:
            raise InvalidRequest("The secret is missing.")
        return client_id, secret

    patch.setattr(client_authentication, "basic_credentials", credentials)


def _public_only(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(metadata, "METHODS", ("none",))


def _as_in_rfc_7523(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ClientAssertion, "get_audiences", lambda check: (check._issuer.url, f"{check._issuer.url}/token"))
    patch.setattr(ClientAssertion, "was_used", lambda *_: False)


def _issuing(secret: Callable[[], str]) -> Differs:
    return lambda patch: patch.setattr(store, "new_secret", secret)


@pytest.mark.parametrize(
    ("scenario", "differs", "verdict"),
    [
        (GUESSING, _guessed_at_freely, Verdict.WARNING),
        (GUESSING, _locked, Verdict.PASSED),
        (GUESSING, _code_first, Verdict.NOT_APPLICABLE),
        (IN_URI, _query_ignored, Verdict.PASSED),
        (EMPTY, _empty_secret_missing, Verdict.PASSED),
        (ASYMMETRIC, _public_only, Verdict.NOT_APPLICABLE),
        (TO_THE_ENDPOINT, _as_in_rfc_7523, Verdict.WARNING),
        (ONCE, _as_in_rfc_7523, Verdict.NOT_APPLICABLE),
        (LENGTH, _issuing(partial(secrets.token_hex, 8)), Verdict.FAILED),
        (LENGTH, _issuing(lambda: f"assay_code_{secrets.token_urlsafe(12)}"), Verdict.FAILED),
        (LENGTH, _issuing(partial(secrets.token_hex, 16)), Verdict.WARNING),
        (LENGTH, _issuing(partial(secrets.token_urlsafe, 16)), Verdict.WARNING),
        (LENGTH, _issuing(partial(secrets.token_urlsafe, 20)), Verdict.PASSED),
    ],
)
def test_a_server_of_its_own_mind_is_judged_fairly(
    target: Target, monkeypatch: pytest.MonkeyPatch, scenario: str, differs: Differs, verdict: Verdict
) -> None:
    differs(monkeypatch)
    assert _verdict(target, scenario) is verdict


@pytest.mark.parametrize(("told", "verdict"), [("JWT", Verdict.PASSED), ("client-authentication+jwt", Verdict.BLOCKED)])
def test_a_server_that_knows_one_type_of_assertion_is_sent_that(
    target: Target, monkeypatch: pytest.MonkeyPatch, told: str, verdict: Verdict
) -> None:
    def claims(check: ClientAssertion, assertion: str, client: Client) -> Claims:
        if header_of(assertion).get("typ") not in (None, "JWT"):
            raise InvalidClient("The assertion has an unknown type.")
        return verified(check, assertion, client)

    verified = ClientAssertion.verified_claims
    monkeypatch.setattr(ClientAssertion, "verified_claims", claims)
    keyed = replace(target.home.clients["keyed"], assertion_type=told)
    assert _verdict(_with_clients(target, keyed=keyed), NAMED_BESIDE) is verdict


def test_assertions_are_not_judged_where_no_grant_shows_them(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Issuer, "grant_types", lambda _issuer: ["authorization_code", "refresh_token"])
    assert _verdict(_with_clients(target, keyed=None), NAMED_BESIDE) is Verdict.NOT_APPLICABLE


def test_a_value_that_is_given_again_is_as_long_as_before() -> None:
    token = secrets.token_urlsafe(32)
    assert _most_bits([token, token]) == _most_bits([token]) > BETTER
