"""Access tokens that show nothing are judged by what their issuer says of them, or by what they open."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from fixtures.authorization_server.access_token import AccessTokens, TokenGrant
from fixtures.authorization_server.token_verification import AccessToken, TokenVerifier
from fixtures.mcp_server.validation import TokenValidator, UnverifiedToken
from fixtures.mutants import find
from fixtures.world import load_world
from harness import engine
from harness.events import Result, Settings
from harness.http import Wire
from harness.requirement import Role
from harness.sandbox.target import sandbox_target
from harness.sandbox.threads import ThreadedSandbox
from harness.scenario import load_scenarios
from harness.target import Target
from harness.verdict import Verdict

WIDENS = "as/refresh/refreshing-cannot-widen-the-scope"
ELSEWHERE = "as/refresh/refreshing-cannot-reach-another-resource"
AUDIENCE = "as/resource-indicators/the-audience-is-the-requested-resource"
LATER = "as/expiry/an-exchanged-token-ends-with-its-subject"
REVOKED = "as/revocation/a-revoked-access-token-is-inactive"

_generate = AccessTokens.access_token_generator
_verified = TokenVerifier._verified
_read = TokenValidator.read
_respond = TokenGrant.generate_token


@pytest.fixture(scope="module")
def opaque_target() -> Iterator[Target]:
    """A sandbox whose access tokens are random texts to everybody but its services."""
    meant: dict[str, str] = {}

    def opaque(tokens: AccessTokens, *args: Any, **options: Any) -> str:
        token = secrets.token_urlsafe(32)
        meant[token] = _generate(tokens, *args, **options)
        return token

    def verified(verifier: TokenVerifier, issuer: Any, token: str) -> AccessToken | None:
        return _verified(verifier, issuer, meant.get(token, token))

    async def read(validator: TokenValidator, token: str) -> UnverifiedToken:
        return await _read(validator, meant.get(token, token))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AccessTokens, "access_token_generator", opaque)
        patch.setattr(TokenVerifier, "_verified", verified)
        patch.setattr(TokenValidator, "read", read)
        with ThreadedSandbox() as sandbox, sandbox.control("authorization_server") as control:
            target = sandbox_target(sandbox, load_world(), control=control)
            promised = {name: told for name, told in target.capabilities.items() if not name.startswith("jwt")}
            yield replace(target, capabilities=promised)


def _without_introspection(target: Target) -> Target:
    return replace(target, capabilities={**target.capabilities, "introspection": False})


def _judged(target: Target, *identifiers: str) -> dict[str, Result]:
    chosen = [load_scenarios()[identifier] for identifier in identifiers]
    summary = engine.run(target, chosen, lambda _: None, wire=Wire(), settings=Settings(jobs=2))
    return {result.scenario.id: result for result in summary.results}


def test_nothing_is_held_against_them(opaque_target: Target) -> None:
    asked = [item.id for item in load_scenarios().values() if item.role is Role.AUTHORIZATION_SERVER]
    results = _judged(opaque_target, *asked)
    harmless = (Verdict.PASSED, Verdict.NOT_APPLICABLE)
    assert {name: result.actual for name, result in results.items() if result.verdict not in harmless} == {}
    seen = (WIDENS, ELSEWHERE, AUDIENCE, LATER, REVOKED)
    assert {results[name].verdict for name in seen} == {Verdict.PASSED}


@pytest.mark.parametrize(
    ("mutant", "caught"),
    [
        ("as-refresh-widens", WIDENS),
        ("as-resource-not-bound-to-grant", ELSEWHERE),
        ("as-expiry-exchange-starts-anew", LATER),
        ("as-revocation-access-tokens-live-on", REVOKED),
    ],
)
def test_introspection_gives_a_defect_away(opaque_target: Target, mutant: str, caught: str) -> None:
    with find(mutant).applied():
        verdict = _judged(opaque_target, caught)[caught].verdict
    assert verdict in (Verdict.FAILED, Verdict.WARNING)


def _without_scope(grant: TokenGrant, *args: Any, **options: Any) -> dict[str, Any]:
    return {name: value for name, value in _respond(grant, *args, **options).items() if name != "scope"}


@pytest.mark.parametrize(
    ("scenario", "mutant"), [(WIDENS, "as-refresh-widens"), (REVOKED, "as-revocation-access-tokens-live-on")]
)
def test_without_introspection_the_mcp_server_shows_it(
    opaque_target: Target, monkeypatch: pytest.MonkeyPatch, scenario: str, mutant: str
) -> None:
    monkeypatch.setattr(TokenGrant, "generate_token", _without_scope)
    target = _without_introspection(opaque_target)
    assert _judged(target, scenario)[scenario].verdict is Verdict.PASSED
    with find(mutant).applied():
        assert _judged(target, scenario)[scenario].verdict in (Verdict.FAILED, Verdict.WARNING)


def test_where_nobody_can_tell_nothing_is_said(opaque_target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TokenGrant, "generate_token", _without_scope)
    target = _without_introspection(opaque_target)
    target = replace(target, home=replace(target.home, mcp_server=""))
    with find("as-refresh-widens").applied():
        results = _judged(target, WIDENS, REVOKED, AUDIENCE)
    assert results[WIDENS].verdict is Verdict.BLOCKED
    assert "[clients.resource_server]" in results[WIDENS].unlock
    assert {results[name].verdict for name in (REVOKED, AUDIENCE)} == {Verdict.NOT_APPLICABLE}
