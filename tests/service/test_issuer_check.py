"""What is seen of an issuer from one side: metadata, keys, a token, and whether another's token is taken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.service.issuer_check import PRESENTED_VARIABLE, Seen, look, main, metadata_url
from harness.sandbox.layout import Layout
from harness.sandbox.threads import ThreadedSandbox
from tests.hostile import Behaviour, Hostile, answer, document, hang_up, redirect, self_signed


@pytest.fixture(scope="module")
def layout() -> Iterator[Layout]:
    with ThreadedSandbox() as sandbox:
        yield sandbox.layout


def test_an_issuer_is_seen_with_its_keys_and_gives_a_token(layout: Layout) -> None:
    seen = look(layout.issuer("acme"), layout.resource("acme"))
    assert (seen.issuer, seen.fault, seen.presented, seen.bare) == (layout.issuer("acme"), "", 0, 0)
    assert seen.keys == tuple(sorted(seen.keys))
    assert all(seen.keys)
    assert seen.token
    assert seen.token not in repr(seen)


def test_the_token_of_another_side_is_presented_beside_a_request_without_any(layout: Layout) -> None:
    issuer, resource = layout.issuer("acme"), layout.resource("acme")
    token = look(issuer, resource).token
    taken, refused = (look(issuer, resource, presented=text) for text in (token, f"{token}x"))
    assert (taken.bare, refused.bare, refused.presented) == (401, 401, 401)
    assert taken.presented < 401


def test_the_program_prints_what_it_sees_as_json(
    layout: Layout, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer, resource = layout.issuer("globex"), layout.resource("globex")
    monkeypatch.setenv(PRESENTED_VARIABLE, "none-of-ours")
    assert main([issuer, "--resource", resource]) == 0
    seen = Seen.from_json(capsys.readouterr().out)
    assert (seen.issuer, seen.presented, seen.fault) == (issuer, 401, "")


def test_what_another_program_printed_is_not_taken_for_it() -> None:
    with pytest.raises(ValueError, match="Expecting value"):
        Seen.from_json("python3: not found")
    with pytest.raises(KeyError):
        Seen.from_json(json.dumps({"issuer": "x"}))


@pytest.mark.parametrize(
    ("behaviour", "fault"),
    [
        (hang_up, "does not answer"),
        (answer("", status="503 Service Unavailable"), "answered with 503"),
        (redirect("http://127.0.0.1:1/elsewhere"), "answered with 302"),
        (answer("<html>"), "answered with something else than a JSON object"),
        (document({"issuer": "{url}/acme"}), "names no jwks_uri"),
        (document({"issuer": "{url}/acme", "jwks_uri": "file:///etc/passwd"}), "is no http URL"),
    ],
)
def test_what_does_not_answer_as_it_should_is_a_fault_at_its_url(behaviour: Behaviour, fault: str) -> None:
    with Hostile(behaviour) as server:
        seen = look(f"{server.url}/acme")
    assert fault in seen.fault
    assert seen.url in (metadata_url(f"{server.url}/acme"), "file:///etc/passwd")


def test_a_proxy_is_named_by_its_variable_unless_the_host_is_exempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://user:secret@127.0.0.1:1")
    issuer = "http://127.0.0.1:1/acme"
    assert look(issuer).proxy == ("HTTP_PROXY",)
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    assert look(issuer).proxy == ()


def test_an_authority_that_cannot_be_read_is_a_fault(layout: Layout) -> None:
    seen = look(layout.issuer("acme"), trust="/none/root.pem")
    assert (seen.url, seen.fault) == ("/none/root.pem", "cannot be used: No such file or directory")


def test_over_tls_nobody_is_trusted_but_the_authority_that_is_named(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with Hostile(document({"issuer": "{url}/acme"}), certificate=certificate) as server:
        issuer = f"{server.url}/acme"
        strange, trusted = look(issuer), look(issuer, trust=str(certificate))
    assert "certificate verify failed" in strange.fault
    assert (trusted.issuer, trusted.fault) == (issuer, "names no jwks_uri")
