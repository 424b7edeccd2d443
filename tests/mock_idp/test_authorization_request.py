"""Each refusal of the authorization endpoint: one deviation, one answer."""

from urllib.parse import urlencode

import pytest

from tests.mock_idp.relying_party import RP, RelyingParty, answer_of

NO_RELYING_PARTY = {
    "unknown-client": {"client_id": "somebody"},
    "no-client": {"client_id": None},
    "unregistered-redirect": {"redirect_uri": "https://evil.example/callback"},
    "no-redirect": {"redirect_uri": None},
    "redirect-with-query": {"redirect_uri": f"{RP}/acme/callback?x=1"},
    "redirect-with-slash": {"redirect_uri": f"{RP}/acme/callback/"},
    "redirect-with-other-port": {"redirect_uri": "http://127.0.0.1:7499/acme/callback"},
    "redirect-with-other-case": {"redirect_uri": f"{RP}/ACME/callback"},
    "redirect-of-another-tenant": {"redirect_uri": f"{RP}/globex/callback"},
}

WRONG = {
    "no-response-type": ({"response_type": None}, "invalid_request"),
    "implicit": ({"response_type": "id_token"}, "unsupported_response_type"),
    "fragment": ({"response_mode": "fragment"}, "invalid_request"),
    "no-scope": ({"scope": None}, "invalid_scope"),
    "not-openid": ({"scope": "profile openidx"}, "invalid_scope"),
    "no-challenge": ({"code_challenge": None}, "invalid_request"),
    "short-challenge": ({"code_challenge": "abc"}, "invalid_request"),
    "challenge-with-newline": ({"code_challenge": "a" * 43 + "\n"}, "invalid_request"),
    "no-method": ({"code_challenge_method": None}, "invalid_request"),
    "plain": ({"code_challenge_method": "plain"}, "invalid_request"),
    "unknown-prompt": ({"prompt": "maybe"}, "invalid_request"),
    "none-and-login": ({"prompt": "none login"}, "invalid_request"),
    "negative-age": ({"max_age": "-1"}, "invalid_request"),
    "age-in-words": ({"max_age": "soon"}, "invalid_request"),
    "request-object": ({"request": "e30.e30."}, "request_not_supported"),
    "request-uri": ({"request_uri": "https://evil.example/r"}, "request_uri_not_supported"),
    "forged-hint": ({"id_token_hint": "e30.e30.e30"}, "invalid_request"),
    "hint-that-is-no-jwt": ({"id_token_hint": "\u00e9"}, "invalid_request"),
}


@pytest.mark.parametrize("changes", NO_RELYING_PARTY.values(), ids=NO_RELYING_PARTY.keys())
def test_a_bad_client_or_redirect_uri_is_answered_by_a_page(rp: RelyingParty, changes: dict[str, str | None]) -> None:
    answer = rp.authorize(login_hint="alice", **changes)
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert answer.headers["content-type"].startswith("text/html")
    assert "evil.example" not in answer.text


@pytest.mark.parametrize(("changes", "error"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_request_is_refused_at_the_relying_party(
    rp: RelyingParty, changes: dict[str, str | None], error: str
) -> None:
    answer = answer_of(rp.authorize(login_hint="alice", **changes))
    assert answer.pop("error") == error
    assert answer.pop("error_description")
    assert answer == {"state": "state-1", "iss": rp.issuer}


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_a_repeated_client_or_redirect_uri_is_answered_by_a_page(rp: RelyingParty, name: str) -> None:
    parameters = rp.request(login_hint="alice")
    twice = urlencode([*parameters.items(), (name, parameters[name])])
    answer = rp.browser.get(f"{rp.issuer}/authorize", params=twice)
    assert (answer.status_code, "location" in answer.headers) == (400, False)


def test_any_other_repeated_parameter_is_refused(rp: RelyingParty) -> None:
    twice = urlencode([*rp.request(login_hint="alice").items(), ("scope", "openid")])
    answer = answer_of(rp.browser.get(f"{rp.issuer}/authorize", params=twice))
    assert answer["error"] == "invalid_request"


def test_a_request_may_come_by_post(rp: RelyingParty) -> None:
    answer = answer_of(rp.browser.post(f"{rp.issuer}/authorize", data=rp.request(login_hint="alice")))
    assert answer.keys() == {"code", "state", "iss"}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{}", "application/json"),
        (b"a=" + b"x" * 70_000, "application/x-www-form-urlencoded"),
        (b"a=\xff", "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % number for number in range(200)), "application/x-www-form-urlencoded"),
    ],
)
def test_a_body_that_cannot_be_read_is_answered_by_a_page(rp: RelyingParty, body: bytes, kind: str) -> None:
    answer = rp.browser.post(f"{rp.issuer}/authorize", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 400
    assert "cannot be read" in answer.text


def test_state_comes_back_as_it_was_sent_and_stays_away_when_it_was_not(rp: RelyingParty) -> None:
    state = "a&b=c d+e%20\u00e9\"'<>"
    assert answer_of(rp.authorize(login_hint="alice", state=state))["state"] == state
    assert "state" not in answer_of(rp.authorize(login_hint="alice", state=None))
    assert "state" not in answer_of(rp.authorize(login_hint="alice", state=""))


def test_an_empty_parameter_counts_as_omitted(rp: RelyingParty) -> None:
    assert "code" in answer_of(rp.authorize(login_hint="alice", prompt="", max_age="", request="", response_mode=""))


def test_an_unknown_scope_is_ignored(rp: RelyingParty) -> None:
    assert rp.tokens(scope="openid offline_access email")["scope"] == "openid email"
