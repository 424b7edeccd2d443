"""Targets that do everything wrong: bounded, never a traceback, never our fault, never taken for conforming."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests import hostile
from tests.cli.assay import assay
from tests.hostile import Behaviour, Hostile, answer, document, redirect

SECONDS = 0.5
PATIENT_SECONDS = 15
BOUND_SECONDS = 60
PUBLISHED = "as/discovery/metadata-is-published"

ENDPOINTS = ("authorization", "token", "registration", "revocation", "introspection")
METADATA: dict[str, Any] = {
    "issuer": "{url}/issuer",
    **{f"{name}_endpoint": f"{{url}}/endpoint/{name}" for name in ENDPOINTS},
    "jwks_uri": "{url}/endpoint/jwks",
    "response_types_supported": ["code"],
    "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
    "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "private_key_jwt"],
    "code_challenge_methods_supported": ["S256"],
    "scopes_supported": ["read", "write"],
    "authorization_response_iss_parameter_supported": True,
}
RESOURCE = {"resource": "{url}/mcp", "authorization_servers": ["{url}/issuer"], "scopes_supported": ["read", "write"]}
ANSWERS: dict[str, Any] = {
    "client_id": "a-client",
    "redirect_uris": ["http://127.0.0.1:8976/callback"],
    "access_token": "one.two.three",
    "token_type": "Bearer",
    "refresh_token": "a-refresh-token",
    "expires_in": 60,
    "scope": "read",
    "active": True,
    "keys": [{"kty": "EC", "crv": "P-256", "kid": "a"}],
}
PLACES = {
    "/.well-known/": answer(status="404 Not Found"),
    "/.well-known/oauth-authorization-server": document(METADATA),
    "/.well-known/oauth-protected-resource": document(RESOURCE),
    "/mcp": answer(b"", "WWW-Authenticate: Bearer", status="401 Unauthorized"),
    "/issuer": answer(),
}


def _judged(server: Hostile, folder: Path, *options: str) -> tuple[int, dict[str, Any], float]:
    """Judge a target in both roles; return the exit code, the JSON report and the seconds that it took."""
    report = folder / "report.json"
    started = time.monotonic()
    ended = assay("run", *options, "--mcp-server", f"{server.url}/mcp", "--timeout", str(SECONDS), "--json", report)
    assert ended.code in (1, 3), ended.err
    return ended.code, json.loads(report.read_text(encoding="utf-8")), time.monotonic() - started


def _expect_no_fault_of_ours(document: dict[str, Any]) -> None:
    faults = {item["scenario"]: item["actual"] for item in document["results"] if item["verdict"] == "error"}
    assert faults == {}


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (hostile.reset, "Connection reset by peer"),
        (hostile.hang_up, "Server disconnected without sending a response"),
        (hostile.hang, "no answer in time"),
        (hostile.drip_headers, "no answer in time"),
        (hostile.drip_body, "no answer in time"),
        (hostile.huge, "the body is larger than 2048 KiB"),
        (hostile.bomb, "the body is larger than 2048 KiB"),
        (hostile.short, "peer closed connection without sending complete message body"),
        (hostile.garbage, "illegal status line"),
        (answer(b"x", "Content-Encoding: br"), "content encoding 'br', which was not asked for"),
        (answer(b"xx", "Content-Encoding: gzip"), "the body is no gzip"),
        (answer(b"\x1f\x8b", "Content-Encoding: gzip"), "the body is no whole gzip"),
        (answer(b"", "X-Long: " + "x" * 200_000), "Receive buffer too long"),
        (answer(b"", "Retry-After: 0", status="429 Too Many Requests"), "the target kept answering 429"),
    ],
)
def test_a_target_that_cannot_be_reached_is_told_in_one_sentence(behaviour: Behaviour, reason: str) -> None:
    bound = SECONDS if reason == "no answer in time" else PATIENT_SECONDS
    started = time.monotonic()
    with Hostile(behaviour) as server:
        ended = assay("run", PUBLISHED, "--mcp-server", server.url, "--timeout", str(bound))
    assert time.monotonic() - started < BOUND_SECONDS
    assert ended.code == 3
    assert ended.out == ""
    assert ended.err.startswith("Error: the target cannot be judged: ")
    assert len(ended.err.splitlines()) == 1
    assert reason in ended.err


def test_nothing_listening_is_told() -> None:
    server = Hostile(answer())
    server.server_close()
    ended = assay("run", PUBLISHED, "--mcp-server", server.url)
    assert ended.code == 3
    assert "Connection refused" in ended.err


def test_a_certificate_that_does_not_verify_is_told(tmp_path: Path) -> None:
    with Hostile(answer(), certificate=hostile.self_signed(tmp_path)) as server:
        ended = assay("run", PUBLISHED, "--authorization-server", server.url)
    assert ended.code == 3
    assert "the certificate does not verify" in ended.err
    assert server.paths == []


def test_a_certificate_of_an_authority_that_the_user_trusts_is_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = hostile.self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    metadata = document({"issuer": "{url}", "response_types_supported": ["code"]})
    with Hostile(answer(), {"/.well-known/": metadata}, certificate) as server:
        assert assay("run", PUBLISHED, "--authorization-server", server.url).code == 0


@pytest.mark.parametrize(
    "behaviour",
    [
        redirect("{path}"),
        answer("<html><body>Welcome</body></html>"),
        answer("{", kind="application/json"),
        answer("[" * 100_000, kind="application/json"),
        answer('"\\ud800"', kind="application/json"),
        answer(b"\xff\xfe\x00", kind="application/json; charset=none"),
        answer(b"", status="500 Internal Server Error"),
        hostile.stream,
    ],
    ids=["loop", "html", "invalid", "deep", "half a pair", "no charset", "500", "event stream"],
)
def test_a_target_that_publishes_nothing_is_never_taken_for_conforming(behaviour: Behaviour, tmp_path: Path) -> None:
    with Hostile(behaviour) as server:
        _, report, seconds = _judged(server, tmp_path)
        code = assay("run", "--authorization-server", server.url, "--timeout", str(SECONDS)).code
    assert seconds < BOUND_SECONDS
    assert code in (1, 3)
    _expect_no_fault_of_ours(report)
    assert report["summary"]["passed"] == 0


@pytest.mark.parametrize(
    "behaviour",
    [
        hostile.reset,
        hostile.hang,
        hostile.drip_body,
        redirect("{path}"),
        redirect("javascript:alert(1)"),
        redirect("//elsewhere.example/login"),
        redirect("http://[::1"),
        redirect("\x01\xff"),
        answer(b"", status="302 Found"),
        answer("<form action='javascript:x()'><input name=a><button>x</button></form>"),
        answer("<div>" * 50_000 + "<form>"),
        answer("[" * 100_000, kind="application/json"),
        answer(b"", "Set-Cookie: a=\x01; expires=never; max-age=x", "Set-Cookie: =", "Set-Cookie: b; domain=.."),
        answer(b"", *["X-Same: 1"] * 50, "Content-Type: a", "Retry-After: \xb2", status="503 Service Unavailable"),
        answer(b"", "WWW-Authenticate: Bearer " + ", a" * 10_000, status="401 Unauthorized"),
        answer(b"", 'WWW-Authenticate: Bearer realm="' + "\\" * 20_000, status="401 Unauthorized"),
        answer("data: {}\n\n" * 1000, kind="text/event-stream"),
    ],
    ids=[
        *("reset", "hang", "drip", "loop", "script", "elsewhere", "broken", "control", "nowhere", "form", "deep html"),
        *("deep json", "cookies", "repeated", "challenge", "backslashes", "events"),
    ],
)
def test_endpoints_that_misbehave_are_judged_or_blocked(behaviour: Behaviour, tmp_path: Path) -> None:
    with Hostile(behaviour, PLACES) as server:
        _, report, seconds = _judged(server, tmp_path, "as/authorization-code", "as/pkce", "as/registration", "mcp")
    assert seconds < BOUND_SECONDS
    _expect_no_fault_of_ours(report)
    assert report["summary"]["blocked"]


@pytest.mark.parametrize("value", [1, "x", [1], {"a": 1}, "http://[::1", "\ud800"])
def test_metadata_whose_members_have_wrong_types_is_judged_or_blocked(value: object, tmp_path: Path) -> None:
    places = {
        "/.well-known/oauth-authorization-server": document(dict.fromkeys(METADATA, value)),
        "/.well-known/oauth-protected-resource": document(dict.fromkeys(RESOURCE, value)),
    }
    with Hostile(document({}), places) as server:
        _expect_no_fault_of_ours(_judged(server, tmp_path)[1])
        url = f"{server.url}/issuer"
        ended = assay("run", "--authorization-server", url, "--json", tmp_path / "as.json")
    assert ended.code in (1, 3)
    _expect_no_fault_of_ours(json.loads((tmp_path / "as.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("value", [1, "x", {"a": 1}])
def test_answers_whose_members_have_wrong_types_are_judged_or_blocked(value: object, tmp_path: Path) -> None:
    kept = {"client_id": "a-client", "access_token": "one.two.three"}
    places = {**PLACES, "/endpoint/authorization": hostile.permit}
    with Hostile(document({**dict.fromkeys(ANSWERS, value), **kept, "keys": [value]}), places) as server:
        _expect_no_fault_of_ours(_judged(server, tmp_path)[1])


def test_a_server_that_publishes_no_more_than_it_must_is_no_riddle(tmp_path: Path) -> None:
    needed = ("issuer", "authorization_endpoint", "token_endpoint", "response_types_supported")
    bare = {**{name: METADATA[name] for name in needed}, "registration_endpoint": METADATA["registration_endpoint"]}
    places = {
        "/.well-known/": answer(status="404 Not Found"),
        "/.well-known/oauth-authorization-server": document(bare),
        "/endpoint/authorization": hostile.permit,
    }
    with Hostile(document(ANSWERS), places) as server:
        report = tmp_path / "report.json"
        ended = assay("run", "--authorization-server", f"{server.url}/issuer", "--json", report)
    assert ended.code in (1, 3)
    _expect_no_fault_of_ours(json.loads(report.read_text(encoding="utf-8")))


def test_a_target_that_dies_in_the_middle_is_reported_as_far_as_it_was_judged(tmp_path: Path) -> None:
    def die(visit: hostile.Visit) -> None:
        server.behaviours.clear()
        server.default = hostile.reset
        hostile.reset(visit)

    with Hostile(die, PLACES) as server:
        code, report, _ = _judged(server, tmp_path)
    _expect_no_fault_of_ours(report)
    assert code in (1, 3)
    assert report["summary"]["blocked"] > report["summary"]["passed"]
    assert report["requirements"]["judged"] < report["requirements"]["applicable"]


def test_a_target_in_a_far_place_is_not_asked_without_its_owners_leave(tmp_path: Path) -> None:
    ended = assay("run", "--mcp-server", "https://mcp.example/mcp")
    assert ended.code == 2
    assert "https://mcp.example/mcp is off loopback: set authorized = true if its owner lets you test it" in ended.err
