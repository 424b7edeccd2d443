"""When a session answers, and when a new login is asked for."""

import pytest

from tests.mock_idp.relying_party import Provider, RelyingParty, answer_of


def auth_time(rp: RelyingParty, **changes: str) -> int:
    code = answer_of(rp.authorize(**changes))["code"]
    return int(rp.validated(rp.redeem(code).json()["id_token"])["auth_time"])


def test_a_session_answers_without_a_page(rp: RelyingParty, provider: Provider) -> None:
    before = auth_time(rp, login_hint="alice")
    provider.clock.advance(100)
    assert auth_time(rp) == before
    assert auth_time(rp, login_hint="alice") == before
    assert auth_time(rp, prompt="consent") == before


def test_nobody_signed_in_and_nobody_asked_is_login_required(rp: RelyingParty) -> None:
    assert answer_of(rp.authorize(prompt="none"))["error"] == "login_required"
    assert answer_of(rp.authorize(prompt="none", login_hint="alice"))["error"] == "login_required"
    assert not rp.is_signed_in()


def test_prompt_none_is_answered_for_the_session_only(rp: RelyingParty) -> None:
    rp.code("alice")
    assert "code" in answer_of(rp.authorize(prompt="none", login_hint="alice"))
    assert answer_of(rp.authorize(prompt="none", login_hint="bob"))["error"] == "login_required"
    assert answer_of(rp.authorize(prompt="none", login_hint="nobody"))["error"] == "login_required"


@pytest.mark.parametrize("prompt", ["login", "select_account"])
def test_a_new_login_can_be_asked_for(rp: RelyingParty, provider: Provider, prompt: str) -> None:
    before = auth_time(rp, login_hint="alice")
    provider.clock.advance(100)
    assert rp.authorize(prompt=prompt).status_code == 200
    assert auth_time(rp, prompt=prompt, login_hint="alice") >= before + 100


def test_max_age_is_honoured(rp: RelyingParty, provider: Provider) -> None:
    before = auth_time(rp, login_hint="alice")
    provider.clock.advance(100)
    assert auth_time(rp, max_age="1000") == before
    assert rp.authorize(max_age="50").status_code == 200
    assert answer_of(rp.authorize(max_age="50", prompt="none"))["error"] == "login_required"
    assert auth_time(rp, max_age="50", login_hint="alice") >= before + 100


def test_max_age_zero_asks_for_a_new_login_in_the_same_second(rp: RelyingParty) -> None:
    rp.code("alice")
    assert rp.authorize(max_age="0").status_code == 200


def test_another_hint_signs_in_another_user(rp: RelyingParty) -> None:
    rp.code("alice")
    assert rp.validated(rp.tokens("bob")["id_token"])["sub"] == "bob"
    assert rp.validated(rp.redeem(answer_of(rp.authorize())["code"]).json()["id_token"])["sub"] == "bob"


def test_a_login_gets_a_new_handle_and_ends_the_old_one(rp: RelyingParty, provider: Provider) -> None:
    rp.code("alice")
    old = dict(rp.browser.cookies)
    rp.code("bob")
    assert dict(rp.browser.cookies) != old
    thief = RelyingParty(provider)
    thief.browser.cookies.update(old)
    assert not thief.is_signed_in()
    thief.close()


def test_a_session_ends(rp: RelyingParty, provider: Provider) -> None:
    rp.code("alice")
    provider.clock.advance(8 * 3600)
    assert not rp.is_signed_in()


def test_a_session_is_of_one_tenant(rp: RelyingParty, provider: Provider) -> None:
    rp.code("alice")
    other = RelyingParty(provider, "globex", browser=rp.browser)
    assert not other.is_signed_in()
    other.back_channel.close()


def test_the_cookie_is_out_of_reach(rp: RelyingParty) -> None:
    cookie = rp.authorize(login_hint="alice").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "Path=/acme" in cookie
    assert "SameSite=lax" in cookie


def test_an_id_token_hint_admits_its_own_user_only(rp: RelyingParty) -> None:
    hint = rp.tokens("alice")["id_token"]
    assert "code" in answer_of(rp.authorize(id_token_hint=hint, prompt="none"))
    rp.code("bob")
    assert answer_of(rp.authorize(id_token_hint=hint, prompt="none"))["error"] == "login_required"
    shown = rp.authorize(id_token_hint=hint, login_hint="bob")
    assert shown.status_code == 200
    assert answer_of(rp.press(shown, "user", "bob"))["error"] == "login_required"


def test_an_id_token_hint_of_another_tenant_is_refused(rp: RelyingParty, provider: Provider) -> None:
    other = RelyingParty(provider, "globex")
    hint = other.tokens("gina")["id_token"]
    assert answer_of(rp.authorize(id_token_hint=hint))["error"] == "invalid_request"
    other.close()


def test_reset_forgets_everything(rp: RelyingParty, provider: Provider) -> None:
    code, access_token = rp.code(), rp.tokens()["access_token"]
    assert provider.control("POST", "/reset").status_code == 200
    assert not rp.is_signed_in()
    assert rp.redeem(code).json()["error"] == "invalid_grant"
    assert rp.userinfo(access_token).status_code == 401
