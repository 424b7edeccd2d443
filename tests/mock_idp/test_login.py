"""The login page and the automatic login."""

import pytest

from tests.mock_idp.relying_party import Provider, RelyingParty, answer_of, form_of


def test_the_page_offers_the_users_of_the_tenant_and_a_refusal(rp: RelyingParty) -> None:
    shown = rp.authorize()
    assert shown.status_code == 200
    buttons = form_of(shown).xpath(".//button")
    assert [(button.get("name"), button.get("value")) for button in buttons] == [
        ("user", "alice"),
        ("user", "bob"),
        ("decision", "refuse"),
    ]
    assert "reference-as" in shown.text
    assert "127.0.0.1:7401" in shown.text


def test_the_page_cannot_be_framed_cached_or_scripted(rp: RelyingParty) -> None:
    headers = rp.authorize().headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"


def test_a_chosen_user_is_signed_in(rp: RelyingParty) -> None:
    answer = answer_of(rp.press(rp.authorize(), "user", "bob"))
    assert answer.keys() == {"code", "state", "iss"}
    claims = rp.validated(rp.redeem(answer["code"]).json()["id_token"])
    assert (claims["sub"], claims["amr"]) == ("bob", ["user"])


def test_a_refusal_is_access_denied(rp: RelyingParty) -> None:
    answer = answer_of(rp.press(rp.authorize(), "decision", "refuse"))
    assert (answer["error"], answer["state"], answer["iss"]) == ("access_denied", "state-1", rp.issuer)
    assert not rp.is_signed_in()


def test_a_page_works_once(rp: RelyingParty) -> None:
    shown = rp.authorize()
    answer_of(rp.press(shown, "user", "alice"))
    assert rp.press(shown, "user", "alice").status_code == 400


def test_an_old_page_works_no_more(rp: RelyingParty, provider: Provider) -> None:
    shown = rp.authorize()
    provider.clock.advance(600)
    assert rp.press(shown, "user", "alice").status_code == 400


@pytest.mark.parametrize(
    ("changes", "status"), [({"csrf": "guessed"}, 403), ({"csrf": ""}, 403), ({"login": "guessed"}, 400)]
)
def test_a_forged_choice_is_refused(rp: RelyingParty, changes: dict[str, str], status: int) -> None:
    answer = rp.press(rp.authorize(), "user", "alice", **changes)
    assert (answer.status_code, "location" in answer.headers) == (status, False)
    assert not rp.is_signed_in()


def test_a_choice_from_another_browser_is_refused(rp: RelyingParty, provider: Provider) -> None:
    victim = RelyingParty(provider)
    victim.authorize()
    assert victim.press(rp.authorize(), "user", "alice").status_code == 403
    assert not victim.is_signed_in()
    victim.close()


def test_two_pages_in_one_browser_both_work(rp: RelyingParty) -> None:
    first, second = rp.authorize(state="first"), rp.authorize(state="second")
    assert answer_of(rp.press(first, "user", "alice"))["state"] == "first"
    assert answer_of(rp.press(second, "user", "alice"))["state"] == "second"


def test_a_user_of_another_tenant_cannot_be_chosen(rp: RelyingParty) -> None:
    shown = rp.authorize()
    fields = dict(form_of(shown).form_values())
    answer = rp.browser.post(f"{rp.issuer}/login", data={**fields, "user": "gina"})
    assert (answer.status_code, "location" in answer.headers) == (400, False)


def test_a_page_of_one_tenant_is_worth_nothing_at_another(rp: RelyingParty) -> None:
    fields = dict(form_of(rp.authorize()).form_values())
    answer = rp.browser.post(f"{rp.provider.url}/globex/login", data={**fields, "user": "gina"})
    assert answer.status_code == 400


def test_a_choice_that_is_no_form_is_answered_by_a_page(rp: RelyingParty) -> None:
    assert rp.browser.post(f"{rp.issuer}/login", json={"user": "alice"}).status_code == 400


@pytest.mark.parametrize("hint", ["alice", "alice@acme.example"])
def test_a_login_hint_signs_in_at_once(rp: RelyingParty, hint: str) -> None:
    claims = rp.validated(rp.tokens(hint)["id_token"])
    assert (claims["sub"], claims["amr"]) == ("alice", ["login_hint"])


@pytest.mark.parametrize("hint", ["gina", "nobody", "<script>alert(1)</script>"])
def test_a_login_hint_for_nobody_here_shows_the_page(rp: RelyingParty, hint: str) -> None:
    shown = rp.authorize(login_hint=hint)
    assert shown.status_code == 200
    assert "<script" not in shown.text
    assert "code" in answer_of(rp.press(shown, "user", "alice"))


def test_a_user_of_acme_is_unknown_at_globex(provider: Provider) -> None:
    globex = RelyingParty(provider, "globex")
    assert globex.authorize(login_hint="alice").status_code == 200
    assert "code" in answer_of(globex.authorize(login_hint="gina"))
    globex.close()
