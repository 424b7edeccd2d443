"""What a run says of each entry of the baseline, and which entries turn it red."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from harness.baseline import Accepted, Judged, accepted_reason, entry_of, problems, standings
from harness.verdict import Verdict

TODAY = date(2026, 11, 22)
YESTERDAY, TOMORROW = date(2026, 11, 21), date(2026, 11, 23)
WRONG, METHOD, WRITTEN = "as/pkce/wrong-verifier", "as/pkce/no-method", "as/registration/written"
HOST, SCRIPT = "as/registration/unsafe/with-a-host", "as/registration/unsafe/with-a-script"
CHALLENGE = "mcp/challenge/a-token"
KNOWN = (WRONG, METHOD, WRITTEN, HOST, SCRIPT, CHALLENGE)
PASSED, FAILED, WARNING = Verdict.PASSED, Verdict.FAILED, Verdict.WARNING
BLOCKED, ABSENT, ERROR = Verdict.BLOCKED, Verdict.NOT_APPLICABLE, Verdict.ERROR


def baseline(*entries: Accepted) -> dict[str, Accepted]:
    return {item.entry: item for item in entries}


def said(
    *entries: Accepted, whole: bool = True, allow_blocked: bool = False, **verdicts: Verdict | None
) -> dict[str, str]:
    """Return the problems of a run in which everything passed but what is named; None had no turn."""
    given: Mapping[str, Verdict | None] = {**dict.fromkeys(KNOWN, PASSED), **_by_name(verdicts)}
    judged = {name: verdict for name, verdict in given.items() if verdict}
    return problems(baseline(*entries), Judged(judged, KNOWN, whole, TODAY), allow_blocked=allow_blocked)


def _by_name(verdicts: Mapping[str, Verdict | None]) -> dict[str, Verdict | None]:
    named = {"wrong": WRONG, "method": METHOD, "written": WRITTEN, "host": HOST, "script": SCRIPT, "mcp": CHALLENGE}
    return {named[name]: verdict for name, verdict in verdicts.items()}


def entry(name: str = WRONG, verdict: Verdict | None = None, expires: date | None = None) -> Accepted:
    return Accepted(name, "we know", verdict, expires)


@pytest.mark.parametrize(
    ("accepted", "verdict", "problem"),
    [
        (None, FAILED, ""),
        (None, WARNING, ""),
        (None, PASSED, "passed now: remove it"),
        (None, ABSENT, "is not applicable now: remove it"),
        (None, BLOCKED, "is blocked now, so that nobody knows whether it still fails"),
        (None, ERROR, ""),
        (None, None, ""),
        (FAILED, FAILED, ""),
        (FAILED, WARNING, "is only a warning now: say so, or remove it"),
        (FAILED, PASSED, "passed now: remove it"),
        (WARNING, WARNING, ""),
        (WARNING, FAILED, "fails now, where only a warning is accepted"),
        (WARNING, BLOCKED, "is blocked now, so that nobody knows whether it still fails"),
    ],
)
def test_an_entry_for_one_scenario_is_a_problem_when_what_it_accepts_did_not_come(
    accepted: Verdict | None, verdict: Verdict | None, problem: str
) -> None:
    found = said(entry(verdict=accepted), wrong=verdict)
    assert found == ({WRONG: problem} if problem else {})


@pytest.mark.parametrize(
    ("accepted", "verdict", "reason"),
    [
        (None, FAILED, "we know"),
        (None, WARNING, "we know"),
        (FAILED, FAILED, "we know"),
        (WARNING, WARNING, "we know"),
        (FAILED, WARNING, ""),
        (WARNING, FAILED, ""),
        (None, PASSED, ""),
        (None, BLOCKED, ""),
        (None, ERROR, ""),
        (None, ABSENT, ""),
    ],
)
def test_only_the_accepted_violation_is_accepted(accepted: Verdict | None, verdict: Verdict, reason: str) -> None:
    assert accepted_reason(baseline(entry(verdict=accepted)), WRONG, verdict, TODAY) == reason


@pytest.mark.parametrize(
    ("expires", "reason", "problem"),
    [
        (TOMORROW, "we know", ""),
        (TODAY, "we know", ""),
        (YESTERDAY, "", "expired on 2026-11-21: mend what fails, or renew it"),
    ],
)
def test_an_entry_counts_to_the_end_of_its_last_day(expires: date, reason: str, problem: str) -> None:
    known = entry(expires=expires)
    assert accepted_reason(baseline(known), WRONG, FAILED, TODAY) == reason
    assert said(known, wrong=FAILED) == ({WRONG: problem} if problem else {})


def test_an_expired_entry_that_passes_is_to_be_removed_rather_than_renewed() -> None:
    assert said(entry(expires=YESTERDAY)) == {WRONG: "passed now: remove it"}


def test_an_expired_entry_is_a_problem_for_a_warning_too() -> None:
    assert "expired on 2026-11-21" in said(entry(expires=YESTERDAY), wrong=WARNING)[WRONG]


def test_an_entry_that_is_blocked_is_no_problem_where_the_user_allows_it() -> None:
    assert said(entry(), wrong=BLOCKED, allow_blocked=True) == {}
    assert said(entry(), wrong=PASSED, allow_blocked=True) == {WRONG: "passed now: remove it"}


@pytest.mark.parametrize(
    ("method", "wrong", "problem"),
    [
        (FAILED, FAILED, ""),
        (PASSED, FAILED, ""),
        (BLOCKED, FAILED, ""),
        (ERROR, FAILED, ""),
        (PASSED, PASSED, "passed now: remove it"),
        (ABSENT, PASSED, "passed now: remove it"),
        (ABSENT, ABSENT, "is not applicable now: remove it"),
        (BLOCKED, PASSED, "is blocked now, so that nobody knows whether it still fails"),
        (ERROR, PASSED, ""),
        (None, PASSED, "passed now: remove it"),
    ],
)
def test_a_beginning_holds_while_anything_below_it_fails(method: Verdict | None, wrong: Verdict, problem: str) -> None:
    assert said(entry("as/pkce"), method=method, wrong=wrong) == ({"as/pkce": problem} if problem else {})


@pytest.mark.parametrize(
    ("method", "wrong", "problem"),
    [
        (WARNING, FAILED, "fails now, where only a warning is accepted"),
        (PASSED, FAILED, "fails now, where only a warning is accepted"),
    ],
)
def test_a_beginning_that_accepts_warnings_leaves_failures_alone(method: Verdict, wrong: Verdict, problem: str) -> None:
    known = entry("as/pkce", WARNING)
    assert accepted_reason(baseline(known), WRONG, wrong, TODAY) == ""
    assert said(known, method=method, wrong=wrong) == ({} if method is WARNING else {"as/pkce": problem})


def test_a_part_of_a_name_is_no_beginning() -> None:
    assert not entry("as/pk").fits(WRONG)
    assert not entry("/").fits(WRONG)
    assert entry("as/pkce/").fits(WRONG)
    assert entry("as").fits(WRONG)
    assert entry("as/registration/unsafe").fits(HOST)


def test_the_longest_entry_that_fits_counts() -> None:
    known = baseline(entry("as/registration"), entry("as/registration/unsafe"), entry(HOST, expires=YESTERDAY))
    assert [item and item.entry for item in (entry_of(known, name) for name in (WRITTEN, SCRIPT, HOST, WRONG))] == [
        "as/registration",
        "as/registration/unsafe",
        HOST,
        None,
    ]
    assert accepted_reason(known, HOST, FAILED, TODAY) == ""


def test_a_beginning_is_judged_without_what_has_an_entry_of_its_own() -> None:
    known = (entry("as/registration"), entry(HOST))
    assert said(*known, host=FAILED) == {"as/registration": "passed now: remove it"}
    assert said(*known, script=FAILED) == {HOST: "passed now: remove it"}
    assert said(*known, script=FAILED, host=FAILED) == {}


def test_a_run_of_a_part_says_nothing_of_what_it_left_out() -> None:
    part: dict[str, Any] = dict.fromkeys(("method", "written", "host", "script", "mcp"))
    assert said(entry(METHOD), entry("as/registration"), entry("mcp"), whole=False, **part) == {}
    assert said(entry("as/pkce"), whole=False, **part) == {}, "the other half of it could still fail"


def test_a_run_of_a_part_tells_what_it_judged_wholly() -> None:
    part: dict[str, Any] = dict.fromkeys(("written", "host", "script", "mcp"))
    assert said(entry("as/pkce"), whole=False, **part) == {"as/pkce": "passed now: remove it"}
    assert said(entry(WRONG), whole=False, method=None, **part) == {WRONG: "passed now: remove it"}
    assert said(entry("as", expires=YESTERDAY), whole=False, wrong=FAILED, **part) == {
        "as": "expired on 2026-11-21: mend what fails, or renew it"
    }


def test_an_entry_that_fits_no_scenario_is_a_problem_in_every_run_and_the_nearest_is_offered() -> None:
    for whole in (True, False):
        problem = said(entry(WRONG[:-1]), whole=whole)[WRONG[:-1]]
        assert problem.startswith(f"fits no scenario: remove it; did you mean {WRONG} or ")
    assert "did you mean as/registration or" in said(entry("as/registraton"))["as/registraton"]
    assert said(entry("xyzzy")) == {"xyzzy": "fits no scenario: remove it"}


def test_an_entry_of_a_role_that_was_not_judged_is_a_problem_in_a_whole_run() -> None:
    problem = "was not asked, since nothing in its role was judged: remove it, or name what plays the role"
    assert said(entry(CHALLENGE), mcp=None) == {CHALLENGE: problem}
    assert said(entry(CHALLENGE), mcp=None, whole=False) == {}


def test_an_entry_that_the_revision_leaves_out_is_no_problem() -> None:
    assert said(entry(WRONG), wrong=None) == {}


def test_every_entry_has_a_standing() -> None:
    known = baseline(entry("as"), entry("as/pkce"), entry("nothing"), entry(CHALLENGE))
    assert list(standings(known, Judged({}, KNOWN, True, TODAY))) == list(known)
