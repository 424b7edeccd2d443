"""The items of the pytest plugin, how they are chosen, and what keeps it from starting."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import mcp_assay
from harness.requirement import REVISIONS
from harness.sandbox.child import environment
from harness.selection import select
from tests.hostile import Hostile, answer
from tests.plugin.stage import CHOSEN, FILE, NAMES, OWN, SCENARIOS, VERDICTS, ids, own, run, target_file

pytest_plugins = ["pytester"]


def test_each_scenario_of_the_targets_role_is_an_item_beside_the_users_tests(
    pytester: pytest.Pytester, folder: Path, server: Hostile
) -> None:
    found = ids(run(pytester, "--collect-only", "-q"))
    ours = [f"{FILE}::{item.id}" for item in select(SCENARIOS, (), roles=["authorization-server"], spec=REVISIONS[0])]
    assert sorted(found) == sorted([*ours, *own(*NAMES), "test_unit.py::test_theirs"])
    assert server.paths == []


def test_an_mcp_server_may_have_an_authorization_server_too(pytester: pytest.Pytester) -> None:
    (pytester.path / FILE).write_text('[target]\nmcp_server = "http://127.0.0.1:1/mcp"\n')
    assert len(ids(run(pytester, "--collect-only", "-q"))) > 250
    (pytester.path / FILE).write_text('[target]\nmcp_server = "http://127.0.0.1:1/mcp"\ntrusts = "sandbox"\n')
    assert {name.split("/")[0] for name in ids(run(pytester, "--collect-only", "-q"))} == {f"{FILE}::mcp"}


def test_the_revision_of_mcp_decides_what_is_asked(pytester: pytest.Pytester) -> None:
    (pytester.path / FILE).write_text('[target]\nmcp_server = "http://127.0.0.1:1/mcp"\n')
    newest, oldest = (
        set(ids(run(pytester, "--collect-only", "-q", "--assay-spec", spec))) for spec in ("2026-07-28", "2025-06-18")
    )
    assert newest - oldest
    assert oldest - newest


@pytest.mark.parametrize(
    ("arguments", "chosen"),
    [
        (("-k", "as/own and holds"), own("holds")),
        (("-m", "assay(area='own', level='SHOULD')"), own("warns")),
        (("-m", "assay(level='MUST', role='authorization-server')", "-k", "as/own and not crashes"), own(*NAMES[1:5])),
        (("-m", "assay", "-k", "theirs or as/own/holds"), own("holds")),
        (("-m", "not assay"), ["test_unit.py::test_theirs"]),
        ((f"{FILE}::as/own/holds",), own("holds")),
        ((f"{FILE}::as/own/holds", "test_unit.py"), [*own("holds"), "test_unit.py::test_theirs"]),
        (("test_unit.py", "-k", "theirs or as/own/holds"), ["test_unit.py::test_theirs", *own("holds")]),
        ((".", "-k", "as/own/holds"), own("holds")),
    ],
)
def test_items_are_chosen_as_any_others(
    pytester: pytest.Pytester, folder: Path, arguments: tuple[str, ...], chosen: list[str]
) -> None:
    assert ids(run(pytester, "--collect-only", "-q", "--strict-markers", *arguments)) == chosen


def test_a_target_file_elsewhere_is_found_from_where_pytest_was_started(
    pytester: pytest.Pytester, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = pytester.mkdir("below")
    monkeypatch.chdir(below)
    result = pytester.runpytest_inprocess("--assay-target", f"../{FILE}", "-k", "as/own/holds", "-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"*{FILE}::as/own/holds PASSED*"])


def test_a_link_to_a_target_file_is_one_file(pytester: pytest.Pytester, folder: Path) -> None:
    (folder / "other").mkdir()
    (folder / FILE).rename(folder / "other" / "real.toml")
    (folder / "my_scenarios").rename(folder / "other" / "my_scenarios")
    (folder / FILE).symlink_to("other/real.toml")
    (folder / "my_scenarios").symlink_to("other/my_scenarios")
    assert ids(run(pytester, "--collect-only", "-q", "-k", "as/own/holds", FILE)) == own("holds")


def test_without_the_option_nothing_of_us_is_imported(pytester: pytest.Pytester) -> None:
    names = ("harness", "reports", "scenarios", "fixtures", "mock_idp", "httpx", "click", "hypothesis.core")
    pytester.makepyfile(f"import sys\ndef test_it(): assert not set({names!r}) & set(sys.modules)")
    pytester.runpytest_subprocess("-p", "no:hypothesispytest").assert_outcomes(passed=1)


def test_only_what_failed_last_is_run_again(pytester: pytest.Pytester, folder: Path) -> None:
    run(pytester, *OWN)
    again = run(pytester, "--lf", "--collect-only", "-q")
    assert ids(again) == own("crashes", "fails", "is-blocked")


def test_the_session_ends_after_as_many_failures_as_were_allowed(pytester: pytest.Pytester, folder: Path) -> None:
    assert run(pytester, *OWN, "-x").parseoutcomes()["failed"] == 1
    assert run(pytester, *OWN, "--maxfail=2").parseoutcomes()["failed"] == 2


def usage(result: pytest.RunResult) -> str:
    """Return the one line that a usage error says."""
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = [line for line in [*result.errlines, *result.outlines] if line.startswith("ERROR: ")]
    assert len(said) == 1
    assert "Traceback" not in result.stderr.str()
    return said[0].removeprefix("ERROR: ")


def test_a_target_file_that_cannot_be_used_is_named(pytester: pytest.Pytester, folder: Path) -> None:
    path = folder / FILE
    assert usage(pytester.runpytest_inprocess("--assay-target", "none.toml")).endswith(
        "none.toml: cannot be read: No such file or directory"
    )
    assert usage(pytester.runpytest_inprocess("--assay-target=")) == f"{folder}: cannot be read: Is a directory"
    assert "target.spec: input should be '2026-07-28'" in usage(run(pytester, "--assay-spec", "1999"))
    path.write_text("[target\n")
    assert usage(run(pytester)).startswith(f"{path}: is no TOML: ")


def test_a_number_of_examples_out_of_reach_is_named(pytester: pytest.Pytester, folder: Path) -> None:
    said = usage(run(pytester, "--assay-examples", "0"))
    assert said == "--assay-examples: from 1 to 1000 times the usual examples"


def test_scenarios_of_ones_own_that_cannot_be_used_are_named(pytester: pytest.Pytester, folder: Path) -> None:
    (folder / "my_scenarios" / "own.py").write_text("x = 1\ny = = 2\n")
    assert usage(run(pytester)) == f"{folder}/my_scenarios/own.py:2: SyntaxError: invalid syntax"


def test_a_person_who_signs_in_has_to_see_what_is_printed(
    pytester: pytest.Pytester, folder: Path, server: Hostile
) -> None:
    target_file(folder, server.url, '[login]\nmethod = "manual"\n')
    assert usage(run(pytester)).endswith("login.method is manual: run pytest with -s, and without -n")
    assert usage(run(pytester, "-s", "-n", "1")).endswith("run pytest with -s, and without -n")
    run(pytester, "-k", "as/own/holds", "-s").assert_outcomes(passed=1)


def test_a_package_of_the_users_with_the_name_of_ours_is_named(pytester: pytest.Pytester, folder: Path) -> None:
    pytester.mkpydir("reports")
    result = pytester.run(sys.executable, "-m", "pytest", *CHOSEN)
    named = f"--assay-target: 'reports' is also the name of a package of mcp-assay, and {folder}/reports comes first: "
    assert usage(result).startswith(named)
    command = [sys.executable, "-P", "-m", "pytest", *CHOSEN, "-k", "as/own/holds or theirs"]
    alone = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    assert " 2 passed" in alone.stdout


def test_a_module_of_the_users_with_the_name_of_ours_is_named(pytester: pytest.Pytester) -> None:
    pytester.syspathinsert()
    pytester.makepyfile(mine_as_ours="")
    with pytest.raises(pytest.UsageError, match=r"'mine_as_ours' is also the name of .*/mine_as_ours\.py comes first"):
        mcp_assay.check_names("mine_as_ours")


def test_other_packages_of_ours_do_not_get_in_the_way_of_the_users(pytester: pytest.Pytester, folder: Path) -> None:
    for name in ("fixtures", "mock_idp"):
        (pytester.mkpydir(name) / "mine.py").write_text("HERE = True")
    pytester.makepyfile(
        test_unit="from fixtures.mine import HERE\nimport mock_idp.mine\ndef test_theirs(): assert HERE"
    )
    result = pytester.run(sys.executable, "-m", "pytest", *CHOSEN, "-k", "as/own/holds or theirs")
    result.assert_outcomes(passed=2)


def test_a_conftest_can_start_the_target_and_set_its_variables(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import os
        def pytest_configure():
            os.environ["OF_CONFTEST"] = "not a secret"
        def pytest_sessionstart():
            os.environ["STARTED"] = "yes"
        """
    )
    started = VERDICTS.replace('    "It holds."', '    import os\n    expect(os.environ["STARTED"], "a start", "none")')
    client = '[clients.machine]\nclient_id = "a"\nsecret_env = "OF_CONFTEST"\n'
    with Hostile(answer()) as server:
        target_file(pytester.path, server.url, client, scenarios=started)
        quiet = ("-p", "no:capture", "-p", "no:cacheprovider")
        result = pytester.runpytest_subprocess(*CHOSEN, "-k", "as/own/holds", *quiet)
    result.assert_outcomes(passed=1)
