"""What is compared when two things are to be answered alike, and what is left out."""

from __future__ import annotations

import re
from itertools import count

import httpx
import pytest

from harness import keys
from harness.alike import Pair, expect_alike, unknown_like
from harness.exchange import Answer, Evidence, Exchange
from harness.target import Login, LoginPage
from harness.verdict import Violation
from scenarios.authorization_server.foreign_objects import typed, user_field

FOREIGN, UNKNOWN = "alive & well", "nobody knows"


def _answer(
    body: str = "", status: int = 400, media_type: str = "application/json", location: str = "", challenge: str = ""
) -> Answer:
    sent = httpx.Headers({"content-type": media_type, "location": location, "www-authenticate": challenge})
    return Answer(Exchange("POST", "http://127.0.0.1/token", (), b"", status, sent, body.encode()), Evidence())


def _pair(foreign: Answer, unknown: Answer) -> Pair:
    return Pair("a thing", lambda sent: foreign if sent == FOREIGN else unknown, FOREIGN, UNKNOWN)


@pytest.mark.parametrize(
    ("foreign", "unknown"),
    [
        (_answer(status=403), _answer(status=400)),
        (_answer('{"error": "invalid_client"}'), _answer('{"error": "invalid_grant"}')),
        (_answer('{"error": "x", "error_description": "expired"}'), _answer('{"error": "x"}')),
        (_answer(status=302, location="/login"), _answer(status=302, location="/error?reason=1")),
        (_answer(challenge="Bearer a"), _answer(challenge="Bearer b")),
        (_answer("<p>Sorry", media_type="text/html"), _answer("<p>What?", media_type="text/html")),
    ],
    ids=["status", "error", "description", "redirect", "challenge", "page"],
)
def test_a_difference_is_a_violation(foreign: Answer, unknown: Answer) -> None:
    with pytest.raises(Violation, match="as for what is unknown"):
        expect_alike(_pair(foreign, unknown))


def test_the_identifier_makes_no_difference() -> None:
    page = '<p>No such thing: {0}</p><a href="/?id={1}">again</a>'
    bodies = page.format("alive &amp; well", "alive%20%26%20well"), page.format(UNKNOWN, "nobody%20knows")
    expect_alike(_pair(*(_answer(body, media_type="text/html") for body in bodies)))
    expect_alike(_pair(_answer(f"no {FOREIGN}"), _answer(f"no {UNKNOWN}")))


def test_what_differs_each_time_makes_no_difference() -> None:
    number = count()
    expect_alike(Pair("a thing", lambda _: _answer(f'{{"error": "x", "trace": {next(number)}}}'), FOREIGN, UNKNOWN))


@pytest.mark.parametrize(
    ("identifier", "form"),
    [
        ("5d0cdcb0-7bd1-4b0e-9c58-0d6d3d2f0a11", r"5d0cdcb0-7bd1-4b0e-9c5[0-9a-f]-[0-9a-f]{11}1"),
        ("alice", r"[a-z]{4}e"),
        ("AB", r"[A-Z]B"),
        ("mcp_at_XyZ01234567890abcdef", r"mcp_at_XyZ[\w]{17}"),
        ("7", r"[0-9]"),
    ],
)
def test_what_nobody_has_is_of_the_same_form(identifier: str, form: str) -> None:
    other = unknown_like(identifier)
    assert other != identifier
    assert re.fullmatch(form, other)


def test_a_token_that_nobody_issued_says_the_same_of_others() -> None:
    key = keys.new_private_key()
    token = keys.sign({"iss": "https://as.example", "jti": "one-of-many"}, key)
    other = unknown_like(token)
    assert keys.header_of(other) == keys.header_of(token)
    assert keys.claims_of(other)["iss"] == "https://as.example"
    assert keys.claims_of(other)["jti"] != "one-of-many"
    assert not keys.verifies(other, [keys.public(key)])


def _login(**fill: str) -> Login:
    return Login("form", pages=(LoginPage(fill), LoginPage(press="allow")))


def test_the_users_field_is_the_one_in_which_the_logins_differ() -> None:
    mine = _login(realm="main", password="a", login="alice")
    theirs = _login(realm="main", password="b", login="gina")
    assert user_field(mine, theirs) == ("login", "alice")
    pages = typed(theirs, "login", "alice")
    assert dict(pages[0].fill) == {"realm": "main", "password": "assay-is-not-the-password", "login": "alice"}
    assert pages[1] == theirs.pages[1]


def test_no_field_is_found_where_none_names_a_user() -> None:
    assert user_field(_login(), _login()) is None
    assert user_field(_login(password="a"), _login(password="b")) is None
    assert user_field(_login(login="sam"), _login(login="sam")) is None
