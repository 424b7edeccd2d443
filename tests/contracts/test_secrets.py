"""No secret that a run saw is in any report, log or error, whatever the target repeats of it, and in what spelling."""

from __future__ import annotations

import base64
import io
import zipfile
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

import pytest

from fixtures.mutants import find
from fixtures.service.serve import Service
from fixtures.world import load_world
from harness import engine
from harness.events import Event, RunFinished, RunStarted, Settings
from harness.http import Wire
from harness.requirement import REVISIONS
from harness.sandbox.target import sandbox_target
from harness.sandbox.threads import ThreadedSandbox
from harness.scenario import load_scenarios
from reports.bundle import write_bundle
from reports.checks_json import render_checks
from reports.document import Document, run_document
from reports.formats import FORMATS
from reports.telling import result_text
from reports.terminal import TerminalReport
from tests.contracts.secrets_seen import leaks, private_members, secrets_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MUTANT = "as-pkce-verifier-unchecked"
REPEATED = 3000


class Parrot:
    """Repeats what it was sent in every answer, and what others sent it before: plain, URL-encoded and in base64."""

    earlier: ClassVar[deque[bytes]] = deque(maxlen=7)

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        heard = [scope["query_string"], *(value for _, value in scope["headers"])]

        async def listening() -> Message:
            message = await receive()
            heard.append(message.get("body", b""))
            return message

        async def repeating(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *self._headers(b" ".join(heard))]}
            await send(message)

        await self._app(scope, listening, repeating)

    def _headers(self, said: bytes) -> Iterator[tuple[bytes, bytes]]:
        plain = bytes(sign for sign in said if 32 <= sign < 127)
        self.earlier.append(plain[:REPEATED])
        for name, text in (("now", plain[:REPEATED]), ("earlier", self.earlier[0])):
            yield f"x-{name}".encode(), text.strip()
            yield f"x-{name}-quoted".encode(), quote(text, safe="").encode()
            yield f"x-{name}-base64".encode(), base64.b64encode(text)


class ParrotSandbox(ThreadedSandbox):
    def _build(self, service: str) -> Service:
        built = super()._build(service)
        return Service(Parrot(built.app), built.control)


@dataclass(frozen=True)
class Judged:
    """A run and everything in it that nobody else may know."""

    document: Document
    events: list[Event]
    secrets: set[str]
    logs: dict[str, str]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    folder = tmp_path_factory.mktemp("trails")
    world, events = load_world(), list[Event]()
    wire = Wire()
    with ParrotSandbox(state_dir=folder) as sandbox:
        target = sandbox_target(sandbox, world, REVISIONS[0])
        with find(MUTANT).applied():
            sandbox.replace("authorization_server")
            engine.run(target, load_scenarios().values(), events.append, wire=wire, settings=Settings(jobs=4))
        logs = {path.name: path.read_text() for path in folder.iterdir()}
    started, finished = events[0], events[-1]
    assert isinstance(started, RunStarted)
    assert isinstance(finished, RunFinished)
    keys = [client.private_key for client in target.home.clients.values() if client.private_key]
    private = {value for key in keys for value in private_members(dict(key))}
    return Judged(run_document(started, finished), events, secrets_of(wire.traffic) | private, logs)


def test_a_run_sees_many_secrets_and_some_failures(judged: Judged) -> None:
    assert len(judged.secrets) > 500
    assert judged.document["summary"]["failed"] > 1
    assert judged.document["summary"]["error"] == 0


def test_what_the_target_repeats_would_be_found(judged: Judged) -> None:
    started, finished = judged.events[0], judged.events[-1]
    assert isinstance(started, RunStarted)
    assert isinstance(finished, RunFinished)
    told = FORMATS[0].render(run_document(started, finished, show_secrets=True))
    found = "\n".join(leaks({"json": told}, judged.secrets))
    for how in ("a part of a form", "at 0", "at 1", "at 2"):
        assert f"{how} in …" in found


@pytest.mark.parametrize("name", [item.name for item in FORMATS])
def test_no_secret_is_in_a_report(judged: Judged, name: str) -> None:
    chosen = next(item for item in FORMATS if item.name == name)
    assert leaks({name: chosen.render(judged.document)}, judged.secrets) == []


def test_no_secret_is_in_a_bundle(judged: Judged, tmp_path: Path) -> None:
    write_bundle(judged.document, tmp_path / "bundle.zip", None)
    with zipfile.ZipFile(tmp_path / "bundle.zip") as bundle:
        texts = {name: bundle.read(name).decode() for name in bundle.namelist()}
    assert len(texts) > len(FORMATS)
    assert leaks(texts, judged.secrets) == []


def test_no_secret_is_in_what_the_official_suite_reads(judged: Judged) -> None:
    assert leaks({str(path): text for path, text in render_checks(judged.document).items()}, judged.secrets) == []


def test_no_secret_is_on_the_terminal(judged: Judged) -> None:
    stream = io.StringIO()
    report = TerminalReport(stream)
    for event in judged.events:
        report(event)
    report.show(judged.document)
    told = {result["scenario"]: result_text(result) for result in judged.document["results"]}
    assert leaks({"terminal": stream.getvalue(), **told}, judged.secrets) == []


def test_no_secret_is_in_an_audit_trail(judged: Judged) -> None:
    assert len(judged.logs) == 2
    assert leaks(judged.logs, judged.secrets) == []
