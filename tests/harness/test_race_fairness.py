"""A server that answers a retry as it answered before, or for a while, is not blamed for it in a race."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from fixtures.authorization_server.app import TenantEndpoints
from fixtures.authorization_server.refresh import RefreshTokenGrant
from fixtures.authorization_server.requests import read_form
from fixtures.world import load_world
from harness import engine
from harness.events import Result, Settings
from harness.http import Wire
from harness.sandbox.target import sandbox_target
from harness.sandbox.threads import ThreadedSandbox
from harness.scenario import load_scenarios
from harness.verdict import Verdict

CODE, REFRESH = "as/races/one-code-wins-once", "as/races/one-refresh-token-wins-once"
LIFE = "as/lifecycle/no-order-of-requests-gives-more"

_token = TenantEndpoints.token


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ThreadedSandbox]:
    with ThreadedSandbox() as running:
        yield running


def _judged(sandbox: ThreadedSandbox, asked: tuple[str, ...]) -> dict[str, Result]:
    sandbox.replace("authorization_server")
    with sandbox.control("authorization_server") as control:
        chosen = [load_scenarios()[name] for name in asked]
        target = sandbox_target(sandbox, load_world(), control=control)
        summary = engine.run(target, chosen, lambda _: None, wire=Wire(), settings=Settings(jobs=1))
    return {result.scenario.id: result for result in summary.results}


def _answers_again(patch: pytest.MonkeyPatch) -> None:
    answers: dict[str, asyncio.Task[Response]] = {}

    async def token(endpoints: TenantEndpoints, request: Request) -> Response:
        await request.body()  # so that it can be read twice
        form = (await read_form(request, endpoints.issuer.url, "token")).form
        used = form.get("code") or form.get("refresh_token")
        if not used:
            return await _token(endpoints, request)
        if used not in answers:
            answers[used] = asyncio.ensure_future(_token(endpoints, request))
        return await answers[used]

    patch.setattr(TenantEndpoints, "token", token)


def _has_a_grace(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RefreshTokenGrant, "check_not_used", lambda *_: None)


@pytest.mark.parametrize(("differs", "asked"), [(_answers_again, (CODE, REFRESH)), (_has_a_grace, (REFRESH, LIFE))])
def test_more_than_one_answer_is_a_warning_at_most(
    sandbox: ThreadedSandbox, monkeypatch: pytest.MonkeyPatch, differs: Callable[[pytest.MonkeyPatch], Any], asked: Any
) -> None:
    differs(monkeypatch)
    harmless = {Verdict.PASSED, Verdict.WARNING}
    assert {
        name: result.actual for name, result in _judged(sandbox, asked).items() if result.verdict not in harmless
    } == {}
