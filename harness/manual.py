"""The `manual` login: a human opens the URL, and a listener at the redirect URI waits for the browser to come back."""

from __future__ import annotations

import socket
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit

import httpx

from harness.browser import Browser, Landing
from harness.exchange import Answer, Exchange, query_of
from harness.flows import AuthorizationRequest
from harness.verdict import Blocked

PATIENCE = 300.0


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.arrived = self.path  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.end_headers()
        self.wfile.write(b"mcp-assay has the answer. You can close this page.\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Keep quiet: the path carries a code."""


def wait_for_human(browser: Browser, request: AuthorizationRequest) -> Landing:
    """Print an authorization request's URL and wait until a browser arrives at its redirect URI.

    Raises:
        Blocked: nobody came in time, or the redirect URI is no free port on this machine.
    """
    redirect_uri = request.get("redirect_uri") or request.client.redirect_uri
    place = urlsplit(redirect_uri)
    try:
        server = HTTPServer((place.hostname or "", place.port or 80), _Handler)
    except (OSError, ValueError, socket.gaierror) as fault:
        raise Blocked(f"nothing can listen at {redirect_uri}: {fault}", "choose a free loopback port") from fault
    with server:
        server.timeout = PATIENCE
        print(f"Open this URL and sign in:\n{request.url}", file=sys.stderr, flush=True)  # noqa: T201
        server.handle_request()
    arrived = getattr(server, "arrived", "")
    if not arrived:
        raise Blocked(f"no browser came back to {redirect_uri} within {PATIENCE:.0f} s")
    location = f"{place.scheme}://{place.netloc}{arrived}"
    seen = Exchange("GET", request.url, (), b"", 302, httpx.Headers({"location": location}))
    browser.evidence.exchanges.append(seen)
    return Landing(Answer(seen, browser.evidence), location, query_of(location), (location,))
