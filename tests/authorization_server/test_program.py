"""The authorization server as a program, and its control plane."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from harness.sandbox.errors import SandboxError
from tests.authorization_server.trio import Client, Trio, refused


def test_it_runs_alone_and_ends_with_its_parent(trio: Trio) -> None:
    command = [sys.executable, "-m", "fixtures.authorization_server", "--port", "0", "--control-port", "0"]
    options = ["--base-url", "https://as.example", "--exit-with-parent"]
    with subprocess.Popen(
        [*command, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdin
        ready = json.loads(process.stdout.readline())
        metadata = trio.http.get(f"{ready['url']}/.well-known/oauth-authorization-server/acme").json()
        process.stdin.close()
        assert process.wait(10) == 0
    assert ready["service"] == "authorization-server"
    assert metadata["issuer"] == "https://as.example/acme"


def test_wrong_usage_is_named() -> None:
    command = [sys.executable, "-m", "fixtures.authorization_server", "--port", "0"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "--base-url is needed" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_control_plane_rotates_keys(trio: Trio, console: Client, mcp_server: Client) -> None:
    token = console.tokens()["access_token"]
    before = trio.http.get(f"{console.issuer}/jwks").json()["keys"]
    assert trio.control("/acme/rotate-keys").status_code == 200
    after = trio.http.get(f"{console.issuer}/jwks").json()["keys"]
    assert {key["kid"] for key in before} < {key["kid"] for key in after}
    assert mcp_server.post("introspect", token=token).json()["active"] is True
    assert trio.control("/nowhere/rotate-keys").status_code == 404


def test_the_control_plane_tells_the_keys_that_sign_now(trio: Trio, console: Client, mcp_server: Client) -> None:
    claims = {**trio.claims(console.tokens()["access_token"]), "jti": "another"}
    with trio.control_plane() as control:
        control.rotate_keys("acme")
        token = control.sign("acme", {"typ": "at+jwt"}, claims)
        assert mcp_server.post("introspect", token=token).json()["jti"] == "another"
        with pytest.raises(SandboxError, match="no such tenant"):
            control.sign("nowhere", {}, claims)


def test_the_control_plane_tells_keys_to_nobody_else(trio: Trio) -> None:
    for headers in ({}, {"Authorization": "Bearer guessed"}):
        answer = trio.http.get(f"{trio.control_url}/acme/keys", headers=headers)
        assert answer.status_code == 401
        assert "current" not in answer.json()


def test_the_control_plane_publishes_and_withdraws_further_keys(
    trio: Trio, console: Client, mcp_server: Client
) -> None:
    claims = {**trio.claims(console.tokens()["access_token"]), "jti": "another"}
    with trio.control_plane() as control:
        kid = control.publish_key("acme", "ES256")
        token = control.sign("acme", {"typ": "at+jwt"}, claims, kid=kid)
        assert mcp_server.post("introspect", token=token).json()["jti"] == "another"
        control.withdraw_key("acme", kid)
        assert mcp_server.post("introspect", token=token).json()["active"] is False
        with pytest.raises(SandboxError, match="no additional key"):
            control.withdraw_key("acme", kid)
        with pytest.raises(SandboxError, match="no such key"):
            control.sign("acme", {}, claims, kid=kid)
        with pytest.raises(SandboxError, match="alg is one of"):
            control.publish_key("acme", "HS256")


def test_a_reset_forgets_everything(trio: Trio, console: Client) -> None:
    tokens = console.tokens()
    registered = trio.http.post(f"{console.issuer}/register", json={"grant_types": ["client_credentials"]}).json()
    trio.control("/reset")
    refused(console.refresh(tokens["refresh_token"]), "invalid_grant")
    headers = {"Authorization": f"Bearer {registered['registration_access_token']}"}
    refused(trio.http.get(registered["registration_client_uri"], headers=headers), "invalid_token", 401)


def test_a_reset_brings_nothing_back_to_life(trio: Trio, console: Client, mcp_server: Client) -> None:
    alone, family = console.tokens(), console.tokens()
    console.post("revoke", token=alone["access_token"])
    console.post("revoke", token=family["refresh_token"])
    trio.control("/reset")
    for tokens in (alone, family):
        assert mcp_server.post("introspect", token=tokens["access_token"]).json() == {"active": False}
