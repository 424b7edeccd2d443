"""All three revisions list and call tools, by hand and through the official SDK's client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from harness.mcp_wire import STATELESS_REVISIONS, Dialect, messages
from harness.requirement import REVISIONS
from tests.mcp_server.stage import Stage, result, structured

BALANCE = "urn:ledger:balance:read"
HANDSHAKE = [revision for revision in REVISIONS if revision not in STATELESS_REVISIONS]


class Session:
    """Raw requests of one revision, in a session where it has one."""

    def __init__(self, stage: Stage, revision: str, token: str) -> None:
        self._http = stage.http
        self._url = stage.mcp()
        self._token = token
        self.dialect = Dialect(revision)
        self.headers: dict[str, str] = {}

    def open(self) -> httpx.Response:
        answer = self.post(*self.dialect.initialize())
        self.headers = {"Mcp-Session-Id": answer.headers["mcp-session-id"]}
        assert self.post(*self.dialect.initialized()).status_code == 202
        return answer

    def post(
        self, headers: Mapping[str, str], body: Mapping[str, Any], extra: Mapping[str, str] | None = None
    ) -> httpx.Response:
        sent = {**headers, **self.headers, "Authorization": f"Bearer {self._token}", **(extra or {})}
        return self._http.post(self._url, headers=sent, content=json.dumps(body))

    def request(
        self, method: str, params: Mapping[str, Any] | None = None, extra: Mapping[str, str] | None = None
    ) -> httpx.Response:
        return self.post(*self.dialect.request(method, params), extra)


@pytest.mark.parametrize("revision", REVISIONS)
def test_tools_are_listed_and_called(stage: Stage, revision: str) -> None:
    session = Session(stage, revision, stage.token(BALANCE))
    if revision in HANDSHAKE:
        assert result(session.open())["protocolVersion"] == revision
    tools = result(session.request("tools/list"))["tools"]
    assert {tool["name"] for tool in tools} == set(stage.world.tools)
    answer = session.request("tools/call", {"name": "get_balance", "arguments": {"account": "DE-001"}})
    assert structured(answer) == {"tenant": "acme", "account": "DE-001", "amount": "1250.00", "currency": "EUR"}


@pytest.mark.parametrize("revision", REVISIONS)
def test_the_official_client_lists_and_calls(stage: Stage, revision: str) -> None:
    async def talk() -> tuple[str, set[str], Any]:
        headers = {"Authorization": f"Bearer {stage.token(BALANCE)}"}
        async with httpx2.AsyncClient(headers=headers, trust_env=False) as http:
            transport = streamable_http_client(stage.mcp(), http_client=http)
            mode = revision if revision in STATELESS_REVISIONS else "legacy"
            async with Client(transport, mode=mode) as client:
                tools = await client.list_tools()
                called = await client.call_tool("get_balance", {})
                return client.protocol_version, {tool.name for tool in tools.tools}, called.structured_content

    version, tools, balance = asyncio.run(talk())
    assert version == (revision if revision in STATELESS_REVISIONS else HANDSHAKE[0])
    assert tools == set(stage.world.tools)
    assert balance["amount"] == "1250.00"


@pytest.mark.parametrize("revision", HANDSHAKE)
@pytest.mark.parametrize(
    "other", [{"sub": "bob"}, {"client_id": "infra-bot"}, {"sub": "bob", "client_id": "bob"}], ids=str
)
def test_a_session_is_of_no_use_to_another_principal(stage: Stage, revision: str, other: dict[str, Any]) -> None:
    session = Session(stage, revision, stage.token(BALANCE))
    session.open()
    thief = f"Bearer {stage.token(BALANCE, **other)}"
    assert session.request("tools/list", extra={"Authorization": thief}).status_code == 404
    assert session.request("tools/list").status_code == 200


@pytest.mark.parametrize("revision", HANDSHAKE)
def test_a_session_of_one_tenant_is_unknown_to_another(stage: Stage, revision: str) -> None:
    session = Session(stage, revision, stage.token(BALANCE))
    session.open()
    headers, body = session.dialect.request("tools/list")
    token = stage.token(BALANCE, issuer="globex")
    sent = {**headers, **session.headers, "Authorization": f"Bearer {token}"}
    assert stage.http.post(stage.mcp("globex"), headers=sent, json=body).status_code == 404


@pytest.mark.parametrize("revision", HANDSHAKE)
def test_each_request_of_a_session_brings_its_own_token(stage: Stage, revision: str) -> None:
    session = Session(stage, revision, stage.token(BALANCE))
    session.open()
    headers, body = session.dialect.request("tools/list")
    assert stage.http.post(stage.mcp(), headers={**headers, **session.headers}, json=body).status_code == 401
    call = {"name": "get_balance", "arguments": {}}
    assert session.request("tools/call", call).status_code == 200
    narrower = f"Bearer {stage.token()}"
    assert session.request("tools/call", call, {"Authorization": narrower}).status_code == 403


@pytest.mark.parametrize("revision", REVISIONS)
def test_an_unknown_tool_is_a_protocol_error(stage: Stage, revision: str) -> None:
    session = Session(stage, revision, stage.token(BALANCE))
    if revision in HANDSHAKE:
        session.open()
    answer = session.request("tools/call", {"name": "no_such_tool", "arguments": {}})
    (message,) = messages(answer.headers["content-type"], answer.content)
    assert message["error"]["code"] == -32602


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_batch_is_refused_by_every_revision_spoken_here(stage: Stage, revision: str) -> None:
    session = Session(stage, revision, stage.token(BALANCE))
    if revision in HANDSHAKE:
        session.open()
    headers, body = session.dialect.request("tools/list")
    sent = {**headers, **session.headers, "Authorization": f"Bearer {stage.token(BALANCE)}"}
    assert stage.http.post(stage.mcp(), headers=sent, json=[body, body]).status_code == 400


def test_a_header_that_names_another_tool_than_the_body_is_refused(stage: Stage) -> None:
    session = Session(stage, "2026-07-28", stage.token(BALANCE))
    call = {"name": "get_balance", "arguments": {}}
    answer = session.request("tools/call", call, {"Mcp-Name": "delete_deployment"})
    assert answer.status_code == 400


@pytest.mark.parametrize("header", [{"Host": "attacker.example"}, {"Origin": "https://attacker.example"}], ids=str)
def test_a_rebound_name_is_refused(stage: Stage, header: dict[str, str]) -> None:
    session = Session(stage, "2026-07-28", stage.token(BALANCE))
    assert session.request("tools/list", extra=header).status_code in (403, 421)


def test_a_page_on_loopback_may_call(stage: Stage) -> None:
    session = Session(stage, "2026-07-28", stage.token(BALANCE))
    assert session.request("tools/list", extra={"Origin": "http://localhost:6274"}).status_code == 200
