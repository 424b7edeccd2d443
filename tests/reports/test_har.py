"""The evidence is valid by the schema of HTTP archives, holds every exchange, and no secret.

Where the schema is from is said in README.md. It leaves out the parameters of a posted form and everything that one
member says of another one; that is checked here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from reports.document import Document
from reports.har import render
from tests.reports.conftest import EXCHANGES, RESULTS, document_of, expect_no_secrets

SCHEMA = json.loads(Path(__file__).with_name("har-1.2.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft6Validator(SCHEMA, format_checker=jsonschema.FormatChecker())


def _log(document: Document | None = None) -> dict[str, Any]:
    archive = json.loads(render(document or document_of()).encode())
    VALIDATOR.validate(archive)
    log: dict[str, Any] = archive["log"]
    return log


def _one(**members: Any) -> dict[str, Any]:
    """Return the entry of an exchange whose request or response has these members."""
    document = document_of(RESULTS[:1])
    exchange = document["results"][0]["exchanges"][0]
    for name, value in members.items():
        side, _, member = name.partition("_")
        exchange[side][member] = value
    document["results"][0].update(exchanges=[exchange], culprit=0)
    (entry,) = _log(document)["entries"]
    found: dict[str, Any] = entry
    return found


@pytest.mark.parametrize("wrong", [{"version": 1.2}, {"creator": {"name": "x"}}, {"entries": [{}]}, {"pages": [{}]}])
def test_the_schema_refuses_what_is_no_archive(wrong: dict[str, Any]) -> None:
    jsonschema.Draft6Validator.check_schema(SCHEMA)
    assert not VALIDATOR.is_valid({"log": {**_log(), **wrong}})


def test_every_exchange_is_an_entry_of_its_scenarios_page() -> None:
    log = _log()
    pages = [page["id"] for page in log["pages"]]
    assert pages == [item.scenario.id for item in RESULTS]
    for page in pages:
        assert sum(entry["pageref"] == page for entry in log["entries"]) == len(EXCHANGES)


def test_a_scenario_that_sent_nothing_is_no_page() -> None:
    document = document_of()
    document["results"][0].update(exchanges=[], culprit=None)
    log = _log(document)
    assert RESULTS[0].scenario.id not in [page["id"] for page in log["pages"]]


def test_a_run_without_results_is_an_empty_archive() -> None:
    log = _log(document_of(()))
    assert (log["pages"], log["entries"]) == ([], [])


def test_entries_are_in_the_order_of_time() -> None:
    document = document_of(RESULTS[:2])
    document["results"][0]["exchanges"][2]["started"] = "2027-01-01T00:00:00.000+00:00"
    times = [entry["startedDateTime"] for entry in _log(document)["entries"]]
    assert times == sorted(times)
    assert times[-1] == "2027-01-01T00:00:00.000+00:00"


def test_the_timings_make_up_the_time() -> None:
    for entry in _log()["entries"]:
        assert sum(entry["timings"].values()) == entry["time"]


def test_an_entry_says_whose_it_is() -> None:
    entries = [entry for entry in _log()["entries"] if entry["pageref"] == "as/pkce/failed"]
    told = {(entry["_scenario"], entry["_verdict"], entry["_sender"], entry["_recipient"]) for entry in entries}
    assert told == {("as/pkce/failed", "failed", "client", "authorization-server")}
    assert [entry["_culprit"] for entry in entries] == [False] * 6 + [True]
    assert entries[-1]["comment"] == "as/pkce/failed: failed, which this exchange shows"


def test_a_page_says_what_came_of_it() -> None:
    page = _log()["pages"][2]
    assert page["title"] == "as/pkce/failed: failed"
    assert page["comment"].startswith("The title of as/pkce/failed.; expected what as/pkce/failed expects; ")


def test_a_form_is_there_as_text_and_as_parameters() -> None:
    headers = [["Content-Type", "application/x-www-form-urlencoded; charset=utf-8"]]
    posted = _one(request_body="a=<code:1>&b=&b=x y", request_headers=headers)["request"]["postData"]
    assert posted["text"] == "a=<code:1>&b=&b=x y"
    pairs = [(item["name"], item["value"]) for item in posted["params"]]
    assert pairs == [("a", "<code:1>"), ("b", ""), ("b", "x y")]


def test_a_body_that_is_no_form_has_no_parameters() -> None:
    posted = _one(request_body='{"a=b": 1}', request_headers=[["content-type", "application/json"]])
    assert posted["request"]["postData"] == {"mimeType": "application/json", "text": '{"a=b": 1}'}


def test_a_request_without_a_body_posts_nothing() -> None:
    request = _one(request_body="", request_headers=[])["request"]
    assert "postData" not in request
    assert request["bodySize"] == 0


def test_the_url_is_one_and_the_query_is_readable() -> None:
    request = _one(request_url="https://as.example/a?code=<code:1a>&x=\u00fc&x=%26#fragment")["request"]
    assert request["url"] == "https://as.example/a?code=%3Ccode:1a%3E&x=%C3%BC&x=%26"
    pairs = [(item["name"], item["value"]) for item in request["queryString"]]
    assert pairs == [("code", "<code:1a>"), ("x", "\u00fc"), ("x", "&")]


def test_cookies_are_read_from_the_headers() -> None:
    sent = _one(request_headers=[["cookie", "a=<cookie:1>; b=<cookie:2>"]])["request"]["cookies"]
    assert sent == [{"name": "a", "value": "<cookie:1>"}, {"name": "b", "value": "<cookie:2>"}]
    header = "a=<cookie:1>; Path=/x; HttpOnly; Secure; Expires=Wed, 09 Jun 2027 10:18:14 GMT; Domain=as.example"
    assert _one(response_headers=[["Set-Cookie", header]])["response"]["cookies"] == [
        {
            "name": "a",
            "value": "<cookie:1>",
            "path": "/x",
            "domain": "as.example",
            "expires": "2027-06-09T10:18:14+00:00",
            "httpOnly": True,
            "secure": True,
        }
    ]


@pytest.mark.parametrize("expires", ["", "soon", "Wed, 99 Jun 99999 10:18:14 GMT", "Fri, 31 Dec 9999 23:59:59 -2359"])
def test_a_strange_expiry_of_a_cookie_is_left_out(expires: str) -> None:
    (cookie,) = _one(response_headers=[["set-cookie", f"a=<cookie:1>; Expires={expires}"]])["response"]["cookies"]
    assert "expires" not in cookie


def test_a_redirect_is_there() -> None:
    response = _one(response_status=302, response_headers=[["Location", "/elsewhere"]])["response"]
    assert (response["status"], response["statusText"], response["redirectURL"]) == (302, "Found", "/elsewhere")


def test_a_status_that_nobody_knows_has_no_text() -> None:
    assert _one(response_status=799)["response"]["statusText"] == ""


@pytest.mark.parametrize(
    ("headers", "sizes"),
    [
        ([["content-length", "9000"]], (9000, 9000)),
        ([["content-length", "9000"], ["content-encoding", "gzip"]], (9000, 5)),
        ([], (-1, 5)),
        ([["content-length", "9" * 5000]], (-1, 5)),
        ([["content-length", "-7"]], (-1, 5)),
        ([["content-length", "\u0663"]], (-1, 5)),
    ],
)
def test_sizes_are_the_declared_ones_where_these_can_be_believed(
    headers: list[list[str]], sizes: tuple[int, int]
) -> None:
    response = _one(response_headers=headers, response_body="12345")["response"]
    assert (response["bodySize"], response["content"]["size"]) == sizes


def test_a_missing_response_has_status_0_and_the_error() -> None:
    response = _log(document_of(RESULTS[:1]))["entries"][-1]["response"]
    assert (response["status"], response["httpVersion"]) == (0, "")
    assert response["_error"].startswith("no answer to <code:")


def test_half_a_surrogate_pair_is_replaced() -> None:
    assert _one(response_body="a\ud800b \U0001f600")["response"]["content"]["text"] == "a\ufffdb \U0001f600"


def test_no_secret_is_written() -> None:
    text = render(document_of())
    expect_no_secrets(text)
    assert "<access_token:" in text
