"""What counts as a refusal, what as a violation, and what is no judgement at all."""

from __future__ import annotations

import json

import httpx
import pytest

from harness.browser import Landing, parameters_of
from harness.exchange import Answer, Evidence, Exchange
from harness.expect import expect_no_code, expect_not_called, expect_not_let_in, expect_not_redirected_to
from harness.verdict import Blocked, Violation


def answered(status: int, kind: str = "application/json", body: object = None) -> Answer:
    headers = httpx.Headers({"content-type": kind})
    raw = json.dumps({"jsonrpc": "2.0", "id": 1, **body} if isinstance(body, dict) else body).encode()
    return Answer(Exchange("POST", "http://127.0.0.1/mcp", (), b"", status, headers, raw), Evidence())


@pytest.mark.parametrize(
    "answer",
    [
        answered(403),
        answered(200, body={"error": {"code": -32000, "message": "no"}}),
        answered(200, body={"result": {"isError": True, "content": []}}),
    ],
)
def test_a_tool_can_be_refused_in_three_ways(answer: Answer) -> None:
    expect_not_called(answer, what="a call")


def test_a_call_that_was_served_is_a_violation() -> None:
    with pytest.raises(Violation):
        expect_not_called(answered(200, body={"result": {"content": []}}), what="a call")


@pytest.mark.parametrize("answer", [answered(404), answered(503), answered(200), answered(200, "text/html", "hello")])
def test_a_call_that_came_to_nothing_is_neither_refused_nor_served(answer: Answer) -> None:
    with pytest.raises(Blocked):
        expect_not_called(answer, what="a call")


@pytest.mark.parametrize("answer", [answered(500), answered(501), answered(431), answered(403)])
def test_who_is_turned_away_oddly_is_not_let_in(answer: Answer) -> None:
    expect_not_let_in(answer)
    assert answer.evidence.warnings


@pytest.mark.parametrize(("answer", "end"), [(answered(503), Blocked), (answered(200, body={"result": {}}), Violation)])
def test_who_is_served_is_let_in_and_who_waits_is_not_judged(answer: Answer, end: type[Exception]) -> None:
    with pytest.raises(end):
        expect_not_let_in(answer)


def test_a_request_that_was_not_looked_at_is_not_refused() -> None:
    with pytest.raises(Blocked, match="429"):
        expect_not_redirected_to(Landing(answered(429)), "https://attacker.example/callback")


@pytest.mark.parametrize("name", ["code", "access_token", "id_token"])
def test_no_code_means_no_token_in_its_place_either(name: str) -> None:
    location = f"http://127.0.0.1/callback?state=a#{name}=b"
    answer = answered(302, "text/html")
    landing = Landing(answer, location, parameters_of(location))
    with pytest.raises(Violation, match=f"brought {name}"):
        expect_no_code(landing)


def test_an_error_in_the_redirect_is_a_refusal() -> None:
    location = "http://127.0.0.1/callback?error=invalid_request"
    expect_no_code(Landing(answered(302, "text/html"), location, parameters_of(location)))
