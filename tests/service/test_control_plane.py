"""The control plane over real HTTP: what it does, and what it refuses."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from fixtures.service.audit import AuditTrail
from fixtures.service.clock import Clock
from fixtures.service.control import FURTHEST_OFFSET, LARGEST_BODY, control_app, json_body
from fixtures.service.faults import FaultQueue
from fixtures.service.log import RequestLog
from fixtures.service.observed import Observed
from fixtures.service.surroundings import Surroundings
from fixtures.service.threaded import ThreadedServer
from fixtures.world import load_world

TOKEN = "open-sesame"


class Running:
    """A service that counts, with its control plane, in a thread."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.count = 0
        self.sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        service_url, control_url = (f"http://127.0.0.1:{sock.getsockname()[1]}" for sock in self.sockets)
        self.service = httpx.Client(base_url=service_url, trust_env=False, timeout=10)
        self.control = httpx.Client(
            base_url=control_url, trust_env=False, timeout=10, headers={"Authorization": f"Bearer {TOKEN}"}
        )
        self.server = ThreadedServer(*self._apps(), *self.sockets)

    def stop(self) -> None:
        self.service.close()
        self.control.close()
        self.server.stop()
        for sock in self.sockets:
            sock.close()

    def reset(self) -> None:
        self.count = 0

    def _apps(self) -> tuple[ASGIApp, ASGIApp]:
        surroundings = Surroundings(self.clock, load_world(), RequestLog(), FaultQueue(), AuditTrail(None, self.clock))
        app = Starlette(routes=[Route("/count", self._count), Route("/broken", self._broken)])
        echo = Route("/echo", self._echo, methods=["POST"])
        return Observed(app, surroundings), control_app(surroundings, TOKEN, reset=self.reset, extra_routes=[echo])

    async def _count(self, request: Request) -> Response:
        self.count += 1
        return PlainTextResponse(str(self.count))

    async def _broken(self, request: Request) -> Response:
        raise LookupError("broken on purpose")

    async def _echo(self, request: Request) -> Response:
        data = await json_body(request, required=frozenset({"text"}), optional=frozenset({"more"}))
        return PlainTextResponse(data["text"])


@pytest.fixture(scope="module")
def served() -> Iterator[Running]:
    served = Running()
    served.server.start()
    yield served
    served.stop()


@pytest.fixture
def running(served: Running) -> Running:
    served.control.post("/reset").raise_for_status()
    served.clock.reset()
    return served


def test_the_clock_moves_for_everybody_and_comes_back(running: Running) -> None:
    before = running.clock.now()
    answer = running.control.post("/clock", json={"advance": 3600}).json()
    assert answer["offset"] == 3600
    assert running.clock.now() >= before + 3600
    assert running.control.get("/clock").json()["now"] >= before + 3600
    assert running.control.delete("/clock").json()["offset"] == 0


def test_answers_are_dated_by_the_clock(running: Running) -> None:
    running.control.post("/clock", json={"advance": -9 * 365 * 86400})
    year = int(running.service.get("/count").headers["date"].split()[3])
    running.control.delete("/clock")
    assert int(running.service.get("/count").headers["date"].split()[3]) == year + 9


def test_a_reset_brings_back_the_seed_and_clears_log_and_faults(running: Running) -> None:
    running.service.get("/count")
    running.control.post("/faults", json={"path": "/count", "status": 503})
    assert running.control.post("/reset").status_code == 200
    assert running.control.get("/requests").json() == {"requests": []}
    assert running.service.get("/count").text == "1"


def test_the_log_has_no_queries_and_the_oldest_request_first(running: Running) -> None:
    running.service.get("/count?code=secret", headers={"Authorization": "Bearer secret"})
    running.service.post("/nowhere", content=b"secret")
    answer = running.control.get("/requests")
    assert [(entry["method"], entry["path"], entry["status"]) for entry in answer.json()["requests"]] == [
        ("GET", "/count", 200),
        ("POST", "/nowhere", 404),
    ]
    assert "secret" not in answer.text


def test_an_error_of_the_service_is_logged_as_500(running: Running) -> None:
    assert running.service.get("/broken").status_code == 500
    assert running.control.get("/requests").json()["requests"][0]["status"] == 500


