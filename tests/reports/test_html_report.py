"""The HTML report has everything, escapes everything, refers to nothing elsewhere, and stays under 1 MB."""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
import subprocess
from dataclasses import replace
from itertools import cycle, islice
from typing import Any

import lxml.html
import pytest
from lxml.html import HtmlElement

from harness.events import Settings
from harness.verdict import Verdict
from reports.document import Document
from reports.evidence import WHOLE, evidence
from reports.html_report import render
from reports.overview import outcome
from tests.reports.conftest import CURSOR, RESULTS, document_of, expect_no_secrets, result

MEGABYTE = 1_000_000
HOSTILE = "</script><script>alert(1)</script><img src=//evil.example onerror=alert(1)>\ud800\u202e" + CURSOR
GREEN = (result("as/pkce/passed", 3, Verdict.PASSED),)
BLOCKED = tuple(result(f"as/pkce/{name}", 1, Verdict.BLOCKED) for name in ("first", "second"))
ACCEPTED = result("as/pkce/accepted", 0, Verdict.FAILED, accepted="known")
OWN_FAULT = replace(result("as/own/error", 6, Verdict.ERROR), unlock="mend the scenario")
FAULTY = (*GREEN, OWN_FAULT, result("mcp/challenge/error", 6, Verdict.ERROR))


def parsed(text: str) -> HtmlElement:
    page = lxml.html.document_fromstring(text)
    assert isinstance(page, HtmlElement)
    return page


def tree(document: Document) -> HtmlElement:
    return parsed(render(document))


def text_of(element: HtmlElement) -> str:
    return " ".join(element.text_content().split())


def row(page: HtmlElement, scenario: str) -> HtmlElement:
    (found,) = page.xpath("//details[@id=$id]", id=scenario)
    assert isinstance(found, HtmlElement)
    return found


def many(number: int, **changes: Any) -> Document:
    """Return the document of a run with many results, each changed in the same way."""
    document = document_of()
    results = [
        {**item, **changes, "scenario": f"{item['scenario']}-{place:04}"}
        for place, item in enumerate(islice(cycle(document["results"]), number))
    ]
    return {**document, "results": sorted(results, key=lambda item: str(item["scenario"]))}


