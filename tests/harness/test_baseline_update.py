"""What becomes of a baseline after a run."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from harness.baseline import Accepted, Judged, problems
from harness.baseline_update import NoReasonError, Terms, Update, updated
from harness.verdict import Verdict

TODAY = date(2026, 11, 22)
YESTERDAY, LATER = date(2026, 11, 21), date(2027, 1, 31)
A, B, C = "as/pkce/a", "as/pkce/b", "as/registration/c"
TOOL = "mcp/challenge/tool"
KNOWN = (A, B, C, TOOL)
PASSED, FAILED, WARNING = Verdict.PASSED, Verdict.FAILED, Verdict.WARNING
BLOCKED, ABSENT, ERROR = Verdict.BLOCKED, Verdict.NOT_APPLICABLE, Verdict.ERROR
TERMS = Terms("new", LATER, "https://t.example/1")
BLIND = "is blocked now, so that nobody knows whether it still fails"


def judged(whole: bool = True, **verdicts: Verdict | None) -> Judged:
    """Return a run in which everything passed but what is named; None had no turn."""
    names = {"a": A, "b": B, "c": C, "tool": TOOL}
    given = {**dict.fromkeys(names, PASSED), **verdicts}
    return Judged({names[key]: verdict for key, verdict in given.items() if verdict}, KNOWN, whole, TODAY)


def after(*entries: Accepted, said: Judged, terms: Terms = TERMS) -> Update:
    made = updated({entry.entry: entry for entry in entries}, said, terms)
    assert problems(made.entries, said) == made.left, "what is left is what turns the next run red, and no more"
    return made


def old(name: str = A, verdict: Verdict | None = None, expires: date | None = None) -> Accepted:
    return Accepted(name, "old", verdict, expires, "https://t.example/0")


def test_failures_are_added_on_the_terms_that_were_given() -> None:
    made = after(said=judged(a=FAILED, b=WARNING, c=BLOCKED, tool=ERROR))
    assert made.added == [Accepted(A, "new", FAILED, LATER, "https://t.example/1")]
    assert (made.changed, made.kept, made.removed, made.left) == ([], [], {}, {})


def test_warnings_are_added_where_they_are_red() -> None:
    made = after(said=judged(a=FAILED, b=WARNING), terms=replace(TERMS, strict=True))
    assert [(entry.entry, entry.verdict) for entry in made.added] == [(A, FAILED), (B, WARNING)]


@pytest.mark.parametrize("reason", ["", "  "])
def test_nothing_is_added_without_a_reason(reason: str) -> None:
    with pytest.raises(NoReasonError) as raised:
        after(old(C), said=judged(a=FAILED, b=WARNING), terms=Terms(reason, strict=True))
    assert raised.value.violations == {A: FAILED, B: WARNING}


def test_no_reason_is_needed_where_nothing_is_added() -> None:
    assert after(old(C), said=judged(b=WARNING), terms=Terms()).removed == {C: "passed now"}


@pytest.mark.parametrize("entry", [old(), old(verdict=FAILED), old(expires=LATER), old("as/pkce"), old("as")])
def test_what_still_fails_stays_as_it_is(entry: Accepted) -> None:
    made = after(entry, said=judged(a=FAILED))
    assert (made.kept, made.added, made.changed) == ([entry], [], [])


@pytest.mark.parametrize(("verdict", "why"), [(PASSED, "passed now"), (ABSENT, "is not applicable now")])
@pytest.mark.parametrize("whole", [True, False])
def test_what_no_longer_fails_is_removed(verdict: Verdict, why: str, whole: bool) -> None:
    made = after(old(), said=judged(whole, a=verdict))
    assert (dict(made.removed), made.entries) == ({A: why}, {})


def test_an_accepted_failure_that_is_only_a_warning_now_says_so() -> None:
    made = after(old(verdict=FAILED), old("as/registration", FAILED), said=judged(a=WARNING, c=WARNING), terms=Terms())
    assert [new for _, new in made.changed] == [old(verdict=WARNING), old("as/registration", WARNING)]


def test_a_failure_in_the_place_of_an_accepted_warning_wants_a_reason_of_its_own() -> None:
    with pytest.raises(NoReasonError):
        after(old(verdict=WARNING), said=judged(a=FAILED), terms=Terms())
    made = after(old(verdict=WARNING), said=judged(a=FAILED))
    assert made.changed == [(old(verdict=WARNING), Accepted(A, "new", FAILED, LATER, "https://t.example/1"))]


def test_a_beginning_that_accepts_warnings_gives_way_to_the_failure_below_it() -> None:
    made = after(old("as/pkce", WARNING), said=judged(a=FAILED))
    assert ([entry.entry for entry in made.added], dict(made.removed)) == ([A], {"as/pkce": "passed now"})
    made = after(old("as/pkce", WARNING), said=judged(a=FAILED, b=WARNING))
    assert ([entry.entry for entry in made.added], made.kept) == ([A], [old("as/pkce", WARNING)])


def test_an_entry_that_accepts_either_is_not_made_narrower() -> None:
    assert after(old(), said=judged(a=WARNING)).kept == [old()]


def test_what_could_not_be_judged_is_kept_and_told() -> None:
    made = after(old(), old(C), said=judged(a=BLOCKED, c=ERROR))
    assert (made.kept, dict(made.left)) == ([old(), old(C)], {A: BLIND})


def test_what_has_expired_is_kept_and_told_rather_than_renewed() -> None:
    made = after(old(expires=YESTERDAY), said=judged(a=FAILED))
    assert made.kept == [old(expires=YESTERDAY)]
    assert dict(made.left) == {A: "expired on 2026-11-21: mend what fails, or renew it"}


def test_what_fits_no_scenario_is_removed_after_a_whole_run_only() -> None:
    assert dict(after(old("as/pkce/gone"), said=judged()).removed) == {"as/pkce/gone": "fits no scenario"}
    made = after(old("as/pkce/gone"), said=judged(whole=False))
    assert made.kept == [old("as/pkce/gone")]
    assert made.left["as/pkce/gone"].startswith("fits no scenario: remove it")


def test_a_role_that_was_not_judged_loses_nothing() -> None:
    made = after(old(TOOL), said=judged(tool=None))
    assert made.kept == [old(TOOL)]
    assert made.left[TOOL].startswith("was not asked, since nothing in its role was judged")


def test_a_run_of_a_part_removes_nothing_that_it_left_out() -> None:
    made = after(old(C), old("as/pkce"), old(TOOL), said=judged(whole=False, a=PASSED, b=None, c=None, tool=None))
    assert ([entry.entry for entry in made.kept], dict(made.left)) == ([C, "as/pkce", TOOL], {})


def test_a_beginning_is_kept_while_anything_that_it_counts_for_fails() -> None:
    assert after(old("as/pkce"), old(A), said=judged(a=FAILED, b=FAILED)).kept == [old("as/pkce"), old(A)]
    assert dict(after(old("as/pkce"), old(A), said=judged(a=FAILED)).removed) == {"as/pkce": "passed now"}


def test_a_beginning_that_was_left_nothing_goes_with_what_went_first() -> None:
    made = after(old("as/registration"), old(C), said=judged())
    assert dict(made.removed) == {C: "passed now", "as/registration": "passed now"}
