"""What the scenarios of authorization codes say of servers that are right in another way than the sandbox is."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from fixtures.authorization_server.authorization_code import AuthorizationCodeGrant
from fixtures.authorization_server.errors import InvalidGrant
from fixtures.authorization_server.store import AuthorizationCode
from fixtures.world import load_world
from harness import engine
from harness.events import Settings
from harness.http import Wire
from harness.sandbox.target import sandbox_target
from harness.sandbox.threads import ThreadedSandbox
from harness.scenario import load_scenarios
from harness.target import Target
from harness.verdict import Verdict

ANOTHER = "as/authorization-code/another-redirect-uri-is-refused-when-redeeming"


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with ThreadedSandbox() as sandbox, sandbox.control("authorization_server") as control:
        yield sandbox_target(sandbox, load_world(), control=control)


def _verdict(target: Target, identifier: str) -> Verdict:
    wire = Wire()
    summary = engine.run(target, [load_scenarios()[identifier]], lambda _: None, wire=wire, settings=Settings(jobs=2))
    wire.close()
    return summary.results[0].verdict


def _unread(_grant: AuthorizationCodeGrant, _code: AuthorizationCode) -> None:
    """Serve clients of OAuth 2.1 only, which never send a redirect_uri."""


def _demanded_and_not_compared(grant: AuthorizationCodeGrant, _code: AuthorizationCode) -> None:
    if grant.request.payload.redirect_uri is None:
        raise InvalidGrant("redirect_uri is missing.")


@pytest.mark.parametrize(
    ("check", "expected"), [(_unread, Verdict.WARNING), (_demanded_and_not_compared, Verdict.FAILED)]
)
def test_a_redirect_uri_that_is_asked_for_has_to_be_compared(
    target: Target,
    monkeypatch: pytest.MonkeyPatch,
    check: Callable[[AuthorizationCodeGrant, AuthorizationCode], None],
    expected: Verdict,
) -> None:
    monkeypatch.setattr(AuthorizationCodeGrant, "check_redirect_uri", check)
    assert _verdict(target, ANOTHER) is expected