def hostile(value: Any) -> Any:
    """Return data with markup at the end of each text that a target or a user could have put there."""
    kept = ("verdict", "scenario", "role", "level", "sender", "recipient", "method", "expires", "started")
    if isinstance(value, dict):
        return {name: item if name in kept else hostile(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [hostile(item) for item in value]
    return value + HOSTILE if value and isinstance(value, str) else value


def test_every_scenario_is_there_under_its_id() -> None:
    page = tree(document_of())
    assert {item.get("id") for item in page.find_class("r")} == {item.scenario.id for item in RESULTS}


def test_a_failure_shows_all_that_is_needed_to_mend_it() -> None:
    document = document_of()
    failed = row(tree(document), "as/pkce/failed")
    (told,) = (item for item in document["results"] if item["scenario"] == "as/pkce/failed")
    requirement = told["requirements"][0]
    for part in (
        told["title"],
        told["expected"],
        told["remedy"],
        requirement["text"],
        *told["control"],
        "[bold]it was",
    ):
        assert part in text_of(failed)
    assert requirement["url"] in failed.xpath(".//a/@href")
    assert "curl -i -X" in failed.find_class("curl")[0].text_content()
    assert failed.xpath(".//*[name()='svg']")


def test_what_was_not_judged_has_no_remedy() -> None:
    blocked = row(tree(document_of()), "as/pkce/blocked")
    assert "The remedy of" not in text_of(blocked)
    assert "name more" in text_of(blocked)


def test_what_passed_shows_its_requirement_and_no_exchange() -> None:
    passed = row(tree(document_of()), "as/pkce/passed")
    assert passed.find_class("demands")
    assert not passed.find_class("steps")


@pytest.mark.parametrize(
    ("results", "code", "headline"),
    [
        (GREEN, 0, "All judged requirements hold"),
        (RESULTS[:3], 1, "1 violation"),
        (BLOCKED, 3, "Nothing was judged"),
        ((*GREEN, *BLOCKED), 3, "Incomplete"),
        ((*GREEN, *BLOCKED), 0, "All judged requirements hold"),
        ((*GREEN, ACCEPTED), 0, "All judged requirements hold, but for what the baseline accepts"),
        (FAULTY, 4, "A fault of mcp-assay itself"),
        ((*GREEN, OWN_FAULT), 4, "A fault of a scenario of your own"),
    ],
)
def test_the_headline_says_what_the_exit_code_means(results: Any, code: int, headline: str) -> None:
    (shown,) = tree({**document_of(results), "baseline": [], "exit_code": code}).iter("h1")
    assert text_of(shown).endswith(headline)


def test_a_baseline_that_no_longer_holds_is_said_at_the_top() -> None:
    document = document_of(GREEN)
    assert outcome(document).headline == "The baseline no longer holds"
    shown = text_of(tree(document).find_class("outcome")[0])
    assert "1 entry of the baseline no longer holds." in shown


def test_an_interruption_is_told_with_what_had_no_turn() -> None:
    shown = text_of(tree({**document_of(GREEN, unfinished=4), "exit_code": 3}))
    assert "Interrupted" in shown
    assert "4 scenarios had no turn" in shown


def test_coverage_and_settings_are_told() -> None:
    document = document_of(settings=Settings(selectors=("as/pkce",), strict=True, allow_blocked=True, jobs=3, seed=9))
    shown = text_of(tree(document))
    counted = document["requirements"]
    assert f"{counted['judged']} of {counted['applicable']} applicable requirements judged" in shown
    for part in ("as/pkce", "strict", "blocked is allowed", "3 jobs", "seed 9", document["tool"], document["spec"]):
        assert part in shown


def test_each_area_has_its_counts_by_name_and_links_to_what_it_counts() -> None:
    page = tree(document_of())
    tiles = {text_of(item.find_class("area")[0]): item for item in page.xpath("//ul[@class='areas']/li")}
    assert set(tiles) == {"pkce", "registration", "challenge"}
    assert text_of(tiles["pkce"]) == "pkce ✗ 2 failed, 1 accepted ⊘ 1 blocked ✓ 1 passed"
    ids = set(page.xpath("//@id"))
    assert all(link.removeprefix("#") in ids for tile in tiles.values() for link in tile.xpath(".//a/@href"))


def test_the_baseline_is_shown_with_reasons_and_its_problems() -> None:
    accepted, stale = tree(document_of()).xpath("//ul[@class='baseline']/li")
    assert text_of(accepted).startswith("as/pkce/accepted known \\x00 since May")
    assert accepted.xpath(".//a/@href") == ["https://tracker.example/1"]
    assert text_of(stale).startswith("✗ as/registration/stale passed now: remove it known <b>for long</b>")


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "//evil.example", " https://x.example"])
def test_only_web_addresses_become_links(link: str) -> None:
    document = document_of()
    document["baseline"][0]["link"] = link
    document["results"][2]["requirements"][0]["url"] = link
    page = tree(document)
    assert link not in page.xpath("//a/@href")
    assert link.strip() in text_of(page)


def test_what_is_accepted_stands_apart_with_its_reason() -> None:
    page = tree(document_of())
    (section,) = page.xpath("//section[@aria-label='Accepted by the baseline']")
    assert "known \\x00 since May" in text_of(row(section, "as/pkce/accepted"))


def test_one_reason_that_blocks_many_is_told_once() -> None:
    page = tree(document_of(BLOCKED))
    assert text_of(page).count("[bold]it was") == 1
    assert len(page.find_class("r")) == 2
    assert len(page.find_class("steps")) == 1


def test_nothing_that_was_said_becomes_markup() -> None:
    page, same = (tree(change(document_of())) for change in (hostile, dict))
    assert {item.tag for item in page.iter()} == {item.tag for item in same.iter()}
    assert len(list(page.iter("script"))) == 1
    assert not [name for item in page.iter() for name in item.attrib if name.startswith("on")]


def test_what_cannot_be_seen_is_spelt() -> None:
    text = render(hostile(document_of()))
    assert all(sign.isprintable() or sign in "\n\t" for sign in text)
    assert "\\x1b[2J\\x07" in text
    assert "\\ud800\\u202e" in text
    assert text.encode("utf-8")


