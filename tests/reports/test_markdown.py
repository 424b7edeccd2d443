"""The Markdown report tells what a reader of a job's summary needs; nobody's words have any power over the page."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest
from lxml import html
from markdown_it import MarkdownIt

from harness.events import Settings
from harness.verdict import Verdict
from reports.commonmark import block, code, html_code, html_prose, link, on_the_web, prose, shortened
from reports.document import Document
from reports.markdown import LIMIT, render
from tests.reports.conftest import RESULTS, document_of, expect_no_secrets, result

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
ATTRIBUTES = {"a": {"href"}, "code": {"class"}, "th": {"style"}, "td": {"style"}}
TAGS = (
    *("article", "h2", "h3", "p", "strong", "b", "ul", "li", "a", "code", "pre", "details", "summary"),
    *("table", "thead", "tbody", "tr", "th", "td"),
)
GITHUB_TAKES = 1024 * 1024
HOSTILE = (
    "@EVIL EVIL/EVIL#1 #1 !1 %1 ~EVIL $1$ :smile: GH-1 www.evil.example https://evil.example/EVIL EVIL@evil.example",
    "![EVIL](https://evil.example/pixel.png) [EVIL](https://evil.example/) <https://evil.example/EVIL>",
    "<img src=https://evil.example/EVIL.png><script>EVIL()</script><!-- EVIL",
    "</summary></details></code></pre>EVIL<b onclick=EVIL()>",
    "`EVIL` ``EVIL`` ```EVIL``` ~~~EVIL~~~ `",
    "EVIL\n\n# EVIL\n\n```\n````\n\n| EVIL | EVIL |\n| --- | --- |\n| EVIL | EVIL |\n\n~~~\n\n- EVIL\n\n    EVIL",
    "EVIL\r\r# EVIL\r\r\u2028\u2029\x85\x0b\x0c# EVIL | EVIL | \\| \\` \\\\`EVIL\\",
    "*EVIL* **EVIL** _EVIL_ ~~EVIL~~ ^EVIL [^1] &lt;EVIL&gt; &#64;EVIL \\@EVIL",
    "\u202eLIVE\u202c EVIL \u200b\u2066 \x00\x1b[2J \ud800",
    " ",
    "`",
    "\n",
)


def _page(document: Document) -> html.HtmlElement:
    """Return the report as a browser would have it; it is made of what ours is made of, and of nothing else."""
    page = html.fromstring(f"<article>{PARSER.render(render(document))}</article>")
    for element in page.iter():
        assert isinstance(element.tag, str), "a comment"
        assert element.tag in TAGS
        assert set(element.attrib) <= ATTRIBUTES.get(element.tag, set())
    return page


def _texts(page: html.HtmlElement, path: str) -> list[str]:
    return [" ".join(element.text_content().split()) for element in page.findall(path)]


def _shape(page: html.HtmlElement) -> list[str]:
    """Return the elements in their order, but for code and lines of prose, which are there where there is a text."""
    return [str(element.tag) for element in page.iter() if element.tag not in ("code", "p")]


def _filled(document: Document, said: str, ours: str) -> Document:
    """Return a run in which the target says one thing everywhere, and the user and the scenarios another thing."""
    filled = copy.deepcopy(document)
    filled["target"] = said
    for found in filled["results"]:
        found.update({name: said for name in ("expected", "actual", "unlock", "trace") if found[name]})
        found.update({name: ours for name in ("title", "why", "remedy", "accepted") if found[name]})
        for requirement in found["requirements"]:
            requirement.update(text=ours, document=ours, id=ours)
        for exchange in found["exchanges"]:
            exchange["curl"] = said
            exchange["response"].update(body=said, fault=said, headers=[["content-type", said], ["x", said]])
    for entry in filled["baseline"]:
        entry.update({name: ours for name in ("reason", "expires", "problem") if entry[name]})
    return filled


def test_the_verdict_comes_first() -> None:
    page = _page(document_of())
    assert page[0].tag == "h2"
    assert _texts(page, "h2") == ["mcp-assay: error"]
    first, second = _texts(page, "p")[:2]
    assert "(exit code 4)" in first
    counts = "2 passed, 2 failed, 1 warning, 1 not-applicable, 1 blocked, 1 error"
    assert second.startswith("Judged 5 of 7 applicable requirements of target")
    assert second.endswith(f"by MCP 2026-07-28 in 1.2 s, with 8 scenarios: {counts}.")


@pytest.mark.parametrize(
    ("results", "settings", "heading"),
    [
        ([result("as/pkce/a", 0, Verdict.BLOCKED)], Settings(), "incomplete"),
        ([result("as/pkce/a", 0, Verdict.ERROR)], Settings(), "error"),
        ([result("as/pkce/a", 0, Verdict.FAILED)], Settings(), "failed"),
    ],
)
def test_the_heading_says_how_it_ended(results: list[Any], settings: Settings, heading: str) -> None:
    document = document_of(results, settings=settings)
    document["baseline"] = []
    document["exit_code"] = {"incomplete": 3, "error": 4, "failed": 1}[heading]
    assert _texts(_page(document), "h2") == [f"mcp-assay: {heading}"]


def test_a_run_in_which_all_holds_is_short() -> None:
    document = document_of([result("as/pkce/a", 0, Verdict.PASSED)])
    document.update(exit_code=0, baseline=[])
    page = _page(document)
    assert _texts(page, "h2") == ["mcp-assay: passed"]
    assert _texts(page, "h3") == ["Areas"]


def test_sections_are_in_the_order_of_their_weight() -> None:
    assert _texts(_page(document_of()), "h3") == [
        "Scenarios that went wrong",
        "Violations",
        "The baseline is wrong",
        "Not judged",
        "Warnings",
        "Accepted by the baseline",
        "Areas",
    ]


def test_warnings_that_count_are_said_to_count() -> None:
    assert "Warnings, which fail this run" in _texts(_page(document_of(settings=Settings(strict=True))), "h3")


def test_a_violation_is_folded_and_has_all_that_is_needed_to_mend_it() -> None:
    document = document_of([result("as/pkce/failed", 2, Verdict.FAILED)])
    document["results"][0].update(why="a thief may have it", culprit=4)
    (details,) = _page(document).findall("details")
    requirement = RESULTS[2].scenario.requirements[0]
    assert _texts(details, "summary") == ["failed as/pkce/failed The title of as/pkce/failed."]
    facts = [re.sub("<.*?>", "…", text) for text in _texts(details, "ul/li")]
    assert facts == [
        f"Demanded: MUST {requirement.id}: {requirement.text}",
        "Expected: what as/pkce/failed expects",
        r"Actual: \x1b[2J\x07[bold]it was … and …",
        "Control: the unmodified flow worked: authorization-code",
        "Why: a thief may have it",
        "Remedy: The remedy of as/pkce/failed.",
    ]
    assert [anchor.get("href") for anchor in details.iter("a")] == [requirement.url]
    blocks = _texts(details, "pre/code")
    assert len(blocks) == 6, "three exchanges: what was sent, and what came"
    assert blocks[0].startswith("curl -i -X POST ")
    assert blocks[5].startswith(
        "400 content-type: text/plain location: http://127.0.0.1/cb?access_token=<access_token:"
    )


def test_a_missing_response_is_named() -> None:
    document = document_of([result("as/pkce/failed", 2, Verdict.FAILED)])
    assert _texts(_page(document), "details/pre/code")[-1].startswith("no response: no answer to <code:")


def test_what_one_thing_blocks_is_told_once() -> None:
    names = ("as/pkce/a", "as/pkce/b", "as/refresh/c")
    document = document_of([result(name, number, Verdict.BLOCKED) for number, name in enumerate(names)])
    (details,) = _page(document).findall("details")
    assert _texts(details, "summary")[0].startswith("3 scenarios ")
    facts = _texts(details, "ul/li")
    assert facts[1:] == ["To judge more: name more", "as/pkce: a, b", "as/refresh: c"]


def test_the_baseline_is_told_with_reasons_dates_and_links() -> None:
    document = document_of()
    document["baseline"][0]["expires"] = "2027-01-31"
    lists = [" ".join(item.text_content().split()) for item in _page(document).findall("ul/li")]
    assert lists == [
        "as/registration/stale passed now: remove it (its reason: known <b>for long</b>)",
        r"failed as/pkce/accepted: known \x00 since May, until 2027-01-31, tracked",
    ]
    assert "https://tracker.example/1" in [anchor.get("href") for anchor in _page(document).iter("a")]


def test_areas_are_a_table() -> None:
    rows = [_texts(row, "*") for row in _page(document_of()).iter("tr")]
    assert rows[0] == ["area", "passed", "failed", "warning", "not-applicable", "blocked", "error"]
    assert rows[1] == ["as/pkce", "1", "2", "·", "·", "1", "·"]
    assert rows[-1] == ["all", "2", "2", "1", "1", "1", "1"]


@pytest.mark.parametrize("payload", HOSTILE)
def test_what_the_target_said_is_code_and_changes_nothing(payload: str) -> None:
    plain, page = (_page(_filled(document_of(), said, "ours")) for said in ("harmless", payload))
    assert _shape(page) == _shape(plain)
    assert [item.get("href") for item in page.iter("a")] == [item.get("href") for item in plain.iter("a")]
    for element in page.iter():
        if not any(parent.tag == "code" for parent in (element, *element.iterancestors())):
            assert "EVIL" not in (element.text or "")
        if not any(parent.tag == "code" for parent in element.iterancestors()):
            assert "EVIL" not in (element.tail or "")


@pytest.mark.parametrize("payload", HOSTILE)
def test_words_of_the_user_and_of_scenarios_are_no_markup(payload: str) -> None:
    plain, page = (_page(_filled(document_of(), "said", ours)) for ours in ("harmless", payload))
    assert [tag for tag in _shape(page) if tag != "strong"] == [tag for tag in _shape(plain) if tag != "strong"]
    assert [item.get("href") for item in page.iter("a")] == [item.get("href") for item in plain.iter("a")]
    assert not re.search(r"@\w", page.text_content().replace("EVIL@evil", "")), "somebody would be mentioned"


@pytest.mark.parametrize("payload", [*HOSTILE, ""])
@pytest.mark.parametrize(
    ("show", "path"),
    [
        (lambda text: f"- {code(text)}", "ul/li/code"),
        (block, "pre/code"),
        (lambda text: f"<p>{html_code(text)}</p>", "p/code"),
    ],
)
def test_code_reads_as_it_was_said(show: Callable[[str], str], path: str, payload: str) -> None:
    kept = "\n\t" if show is block else ""
    said = "".join(sign if sign.isprintable() or sign in kept else ascii(sign)[1:-1] for sign in payload)
    page = html.fromstring(f"<article>{PARSER.render(show(payload))}</article>")
    (found,) = page.findall(path)
    assert "".join(map(str, found.itertext())).strip() == said.strip()


@pytest.mark.parametrize("payload", [*HOSTILE, ""])
def test_prose_reads_as_it_was_written(payload: str) -> None:
    said = "".join(sign if sign.isprintable() or sign == "\n" else ascii(sign)[1:-1] for sign in payload)
    for text in (f"x {prose(payload)}", f"<p>x {html_prose(payload)}</p>"):
        (line,) = html.fromstring(f"<article>{PARSER.render(text)}</article>")
        assert "".join(map(str, line.itertext())).replace("\u200b", "").split() == ["x", *said.split()]
        assert len(line) == 0


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("https://tracker.example/1?a=b&c=(d)#e", True),
        ("http://127.0.0.1:1/", True),
        ("javascript:alert(1)", False),
        ("data:text/html,EVIL", False),
        ("https:", False),
        ("https://[EVIL", False),
        ("https://evil.example/ \n# EVIL", False),
        ("docs/tenant-profile.md#tenant-1", False),
        ("", False),
    ],
)
def test_only_what_is_on_the_web_is_linked(url: str, fine: bool) -> None:
    assert on_the_web(url) is fine
    anchors = list(html.fromstring(f"<article>{PARSER.render(link('text', url))}</article>").iter("a"))
    assert len(anchors) == fine


def test_a_link_does_not_end_early() -> None:
    (anchor,) = html.fromstring(f"<p>{PARSER.render(link('a]b', 'https://x.example/>)<b>`'))}</p>").iter("a")
    assert (anchor.text, anchor.get("href")) == ("a]b", "https://x.example/%3E%29%3Cb%3E%60")


def test_what_is_cut_says_how_much_is_missing() -> None:
    assert shortened("a" * 12, 10) == "a" * 10 + "… (2 more characters)"
    assert shortened("a" * 10, 10) == "a" * 10


def test_a_long_report_names_what_it_leaves_out() -> None:
    failed = result("as/pkce/failed", 2, Verdict.FAILED)
    document = document_of([failed])
    template = document["results"][0]
    template["actual"] = template["exchanges"][-1]["curl"] = "`\U0001f600" * 2000
    document["results"] = [{**template, "scenario": f"as/pkce/s{number}"} for number in range(500)]
    text = render(document)
    assert LIMIT * 0.9 < len(text.encode()) < LIMIT + 20_000 < GITHUB_TAKES
    page = _page(document)
    (left_out,) = (text for text in _texts(page, "p") if "left out here" in text)
    shown = len(page.findall("details"))
    assert left_out.startswith(f"{500 - shown} left out here, since the page would be too long: as/pkce/s{shown}, ")
    assert left_out.endswith(f", as/pkce/s{shown + 99} and {400 - shown} more.")
    assert _texts(page, "h3") == ["Violations", "The baseline is wrong", "Areas"]


def test_no_secret_is_written() -> None:
    for culprit in range(7):
        document = document_of()
        for found in document["results"]:
            found["culprit"] = culprit
        expect_no_secrets(render(document))