def test_a_status_is_answered_in_the_services_place_as_often_as_asked(running: Running) -> None:
    fault = {"path": "/cou", "status": 429, "headers": {"Retry-After": "7"}, "times": 2}
    assert running.control.post("/faults", json=fault).status_code == 201
    answers = [running.service.get("/count") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["retry-after"] == "7"
    assert running.count == 1


def test_a_dropped_request_gets_no_answer(running: Running) -> None:
    running.control.post("/faults", json={"path": "/", "drop": True})
    with pytest.raises(httpx.RemoteProtocolError):
        running.service.get("/count")
    assert running.service.get("/count").text == "1"
    assert [entry["status"] for entry in running.control.get("/requests").json()["requests"]] == [None, 200]


def test_a_delayed_request_is_answered_late(running: Running) -> None:
    running.control.post("/faults", json={"path": "/count", "delay": 0.2})
    assert running.service.get("/count").elapsed.total_seconds() >= 0.2


def test_a_fault_waits_for_its_own_path(running: Running) -> None:
    running.control.post("/faults", json={"path": "/other", "status": 503})
    assert running.service.get("/count").status_code == 200
    assert running.service.get("/other").status_code == 503


def test_queued_faults_can_be_cleared(running: Running) -> None:
    running.control.post("/faults", json={"path": "/", "status": 503, "times": 100})
    running.control.delete("/faults")
    assert running.service.get("/count").status_code == 200


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({}, "exactly one of"),
        ({"status": 503}, "path is missing"),
        ({"path": "/", "status": 503, "drop": True}, "exactly one of"),
        ({"path": "x", "drop": True}, 'path is a string that begins with "/"'),
        ({"path": "/", "status": 99}, "status is a whole number"),
        ({"path": "/", "status": True}, "status is a whole number"),
        ({"path": "/", "status": "503"}, "status is a whole number"),
        ({"path": "/", "delay": -1}, "delay is a number of seconds"),
        ({"path": "/", "delay": 10**400}, "delay is a number of seconds"),
        ({"path": "/", "drop": False}, "drop is true"),
        ({"path": "/", "drop": True, "times": 0}, "times is a whole number"),
        ({"path": "/", "drop": True, "headers": {}}, "headers go with status only"),
        ({"path": "/", "status": 503, "headers": {"X": "a\r\nSet-Cookie: b"}}, "headers is an object"),
        ({"path": "/", "status": 503, "headers": ["X"]}, "headers is an object"),
        ({"path": "/", "drop": True, "colour": "red"}, "unknown member colour"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(running: Running, fault: object, sentence: str) -> None:
    answer = running.control.post("/faults", json=fault)
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 50_000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b"{}", "missing member advance"),
        (b'{"advance": 1, "by": 2}', "unknown member by"),
        (b'{"advance": "1"}', "advance is a number of seconds"),
        (b'{"advance": true}', "advance is a number of seconds"),
        (b'{"advance": NaN}', "the clock stays within"),
        (b'{"advance": 1e999}', "the clock stays within"),
        (b'{"advance": %d}' % (FURTHEST_OFFSET + 1), "the clock stays within"),
        (b'{"advance": 1%s}' % (b"0" * 400), "the clock stays within"),
    ],
)
def test_bad_input_is_answered_with_a_sentence(running: Running, body: bytes, sentence: str) -> None:
    answer = running.control.post("/clock", content=body)
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]
    assert running.clock.offset == 0


def test_a_body_that_is_too_large_is_refused(running: Running) -> None:
    answer = running.control.post("/clock", content=b" " * (LARGEST_BODY + 1))
    assert answer.status_code == 413


@pytest.mark.parametrize("credentials", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}])
@pytest.mark.parametrize(("method", "path"), [("POST", "/clock"), ("POST", "/echo"), ("GET", "/nowhere")])
def test_without_the_token_nothing_is_done(
    running: Running, credentials: dict[str, str], method: str, path: str
) -> None:
    answer = httpx.request(
        method, running.control.base_url.join(path), json={"advance": 1}, headers=credentials, trust_env=False
    )
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert running.clock.offset == 0


def test_the_service_does_not_answer_for_its_control_plane(running: Running) -> None:
    assert running.service.get("/clock", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 404


def test_unknown_paths_and_methods_are_answered_in_json(running: Running) -> None:
    assert running.control.get("/nowhere").json() == {"error": "Not Found"}
    assert running.control.put("/clock").json() == {"error": "Method Not Allowed"}


def test_a_services_own_routes_are_there(running: Running) -> None:
    assert running.control.post("/echo", json={"text": "hello"}).text == "hello"
    assert running.control.post("/echo", json={"text": "hello", "less": 1}).status_code == 400
