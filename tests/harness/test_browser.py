"""How pages are filled in."""

import httpx

from harness.browser import Landing, find_submission, text_of
from harness.exchange import Answer, Evidence, Exchange
from harness.target import LoginPage

PAGE = b"""<html><body>
<form action="/search"><input name=q></form>
<form action="/login" method=post><input type=hidden name=csrf value=c1><input name=login><input name=password>
<input type=checkbox name=stay value=yes><button>Sign in</button><button name=decision value=deny>Refuse</button></form>
<a href="/abort">[ Cancel ]</a></body></html>"""


def page(body: bytes = PAGE, kind: str = "text/html") -> Answer:
    headers = httpx.Headers({"content-type": kind})
    return Answer(Exchange("GET", "http://127.0.0.1:1/a/b", (), b"", 200, headers, body), Evidence())


def test_the_form_with_the_named_fields_is_filled_and_its_hidden_fields_are_kept() -> None:
    found = find_submission(page(), (LoginPage({"login": "alice", "password": "x"}, "Sign in"),))
    assert found is not None
    assert (found.url, found.method) == ("http://127.0.0.1:1/login", "POST")
    assert dict(found.fields) == {"csrf": "c1", "login": "alice", "password": "x"}


def test_a_button_is_pressed_by_name_and_value() -> None:
    found = find_submission(page(), (LoginPage(press="decision=deny"),))
    assert found is not None
    assert ("decision", "deny") in found.fields


def test_a_link_is_followed_by_its_text() -> None:
    found = find_submission(page(), (LoginPage(press="[ Cancel ]"),))
    assert found is not None
    assert (found.url, found.method) == ("http://127.0.0.1:1/abort", "GET")


def test_the_first_description_that_fits_wins() -> None:
    found = find_submission(page(), (LoginPage({"otp": "1"}), LoginPage({"login": "bob"}, "Sign in")))
    assert found is not None
    assert dict(found.fields)["login"] == "bob"


def test_a_page_that_nothing_fits_is_left_alone() -> None:
    assert find_submission(page(), (LoginPage({"otp": "1"}),)) is None
    assert find_submission(page(), (LoginPage(press="Buy"),)) is None
    assert find_submission(page(), ()) is None


def test_what_is_no_page_has_no_forms() -> None:
    anything = (LoginPage(),)
    assert find_submission(page(b"", "text/html"), anything) is None
    assert find_submission(page(b"\x00\xff<form", "application/json"), anything) is None
    assert find_submission(page(b"\x00", "text/html"), anything) is None


def test_a_landing_knows_where_it_arrived() -> None:
    landing = Landing(page(), "http://127.0.0.1:8976/cb?code=1", {"code": ["1"]})
    assert landing.arrived_at("http://127.0.0.1:8976/cb")
    assert not landing.arrived_at("http://127.0.0.1:8976/cb/other")
    assert landing.get("code") == "1"


def test_the_text_of_a_page_is_what_a_person_can_read() -> None:
    body = b"<title>T</title><body><style>p {}</style><p>Assay &amp;\n <b>Co</b></p><script>no()</script></body>"
    assert text_of(page(body)) == "Assay & Co"
    assert text_of(page(body, "application/json")) == ""
