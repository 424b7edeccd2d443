"""Two runs of a scenario are the same when they differ in nothing but what has to differ."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.replay import Difference, compare

THEN = "http://127.0.0.1:4001"
NOW = "http://127.0.0.1:51002"


def exchange(
    url: str = f"{THEN}/token",
    body: str = "",
    *,
    method: str = "POST",
    kind: str = "application/x-www-form-urlencoded",
    answer: str = "",
    status: int = 200,
    headers: tuple[tuple[str, str], ...] = (),
) -> dict[str, Any]:
    """Return an exchange as the JSON report has it."""
    return {
        "recipient": "authorization-server",
        "request": {"method": method, "url": url, "headers": [["content-type", kind], *headers], "body": body},
        "response": {"status": status, "headers": [["content-type", "application/json"]], "body": answer, "fault": ""},
        "curl": f"curl {url}",
    }


def differences(then: dict[str, Any], now: dict[str, Any]) -> list[Difference]:
    """Return what is different in one request or in its answer."""
    (compared,) = compare([then], [now])
    return [*compared.request, *compared.answer]


@pytest.mark.parametrize(
    ("then", "now"),
    [
        ("code=<code:11111111>", "code=<code:22222222>"),
        (f"resource={THEN}/mcp", f"resource={NOW}/mcp"),
        ("code_challenge=QExGheB7FwvZSiTpG1vHSXco8ZpGwFXN", "code_challenge=9eL_hAhpS6OuDWjrZBOuY7HkG8xEhbaA"),
        ("client_id=assay-0011223344556677", "client_id=assay-8899aabbccddeeff"),
        ("x_assay_1a2b3c4d=1", "x_assay_5e6f7a8b=1"),
        ("next=http%3A//127.0.0.1%253A4001/a", "next=http%3A//127.0.0.1%253A51002/a"),
    ],
)
def test_what_is_made_anew_makes_no_difference(then: str, now: str) -> None:
    assert differences(exchange(f"{THEN}/token", then), exchange(f"{NOW}/token", now)) == []


@pytest.mark.parametrize(
    ("then", "now", "where"),
    [
        ("code=<code:11111111>", "code=<state:22222222>", "body code"),
        ("code=<code:11111111>", "code=none", "body code"),
        ("scope=urn:ledger:balance:read", "scope=urn:ledger:balance:rite", "body scope"),
        ("protocol=2026-07-28", "protocol=2025-11-25", "body protocol"),
        ("error=access_denied_now", "error=invalid_grant_now", "body error"),
        ("account=DE-001", "account=AU-900", "body account"),
        ("to=https://evil.example/a", "to=https://evil.invalid/a", "body to"),
    ],
)
def test_what_has_a_meaning_makes_a_difference(then: str, now: str, where: str) -> None:
    found = differences(exchange(body=then), exchange(f"{NOW}/token", now))
    assert found == [Difference(where, then.partition("=")[2], now.partition("=")[2])]


def test_what_is_missing_and_what_is_new_is_told() -> None:
    assert differences(exchange(body="a=1&b=2&b=3"), exchange(body="b=2&c=4")) == [
        Difference("body a", "1", None),
        Difference("body b (2)", "3", None),
        Difference("body c", None, "4"),
    ]


def test_a_secret_that_came_back_has_to_come_back() -> None:
    then = exchange(body="first=<code:11111111>&second=<code:11111111>")
    assert differences(then, exchange(body="first=<code:22222222>&second=<code:22222222>")) == []
    assert differences(then, exchange(body="first=<code:22222222>&second=<code:33333333>")) == [
        Difference("body second", "<code:11111111>", "<code:33333333>")
    ]
    assert differences(exchange(body="first=<code:22222222>&second=<code:33333333>"), then) != []


def test_a_token_is_known_again_under_another_name() -> None:
    then = [exchange(answer='{"access_token": "<access_token:11111111>"}'), exchange(body="token=<token:11111111>")]
    same = [exchange(answer='{"access_token": "<access_token:22222222>"}'), exchange(body="token=<token:22222222>")]
    other = [exchange(answer='{"access_token": "<access_token:22222222>"}'), exchange(body="token=<token:33333333>")]
    assert [item.same for item in compare(then, same)] == [True, True]
    assert [item.same for item in compare(then, other)] == [True, False]


def test_moments_and_sizes_of_pages_make_no_difference() -> None:
    answers = [
        {"iat": 1795317543, "issued": "2026-11-22T03:19:09+00:00", "page": "<text/html, 2721 bytes>"},
        {"iat": 1795399999, "issued": "2026-11-23T04:19:09+00:00", "page": "<text/html, 2719 bytes>"},
    ]
    then, now = (exchange(answer=json.dumps(answer)) for answer in answers)
    assert differences(then, now) == []
    assert differences(exchange(answer='{"exp": 900}'), exchange(answer='{"exp": 60}')) == [
        Difference("body exp", "900", "60")
    ]


def test_the_answer_is_told_apart_from_the_request() -> None:
    (compared,) = compare([exchange(status=400, answer='{"error": "invalid_grant"}')], [exchange(answer="{}")])
    assert compared.same
    assert [item.where for item in compared.answer] == ["status", "body error", "body"]


def test_headers_are_compared_but_for_lengths() -> None:
    then = exchange(headers=(("content-length", "1"), ("cookie", "session_4001=<cookie:11111111>")))
    now = exchange(f"{NOW}/token", headers=(("content-length", "2"), ("cookie", "session_51002=<cookie:22222222>")))
    assert differences(then, now) == []
    assert [item.where for item in differences(then, exchange(headers=(("accept", "*/*"),)))] == ["cookie", "accept"]


def test_requests_are_compared_with_those_that_went_to_the_same_address() -> None:
    login, token = exchange(f"{THEN}/login", method="GET"), exchange()
    compared = compare([login, token], [exchange(f"{NOW}/token")])
    assert [(item.then, item.now is None, item.same) for item in compared] == [
        (login, True, False),
        (token, False, True),
    ]


def test_addresses_that_are_made_anew_are_the_same_address() -> None:
    made = [exchange(f"{THEN}/register/client-{end}", method="GET") for end in ("vZ0e9r4lPxw4BHj8", "9eL1hAhpS6OuDWjr")]
    assert [item.same for item in compare(made[:1], made[1:])] == [True]


@pytest.mark.parametrize("url", ["http://[", "", "javascript:alert(1)", "http://127.0.0.1:99999/\x00"])
def test_what_is_no_url_is_compared_too(url: str) -> None:
    assert differences(exchange(url), exchange(url)) == []
    assert differences(exchange(url), exchange("http://a.example")) != []


def test_what_is_no_json_or_form_is_compared_as_a_whole() -> None:
    assert differences(exchange(answer="[" * 9000), exchange(answer="[" * 9000)) == []
    assert differences(exchange(answer='{"a": 1'), exchange(answer='{"a": 2')) == [
        Difference("body", '{"a": 1', '{"a": 2')
    ]
    many = json.dumps([1] * 50_000)
    assert differences(exchange(answer=many), exchange(answer=many)) == []
