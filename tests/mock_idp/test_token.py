"""The token endpoint: the good answer and each refusal."""

from urllib.parse import urlencode

import httpx
import pytest

from tests.mock_idp.relying_party import RP, Provider, RelyingParty, random_verifier

WRONG = {
    "no-grant-type": ({"grant_type": None}, "invalid_request"),
    "other-grant-type": ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
    "no-code": ({"code": None}, "invalid_request"),
    "unknown-code": ({"code": "guessed"}, "invalid_grant"),
    "no-redirect": ({"redirect_uri": None}, "invalid_grant"),
    "other-redirect": ({"redirect_uri": f"{RP}/globex/callback"}, "invalid_grant"),
    "no-verifier": ({"code_verifier": None}, "invalid_grant"),
    "other-verifier": ({"code_verifier": random_verifier()}, "invalid_grant"),
    "short-verifier": ({"code_verifier": "a" * 42}, "invalid_grant"),
}

SECRET = ("reference-as", "reference-as-secret")


def test_a_code_becomes_tokens(rp: RelyingParty) -> None:
    answer = rp.redeem(rp.code())
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body.keys() == {"access_token", "token_type", "expires_in", "scope", "id_token"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 300)
    assert body["access_token"].count(".") == 0


@pytest.mark.parametrize(("changes", "error"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_request_is_refused_and_the_code_survives(
    rp: RelyingParty, changes: dict[str, str | None], error: str
) -> None:
    code = rp.code()
    answer = rp.redeem(**{"code": code, **changes})  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer.headers["cache-control"] == "no-store"
    assert rp.redeem(code).status_code == 200


def test_a_code_works_once_and_a_second_use_ends_its_access_token(rp: RelyingParty) -> None:
    code = rp.code()
    access_token = rp.redeem(code).json()["access_token"]
    assert rp.userinfo(access_token).status_code == 200
    assert rp.redeem(code).json()["error"] == "invalid_grant"
    assert rp.userinfo(access_token).status_code == 401


def test_a_code_expires(rp: RelyingParty, provider: Provider) -> None:
    code = rp.code()
    provider.clock.advance(60)
    assert rp.redeem(code).json()["error"] == "invalid_grant"


def test_a_code_of_one_tenant_is_unknown_at_another(rp: RelyingParty, provider: Provider) -> None:
    other = RelyingParty(provider, "globex")
    assert other.redeem(rp.code(), redirect_uri=rp.redirect_uri).json()["error"] == "invalid_grant"
    other.close()


def token_request(rp: RelyingParty, **sent: object) -> httpx.Response:
    return rp.back_channel.post(f"{rp.issuer}/token", **sent)  # type: ignore[arg-type]


def good_form(rp: RelyingParty) -> dict[str, str]:
    fixed = {"grant_type": "authorization_code", "redirect_uri": rp.redirect_uri}
    return {**fixed, "code": rp.code(), "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"}


def test_the_secret_may_come_in_the_form(rp: RelyingParty) -> None:
    answer = token_request(rp, data={**good_form(rp), "client_id": SECRET[0], "client_secret": SECRET[1]})
    assert answer.status_code == 200


@pytest.mark.parametrize("auth", [("reference-as", "wrong"), ("somebody", "reference-as-secret"), ("reference-as", "")])
def test_a_wrong_secret_is_refused(rp: RelyingParty, auth: tuple[str, str]) -> None:
    in_form = {"client_id": auth[0], "client_secret": auth[1]}
    for answer in (
        token_request(rp, data=good_form(rp), auth=auth),
        token_request(rp, data={**good_form(rp), **in_form}),
    ):
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        assert answer.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize("header", ["Basic !!!", "Basic bm9jb2xvbg==", "Bearer abc", "Basic /w=="])
def test_credentials_that_cannot_be_read_are_refused(rp: RelyingParty, header: str) -> None:
    answer = token_request(rp, data=good_form(rp), headers={"Authorization": header})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_no_credentials_are_refused(rp: RelyingParty) -> None:
    assert token_request(rp, data=good_form(rp)).status_code == 401


def test_two_ways_to_authenticate_at_once_are_refused(rp: RelyingParty) -> None:
    answer = token_request(rp, data={**good_form(rp), "client_secret": SECRET[1]}, auth=SECRET)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_repeated_parameter_is_refused(rp: RelyingParty) -> None:
    form = good_form(rp)
    body = urlencode([*form.items(), ("code", form["code"])])
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = token_request(rp, content=body, headers=kind, auth=SECRET)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_json_is_refused(rp: RelyingParty) -> None:
    assert token_request(rp, json=good_form(rp), auth=SECRET).json()["error"] == "invalid_request"


def test_parameters_in_the_query_are_not_read(rp: RelyingParty) -> None:
    assert token_request(rp, params=good_form(rp), data={"x": "1"}, auth=SECRET).status_code == 400
