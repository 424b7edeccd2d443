"""Token exchange leaves much to the server: what it decides otherwise than our reference is not held against it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from fixtures.authorization_server.client_credentials import ClientCredentialsGrant
from fixtures.authorization_server.errors import UnauthorizedClient
from fixtures.authorization_server.token_exchange import TokenExchangeGrant
from fixtures.world import load_world
from harness import engine
from harness.delegation import actors
from harness.events import Result, Settings
from harness.http import Wire
from harness.sandbox.target import sandbox_target
from harness.sandbox.threads import ThreadedSandbox
from harness.scenario import load_scenarios
from harness.target import Target
from harness.verdict import Verdict

GENERATED = "as/generated-requests/no-exchange-request-gives-more-than-the-subject-token"
AREAS = ("as/token-exchange/", "as/exchange-actors/", "as/exchanged-token/", "as/subject-tokens/", GENERATED)
HARMLESS = (Verdict.PASSED, Verdict.NOT_APPLICABLE)
WORDS = ("actor-tokens", "delegation-only", "exchange-keeps-audience")
ACTOR_TYPE = "as/token-exchange/an-actor-token-needs-its-type"
USER = "as/exchanged-token/the-user-stays-the-subject"
TWO_USERS = "as/exchanged-token/two-users-stay-two"

_entitlement = TokenExchangeGrant.entitlement
_own = ClientCredentialsGrant.entitlement


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    """The sandbox as a target of which nothing is promised about exchange, and whose issuer signs for nobody."""
    with ThreadedSandbox() as sandbox, sandbox.control("authorization_server") as control:
        ours = sandbox_target(sandbox, load_world(), control=control)
        promised = {name: told for name, told in ours.capabilities.items() if name not in WORDS}
        yield replace(ours, capabilities=promised, home=replace(ours.home, signer=None))


def _judged(target: Target, asked: tuple[str, ...] = AREAS) -> dict[str, Result]:
    chosen = [item for name, item in load_scenarios().items() if name.startswith(asked)]
    summary = engine.run(target, chosen, lambda _: None, wire=Wire(), settings=Settings(jobs=2))
    return {result.scenario.id: result for result in summary.results}


def _harmful(results: dict[str, Result]) -> dict[str, str]:
    return {name: result.actual for name, result in results.items() if result.verdict not in HARMLESS}


def _impersonates(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(TokenExchangeGrant, "check_actor_token_type", lambda _grant: None)
    patch.setattr(TokenExchangeGrant, "acting_party", lambda _grant, client: client.client_id)
    patch.setattr(TokenExchangeGrant, "check_may_act", lambda *_: None)
    patch.setattr(TokenExchangeGrant, "chain_of_actors", lambda _grant: None)


def _names_users_for_each_client(patch: pytest.MonkeyPatch) -> None:
    def entitlement(grant: TokenExchangeGrant) -> Any:
        ours = _entitlement(grant)
        return replace(ours, subject=f"{ours.subject}-for-{grant.request.client.client_id}")

    patch.setattr(TokenExchangeGrant, "entitlement", entitlement)


def _rounds_lifetimes_up(patch: pytest.MonkeyPatch) -> None:
    lifetime = TokenExchangeGrant.lifetime
    patch.setattr(TokenExchangeGrant, "lifetime", lambda grant: lifetime(grant) + 5)


@pytest.mark.parametrize("differs", [_impersonates, _names_users_for_each_client, _rounds_lifetimes_up])
def test_what_is_an_option_is_not_held_against_it(
    target: Target, monkeypatch: pytest.MonkeyPatch, differs: Callable[[pytest.MonkeyPatch], None]
) -> None:
    differs(monkeypatch)
    assert _harmful(_judged(target)) == {}


def test_a_server_that_ignores_actors_is_not_asked_about_them(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    _impersonates(monkeypatch)
    result = _judged(target, (ACTOR_TYPE,))[ACTOR_TYPE]
    assert result.verdict is Verdict.NOT_APPLICABLE
    assert "takes no account of actor tokens" in result.actual


def test_an_agent_without_a_token_of_its_own_is_not_asked_about_actors(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    def entitlement(grant: ClientCredentialsGrant) -> Any:
        if grant.request.client.client_id == target.home.clients["exchanger"].client_id:
            raise UnauthorizedClient("This client acts for others only.")
        return _own(grant)

    monkeypatch.setattr(ClientCredentialsGrant, "entitlement", entitlement)
    another = replace(target.home, clients={**target.home.clients, "machine": target.home.clients["keyed"]})
    result = _judged(replace(target, home=another), (ACTOR_TYPE,))[ACTOR_TYPE]
    assert (result.verdict, "in its own name" in result.actual) == (Verdict.NOT_APPLICABLE, True)


def test_that_actors_count_is_seen_without_a_promise(target: Target) -> None:
    results = _judged(target)
    assert _harmful(results) == {}
    assert {results[name].verdict for name in (ACTOR_TYPE, USER, TWO_USERS)} == {Verdict.PASSED}


def test_a_chain_is_read_from_the_current_actor_on() -> None:
    assert actors({"act": {"sub": "second", "act": {"sub": "first"}}}) == ["second", "first"]
    assert actors({"act": "nobody"}) == []
    loop: dict[str, Any] = {"sub": "again"}
    loop["act"] = loop
    assert set(actors({"act": loop})) == {"again"}
