"""Expectations: they judge a raw answer, and raise a violation that says what was expected and what came."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from harness import flows, keys, mcp_calls
from harness.browser import Landing
from harness.discovery import challenge, has_bearer_challenge
from harness.exchange import Answer
from harness.verdict import Blocked, Violation

REFUSALS = (400, 401, 403)
ISSUED = ("code", "access_token", "id_token")
"""What an authorization response can bring: a code, or what the implicit grant of OAuth 2.0 gives without one."""


def expect(holds: object, expected: str, actual: str, answer: Answer | None = None) -> None:
    """Raise a violation unless something holds."""
    if not holds:
        raise Violation(expected, actual, answer.exchange if answer else None)


def expect_refused(answer: Answer, *, what: str = "the request") -> None:
    """The answer is a refusal: 400, 401 or 403. An OAuth error with status 200 refuses too, and is a warning.

    Raises:
        Violation: it is a success or a redirect.
        Blocked: it is neither a refusal nor a success (a missing route, a server error, a rate limit).
    """
    if answer.status in REFUSALS:
        return
    if answer.status == 200 and answer.error and "access_token" not in answer.json:
        answer.warn("the refusal to have status 400 or 401", answer.summary())
        return
    if answer.status >= 400:
        raise Blocked(f"{what} was neither refused nor accepted: {answer.summary()}", exchange=answer.exchange)
    raise Violation(f"{what} to be refused", answer.summary(), answer.exchange)


def expect_oauth_error(answer: Answer, *codes: str, what: str = "the request") -> None:
    """The answer is a refusal; another error code than the specified ones is a warning."""
    expect_refused(answer, what=what)
    if answer.error not in codes:
        answer.warn(f"the refusal to carry {' or '.join(codes)}", answer.summary())


def expect_token(answer: Answer) -> dict[str, Any]:
    """The answer is a successful token response (OAuth 2.1 section 3.2.3); its members are returned."""
    held = answer.status == 200 and isinstance(answer.json.get("access_token"), str)
    expect(held, "a token response", answer.summary(), answer)
    return answer.json


def expect_no_token(answer: Answer, *, what: str = "the request") -> None:
    """No access token was issued, whatever the refusal looks like, as long as it is one."""
    expect("access_token" not in answer.json, f"{what} to get no token", "a token was issued", answer)
    expect_refused(answer, what=what)


def expect_no_wider_scope(answer: Answer, *, than: str) -> None:
    """The answer is a refusal, or a token with no scope beyond those given."""
    if answer.status != 200:
        expect_refused(answer, what="the request for more scope")
        return
    granted = granted_scope(answer)
    if granted is None:
        _expect_nothing_reached(answer, than)
        return
    extra = sorted(granted - set(than.split()))
    expect(not extra, "no scope beyond the granted one", f"the token also has {' '.join(extra)}", answer)


def _expect_nothing_reached(answer: Answer, than: str) -> None:
    """No tool that needs more scope is called with an opaque token; without such a tool nobody can tell."""
    if answer.insight is None:
        raise Blocked("the scope of the token cannot be seen: the response has none and it is opaque")
    token = str(answer.json.get("access_token"))
    reached = answer.insight.reached_beyond(token, frozenset(than.split()))
    expect(reached is None, "no scope beyond the granted one", "a tool that needs more was called with it", reached)


def granted_scope(answer: Answer) -> set[str] | None:
    """Return the scope of a token response: of its JWT, of introspection, or of its scope member.

    None where none of them tells.
    """
    value = flows.known_of(answer).get("scope", answer.json.get("scope"))
    if isinstance(value, list):
        return {str(item) for item in value}
    return set(value.split()) if isinstance(value, str) else None


def granted_audience(answer: Answer) -> set[str] | None:
    """Return the audience of a token response's access token: of the JWT, or what introspection says of another one.

    None where neither tells; a JWT that names nobody has an empty one.
    """
    known = flows.known_of(answer)
    if "aud" not in known and not keys.claims_of(str(answer.json.get("access_token"))):
        return None
    audience = known.get("aud", [])
    return {str(item) for item in audience} if isinstance(audience, list) else {str(audience)}


def expect_status(answer: Answer, *statuses: int) -> None:
    """The answer has one of these status codes."""
    wanted = " or ".join(str(status) for status in statuses)
    expect(answer.status in statuses, f"status {wanted}", answer.summary(), answer)


def expect_media_type(answer: Answer, media_type: str) -> None:
    """The answer's media type is this one, parameters aside."""
    expect(answer.media_type == media_type, f"content type {media_type}", answer.summary(), answer)


def expect_not_stored(answer: Answer) -> None:
    """The answer carries Cache-Control: no-store."""
    value = str(answer.headers.get("cache-control", ""))
    actual = f"Cache-Control was {value!r}" if value else "there was no Cache-Control"
    expect("no-store" in value.lower(), "Cache-Control: no-store", actual, answer)


def expect_members(answer: Answer, names: Iterable[str]) -> None:
    """The JSON object has all of these members."""
    missing = [name for name in names if name not in answer.json]
    expect(not missing, f"members {', '.join(names)}", f"missing: {', '.join(missing)}", answer)


