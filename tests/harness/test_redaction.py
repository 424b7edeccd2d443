"""No secret of an exchange is in what is written of it."""

import hashlib
import json
import time
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


def test_a_host_that_is_not_the_one_of_the_url_is_shown() -> None:
    url = "http://127.0.0.1:7402/acme"
    assert "host" not in curl("GET", url, [("host", "127.0.0.1:7402")], "")
    assert "-H 'host: other.example'" in curl("GET", url, [("host", "other.example")], "")


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


SIGNS = "Zk39fjQ0apL2mXv7"
JSON_TYPE = ("content-type", "application/json")
PLACES: dict[str, tuple[tuple[tuple[str, str], ...], str]] = {
    "a header with a URL": ((("refresh", f"0;url=http://h/cb?code={SIGNS}"),), ""),
    "a link": ((("link", f"<http://h/cb?code={SIGNS}>; rel=next"),), ""),
    "a challenge": ((("www-authenticate", f'DPoP nonce="{SIGNS}"'),), ""),
    "a header of another name": ((("x-api-key", SIGNS), ("X-Auth-Token", SIGNS)), ""),
    "what is no URL": ((("location", f"http://[h/cb?code={SIGNS}"),), ""),
    "a URL within a URL": ((("location", f"http://h/login?next=http%3A%2F%2Fh%2Fcb%3Fcode%3D{SIGNS}"),), ""),
    "the path of a URL": ((("location", f"http://h/login;jsessionid={SIGNS}?a=1"),), ""),
    "the user of a URL": ((("link", f"<http://user:{SIGNS}@h/>"),), ""),
    "a cookie without a name": ((("set-cookie", f"{SIGNS}; Path=/"),), ""),
    "a cookie that is called like an attribute": ((("set-cookie", f"path={SIGNS}; Path=/"),), ""),
    "a cookie without blanks": ((("set-cookie", f"a={SIGNS};Path=/"),), f"it is {SIGNS}"),
    "HTML of another spelling": ((("content-type", "Text/HTML"),), f'<input name="code" value="{SIGNS}">'),
    "HTML without a type": ((), f' <!doctype html><input name="csrf" value="{SIGNS}">'),
    "XML": ((("content-type", "text/xml"),), f"<token>{SIGNS}</token>"),
    "several parts": ((("content-type", "multipart/form-data; boundary=b"),), f'--b\r\nname="token"\r\n\r\n{SIGNS}'),
    "a name in another style": ((JSON_TYPE,), json.dumps({"accessToken": SIGNS, "Client-Secret": SIGNS})),
    "JSON in JSON": ((JSON_TYPE,), json.dumps({"text": json.dumps({"access_token": SIGNS})})),
    "JSON in JSON of an event": ((), f"data: {json.dumps({'text': json.dumps({'access_token': SIGNS})})}\n\n"),
    "an event and its echo": ((), f'data: {{"token":"{SIGNS[:8]}\\/{SIGNS[8:]}"}}\n\ndata: {SIGNS[:8]}/{SIGNS[8:]}'),
    "what is nearly JSON": ((), f"{{'access_token': '{SIGNS}'}}"),
    "a cut JWT": ((), f"it begins with eyJhbGciOiJIUzI1NiJ9.{SIGNS}"),
    "a JWE": ((), f"eyJhbGciOiJIUzI1NiJ9.a.b.c.{SIGNS}"),
    "a cut body": ((("x-token", f"{SIGNS}-and-more"),), f'"token":"{"q" * 15_970}" {SIGNS}-and-more'),
}


@pytest.mark.parametrize("place", PLACES)
def test_no_part_of_a_secret_is_written_wherever_it_stands(place: str) -> None:
    headers, body = PLACES[place]
    seen = Exchange("GET", "http://127.0.0.1/", (), b"", 200, httpx.Headers(list(headers)), body.encode())
    redactor = Redactor(traffic=[seen])
    text = f"{redactor.headers(seen)} {redactor.body(seen)}"
    parts = {SIGNS[start : start + 6] for start in range(len(SIGNS) - 5)}
    assert not [part for part in parts if part in text]


def test_a_body_that_begins_like_secrets_again_and_again_is_read_in_no_time() -> None:
    tokens = [f"eyJhbGciOiJSUzI1NiJ9.{number:0200}" for number in range(1000)]
    traffic = [Exchange("GET", "http://127.0.0.1/", (("authorization", f"Bearer {item}"),), b"") for item in tokens]
    body = json.dumps("eyJhbGci" * 200_000).encode()
    seen = Exchange("GET", "http://127.0.0.1/", (), b"", 200, httpx.Headers([JSON_TYPE]), body)
    started = time.process_time()
    Redactor(traffic=[*traffic, seen]).body(seen)
    assert time.process_time() - started < 10  # it took minutes


def test_the_name_of_an_error_is_no_authorization_code() -> None:
    body = b'{"code": "invalid_token", "state": "authorization", "error": {"code": "TOKEN_EXPIRED"}}'
    seen = Exchange("GET", "http://127.0.0.1/", (), b"", 401, httpx.Headers([JSON_TYPE]), body)
    redactor = Redactor(traffic=[seen])
    assert '"code": "invalid_token"' in redactor.body(seen)
    assert "TOKEN_EXPIRED" in redactor.body(seen)
    assert redactor.text("invalid_token: authorization failed") == "invalid_token: authorization failed"


def test_what_names_an_endpoint_or_a_type_is_no_secret() -> None:
    told = {"token_endpoint": "http://h/token", "token_type": "Bearer", "code_challenge_methods_supported": ["S256"]}
    seen = Exchange("GET", "http://127.0.0.1/", (), b"", 200, httpx.Headers([JSON_TYPE]), json.dumps(told).encode())
    assert json.loads(Redactor(traffic=[seen]).body(seen)) == told


def test_a_short_secret_cannot_be_guessed_from_what_stands_for_it() -> None:
    digits = {hashlib.sha256(f"{number:04}".encode()).hexdigest()[:8] for number in range(10_000)}
    shown = Redactor().url("http://h/?pin=1234").rpartition(":")[2].rstrip(">")
    assert len(shown) == 8
    assert shown not in digits


def test_a_fault_while_it_learns_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    redactor = Redactor(traffic=[exchange()], secrets=["correct horse"])
    with monkeypatch.context() as patched:
        patched.setattr(redactor, "body", lambda _exchange: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            redactor.text("anything")
    assert "correct horse" not in redactor.text("it said correct horse")
