"""The harness in the place of somebody else's server: it answers as told, remembers, and leaves nothing behind."""

from __future__ import annotations

import json
import socket
import ssl
from urllib.parse import urlsplit

import httpx
import pytest
import trustme

from harness.listener import LARGEST_BODY, Listener, Received, Reply
from tests.tls import server_tls


def _told(request: Received) -> Reply:
    body = json.dumps({"asked": f"{request.method} {request.path}"}).encode()
    return Reply(202, body, {"content-type": "application/json"})


def test_a_request_is_remembered_as_it_came_and_answered_as_told() -> None:
    with Listener(_told) as listener, httpx.Client(trust_env=False) as client:
        answer = client.post(f"{listener.url}/tool?a=1", content=b"body", headers=[("X-Own", "1"), ("x-own", "2")])
        (received,) = listener.requests
    assert (answer.status_code, answer.json()) == (202, {"asked": "POST /tool?a=1"})
    assert (received.method, received.path, received.body) == ("POST", "/tool?a=1", b"body")
    assert received.headers["x-own"] == ("1", "2")


def test_every_method_is_answered() -> None:
    with Listener() as listener, httpx.Client(trust_env=False) as client:
        for method in ("GET", "HEAD", "DELETE", "PURGE"):
            assert client.request(method, listener.url).status_code == 404
        assert [request.method for request in listener.requests] == ["GET", "HEAD", "DELETE", "PURGE"]


def test_a_body_without_a_length_is_read_too() -> None:
    with Listener() as listener, httpx.Client(trust_env=False) as client:
        assert client.post(listener.url, content=iter([b"chunk", b"s" * 20])).status_code == 404
        (received,) = listener.requests
    assert received.body == b"chunk" + b"s" * 20


@pytest.mark.parametrize(
    "framing",
    [
        f"Content-Length: {LARGEST_BODY + 1}\r\n\r\n",
        "Content-Length: -1\r\n\r\n",
        f"Transfer-Encoding: chunked\r\n\r\n{LARGEST_BODY + 1:x}\r\n",
        "Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        "Transfer-Encoding: gzip\r\n\r\nzipped\r\n",
    ],
)
def test_a_body_that_is_too_large_or_cannot_be_read_is_refused(framing: str) -> None:
    with Listener() as listener:
        with socket.create_connection(("127.0.0.1", urlsplit(listener.url).port or 0), timeout=5) as connection:
            connection.sendall(f"POST / HTTP/1.0\r\n{framing}".encode())
            assert b" 413 " in connection.recv(100)
        assert listener.requests == []


def test_what_was_received_is_not_told_by_its_repr() -> None:
    received = Received("POST", "/", {"authorization": ("Bearer secret",)}, b"secret")
    assert "secret" not in repr(received)


def test_its_port_is_free_again_and_can_be_chosen() -> None:
    with Listener() as listener:
        port = urlsplit(listener.url).port
        assert port
        with pytest.raises(OSError, match="in use"):
            Listener(port=port)
    with Listener(port=port) as again:
        assert again.url == listener.url


def test_a_caller_that_says_nothing_keeps_nobody_waiting() -> None:
    with (
        Listener() as listener,
        httpx.Client(trust_env=False) as client,
        socket.create_connection(("127.0.0.1", urlsplit(listener.url).port or 0)),
    ):
        assert client.get(listener.url).status_code == 404


def test_a_body_can_be_sent_in_chunks_or_shorter_than_announced() -> None:
    def told(request: Received) -> Reply:
        if request.path == "/chunks":
            return Reply(chunks=lambda: iter((b"one", b"two")))
        return Reply(body=b"short", headers={"content-length": "6"})

    with Listener(told) as listener, httpx.Client(trust_env=False) as client:
        assert client.head(f"{listener.url}/chunks").content == b""
        assert [client.get(f"{listener.url}/chunks").content for _ in range(2)] == [b"onetwo"] * 2
        with pytest.raises(httpx.RemoteProtocolError):
            client.get(f"{listener.url}/short")
        assert listener.connections == 4


def test_it_speaks_https_and_waits_for_nobody_who_says_nothing() -> None:
    authority = trustme.CA()
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    with Listener(_told, tls=server_tls(authority)) as listener:
        address = ("127.0.0.1", urlsplit(listener.url).port or 0)
        with socket.create_connection(address), httpx.Client(verify=trusted, trust_env=False) as client:
            assert client.get(f"{listener.url}/tool").json() == {"asked": "GET /tool"}
        assert listener.url.startswith("https://")
        assert listener.connections == 2
