"""Client ID metadata documents at the reference authorization server: bounds, keeping, and whose addresses count."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from fixtures.authorization_server import client_documents, document_fetching
from fixtures.authorization_server.client_documents import LONGEST_STAY, SHORTEST_STAY, ClientDocuments
from fixtures.authorization_server.document_fetching import DocumentError, DocumentFetcher
from fixtures.authorization_server.settings import Settings
from harness.listener import Listener, Received, Reply
from tests.authorization_server.trio import REDIRECT_URI, Trio, refused
from tests.tls import server_tls

JSON = {"content-type": "application/json"}
SETTINGS = Settings("http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def authorities(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("tls") / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    return file


def fetched(listener: Listener, authorities: Path, *, url: str = "", allowed: bool = True) -> bytes:
    """Return what the fetcher gets of a listener."""
    origins = (listener.url,) if allowed else ()
    fetcher = DocumentFetcher(replace(SETTINGS, document_origins=origins, trust=authorities))

    return asyncio.run(fetcher.fetch(url or f"{listener.url}/client.json")).body


def test_a_document_comes_from_an_origin_that_is_allowed(authority: trustme.CA, authorities: Path) -> None:
    with Listener(lambda _: Reply(body=b"{}", headers=JSON), tls=server_tls(authority)) as listener:
        assert fetched(listener, authorities) == b"{}"
    (request,) = listener.requests
    assert request.headers["host"] == (listener.url.removeprefix("https://"),)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "0", "2130706433", "[::ffff:127.0.0.1]"])
def test_no_other_address_of_this_machine_is_connected_to(host: str, authority: trustme.CA, authorities: Path) -> None:
    with Listener(tls=server_tls(authority)) as listener:
        port = listener.url.rpartition(":")[2]
        with pytest.raises(DocumentError, match="not public"):
            fetched(listener, authorities, url=f"https://{host}:{port}/client.json", allowed=False)
        assert listener.connections == 0


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "100.64.0.1", "169.254.169.254", "192.168.1.1", "224.0.0.1", "::", "::1", "fe80::1%eth0", "fd00::1",
     "::ffff:10.0.0.1", "::10.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::a00:1", "2002:a00:1::1", "2002:808:808::1",
     "2001:0:a00:1::1", "fec0::1", "3fff::1", "5f00::1", "192.0.0.9", "192.88.99.1", "255.255.255.255"],
)  # fmt: skip
def test_special_addresses_are_not_public(address: str) -> None:
    with pytest.raises(DocumentError, match="not public"):
        DocumentFetcher(SETTINGS).check_public(["8.8.8.8", address])


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "64:ff9b::808:808"])
def test_public_addresses_are(address: str) -> None:
    assert document_fetching._is_public(address)


def test_each_fetch_shows_its_own_name_and_checks_its_own_certificate(
    authority: trustme.CA, authorities: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def here(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    monkeypatch.setattr(document_fetching, "_addresses", here)
    cookie = {**JSON, "set-cookie": "who=first"}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("xn--strae-oqa.example").configure_cert(context)
    with Listener(lambda _: Reply(body=b"{}", headers=cookie), tls=context) as listener:
        port = listener.url.rpartition(":")[2]
        good, other = (f"https://{name}:{port}" for name in ("xn--strae-oqa.example", "other.example"))
        settings = replace(SETTINGS, document_origins=(good, other), trust=authorities)

        async def fetch_all() -> None:
            fetcher = DocumentFetcher(settings)
            for _ in range(2):
                await fetcher.fetch(f"{good}/client.json")
            await fetcher.fetch(f"{other}/client.json")

        with pytest.raises(DocumentError, match="cannot be fetched: ConnectError"):
            asyncio.run(fetch_all())
    assert len(listener.requests) == 2
    assert not any("cookie" in request.headers for request in listener.requests)


def test_what_is_compressed_is_not_unpacked(authority: trustme.CA, authorities: Path) -> None:
    packed = gzip.compress(b"{}" + b" " * 1_000_000)
    headers = {**JSON, "content-encoding": "gzip"}
    with Listener(lambda _: Reply(body=packed, headers=headers), tls=server_tls(authority)) as listener:
        assert fetched(listener, authorities) == packed


def test_a_certificate_that_nobody_trusts_ends_the_fetch(authority: trustme.CA, authorities: Path) -> None:
    with (
        Listener(lambda _: Reply(body=b"{}", headers=JSON), tls=server_tls(trustme.CA())) as listener,
        pytest.raises(DocumentError, match="cannot be fetched: ConnectError"),
    ):
        fetched(listener, authorities)


def test_a_fetch_has_an_end(authority: trustme.CA, authorities: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_fetching, "SECONDS", 0.2)
    released = threading.Event()

    def slowly(_: Received) -> Reply:
        released.wait(10)
        return Reply(body=b"{}", headers=JSON)

    with Listener(slowly, tls=server_tls(authority)) as listener:
        with pytest.raises(DocumentError, match=r"within 0\.2 seconds"):
            fetched(listener, authorities)
        released.set()


def test_authorities_that_cannot_be_read_end_the_fetch(authority: trustme.CA, tmp_path: Path) -> None:
    with (
        Listener(tls=server_tls(authority)) as listener,
        pytest.raises(DocumentError, match="cannot be fetched: TlsFileError"),
    ):
        fetched(listener, tmp_path / "missing.pem")


@pytest.mark.parametrize(
    ("cache_control", "seconds"),
    [
        ("", SHORTEST_STAY),
        ("max-age=60", 60.0),
        ('public, Max-Age="60"', 60.0),
        ("max-age=1", SHORTEST_STAY),
        ("max-age=99999999", LONGEST_STAY),
        ("no-store, max-age=60", SHORTEST_STAY),
        ("no-cache, max-age=60", SHORTEST_STAY),
        ("max-age=soon", SHORTEST_STAY),
    ],
)
def test_a_document_stays_as_long_as_its_headers_say_within_bounds(
    trio: Trio, cache_control: str, seconds: float
) -> None:
    assert trio.app.tenants["acme"].issuer.documents.lifetime(cache_control) == seconds


class _Served:
    """A fetcher without a network: it gives one good document for every URL, and counts."""

    def __init__(self) -> None:
        self.fetches = 0
        self.gone = False
        self.members = ""

    async def fetch(self, url: str) -> document_fetching.Fetched:
        self.fetches += 1
        if self.gone:
            raise DocumentError("It was answered with status 410.")
        named = f'"client_id": "{url}", "client_name": "A client", "redirect_uris": ["{REDIRECT_URI}"]'
        body = f"{{{named}{self.members}}}"
        return document_fetching.Fetched(body.encode(), "max-age=60")


@pytest.fixture
def served(trio: Trio, monkeypatch: pytest.MonkeyPatch) -> _Served:
    fetcher = _Served()
    monkeypatch.setattr(trio.app.tenants["acme"].issuer.documents, "fetcher", fetcher)
    return fetcher


def test_a_document_is_fetched_once_until_it_is_stale(trio: Trio, served: _Served) -> None:
    client = trio.client(client_id="https://client.example/client.json")
    assert client.tokens()["access_token"]
    assert served.fetches == 1
    trio.clock.advance(61)
    assert client.tokens()["access_token"]
    assert served.fetches == 2


@pytest.mark.parametrize(
    "members",
    ['"token_endpoint_auth_method": ["none"]', '"token_endpoint_auth_method": {}', '"client_name": 1',
     '"redirect_uris": [["x"]]', '"grant_types": [{}]', '"response_types": {}', '"scope": []', '"jwks": [1]',
     '"jwks": {"keys": [null]}', '"client_uri": 5', '"agent_tenant": []', '"contacts": 5', '"client_id": null',
     '"redirect_uris": ["https://[/"]', '"client_name": "\\ud800"', '"x": ' + "9" * 5000, '"x": ' + "[" * 4000],
)  # fmt: skip
def test_members_of_other_types_make_no_client(trio: Trio, served: _Served, members: str) -> None:
    served.members = f", {members}"
    assert trio.client(client_id="https://client.example/client.json").start().status_code == 400


def test_a_client_ends_with_its_document(trio: Trio, served: _Served) -> None:
    client = trio.client(client_id="https://client.example/client.json")
    code = client.authorize()["code"]
    served.gone = True
    trio.clock.advance(61)
    refused(client.redeem(code), "invalid_client", 401)
    assert client.start().status_code == 400
    assert trio.audit.read_text().count("It was answered with status 410.") == 2


def test_a_reset_forgets_documents(trio: Trio, served: _Served) -> None:
    client = trio.client(client_id="https://client.example/client.json")
    assert client.tokens()["access_token"]
    assert trio.control("/reset").status_code == 200
    assert client.tokens()["access_token"]
    assert served.fetches == 2


def test_what_was_looked_up_longest_ago_is_forgotten_first(
    trio: Trio, served: _Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_documents, "MOST_DOCUMENTS", 2)
    documents: ClientDocuments = trio.app.tenants["acme"].issuer.documents
    urls = [f"https://client.example/{number}.json" for number in range(3)]
    for url in urls:
        trio.client(client_id=url).start()
    assert [documents.find(url) is not None for url in urls] == [False, True, True]
    assert trio.app.tenants["globex"].issuer.documents.find(urls[2]) is None


def test_the_consent_page_warns_of_a_program_on_the_own_computer(trio: Trio, served: _Served) -> None:
    page = trio.client(client_id="https://client.example/client.json").start()
    assert "client.example" in page.text
    assert "a program on this computer" in page.text
    assert "a program on this computer" not in trio.client().start().text
