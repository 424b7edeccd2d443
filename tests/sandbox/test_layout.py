"""Where the services of a sandbox are, and ports that cannot be had."""

from __future__ import annotations

import socket

import pytest

from harness.sandbox import sockets
from harness.sandbox.errors import SandboxError
from harness.sandbox.layout import SERVICES, Layout, Place
from harness.sandbox.sockets import Sockets
from tests.addresses import own_loopback_address

LAYOUT = Layout(
    mock_idp=Place("http://idp.example", "http://idp.example:1"),
    authorization_server=Place("http://as.example", "http://as.example:1"),
    mcp_server=Place("http://mcp.example", "http://mcp.example:1"),
)


def test_identifiers_follow_from_the_places() -> None:
    assert LAYOUT.issuer("acme") == "http://as.example/acme"
    assert LAYOUT.resource("acme") == "http://mcp.example/acme/mcp"
    assert LAYOUT.resource("acme", "/fx") == "http://mcp.example/acme/fx"
    assert LAYOUT.idp_issuer("acme") == "http://idp.example/acme"
    assert [LAYOUT.place(service).control_url[-2:] for service in SERVICES] == [":1"] * 3


def test_free_ports_are_all_different() -> None:
    bound = Sockets.bind(None)
    layout = bound.layout()
    bound.close()
    urls = [url for service in SERVICES for url in (layout.place(service).url, layout.place(service).control_url)]
    assert len(set(urls)) == 6


@pytest.mark.parametrize("offset", [0, 1, 2, 10, 11, 12])
def test_a_port_in_use_is_named_with_a_way_out(offset: int, monkeypatch: pytest.MonkeyPatch) -> None:
    address = own_loopback_address()
    monkeypatch.setattr(sockets, "LOOPBACK", address)
    with socket.create_server((address, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SandboxError, match=f"port {port} of {address} is in use; pass another base with --port"):
            Sockets.bind(port - offset)


@pytest.mark.parametrize("port", [-5, 65_530, 70_000])
def test_a_port_that_does_not_exist_is_named(port: int) -> None:
    with pytest.raises(SandboxError, match=r"port (-5|65540|70000) does not exist; pass another base with --port"):
        Sockets.bind(port)
