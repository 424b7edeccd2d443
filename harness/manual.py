"""The `manual` login: a human opens the URL, and a listener at the redirect URI waits for the browser to come back."""

from __future__ import annotations

import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import SplitResult, urlsplit

import httpx

from harness.browser import Browser, Landing
from harness.exchange import Answer, Exchange, query_of
from harness.flows import AuthorizationRequest
from harness.verdict import Blocked, Interrupted

PATIENCE = 300.0
GLANCE = 0.5
"""Seconds between two looks at whether the run was ended, and that a browser may hold a connection without a word."""

_ONE_AT_A_TIME = threading.Lock()


class _Listener(HTTPServer):
    def __init__(self, place: SplitResult) -> None:
        super().__init__((place.hostname or "127.0.0.1", place.port or 80), _Handler)
        self.timeout = GLANCE
        self.path = place.path or "/"
        self.arrived = ""


class _Handler(BaseHTTPRequestHandler):
    timeout = GLANCE

    def do_GET(self) -> None:
        assert isinstance(self.server, _Listener)
        if self.path.partition("?")[0] != self.server.path:  # such as the icon that browsers ask for
            self.send_error(404)
            return
        self.server.arrived = self.path
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.end_headers()
        self.wfile.write(b"mcp-assay has the answer. You can close this page.\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Keep quiet: the path carries a code."""


def wait_for_human(browser: Browser, request: AuthorizationRequest) -> Landing:
    """Print an authorization request's URL and wait until a browser arrives at its redirect URI, one at a time.

    Raises:
        Blocked: nobody came in time, or the redirect URI is no free port on this machine.
        Interrupted: the user ended the run.
    """
    redirect_uri = request.get("redirect_uri") or request.client.redirect_uri
    with _ONE_AT_A_TIME:
        arrived = _arrival(browser, request.url, redirect_uri)
    place = urlsplit(redirect_uri)
    location = f"{place.scheme}://{place.netloc}{arrived}"
    seen = Exchange("GET", request.url, (), b"", 302, httpx.Headers({"location": location}), sender=browser.sender)
    browser.record(seen)
    return Landing(Answer(seen, browser.evidence), location, query_of(location), (location,))


def _arrival(browser: Browser, url: str, redirect_uri: str) -> str:
    """Return path and query of the request by which the browser came back."""
    try:
        server = _Listener(urlsplit(redirect_uri))
    except (OSError, ValueError) as fault:
        raise Blocked(f"nothing can listen at {redirect_uri}: {fault}", "choose a free loopback port") from fault
    with server:
        print(f"Open this URL and sign in:\n{url}", file=sys.stderr, flush=True)  # noqa: T201
        end = time.monotonic() + PATIENCE
        while not server.arrived and time.monotonic() < end:
            if browser.wire.stop.is_set():
                raise Interrupted
            server.handle_request()
    if not server.arrived:
        raise Blocked(f"no browser came back to {redirect_uri} within {PATIENCE:.0f} s")
    return server.arrived
