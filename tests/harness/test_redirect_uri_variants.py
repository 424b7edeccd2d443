"""Which redirect URIs the table makes of a registered one, and which redirects count as redirects to them."""

from __future__ import annotations

import pytest

from harness.browser import Landing, parameters_of
from harness.exchange import Answer, Evidence, Exchange
from harness.scenario import Fault
from scenarios.authorization_server.redirect_uri_variants import (
    LOOPBACK_VARIANTS,
    VARIANTS,
    applies,
    made,
    was_sent_to,
)

WEB = "https://client.assay.example/oauth/callback"
NATIVE = "http://127.0.0.1:8976/callback"
ROWS = {row.name: row for row in (*VARIANTS, *LOOPBACK_VARIANTS)}


def landed(location: str) -> Landing:
    answer = Answer(Exchange("GET", "https://as.example/authorize", (), b"", 302), Evidence())
    return Landing(answer, location, parameters_of(location), (location,))


@pytest.mark.parametrize("row", VARIANTS, ids=lambda row: row.name)
@pytest.mark.parametrize("registered", [WEB, NATIVE])
def test_a_variant_is_never_the_registered_uri_alone(row: Fault, registered: str) -> None:
    assert not applies(row, registered) or made(row, registered) != [registered]


def test_all_variants_of_a_uri_are_different() -> None:
    assert len({tuple(made(row, WEB)) for row in VARIANTS}) == len(VARIANTS)
    assert len({tuple(made(row, NATIVE)) for row in LOOPBACK_VARIANTS}) == len(LOOPBACK_VARIANTS)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("path-in-capitals", "https://client.assay.example/OAUTH/CALLBACK"),
        ("a-percent-encoded-letter", "https://client.assay.example/oauth/%63allback"),
        ("the-domain-above", "https://assay.example/oauth/callback"),
        ("the-default-port-written-out", "https://client.assay.example:443/oauth/callback"),
    ],
)
def test_a_row_is_made_of_the_registered_uri(name: str, expected: str) -> None:
    assert made(ROWS[name], WEB) == [expected]


def test_a_look_alike_of_a_host_is_what_dns_is_asked_for() -> None:
    [found] = made(ROWS["a-look-alike-of-the-host"], WEB)
    assert found.isascii()
    assert found.startswith("https://xn--")


@pytest.mark.parametrize("registered", [NATIVE, "http://localhost/callback", "http://[::1]:1234/callback"])
def test_rows_about_host_names_do_not_apply_on_loopback(registered: str) -> None:
    assert not applies(ROWS["a-subdomain"], registered)
    assert applies(ROWS["a-subdomain"], WEB)


@pytest.mark.parametrize(
    ("variant", "location"),
    [
        ("https://attacker.example/cb", "https://attacker.example/cb?error=invalid_request"),
        ("https://ATTACKER.example/a/../cb", "https://attacker.example/cb?error=invalid_request"),
        ("//attacker.example/cb", "https://attacker.example/cb#error=invalid_request"),
        (f"{WEB}?assay=1", f"{WEB}?assay=1&error=invalid_request"),
    ],
)
def test_a_redirect_to_the_variant_is_seen_however_it_is_written(variant: str, location: str) -> None:
    assert was_sent_to(landed(location), variant, WEB)


@pytest.mark.parametrize(
    ("variant", "location"),
    [
        (f"{WEB}?assay=1", f"{WEB}?error=invalid_request"),
        (f"{WEB}/../callback", f"{WEB}?error=invalid_request"),
        ("https://attacker.example/cb", "https://as.example/error"),
        ("https://attacker.example/cb", "https://as.example/error?from=https://attacker.example/cb"),
        ("javascript:alert(1)", "https://as.example/error"),
    ],
)
def test_an_error_at_the_registered_uri_or_the_servers_own_page_is_none(variant: str, location: str) -> None:
    assert not was_sent_to(landed(location), variant, WEB)
