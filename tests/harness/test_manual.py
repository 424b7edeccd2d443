"""A human signs in: the URL is printed, and the browser's way back is waited for, within bounds."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from harness import manual
from harness.browser import Browser, Landing
from harness.exchange import Evidence
from harness.http import Wire
from harness.verdict import Blocked, Interrupted
from tests.addresses import own_loopback_address


@pytest.fixture
def wire() -> Iterator[Wire]:
    shared = Wire()
    yield shared
    shared.close()


def _free_uri() -> str:
    with socket.socket() as chosen:
        address = own_loopback_address()
        chosen.bind((address, 0))
        return f"http://{address}:{chosen.getsockname()[1]}/callback"


def _waited(wire: Wire, uri: str) -> Landing:
    request = SimpleNamespace(url="http://127.0.0.1/authorize", get=lambda _name: uri)
    return manual.wait_for_human(Browser(wire, Evidence()), cast(Any, request))


@contextmanager
def _meanwhile(act: Callable[[], object]) -> Iterator[None]:
    thread = threading.Thread(target=act)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _come(uri: str) -> None:
    """Behave as browsers do: connect ahead of need, ask for the icon, then come back."""
    place = httpx.URL(uri)
    transport = httpx.HTTPTransport(retries=5)
    with httpx.Client(transport=transport, timeout=5) as client:
        assert client.get(place.copy_with(path="/favicon.ico")).status_code == 404
        with socket.create_connection((place.host, place.port or 80)):
            assert client.get(uri, params={"code": "a", "state": "b"}).status_code == 200


def test_the_browser_that_comes_back_brings_the_code(wire: Wire, capsys: pytest.CaptureFixture[str]) -> None:
    uri = _free_uri()
    with _meanwhile(lambda: _come(uri)):
        landing = _waited(wire, uri)
    assert (landing.get("code"), landing.arrived_at(uri)) == ("a", True)
    assert "http://127.0.0.1/authorize" in capsys.readouterr().err


def test_nobody_is_waited_for_without_end(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manual, "PATIENCE", 0.0)
    with pytest.raises(Blocked, match="no browser came back"):
        _waited(wire, _free_uri())


def test_nobody_is_waited_for_when_the_run_is_ended(wire: Wire) -> None:
    wire.interrupt()
    with pytest.raises(Interrupted):
        _waited(wire, _free_uri())


def test_a_port_in_use_blocks(wire: Wire) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(Blocked, match="nothing can listen"):
        _waited(wire, f"http://127.0.0.1:{taken.getsockname()[1]}/callback")
