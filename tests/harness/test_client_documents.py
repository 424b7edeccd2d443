"""The documents that the harness serves: where the target file says, and as clients of a target without any other."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from fixtures.authorization_server.client_documents import ClientDocuments as LookedUp
from fixtures.authorization_server.issuer import Issuer
from fixtures.mutants import mutant
from fixtures.mutants.authorization_server.metadata_changes import not_publishing, publishing
from fixtures.world import load_world
from harness import engine
from harness.client_documents import ClientDocuments
from harness.documents_table import ClientDocumentsTable
from harness.http import Wire
from harness.listener import Reply
from harness.request import TargetFileError
from harness.sandbox.documents import DocumentsPlace
from harness.sandbox.target import sandbox_target
from harness.sandbox.threads import ThreadedSandbox
from harness.scenario import load_scenarios
from harness.target import Target
from harness.target_file import checked_target_file
from harness.verdict import Verdict


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def written(folder: Path) -> ssl.SSLContext:
    """Write a certificate with its key, as a user would, and return who trusts it."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(str(folder / "server.pem"))
    issued.private_key_pem.write_to_path(str(folder / "server.key"))
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    return trusted


def test_documents_are_served_with_the_users_certificate(tmp_path: Path) -> None:
    trusted, port = written(tmp_path), free_port()
    table = ClientDocumentsTable(
        port=port, certificate="server.pem", key="server.key", base_url=f"https://localhost:{port}"
    )
    with ExitStack() as stack, httpx.Client(verify=trusted, trust_env=False) as client:
        documents = table.open(tmp_path, stack)
        documents.publish("/client.json", Reply(body=b"{}"))
        assert documents.host == f"localhost:{port}"
        assert client.get(f"{documents.base_url}/other/../client.json?again").content == b"{}"
        assert client.get(f"{documents.base_url}/missing.json").status_code == 404
        assert documents.fetches("/client.json") == 1


def test_documents_behind_a_proxy_are_served_without_a_certificate(tmp_path: Path) -> None:
    table = ClientDocumentsTable(port=free_port(), base_url="https://documents.example/")
    with ExitStack() as stack:
        documents = table.open(tmp_path, stack)
        assert documents.base_url == "https://documents.example"
        assert documents.url.startswith("http://127.0.0.1:")
        assert documents.tls is None


@pytest.mark.parametrize(
    ("told", "mistake"),
    [
        ({"port": 1, "certificate": "a.pem"}, "certificate and key belong together"),
        ({"port": 1}, "certificate and key are wanted"),
        ({"port": 1, "base_url": "http://localhost"}, "base_url is an https URL without a path"),
        ({"port": 1, "base_url": "https://localhost/here"}, "base_url is an https URL without a path"),
        ({"port": 0, "base_url": "https://localhost"}, "port"),
    ],
)
def test_a_table_that_cannot_be_is_refused(told: dict[str, Any], mistake: str) -> None:
    data = {"target": {"authorization_server": "http://127.0.0.1:1"}, "client_documents": told}
    with pytest.raises(TargetFileError, match=mistake):
        checked_target_file(data, "file")


def test_files_that_are_no_certificate_are_named(tmp_path: Path) -> None:
    table = ClientDocumentsTable(port=free_port(), certificate="server.pem", key="server.key")
    with ExitStack() as stack:
        with pytest.raises(ValueError, match=r"server.pem or server.key cannot be read: No such file"):
            table.open(tmp_path, stack)
        for name in ("server.pem", "server.key"):
            (tmp_path / name).write_text("nothing")
        with pytest.raises(ValueError, match=r"server.pem and server.key are no certificate and its key"):
            table.open(tmp_path, stack)


def test_a_key_with_a_passphrase_is_refused_without_a_question(tmp_path: Path) -> None:
    written(tmp_path)
    key = tmp_path / "server.key"
    sealed = serialization.BestAvailableEncryption(b"passphrase")
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    key.write_bytes(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed))
    table = ClientDocumentsTable(port=free_port(), certificate="server.pem", key="server.key")
    with ExitStack() as stack, pytest.raises(ValueError, match="without a passphrase"):
        table.open(tmp_path, stack)


def test_the_sandbox_serves_documents_when_they_are_first_asked_for() -> None:
    place = DocumentsPlace()
    try:
        root = place.root
        assert not root.exists()
        assert place.serve() is place.serve()
        with httpx.Client(verify=ssl.create_default_context(cafile=root), trust_env=False) as client:
            assert client.get(f"{place.url}/missing.json").status_code == 404
    finally:
        place.close()
    assert not root.parent.exists()


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, ExitStack() as stack:
        port = taken.getsockname()[1]
        table = ClientDocumentsTable(port=port, base_url="https://documents.example")
        with pytest.raises(ValueError, match=rf"client_documents.port: port {port} of 127.0.0.1 cannot be used"):
            table.open(tmp_path, stack)


@pytest.fixture
def without_registration() -> Iterator[Target]:
    """The sandbox without its clients, and without a way to register others."""
    publish = {"metadata": not_publishing("registration_endpoint")}
    change = mutant("as-without-registration", Issuer, summary="It offers no registration.", replace=publish, fails=())
    with change.applied(), ThreadedSandbox() as sandbox, sandbox.control("authorization_server") as control:
        target = sandbox_target(sandbox, load_world(), control=control)
        yield replace(target, home=replace(target.home, clients={}), other=None)


AREAS = ("as/authorization-code/another-client-cannot-redeem-the-code", "as/client-id-metadata/the-host-of-the")


def _verdicts(target: Target, *beginnings: str) -> set[Verdict]:
    asked = [item for item in load_scenarios().values() if item.id.startswith(beginnings)]
    assert asked
    return {result.verdict for result in engine.run(target, asked, lambda _event: None, wire=Wire()).results}


def test_documents_make_the_clients_of_a_target_without_registration(without_registration: Target) -> None:
    assert _verdicts(without_registration, *AREAS) == {Verdict.PASSED}


def test_without_a_place_for_documents_none_is_judged(without_registration: Target) -> None:
    assert _verdicts(replace(without_registration, client_documents=None), *AREAS) == {Verdict.NOT_APPLICABLE}


def test_where_all_clients_are_public_secrets_in_documents_count_for_nothing() -> None:
    metadata = LookedUp._metadata

    def public(documents: LookedUp, document: dict[str, Any]) -> dict[str, Any]:
        return metadata(documents, {**document, "token_endpoint_auth_method": "none"})

    lenient = {"document_checks": lambda documents: (documents.check_client_id,), "_metadata": public}
    alone = {"metadata": publishing(token_endpoint_auth_methods_supported=["none"])}
    changes = (
        mutant("as-public-documents", LookedUp, summary="Their clients are public.", replace=lenient, fails=()),
        mutant("as-public-clients", Issuer, summary="All clients are public.", replace=alone, fails=()),
    )
    with ExitStack() as stack:
        for change in changes:
            stack.enter_context(change.applied())
        sandbox = stack.enter_context(ThreadedSandbox())
        control = stack.enter_context(sandbox.control("authorization_server"))
        target = sandbox_target(sandbox, load_world(), control=control)
        assert _verdicts(target, "as/client-id-metadata-secrets/a-document-") == {Verdict.WARNING}


def test_paths_are_found_without_dots_and_queries() -> None:
    assert [ClientDocuments.resolved(path) for path in ("", "/", "/a/./b?c", "/a/../b")] == ["/", "/", "/a/b", "/b"]
