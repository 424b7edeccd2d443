"""A secret that is known is found again in any text, in every spelling in which it travels."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.known_secrets import KnownSecrets

SECRET = 'pa ss/wörd+"1=&x!'
SHOWN = "<secret:1>"
SPELLERS = (
    *(str, quote, quote_plus, json.dumps),
    lambda text: quote(text, safe=""),
    lambda text: quote(text).replace("C3%B6", "c3%b6").replace("2B", "2b").replace("3D", "3d"),
    lambda text: json.dumps(text, ensure_ascii=False),
    lambda text: json.dumps(text).replace("/", "\\/"),
    lambda text: quote(text, safe="!'()*"),
    html.escape,
)
PACKERS = (lambda text: text, quote_plus, lambda text: quote(text, safe=""))


def hidden(text: str, *secrets: str) -> str:
    known = KnownSecrets({})
    for secret in secrets:
        known.add(secret, SHOWN)
    return known.hidden(text)


@pytest.mark.parametrize("spell", SPELLERS)
def test_a_secret_is_hidden_in_every_spelling(spell: object) -> None:
    assert callable(spell)
    text = f"before {spell(SECRET)} after"
    assert hidden(text, SECRET) == text.replace(spell(SECRET).strip('"'), SHOWN)


@pytest.mark.parametrize("pack", PACKERS)
def test_a_secret_is_hidden_within_base64_of_what_is_url_encoded(pack: Callable[[str], str]) -> None:
    told = hidden(base64.b64encode(f"a=1&code={pack(SECRET)}&b=2".encode()).decode(), SECRET)
    assert SHOWN in told
    assert len(told) < 40


@given(before=st.binary(max_size=7), secret=st.binary(min_size=16, max_size=40), after=st.binary(max_size=7))
def test_a_secret_is_hidden_within_base64(before: bytes, secret: bytes, after: bytes) -> None:
    text = secret.hex()
    if len(set(text)) < 5:
        return
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        told = hidden(encode(before + text.encode() + after).decode(), text)
        assert SHOWN in told
        assert len(told.replace(SHOWN, "")) <= 2 + -(-4 * (len(before) + len(after) + 4) // 3) + 2


def test_the_longest_of_several_secrets_is_hidden_first() -> None:
    known = KnownSecrets({})
    known.add("abcdefgh12", "<short>")
    known.add("abcdefgh12-and-more", "<long>")
    assert known.hidden("x=abcdefgh12-and-more;y=abcdefgh12") == "x=<long>;y=<short>"


@pytest.mark.parametrize("value", ["short", "00000000", "1111-1111"])
def test_what_stands_in_texts_by_chance_is_left_alone(value: str) -> None:
    assert hidden(f"at {value} o'clock", value) == f"at {value} o'clock"


def test_what_the_user_keeps_secret_is_hidden_however_short() -> None:
    assert KnownSecrets({"1234": SHOWN}).hidden("pin1234x") == f"pin{SHOWN}x"


def test_a_text_that_was_seen_before_is_looked_at_again_when_a_secret_was_learnt() -> None:
    known = KnownSecrets({})
    assert known.hidden("abcdefgh12") == "abcdefgh12"
    known.add("abcdefgh12", SHOWN)
    assert known.hidden("abcdefgh12") == SHOWN


def test_many_secrets_do_not_tear_other_texts() -> None:
    known = KnownSecrets({})
    for number in range(500):
        known.add(f"secret-number-{number:04}", SHOWN)
    plain = urlencode({"grant_type": "authorization_code", "scope": "urn:ledger:balance:read"})
    assert known.hidden(f"{plain}&code=secret-number-0042") == f"{plain}&code={SHOWN}"


def test_a_secret_that_was_cut_off_is_hidden_and_shown_to_be_cut() -> None:
    token = "Zk39fjQ0apL2mXv7-tail-of-it"
    others = [f"Zk39fjQ0apL2mXv{sign}-other" for sign in "0123456abc89"]
    assert hidden(f"no token {token[:19]}: bad", token, *others) == f"no token {SHOWN}…: bad"
    assert hidden(f"{quote(token[:19])}...", token, *others) == f"{SHOWN}…..."


def test_what_begins_like_a_secret_by_its_product_is_left_alone() -> None:
    assert hidden("client acme-corp-frontend here", "acme-corp-frontend-secret") == "client acme-corp-frontend here"
