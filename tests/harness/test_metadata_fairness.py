"""What the scenarios of metadata and keys say of servers that are right in another way than the sandbox is."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from joserfc.jwk import RSAKey

from harness.context import Context
from harness.exchange import Answer, Evidence, Exchange
from harness.verdict import NotApplicable, Violation
from scenarios.authorization_server import keys, proxy_headers

ISSUER = "https://as.example"
KEY = RSAKey.generate_key(2048).as_dict(private=False)


def served(url: str, document: dict[str, Any], status: int = 200) -> Answer:
    headers = httpx.Headers({"content-type": "application/json"})
    return Answer(Exchange("GET", url, (), b"", status, headers, json.dumps(document).encode()), Evidence())


def context(answer: Any) -> Context:
    def require(holds: object, otherwise: str) -> None:
        if not holds:
            raise NotApplicable(otherwise)

    http = SimpleNamespace(send=lambda _method, url, headers: answer(url, headers))
    home = SimpleNamespace(tenant=SimpleNamespace(authorization_server=ISSUER))
    metadata = {"jwks_uri": f"{ISSUER}/jwks"}
    return cast("Context", SimpleNamespace(http=http, home=home, metadata=metadata, require=require))


def publishing(**member: Any) -> Context:
    return context(lambda url, _headers: served(url, {"keys": [{**KEY, **member}]}))


@pytest.mark.parametrize("member", [{"use": "tls"}, {"alg": None}, {"key_ops": ["assay"]}, {"crv": ["P-256"]}])
def test_a_key_may_be_described_in_words_of_ones_own(member: dict[str, Any]) -> None:
    keys.published_keys_can_be_used(publishing(**member))


def test_a_key_that_cannot_be_read_is_a_violation() -> None:
    with pytest.raises(Violation, match="keys that can be read"):
        keys.published_keys_can_be_used(publishing(e="?"))


def judge(row: str, answer: Any) -> None:
    fault = next(fault for fault in proxy_headers.HEADERS if fault.name == row)
    proxy_headers.the_metadata_stays_as_it_is(context(answer), fault)


def believing(name: str, answers: list[Answer]) -> Any:
    """Answer with the host that a header names as issuer, and note the answers."""

    def answer(url: str, headers: dict[str, str]) -> Answer:
        answers.append(served(url, {"issuer": f"https://{headers.get(name, 'as.example')}"}))
        return answers[-1]

    return answer


def test_metadata_that_follows_a_header_of_a_proxy_is_a_violation() -> None:
    with pytest.raises(Violation, match="the same issuer and endpoints"):
        judge("x-forwarded-host", believing("x-forwarded-host", []))


def test_a_server_of_many_names_is_warned_only() -> None:
    answers: list[Answer] = []
    judge("host", believing("host", answers))
    assert [answer.evidence.warnings for answer in answers if answer.evidence.warnings]


def test_no_cache_keeps_what_was_asked_for_with_forged_headers() -> None:
    answers: list[Answer] = []
    judge("x-forwarded-proto", believing("x-forwarded-host", answers))
    assert len({answer.exchange.url for answer in answers}) == len(answers)


def test_metadata_that_no_request_with_a_query_gets_is_not_judged() -> None:
    with pytest.raises(NotApplicable, match="with a query"):
        judge("host", lambda url, _headers: served(url, {"error": "not_found"}, 404))
