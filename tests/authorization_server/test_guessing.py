"""Guessing of client secrets: who is wrong too often waits, and the rightful client waits no longer than that."""

from __future__ import annotations

import httpx
import pytest

from fixtures.authorization_server.errors import TooManyAttempts
from fixtures.authorization_server.guessing import FORGOTTEN, FREE, MOST, PAUSE, Guesses
from fixtures.service.clock import Clock
from tests.authorization_server.trio import Client, Trio, refused

SOURCE = "192.0.2.1"


def wrong(client: Client, client_id: str = "ledger-agent") -> httpx.Response:
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": "wrong"}
    return client.post("token", **form)


def guessed_at(clock: Clock) -> Guesses:
    guesses = Guesses(clock)
    for _ in range(FREE):
        guesses.check("ledger-agent", SOURCE)
        guesses.wrong("ledger-agent", SOURCE)
    return guesses


@pytest.mark.parametrize("client_id", ["ledger-agent", "nobody"])
def test_who_guesses_is_told_to_wait(trio: Trio, client_id: str) -> None:
    for _ in range(FREE):
        refused(wrong(trio.client(), client_id), "invalid_client", 401)
    answer = wrong(trio.client(), client_id)
    refused(answer, "temporarily_unavailable", 429)
    assert 0 < int(answer.headers["retry-after"]) <= PAUSE


def test_the_rightful_client_gets_in_after_a_pause(trio: Trio, ledger_agent: Client) -> None:
    for _ in range(FREE):
        wrong(trio.client())
    refused(ledger_agent.post("token", grant_type="client_credentials"), "temporarily_unavailable", 429)
    trio.clock.advance(PAUSE)
    assert ledger_agent.post("token", grant_type="client_credentials").status_code == 200
    refused(wrong(trio.client()), "invalid_client", 401)


def test_other_clients_and_other_tenants_are_not_slowed_down(trio: Trio, mcp_server: Client) -> None:
    for _ in range(FREE):
        wrong(trio.client())
    assert mcp_server.post("introspect", token="unknown").status_code == 200
    refused(wrong(trio.client("globex")), "invalid_client", 401)


def test_guesses_count_by_address() -> None:
    guesses = guessed_at(Clock())
    guesses.check("ledger-agent", "192.0.2.2")
    with pytest.raises(TooManyAttempts):
        guesses.check("ledger-agent", SOURCE)


def test_each_wrong_secret_after_many_begins_a_pause() -> None:
    clock = Clock()
    guesses = guessed_at(clock)
    for _ in range(3):
        with pytest.raises(TooManyAttempts):
            guesses.check("ledger-agent", SOURCE)
        clock.advance(PAUSE)
        guesses.check("ledger-agent", SOURCE)
        guesses.wrong("ledger-agent", SOURCE)


def test_wrong_secrets_are_forgotten_in_time() -> None:
    clock = Clock()
    guesses = guessed_at(clock)
    clock.advance(FORGOTTEN)
    guesses.wrong("ledger-agent", SOURCE)
    guesses.check("ledger-agent", SOURCE)


def test_a_clock_that_is_moved_back_locks_nobody_out() -> None:
    clock = Clock()
    guesses = guessed_at(clock)
    clock.advance(-3600)
    guesses.check("ledger-agent", SOURCE)


def test_no_more_than_so_many_are_remembered() -> None:
    guesses = guessed_at(Clock())
    for number in range(MOST):
        guesses.wrong(f"client-{number}", SOURCE)
    guesses.check("ledger-agent", SOURCE)
