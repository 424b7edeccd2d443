"""The API that the harness plays: what it answers, what it remembers, and how a token is found in what arrived."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from harness.downstream import DownstreamApi, Relayed
from harness.exchange import Answer, Evidence, Exchange
from harness.planning import plan_of
from harness.request import TargetFileError
from harness.target_file import TargetFile
from reports.participants import recipients

TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"


@pytest.fixture
def api() -> Iterator[DownstreamApi]:
    with DownstreamApi({"/rates": {"rate": "1.5"}, "/text": "[1, 2]", "": {"other": True}}) as running:
        yield running


def test_it_answers_by_path_and_all_other_paths_alike(api: DownstreamApi) -> None:
    with httpx.Client(base_url=api.url, trust_env=False) as client:
        assert client.get("/rates", params={"source": "EUR"}).json() == {"rate": "1.5"}
        assert client.post("/text").json() == [1, 2]
        assert client.get("/elsewhere").json() == {"other": True}


def test_what_arrives_is_remembered_only_while_somebody_wants_to_hear_of_it(api: DownstreamApi) -> None:
    with httpx.Client(base_url=api.url, trust_env=False) as client:
        client.get("/before")
        with api.hearing() as heard:
            client.post("/rates", content=b"amount=1", headers={"X-Twice": "1"})
        client.get("/after")
    (exchange,) = heard
    assert (exchange.method, exchange.url, exchange.request_body) == ("POST", f"{api.url}/rates", b"amount=1")
    assert ("x-twice", "1") in exchange.request_headers
    assert (exchange.status, json.loads(exchange.body)) == (200, {"rate": "1.5"})
    assert exchange.sender == "mcp-server"


def _arrived(url: str = "/rates", body: bytes = b"", **headers: str) -> Relayed:
    seen = Exchange("GET", f"http://127.0.0.1:1{url}", tuple(headers.items()), body, 200, sender="mcp-server")
    return Relayed(Answer(seen, Evidence()), (Answer(seen, Evidence()),))


@pytest.mark.parametrize(
    "relayed",
    [
        _arrived(authorization=f"Bearer {TOKEN}"),
        _arrived(cookie=f"session={TOKEN}; other=1"),
        _arrived(f"/rates?key={TOKEN}"),
        _arrived(body=json.dumps({"on_behalf_of": TOKEN}).encode()),
        _arrived(authorization=f"Basic {base64.b64encode(f'user:{TOKEN}'.encode()).decode()}"),
    ],
)
def test_a_token_is_found_wherever_it_stands(relayed: Relayed) -> None:
    assert relayed.holding(TOKEN) is relayed.arrived[0]
    assert relayed.holding(TOKEN.rpartition(".")[2]) is relayed.arrived[0]
    assert relayed.holding(TOKEN[::-1]) is None


def test_only_tokens_in_authorization_headers_are_read_as_tokens() -> None:
    assert list(_arrived(authorization=f"bearer {TOKEN}").tokens) == [TOKEN]
    assert not _arrived(authorization="Basic dXNlcjpwdw==").tokens
    assert not _arrived(cookie=TOKEN).tokens


def test_reports_say_that_the_mcp_server_asked_the_downstream_api() -> None:
    target = TargetFile.model_validate({"target": {"mcp_server": "http://127.0.0.1:1/mcp"}}).resolve()
    assert recipients([_arrived().arrived[0].exchange], target) == ["downstream-api"]


def test_the_tool_of_the_downstream_has_to_be_listed() -> None:
    tables = {"target": {"mcp_server": "http://127.0.0.1:1/mcp"}, "downstream": {"port": 7450, "tool": "convert"}}
    with pytest.raises(ValueError, match=r"downstream\.tool names convert"):
        TargetFile.model_validate(tables)
    assert TargetFile.model_validate({**tables, "tools": {"convert": {}}}).downstream


def test_a_port_that_is_taken_is_a_mistake_in_the_target_file(api: DownstreamApi) -> None:
    port = httpx.URL(api.url).port
    tables = {"mcp_server": "http://127.0.0.1:1/mcp"}, {"port": port, "tool": "convert"}
    file = TargetFile.model_validate({"target": tables[0], "downstream": tables[1], "tools": {"convert": {}}})
    with ExitStack() as stack, pytest.raises(TargetFileError, match=rf"downstream\.port: port {port} .* in use"):
        plan_of(file, 5, stack)


def test_a_trusted_sandbox_says_nothing_of_the_targets_own_proxy() -> None:
    target = {"mcp_server": "http://127.0.0.1:1/mcp", "trusts": "sandbox"}
    with pytest.raises(ValueError, match="static-upstream-client: has no effect"):
        TargetFile.model_validate({"target": target, "capabilities": {"static-upstream-client": True}})
