"""End session (OpenID Connect RP-Initiated Logout 1.0)."""

import pytest

from tests.mock_idp.relying_party import RP, Provider, RelyingParty


def test_a_hint_of_the_users_own_id_token_signs_out_at_once(rp: RelyingParty) -> None:
    hint = rp.tokens()["id_token"]
    answer = rp.logout(id_token_hint=hint, post_logout_redirect_uri=f"{RP}/acme", state="bye & farewell")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{RP}/acme?state=bye+%26+farewell"
    assert not rp.is_signed_in()


def test_the_end_of_the_cookie_is_not_dated_by_the_systems_time(rp: RelyingParty) -> None:
    cookie = rp.logout(id_token_hint=rp.tokens()["id_token"]).headers["set-cookie"]
    assert "Max-Age=0" in cookie
    assert "expires" not in cookie.lower()


def test_the_request_may_come_by_post_and_end_on_a_page(rp: RelyingParty) -> None:
    hint = rp.tokens()["id_token"]
    answer = rp.browser.post(f"{rp.issuer}/logout", data={"id_token_hint": hint})
    assert answer.status_code == 200
    assert "Signed out" in answer.text
    assert not rp.is_signed_in()


def test_a_hint_whose_time_is_over_will_do(rp: RelyingParty, provider: Provider) -> None:
    hint = rp.tokens()["id_token"]
    provider.clock.advance(600)
    assert rp.logout(id_token_hint=hint, post_logout_redirect_uri=RP).status_code == 303
    assert not rp.is_signed_in()


def test_without_a_hint_the_user_is_asked_first(rp: RelyingParty) -> None:
    rp.code()
    shown = rp.logout(client_id="reference-as", post_logout_redirect_uri=f"{RP}/", state="s")
    assert shown.status_code == 200
    assert rp.is_signed_in()
    answer = rp.press(shown, "decision", "sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{RP}/?state=s")
    assert not rp.is_signed_in()


def test_the_user_may_stay(rp: RelyingParty) -> None:
    rp.code()
    assert "Still signed in" in rp.press(rp.logout(), "decision", "stay").text
    assert rp.is_signed_in()


def test_a_hint_of_somebody_else_is_no_reason_to_sign_out_unasked(rp: RelyingParty) -> None:
    hint = rp.tokens("alice")["id_token"]
    rp.code("bob")
    assert rp.logout(id_token_hint=hint).status_code == 200
    assert rp.is_signed_in()


@pytest.mark.parametrize("csrf", ["", "guessed"])
def test_a_forged_confirmation_is_refused(rp: RelyingParty, csrf: str) -> None:
    rp.code()
    assert rp.press(rp.logout(), "decision", "sign-out", csrf=csrf).status_code == 403
    assert rp.is_signed_in()


@pytest.mark.parametrize(
    "changes",
    [
        {"post_logout_redirect_uri": "https://evil.example/"},
        {"post_logout_redirect_uri": f"{RP}/acme/elsewhere"},
        {"post_logout_redirect_uri": f"{RP}/globex"},
        {"client_id": "somebody"},
        {"id_token_hint": "e30.e30.e30"},
    ],
)
def test_a_wrong_request_signs_nobody_out_and_redirects_nowhere(rp: RelyingParty, changes: dict[str, str]) -> None:
    right = {"id_token_hint": rp.tokens()["id_token"], "post_logout_redirect_uri": RP}
    answer = rp.logout(**{**right, **changes})
    assert (answer.status_code, "location" in answer.headers) == (400, False)
    assert rp.is_signed_in()


def test_a_wrong_redirect_is_refused_at_the_confirmation_too(rp: RelyingParty) -> None:
    rp.code()
    evil = {"client_id": "reference-as", "post_logout_redirect_uri": "https://evil.example/"}
    assert rp.press(rp.logout(), "decision", "sign-out", **evil).status_code == 400
    assert rp.is_signed_in()


def test_an_anonymous_request_cannot_name_a_redirect(rp: RelyingParty) -> None:
    assert rp.logout(post_logout_redirect_uri=RP).status_code == 400


def test_a_repeated_parameter_is_refused(rp: RelyingParty) -> None:
    assert rp.browser.get(f"{rp.issuer}/logout?state=a&state=b").status_code == 400


def test_a_hint_of_another_tenant_is_refused(rp: RelyingParty, provider: Provider) -> None:
    other = RelyingParty(provider, "globex")
    assert rp.logout(id_token_hint=other.tokens("gina")["id_token"]).status_code == 400
    other.close()


def test_whoever_is_signed_out_already_is_sent_on(rp: RelyingParty) -> None:
    answer = rp.logout(client_id="reference-as", post_logout_redirect_uri=RP)
    assert (answer.status_code, answer.headers["location"]) == (303, RP)


def test_a_confirmation_after_the_session_is_gone_ends_well(rp: RelyingParty) -> None:
    hint = rp.tokens()["id_token"]
    shown = rp.logout()
    rp.logout(id_token_hint=hint)
    assert rp.press(shown, "decision", "sign-out").status_code == 200
