"""No secret of an exchange is in what is written of it."""

import json
from urllib.parse import urlencode

import httpx
import pytest

from harness.exchange import Exchange
from harness.redaction import Redactor, curl

SECRETS = {
    "code": "code-1234567890",
    "client_secret": "secret/with+signs=1",
    "refresh_token": "refresh-1234567890",
    "access_token": "access-1234567890",
    "state": "state-1234567890",
    "password": "password-1234567890",
    "code_verifier": "verifier-1234567890",
}


def exchange() -> Exchange:
    return Exchange(
        method="POST",
        url=f"http://user:{SECRETS['password']}@127.0.0.1/token?{urlencode({'code': SECRETS['code']})}",
        request_headers=(
            ("authorization", f"Bearer {SECRETS['access_token']}"),
            ("cookie", f"session={SECRETS['state']}; theme=dark"),
            ("content-type", "application/x-www-form-urlencoded"),
        ),
        request_body=urlencode({**SECRETS, "grant_type": "authorization_code"}).encode(),
        status=200,
        headers=httpx.Headers(
            [
                ("content-type", "application/json"),
                ("set-cookie", f"session={SECRETS['state']}; Path=/; HttpOnly"),
                ("location", f"http://127.0.0.1/cb?code={SECRETS['code']}&iss=http://127.0.0.1#access_token=x"),
            ]
        ),
        body=json.dumps({**SECRETS, "token_type": "Bearer", "deep": [{"refresh_token": "x" * 12}]}).encode(),
    )


def command_line(seen: Exchange, redactor: Redactor) -> str:
    request = redactor.url(seen.url), redactor.request_headers(seen), redactor.request_body(seen)
    return curl(seen.method, *request)


def written(redactor: Redactor) -> str:
    seen = exchange()
    return "\n".join((redactor.body(seen), str(redactor.headers(seen)), command_line(seen, redactor)))


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_never_written(name: str) -> None:
    text = written(Redactor())
    assert SECRETS[name] not in text
    assert urlencode({"": SECRETS[name]})[1:] not in text


def test_what_is_no_secret_stays() -> None:
    text = written(Redactor())
    for kept in ("grant_type=authorization_code", "token_type", "Bearer", "Path=/", "iss="):
        assert kept in text


def test_equal_secrets_are_shown_alike() -> None:
    redactor = Redactor()
    first = redactor.url("http://h/?code=aaaaaaaaaa")
    assert redactor.url("http://h/?code=aaaaaaaaaa") == first != redactor.url("http://h/?code=bbbbbbbbbb")


def test_a_secret_is_found_again_in_any_text() -> None:
    redactor = Redactor(traffic=[exchange()])
    assert SECRETS["refresh_token"] not in redactor.text(f"it said {SECRETS['refresh_token']}!")


def test_everything_is_shown_where_the_user_says_so() -> None:
    assert SECRETS["refresh_token"] in written(Redactor(show_secrets=True))


def test_what_the_user_keeps_in_the_environment_is_hidden_under_any_name() -> None:
    passphrase = "correct horse"
    request = Exchange(
        "POST",
        "http://127.0.0.1/login",
        (("content-type", "application/x-www-form-urlencoded"),),
        urlencode({"passphrase": passphrase, "user": "alice"}).encode(),
    )
    line = command_line(request, Redactor(secrets=[passphrase, ""]))
    assert "user=alice" in line
    assert passphrase not in line
    assert urlencode({"": passphrase})[1:] not in line
