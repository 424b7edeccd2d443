"""What each scenario sends, as the sandbox saw it: recorded by `nox -s docs -- --write`, shown in docs/reference.

Values are left out: they differ from run to run, and what is wrong about one of them is told by the scenario's name.
"""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fixtures.world import load_world
from harness import engine
from harness.events import Event, Result, ScenarioFinished, Settings
from harness.exchange import Exchange, query_of
from harness.http import Wire
from harness.requirement import REVISIONS, Role
from harness.sandbox.documents import DocumentsPlace
from harness.sandbox.embedded import EmbeddedSandbox
from harness.sandbox.rates import RatesPlace
from harness.sandbox.target import sandbox_target
from harness.scenario import Scenario, load_scenarios
from harness.selection import select

FILE = Path(__file__).with_name("sent.json")
ROLES = (Role.AUTHORIZATION_SERVER, Role.MCP_SERVER)
SHOWN = 6
_NAME = re.compile(r"[\w.:/-]{1,60}")
_RANDOM = re.compile(r"(?<=_)[0-9a-f]{8}$")
_PLACES = {
    "/authorize": "the authorization endpoint",
    "/introspect": "the introspection endpoint",
    "/jwks": "the keys",
    "/mcp": "the MCP server",
    "/register": "the registration endpoint",
    "/revoke": "the revocation endpoint",
    "/token": "the token endpoint",
}
_USUAL = {
    "code": ("response_type", "client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method"),
    "authorization_code": ("grant_type", "code", "redirect_uri", "code_verifier"),
    "refresh_token": ("grant_type", "refresh_token"),
    "client_credentials": ("grant_type",),
    "urn:ietf:params:oauth:grant-type:token-exchange": ("grant_type", "subject_token", "subject_token_type"),
    "urn:ietf:params:oauth:grant-type:jwt-bearer": ("grant_type", "assertion"),
}
_OFTEN = ("scope", "resource", "login_hint", "client_id", "client_secret", "client_assertion", "client_assertion_type")


@cache
def recorded() -> Mapping[str, list[str]]:
    """Return what each scenario sent when that was last recorded, by id."""
    found: dict[str, list[str]] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def record(selectors: Iterable[str] = ()) -> dict[str, list[str]]:
    """Judge the sandbox in each revision, and return what each scenario sent in the first in which it ran."""
    sent: dict[str, list[str]] = {}

    def note(event: Event) -> None:
        if isinstance(event, ScenarioFinished):
            sent.setdefault(event.result.scenario.id, _lines(event.result))

    for revision in REVISIONS:
        chosen = select(load_scenarios(), tuple(selectors), roles=ROLES, spec=revision)
        missing = [scenario for scenario in chosen if scenario.id not in sent]
        if missing:
            _judge(revision, missing, note)
    return sent


def _judge(revision: str, scenarios: Iterable[Scenario], note: Callable[[Event], None]) -> None:
    with (
        EmbeddedSandbox(rates=RatesPlace(), documents=DocumentsPlace()) as sandbox,
        sandbox.control("authorization_server") as control,
    ):
        gc.freeze()
        target = sandbox_target(sandbox, load_world(), revision, control)
        engine.run(target, scenarios, note, wire=Wire(), settings=Settings(jobs=1))


def write() -> None:
    """Record what all scenarios send, and keep it."""
    sent = record()
    FILE.write_text(json.dumps({name: sent[name] for name in load_scenarios()}, indent=1) + "\n", encoding="utf-8")
    recorded.cache_clear()


def _lines(result: Result) -> list[str]:
    """Return each kind of request once, in the order in which they came; too many are counted."""
    kinds = list(dict.fromkeys(filter(None, map(_line, result.exchanges))))
    more = len(kinds) - SHOWN
    return kinds[:SHOWN] + ([f"and {more} other kinds of requests"] if more > 1 else kinds[SHOWN:])


def _line(exchange: Exchange) -> str:
    """Describe a request by its method, where it goes, and what it carries; empty for pages on the way."""
    path = urlsplit(exchange.url).path
    place = next((words for end, words in _PLACES.items() if path.endswith(end)), "")
    if not place and exchange.sender == "browser":
        return ""
    carried = {**{name: values[-1] for name, values in query_of(exchange.url).items()}, **_members(exchange)}
    members = {_RANDOM.sub("…", name): value for name, value in carried.items() if _NAME.fullmatch(name)}
    credentials = [_scheme(value) for name, value in exchange.request_headers if name.lower() == "authorization"]
    return f"{exchange.method} {place or _path(path)}{_carrying(place, members, credentials)}"


def _carrying(place: str, members: Mapping[str, str], credentials: list[str]) -> str:
    """Return the names of what a request carries; of an authorization or token request what is unusual about it."""
    grant = members.get("grant_type", "")
    usual = _USUAL.get(grant) or (_USUAL["code"] if place == _PLACES["/authorize"] else None)
    if usual is None:
        names = [*credentials, *(f"`{name}`" for name in members)]
        return f": {', '.join(dict.fromkeys(names))}" if names else ""
    without = [f"`{name}`" for name in usual if name not in members]
    beside = [f"`{name}`" for name in members if name not in (*usual, *_OFTEN)]
    shown = [*credentials, *(f"`{name}`" for name in ("client_secret", "client_assertion") if name in members)]
    said = [f"authenticated by {' and '.join(dict.fromkeys(shown))}"] * bool(shown)
    said += [f"without {', '.join(without)}"] * bool(without) + [f"with {', '.join(beside)}"] * bool(beside)
    return (f", `{grant}`" if grant else "") + "".join(f", {words}" for words in said)


def _members(exchange: Exchange) -> dict[str, str]:
    """Return a form's parameters, or the members of a JSON object; of a JSON-RPC request its method alone."""
    kind = next((value for name, value in exchange.request_headers if name.lower() == "content-type"), "")
    body = exchange.request_body.decode("utf-8", errors="replace")
    if kind.startswith("application/x-www-form-urlencoded"):
        return {name: values[-1] for name, values in parse_qs(body, keep_blank_values=True).items()}
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(document, dict):
        return {}
    return {str(document["method"]): ""} if "jsonrpc" in document and "method" in document else document


def _scheme(credentials: str) -> str:
    scheme = credentials.partition(" ")[0]
    return f"`Authorization: {scheme}`" if scheme.isalpha() else "`Authorization`"


def _path(path: str) -> str:
    """Return a path without what differs from run to run: a client's id, and random names."""
    if "/register/" in path:
        return "a client's registration"
    return f"`{re.sub(r'[A-Za-z0-9_-]{16,}', '…', path)}`" if path.isprintable() else "another path"
