"""Where metadata is looked for, and how challenges are read."""

import httpx
import pytest

from harness import discovery
from harness.exchange import Answer, Evidence, Exchange


def answer(*challenges: str) -> Answer:
    headers = httpx.Headers([("www-authenticate", value) for value in challenges])
    return Answer(Exchange("GET", "http://127.0.0.1/", (), b"", 401, headers), Evidence())


def test_an_issuer_with_a_path_has_three_places_in_the_order_of_mcp() -> None:
    assert discovery.candidates("https://as.example/acme") == (
        "https://as.example/.well-known/oauth-authorization-server/acme",
        "https://as.example/.well-known/openid-configuration/acme",
        "https://as.example/acme/.well-known/openid-configuration",
    )


def test_an_issuer_without_a_path_has_two() -> None:
    assert len(discovery.candidates("https://as.example")) == 2
    assert discovery.candidates("https://as.example/") == discovery.candidates("https://as.example")


@pytest.mark.parametrize(
    ("challenges", "expected"),
    [
        (('Bearer realm="a, b", error="invalid_token"',), {"realm": "a, b", "error": "invalid_token"}),
        (("bearer scope=read",), {"scope": "read"}),
        (('Basic realm="x", Bearer scope="a b"',), {"scope": "a b"}),
        (('Basic realm="x"', 'Bearer resource_metadata="http://h/x"'), {"resource_metadata": "http://h/x"}),
        (('Bearer scope="a", Basic realm="x"',), {"scope": "a"}),
        (("Bearer",), {}),
        (('Basic realm="Bearer of news"',), {}),
        (('Basic realm="x, Bearer of news"',), {}),
        (
            ('Bearer error="invalid_token", error_description="Expired, please log in", scope="a"',),
            {"error": "invalid_token", "error_description": "Expired, please log in", "scope": "a"},
        ),
        (('Bearer scope="a", realm="unclosed',), {"scope": "a"}),
        (("Negotiate abc==, Bearer scope=a",), {"scope": "a"}),
        ((r'Bearer error_description="say \"no\"", realm=""',), {"error_description": 'say "no"', "realm": ""}),
    ],
)
def test_the_bearer_challenge_is_found_among_others(challenges: tuple[str, ...], expected: dict[str, str]) -> None:
    assert discovery.challenge(answer(*challenges)) == expected


def test_repeated_parameters_are_seen() -> None:
    repeated = answer('Bearer scope="a", Scope="b", error_description="\\x"')
    assert discovery.challenge_parameters(repeated) == [("scope", "a"), ("scope", "b"), ("error_description", "\\x")]


def test_a_bare_bearer_challenge_is_one() -> None:
    assert discovery.has_bearer_challenge(answer("Bearer"))
    assert discovery.has_bearer_challenge(answer('Basic realm="x", Bearer'))
    assert not discovery.has_bearer_challenge(answer('Basic realm="x"'))
