"""The sequence diagram has who takes part, the arrows as they went, and what matters of each message."""

from __future__ import annotations

import pytest

from reports.captions import answered, asked
from reports.document import Document
from reports.sequence import Diagram, diagram

AS = "http://as.example"


def exchange(
    sender: str = "client",
    recipient: str = "authorization-server",
    method: str = "GET",
    url: str = f"{AS}/authorize",
    body: str = "",
    *,
    headers: tuple[tuple[str, str], ...] = (),
    status: int | None = 200,
    answer: tuple[tuple[str, str], ...] = (),
    content: str = "",
    fault: str = "",
) -> Document:
    return {
        "sender": sender,
        "recipient": recipient,
        "request": {"method": method, "url": url, "headers": list(headers), "body": body},
        "response": {"status": status, "headers": list(answer), "body": content, "fault": fault, "elapsed_ms": 1.0},
    }


TOKEN = exchange(method="POST", url=f"{AS}/token", body="grant_type=authorization_code&code=<code:1>")
LOGIN = exchange("browser", status=302, answer=(("Location", "http://idp.example/login?nonce=1"),))
AT_IDP = exchange("browser", "identity-provider", url="http://idp.example/login?nonce=1")
CALL = exchange("client", "mcp-server", "POST", "http://mcp.example/mcp", headers=(("authorization", "Bearer <a:1>"),))


def drawn(*exchanges: Document, culprit: int | None = None) -> Diagram:
    return diagram(exchanges, first=1, judged="authorization-server", culprit=culprit, mark="here")


@pytest.mark.parametrize(
    ("exchanges", "names"),
    [
        ((TOKEN,), ["Client", "Authorization server"]),
        ((LOGIN, AT_IDP), ["Browser", "Authorization server", "Identity provider"]),
        (
            (LOGIN, AT_IDP, TOKEN, CALL),
            ["Client", "Browser", "Authorization server", "Identity provider", "MCP server"],
        ),
    ],
)
def test_only_who_takes_part_has_a_lifeline(exchanges: tuple[Document, ...], names: list[str]) -> None:
    lifelines = drawn(*exchanges).lifelines
    assert [line.name for line in lifelines] == names
    assert [line.name for line in lifelines if line.judged] == ["Authorization server"]


def test_an_exchange_is_an_arrow_there_and_one_back() -> None:
    picture = drawn(LOGIN, TOKEN)
    places = {line.name: line.x for line in picture.lifelines}
    (there, back), (asked_there, _) = (step.arrows for step in picture.steps)
    assert (there.start, there.end) == (places["Browser"], places["Authorization server"])
    assert (back.start, back.end) == (there.end, there.start)
    assert (asked_there.start, asked_there.end) == (places["Client"], places["Authorization server"])


def test_steps_stand_below_each_other_inside_the_drawing() -> None:
    picture = drawn(LOGIN, AT_IDP, TOKEN, CALL, culprit=2)
    heights = [arrow.y for step in picture.steps for arrow in step.arrows]
    assert heights == sorted(heights)
    assert all(0 < line.x < picture.width for line in picture.lifelines)
    assert heights[-1] < picture.height
    assert all(y < arrow.y for step in picture.steps for arrow in step.arrows for y, _ in arrow.texts)


def test_the_proof_is_marked() -> None:
    assert [step.mark for step in drawn(LOGIN, TOKEN, culprit=1).steps] == ["", "here"]


def test_a_text_that_is_too_long_for_its_arrow_is_cut() -> None:
    picture = drawn(exchange(url=f"{AS}/{'x' * 4000}", status=None, fault="\x1b[2J" * 900))
    there, back = picture.steps[0].arrows
    assert there.texts[0][1].endswith("…")
    assert len(there.texts[0][1]) < 70
    assert back.texts[1][1].startswith("\\x1b[2J")


RPC = '{"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "get_balance"}}'


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (TOKEN, ("POST /token", "grant_type=authorization_code")),
        (exchange(url=f"{AS}/authorize?response_type=code&state=1"), ("GET /authorize", "response_type=code")),
        (exchange(url=AS), ("GET /", "")),
        (exchange(url="http://[::1"), ("GET /", "")),
        (CALL, ("POST /mcp", "Bearer token")),
        (exchange(method="POST", body=RPC), ("POST /authorize", "tools/call get_balance")),
        (exchange(method="POST", body='{"method": 7, "params": [1]}'), ("POST /authorize", "7")),
        (
            exchange(body="grant_type=urn:ietf:params:oauth:grant-type:token-exchange"),
            ("GET /authorize", "grant_type=token-exchange"),
        ),
    ],
)
def test_a_request_is_told_in_a_few_words(message: Document, says: tuple[str, str]) -> None:
    assert asked(message) == says


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (exchange(status=None, fault="connection refused"), ("no answer", "connection refused")),
        (exchange(status=799), ("799", "")),
        (LOGIN, ("302 Found", "→ idp.example/login (nonce)")),
        (
            exchange(status=303, answer=(("location", f"{AS}/cb?error=access_denied&state=1"),)),
            ("303 See Other", "→ /cb (error=access_denied, state)"),
        ),
        (exchange(status=302, answer=(("location", "http://[bad"),)), ("302 Found", "→ http://[bad")),
        (exchange(status=400, content='{"error": "invalid_grant"}'), ("400 Bad Request", "error=invalid_grant")),
        (exchange(content='{"error": {"message": "no such tool"}}'), ("200 OK", "error: no such tool")),
        (exchange(content='{"access_token": "<t>", "scope": ""}'), ("200 OK", "access_token")),
        (exchange(content='{"active": false}'), ("200 OK", "active: false")),
        (exchange(content='{"result": {}}'), ("200 OK", "a result")),
        (
            exchange(status=401, answer=(("www-authenticate", 'Bearer error="invalid_token"'),)),
            ("401 Unauthorized", 'challenge: Bearer error="invalid_token"'),
        ),
        (exchange(answer=(("content-type", "text/html; charset=utf-8"),)), ("200 OK", "text/html")),
        (exchange(content="[" * 4000), ("200 OK", "")),
    ],
)
def test_an_answer_is_told_in_a_few_words(message: Document, says: tuple[str, str]) -> None:
    assert answered(message) == says
