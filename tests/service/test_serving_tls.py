"""A service that speaks https: with what it is told to show, and trusting whom it is told to trust."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import serialization

from fixtures.service.serve import own_url
from fixtures.service.tls import TlsFileError, showing, trusting
from harness.sandbox.authority import Authority, TlsFiles
from harness.sandbox.child import environment
from mock_idp.__main__ import _parser

BOUND_SECONDS = 30
FREE = ("--port", 0, "--control-port", 0, "--base-url", "https://127.0.0.1:1")
MCP_SERVER = ("fixtures.mcp_server", "--authorization-server", "https://127.0.0.1:2")
AUTHORIZATION_SERVER = ("fixtures.authorization_server", "--idp", "https://127.0.0.1:2")


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def files(authority: Authority, tmp_path: Path) -> TlsFiles:
    return authority.write(tmp_path)


@pytest.fixture
def client(authority: Authority) -> Iterator[httpx.Client]:
    with httpx.Client(verify=authority.client_context, trust_env=False) as client:
        yield client


def _command(*options: object) -> list[str]:
    return [sys.executable, "-P", "-m", *map(str, options)]


@contextmanager
def _service(*options: object) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    pipe = subprocess.PIPE
    command = _command("mock_idp", *options)
    variables = environment(MCP_ASSAY_CONTROL_TOKEN="open-sesame")
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=variables) as process:
        try:
            assert process.stdout
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def _refused(*options: object) -> str:
    done = subprocess.run(
        _command(*options), capture_output=True, text=True, env=environment(), timeout=BOUND_SECONDS, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1]


def test_the_service_and_its_control_plane_show_the_certificate(files: TlsFiles, client: httpx.Client) -> None:
    with _service(*FREE, *files.options()) as (_, ready):
        assert ready["url"].startswith("https://127.0.0.1:")
        assert ready["control_url"].startswith("https://127.0.0.1:")
        assert client.get(f"{ready['url']}/").status_code == 200
        opened = {"Authorization": "Bearer open-sesame"}
        assert client.get(f"{ready['control_url']}/clock", headers=opened).status_code == 200


def test_a_signal_ends_it_quietly_although_a_client_keeps_its_connection(files: TlsFiles, client: httpx.Client) -> None:
    with _service(*FREE, *files.options()) as (process, ready):
        client.get(f"{ready['url']}/")
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=BOUND_SECONDS) == ("", "")
        assert process.returncode == 0


def test_whoever_speaks_plain_http_or_trusts_others_gets_no_answer_and_does_no_harm(
    files: TlsFiles, client: httpx.Client
) -> None:
    with _service(*FREE, *files.options()) as (process, ready):
        with pytest.raises(httpx.HTTPError):
            httpx.get(ready["url"].replace("https:", "http:"), trust_env=False)
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(ready["url"], verify=Authority().client_context, trust_env=False)
        assert client.get(f"{ready['url']}/").status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=BOUND_SECONDS) == ("", "")


def test_what_begins_its_issuers_is_https_then(files: TlsFiles) -> None:
    told = ["--port", "7400"]
    assert own_url(_parser().parse_args([*told, *files.options()])) == "https://127.0.0.1:7400"
    assert own_url(_parser().parse_args(told)) == "http://127.0.0.1:7400"


def test_certificate_and_key_belong_together(files: TlsFiles) -> None:
    expected = "mock-idp: --tls-certificate and --tls-key belong together"
    assert _refused("mock_idp", *FREE, "--tls-certificate", files.certificate) == expected
    assert _refused("mock_idp", *FREE, "--tls-key", files.key) == expected


def test_files_that_will_not_do_are_one_sentence(files: TlsFiles, tmp_path: Path) -> None:
    missing = tmp_path / "missing.pem"
    said = _refused("mock_idp", *FREE, "--tls-certificate", files.certificate, "--tls-key", missing)
    assert said == f"mock-idp: {files.certificate} or {missing} cannot be read: No such file or directory"


def test_another_s_key_and_a_key_with_a_passphrase_are_refused(files: TlsFiles, tmp_path: Path) -> None:
    with pytest.raises(TlsFileError, match=r"root\.pem and .*key\.pem are no certificate and its key"):
        showing(files.root, files.key)
    sealed = tmp_path / "sealed.pem"
    key = serialization.load_pem_private_key(files.key.read_bytes(), None)
    lock = serialization.BestAvailableEncryption(b"passphrase")
    sealed.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock))
    with pytest.raises(TlsFileError, match="without a passphrase"):
        showing(files.certificate, sealed)


@pytest.mark.parametrize("program", [MCP_SERVER, AUTHORIZATION_SERVER], ids=["mcp-server", "authorization-server"])
def test_a_root_that_will_not_do_is_one_sentence_where_it_is_needed(program: tuple[str, ...], tmp_path: Path) -> None:
    missing = tmp_path / "missing.pem"
    said = _refused(*program, *FREE, "--trust", missing)
    assert said.endswith(f"server: {missing} cannot be read: No such file or directory")


def test_a_file_without_a_certificate_is_no_root(files: TlsFiles) -> None:
    with pytest.raises(TlsFileError, match=r"key\.pem holds no certificate of an authority, as PEM"):
        trusting(files.key)
