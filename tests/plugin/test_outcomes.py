"""What becomes of each verdict in pytest, what the baseline does to it, and that no secret is shown."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.assay import run_assay
from tests.hostile import Hostile, answer
from tests.plugin.stage import CHOSEN, FILE, MUST, OWN, SECRET, TELLING, VERDICTS, run, target_file

pytest_plugins = ["pytester"]


def test_each_verdict_has_its_outcome(pytester: pytest.Pytester, folder: Path) -> None:
    result = run(pytester, *OWN, "-rs")
    result.assert_outcomes(passed=2, failed=3, skipped=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "*_ as/own/crashes _*",
            "ERROR as/own/crashes",
            "  actual    this scenario of your own ended with KeyError: 'nothing'",
            "*trace *own.py*in crashes",
            "*_ as/own/is-blocked _*",
            "  actual    there is no key",
            "  unlock    add a key",
            "*= mcp-assay =*",
            "WARNING as/own/warns: expected a custom kept; a custom broken",
            "judged 2 of 2 applicable requirements of the target by MCP 2026-07-28",
            f"SKIPPED [[]1[]] {FILE}:1: there are no tenants",
        ]
    )


def test_a_failure_reads_as_on_the_terminal(pytester: pytest.Pytester, folder: Path) -> None:
    shown = run_assay("run", "as/own/fails", "--target", folder / FILE).out
    block = shown.partition("\nFAILED ")[2].partition("\n\n")[0]
    assert "a worse \\x1b[31mone\\nwith two lines" in block
    assert "curl -i" in block
    stdout = run(pytester, *OWN).stdout.str()
    assert re.sub(r"<[^>]*>", "", f"FAILED {block}\n") in re.sub(r"<[^>]*>", "", stdout)


def test_strict_makes_warnings_fail(pytester: pytest.Pytester, folder: Path) -> None:
    result = run(pytester, "-k", "as/own/warns", "--assay-strict")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["WARNING as/own/warns", "  expected  a custom kept"])


def test_what_is_blocked_can_be_skipped(pytester: pytest.Pytester, folder: Path) -> None:
    result = run(pytester, "-k", "as/own/is-blocked or as/own/holds", "--assay-allow-blocked", "-rs")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines([f"SKIPPED [[]1[]] {FILE}:1: blocked: there is no key (add a key)"])


def test_a_session_that_judged_nothing_is_not_green(pytester: pytest.Pytester, folder: Path) -> None:
    result = run(pytester, "-k", "as/own/does-not-apply")
    result.stdout.fnmatch_lines(["NOTHING was judged", "judged 0 of 0 applicable requirements*"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_role_that_the_target_turns_out_not_to_play_is_skipped(pytester: pytest.Pytester) -> None:
    with Hostile(answer(b"", "WWW-Authenticate: Bearer", status="401 Unauthorized")) as server:
        (pytester.path / FILE).write_text(f'[target]\nmcp_server = "{server.url}/mcp"\n')
        result = run(pytester, "-k", "as/discovery or mcp/discovery", "-rs")
    assert result.parseoutcomes()["skipped"] >= 13
    result.stdout.fnmatch_lines(["SKIPPED * the target names no authorization-server, and none was found"])


def test_a_target_that_does_not_answer_fails_every_item_with_one_sentence(pytester: pytest.Pytester) -> None:
    server = Hostile(answer())
    server.server_close()
    target_file(pytester.path, server.url)
    result = run(pytester, "-k", "as/own/holds or as/own/fails", "--assay-allow-blocked")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines([f"as/own/{name}: the target cannot be judged: GET *" for name in ("fails", "holds")])


BASELINE = '[expected]\n"as/own/fails" = "mended in May"\n"as/own/warns" = {{ reason = "custom", expires = {} }}\n'


def test_what_the_baseline_lists_is_an_expected_failure(
    pytester: pytest.Pytester, folder: Path, server: Hostile
) -> None:
    target_file(folder, server.url, BASELINE.format("2999-01-01"))
    result = run(pytester, "-k", "as/own/fails or as/own/warns or as/own/holds", "-rx", "--assay-strict")
    result.assert_outcomes(passed=1, xfailed=2)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines([f"XFAIL {FILE}::as/own/fails - mended in May"])
    run(pytester, "-k", "as/own/fails", "--runxfail").assert_outcomes(failed=1)


def test_an_entry_that_expired_fails_plainly(pytester: pytest.Pytester, folder: Path, server: Hostile) -> None:
    target_file(folder, server.url, BASELINE.format("2020-01-31"))
    result = run(pytester, "-k", "as/own/warns")
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines(
        ["  expected  a custom kept", "BASELINE as/own/warns is in the baseline, and expired on 2020-01-31: mend*"]
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("holds", "passed now: remove it"),
        ("does-not-apply", "is not applicable now: remove it"),
        ("is-blocked", "is blocked now, so that nobody knows whether it still fails"),
    ],
)
def test_an_entry_that_no_longer_fails_fails_its_item(
    pytester: pytest.Pytester, folder: Path, server: Hostile, name: str, said: str
) -> None:
    target_file(folder, server.url, f'[expected]\n"as/own/{name}" = "known"\n')
    result = run(pytester, "-k", f"as/own/{name} or as/own/warns")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines([f"BASELINE as/own/{name} is in the baseline, and {said}"])
    assert sum(line.startswith("BASELINE ") for line in result.outlines) == 1


def test_an_entry_for_nothing_turns_the_session_red(pytester: pytest.Pytester, folder: Path, server: Hostile) -> None:
    target_file(folder, server.url, '[expected]\n"as/own/hold" = "known"\n"as/own" = "area"\n')
    result = run(pytester, "-k", "as/own/holds or as/own/warns")
    result.assert_outcomes(passed=1, xfailed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["BASELINE as/own/hold is in the baseline, and fits no scenario: remove it; did you mean as/own/holds*"]
    )
    result.stdout.no_fnmatch_line("BASELINE as/own is*")


def test_an_entry_for_an_area_is_judged_when_all_of_it_had_its_turn(pytester: pytest.Pytester, server: Hostile) -> None:
    passing = VERDICTS.partition(f'@scenario("{MUST}")\ndef fails')[0]
    target_file(pytester.path, server.url, '[expected]\n"as/own" = "known"\n', scenarios=passing)
    result = run(pytester, "-k", "as/own")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["BASELINE as/own is in the baseline, and passed now: remove it"])


def test_the_junit_report_of_pytest_has_the_verdict(pytester: pytest.Pytester, folder: Path) -> None:
    run(pytester, *OWN, "--junitxml", "junit.xml")
    cases = {case.attrib["name"]: case for case in ElementTree.parse(folder / "junit.xml").iter("testcase")}
    told = {item.attrib["name"]: item.attrib["value"] for item in cases["as/own/warns"].iter("property")}
    assert told == {
        "assay_scenario": "as/own/warns",
        "assay_verdict": "warning",
        "assay_role": "authorization-server",
        "assay_area": "own",
        "assay_level": "SHOULD",
        "assay_requirements": "oauth21-3.2.4-1",
        "assay_warning": "expected a custom kept; a custom broken",
    }
    failure = cases["as/own/fails"].find("failure")
    assert failure is not None
    assert (failure.text or "").startswith("FAILED as/own/fails\n")


@pytest.mark.parametrize("arguments", [(), ("--full-trace",), ("--tb=native",), ("--tb=short",), ("-n", "1")])
def test_no_secret_is_shown_whatever_pytest_is_told_to_show(
    pytester: pytest.Pytester, server: Hostile, arguments: tuple[str, ...]
) -> None:
    target_file(pytester.path, server.url, scenarios=TELLING)
    shown = ("-l", "-rA", "-vv", "--log-level=DEBUG", "--junitxml", "junit.xml", "-o", "junit_logging=all")
    start = pytester.runpytest_subprocess if "-n" in arguments else pytester.runpytest_inprocess
    result = start(*CHOSEN, *OWN, *shown, *arguments)
    result.assert_outcomes(failed=2)
    written = result.stdout.str() + result.stderr.str() + (pytester.path / "junit.xml").read_text()
    assert "<access_token:" in written
    assert "printed <access_token:" in written
    assert "logged <access_token:" in written
    assert SECRET not in written


def test_what_travels_is_not_logged_as_it_happens(pytester: pytest.Pytester, folder: Path) -> None:
    live = ("-o", "log_cli=true", "--log-cli-level=DEBUG", "--log-file=all.log", "--log-file-level=DEBUG")
    result = run(pytester, "-k", "as/own/fails", *live)
    assert result.parseoutcomes()["failed"] == 1
    assert SECRET not in result.stdout.str()
    assert "httpcore" not in result.stdout.str() + (folder / "all.log").read_text()


def test_warnings_as_errors_break_nothing(pytester: pytest.Pytester, folder: Path) -> None:
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    lines = ("import warnings", 'warnings.warn("old", DeprecationWarning)', "leaked = open(__file__)", "del leaked")
    careless = VERDICTS.replace('    "It holds."\n', "".join(f"    {line}\n" for line in lines))
    (folder / "my_scenarios" / "own.py").write_text(careless)
    result = pytester.runpytest_subprocess(
        *CHOSEN, "-k", "as/discovery or as/pkce or as/own/holds", "--assay-allow-blocked"
    )
    assert result.parseoutcomes().get("errors", 0) == 0
    result.stdout.no_fnmatch_line("*Warning*")
    result.stdout.no_fnmatch_line("ERROR *")
    assert result.parseoutcomes()["passed"] >= 2