def expect_not_redirected_to(landing: Landing, redirect_uri: str) -> None:
    """The browser was not sent to a place that is no registered redirect URI; a page or an error is right.

    Raises:
        Violation: it was sent there, or a code or token was issued.
        Blocked: the target was asked too often, and did not look at the request.
    """
    arrived = landing.arrived_at(redirect_uri)
    expect(not arrived, f"no redirect to {redirect_uri}", landing.summary(), landing.answer)
    _expect_nothing_issued(landing)
    if landing.answer.status == 429:
        raise Blocked(f"not looked at: {landing.summary()}", "slow down with --jobs 1", landing.answer.exchange)


def _expect_nothing_issued(landing: Landing) -> None:
    came = [name for name in ISSUED if landing.get(name)]
    actual = f"{landing.summary()}, which brought {' and '.join(came)}"
    expect(not came, "no authorization code or token", actual, landing.answer)


def expect_no_code(landing: Landing) -> None:
    """The authorization request was refused, on a page or by a redirect with an error.

    Raises:
        Violation: a code was issued, or a token in its place.
        Blocked: it ended in something that is no refusal, such as a server error or a login page.
    """
    _expect_nothing_issued(landing)
    said_no = landing.answer.status in (*REFUSALS, 404)  # no such client: the endpoint itself is there
    if landing.get("error") or landing.location or said_no:
        return
    raise Blocked(f"neither refused nor accepted: {landing.summary()}", exchange=landing.answer.exchange)


def expect_authorization_error(landing: Landing, *codes: str) -> None:
    """The authorization request was refused; by a redirect with another error code than these is a warning."""
    expect_no_code(landing)
    error = landing.get("error") or landing.answer.error
    if error and error not in codes:
        landing.answer.warn(f"error {' or '.join(codes)}", landing.summary())


def expect_challenge(answer: Answer, *, status: int, error: str = "") -> dict[str, str]:
    """The answer is refused with this status and a Bearer challenge; its parameters are returned.

    Another error code in the challenge, or none, is a warning.

    Raises:
        Violation: the request was accepted, refused with another 4xx status, or there is no Bearer challenge.
        Blocked: the answer is no judgement at all: a server error, a missing route, a rate limit.
    """
    if answer.status >= 500 or answer.status in (404, 405, 406, 415, 429):
        raise Blocked(f"the request was neither refused nor accepted: {answer.summary()}", exchange=answer.exchange)
    expect(answer.status == status, f"status {status}", answer.summary(), answer)
    actual = f"WWW-Authenticate was {answer.headers.get('www-authenticate', 'absent')!r}"
    expect(has_bearer_challenge(answer), "a WWW-Authenticate challenge of the Bearer scheme", actual, answer)
    parameters = challenge(answer)
    if error and parameters.get("error") != error:
        answer.warn(f'error="{error}" in the challenge', actual)
    return parameters


def expect_token_refused(answer: Answer) -> None:
    """A token was not accepted; another status than 401, or another error than invalid_token, is a warning.

    Raises:
        Violation: the request was served.
        Blocked: it came to nothing for another reason than the token.
    """
    if answer.status == 200 and "error" in mcp_calls.message_of(answer):
        answer.warn("status 401", f"{answer.summary()} and holds a JSON-RPC error")
        return
    expect_refused(answer, what="the token")
    error = challenge(answer).get("error", "invalid_token")
    if answer.status != 401 or error != "invalid_token":
        actual = f"{answer.summary()}, the error of the challenge is {error!r}"
        answer.warn("status 401 with invalid_token in the challenge", actual)


def expect_not_let_in(answer: Answer) -> None:
    """As `expect_token_refused`; that the server failed on a token, or found it too large, is a warning as well.

    It lets nobody in. That good tokens are accepted must have been shown.
    """
    if answer.status in (413, 431, 500, 501):
        answer.warn("status 401", f"{answer.summary()}: the token was not accepted, and not refused as a token is")
    else:
        expect_token_refused(answer)


def expect_not_called(answer: Answer, *, what: str) -> None:
    """A tool was not called, however that is said: by a status, a JSON-RPC error, or an error of the tool.

    Raises:
        Violation: it was called.
        Blocked: the call came to nothing for a reason of its own.
    """
    expect(not mcp_calls.succeeded(answer), f"{what} not to be served", "the tool was called", answer)
    if answer.status != 200:
        expect_refused(answer, what=what)
    elif not mcp_calls.message_of(answer):
        raise Blocked(f"{what} came to nothing: {answer.summary()}, and no JSON-RPC", exchange=answer.exchange)


def expect_accepted(answer: Answer, *, what: str = "the request") -> None:
    """An MCP request was let through: neither refused by status nor answered as an error.

    Raises:
        Violation: it was refused.
        Blocked: it came to nothing for another reason.
    """
    if answer.status in REFUSALS:
        raise Violation(f"{what} to be accepted", answer.summary(), answer.exchange)
    if answer.status not in (200, 202):
        raise Blocked(f"{what} was neither refused nor accepted: {answer.summary()}", exchange=answer.exchange)