def test_no_secret_is_written() -> None:
    expect_no_secrets(render(document_of()))


def test_it_refers_to_nothing_elsewhere() -> None:
    page = tree(document_of())
    assert not page.xpath("//@src | //@srcset | //@action | //@style | //iframe | //object | //base")
    assert page.xpath("//link/@href") == ["data:,"]
    links = page.xpath("//a/@href")
    assert links
    assert all(re.match(r"#|https?://", link) for link in links)
    (style,) = page.iter("style")
    assert not re.search(r"url\(|@import|@font-face", style.text or "")


def test_the_policy_allows_our_script_and_style_and_nothing_else() -> None:
    page = tree(document_of())
    (policy,) = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules.pop("default-src") == rules.pop("base-uri") == rules.pop("form-action") == "'none'"
    assert rules.pop("img-src") == "data:"
    for name in ("script", "style"):
        (element,) = page.iter(name)
        digest = base64.b64encode(hashlib.sha256((element.text or "").encode()).digest()).decode()
        assert rules.pop(f"{name}-src") == f"'sha256-{digest}'"
    assert not rules


def test_the_same_run_gives_the_same_page() -> None:
    assert render(document_of()) == render(document_of())


def test_a_run_without_results_is_a_page() -> None:
    assert "No scenario had its turn" in text_of(tree(document_of(())))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"verdict": "failed", "red": True, "accepted": ""},
        {"verdict": "failed", "red": True, "actual": HOSTILE * 60, "expected": "<" * 4000, "trace": "\x1b" * 4000},
        {"verdict": "blocked", "red": True, "unlock": "\ud800" * 4000},
    ],
)
def test_500_scenarios_are_less_than_a_megabyte_and_all_there(changes: dict[str, Any]) -> None:
    document = many(500, **changes)
    text = render(document)
    assert len(text.encode()) < MEGABYTE
    page = parsed(text)
    assert {item.get("id") for item in page.find_class("r")} == {item["scenario"] for item in document["results"]}


def test_what_had_no_room_is_said_and_failures_come_before_the_rest() -> None:
    document = many(600, why="because " * 100)
    for item in document["results"]:
        verdict = "failed" if "error" in item["scenario"] else "warning"
        item.update(verdict=verdict, red=verdict == "failed", accepted="")
    page = tree(document)
    assert "The JSON report has them all." in text_of(page.find_class("note")[0])
    shown = {item.get("id"): bool(item.find_class("steps")) for item in page.find_class("r")}
    assert all(found for name, found in shown.items() if "error" in name)
    assert not all(shown.values())


def test_a_long_text_says_how_much_more_there_is() -> None:
    document = document_of()
    document["results"][2]["actual"] = "x" * 4000
    assert "2,500 more characters in the JSON report" in text_of(row(tree(document), "as/pkce/failed"))


def test_of_many_exchanges_the_proof_and_what_led_to_it_are_shown() -> None:
    (item,) = (item for item in document_of()["results"] if item["scenario"] == "as/pkce/failed")
    long = {**item, "exchanges": item["exchanges"] * 3, "culprit": 9}
    seen = evidence(long, WHOLE)
    assert [step.number for step in seen.exchanges] == [5, 6, 7, 8, 9, 10]
    assert [step.marked for step in seen.exchanges] == [False] * 5 + [True]
    assert (seen.before, seen.after) == (4, 11)


def test_a_command_line_in_lines_means_the_same() -> None:
    (item,) = (item for item in document_of()["results"] if item["scenario"] == "as/pkce/failed")
    shown = evidence(item, WHOLE)
    assert "\\\n" in shown.exchanges[0].curl.text
    for exchange, step in zip(item["exchanges"][shown.before :], shown.exchanges, strict=True):
        assert as_a_shell_reads(step.curl.text) == shlex.split(exchange["curl"])[1:]


def as_a_shell_reads(command: str) -> list[str]:
    """Return the words that a shell hands to curl."""
    script = f"curl() {{ printf '%s\\0' \"$@\"; }}\n{command}"
    said = subprocess.run(["sh", "-c", script], check=True, capture_output=True, text=True).stdout
    return said.removesuffix("\0").split("\0")
