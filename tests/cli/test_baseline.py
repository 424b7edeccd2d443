"""`mcp-assay baseline`: the accepted failures of a target file are brought up to date, or taken over from elsewhere."""

from __future__ import annotations

import json
import signal
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.assay import Ended, assay, running_assay
from tests.hostile import Hostile, Visit, answer, document, hang

FAILING = "as/discovery/the-openid-document-lists-challenge-methods"
PASSING = "as/discovery/metadata-is-published"
OTHER = "as/discovery/metadata-is-json"
ABSENT = "as/token-exchange"
METADATA: dict[str, Any] = {
    "issuer": "{url}",
    "response_types_supported": ["code"],
    "grant_types_supported": ["client_credentials"],
    "token_endpoint": "{url}/token",
    "token_endpoint_auth_methods_supported": ["private_key_jwt"],
    "token_endpoint_auth_signing_alg_values_supported": ["ES256"],
    "scopes_supported": ["a"],
}
MENDED = {**METADATA, "code_challenge_methods_supported": ["S256"]}
FILE = Path("mcp-assay.toml")
BLIND = "is blocked now, so that nobody knows whether it still fails"

OWN = '''
from harness import Context, expect, scenario


@scenario("rfc8414-2-1")
def it_is_tidy(ctx: Context) -> None:
    """The house is tidy.

    Why: it is ours.
    Remedy: tidy it.
    """
    expect(False, "a tidy house", "a mess")
'''

Report = Callable[..., Path]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def server() -> Iterator[Hostile]:
    """An authorization server of which one scenario fails."""
    with Hostile(answer(), {"/.well-known/": document(METADATA)}) as running:
        yield running


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of a run in which one scenario failed."""
    path = tmp_path_factory.mktemp("judged") / "report.json"
    with Hostile(answer(), {"/.well-known/": document(METADATA)}) as running:
        target(running.url, path=path.with_name("target.toml"))
        assert assay("run", "--target", path.with_name("target.toml"), "--json", path).code == 1
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


@pytest.fixture
def report(judged: dict[str, Any]) -> Report:
    """Write a report in which some verdicts differ; keywords change members of the report."""

    def write(verdicts: dict[str, str] | None = None, **members: Any) -> Path:
        given = verdicts or {}
        results = [{**item, "verdict": given.get(item["scenario"], item["verdict"])} for item in judged["results"]]
        path = Path("report.json")
        path.write_text(json.dumps({**judged, "results": results, **members}), encoding="utf-8")
        return path

    return write


def target(url: str = "http://127.0.0.1:1", expected: str = "", *, path: Path = FILE) -> str:
    """Write a target file and return its text."""
    text = f'# ours\n[target]\nname = "ours"   # short\nauthorization_server = "{url}"\n'
    text += f"\n[expected]\n{expected}" if expected else ""
    path.write_text(text)
    return text


def baseline() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(FILE.read_text()).get("expected", {})
    return found


def update(*words: str | Path) -> Ended:
    return assay("baseline", "update", *words)


def test_a_failure_is_accepted_on_the_terms_that_were_given_and_the_next_run_is_green(server: Hostile) -> None:
    before = target(server.url)
    terms = ("--reason", "mended in 2.1", "--expires", "2999-01-31", "--link", "https://tracker.example/1")
    ended = update(*terms)
    assert ended.code == 0, ended.err
    assert f"FAILED {FAILING}" in ended.out, "what is accepted is shown as a run shows it"
    assert f"added    failed {FAILING}: mended in 2.1\n" in ended.out
    line = '{ verdict = "failed", reason = "mended in 2.1", expires = 2999-01-31, link = "https://tracker.example/1" }'
    assert FILE.read_text() == f'{before}\n[expected]\n"{FAILING}" = {line}\n'
    assert assay("run").code == 0


def test_without_a_reason_nothing_is_written_and_each_id_is_named(server: Hostile) -> None:
    before = target(server.url, f'"{PASSING}" = "old"\n')
    ended = update()
    assert (ended.code, FILE.read_text()) == (2, before)
    said = "Error: mcp-assay.toml: nothing is written; to accept these, say why with --reason:"
    assert ended.err.splitlines() == [said, f"  failed {FAILING}"]


def test_what_was_mended_is_removed_and_nothing_else(server: Hostile) -> None:
    before = target(server.url, f'# a comment\n"{FAILING}" = "old"  # soon\n')
    server.behaviours["/.well-known/"] = document(MENDED)
    assert assay("run").code == 1
    ended = update()
    assert ended.code == 0
    assert f"removed  {FAILING} passed now; its reason was: old" in ended.out
    assert FILE.read_text() == before.replace(f'"{FAILING}" = "old"  # soon\n', "")
    assert assay("run").code == 0


def test_what_still_fails_is_kept_as_it_stands(report: Report) -> None:
    before = target(expected=f'"{FAILING}" = "old"\n')
    ended = update("--from", report(), "--reason", "new")
    assert (ended.code, FILE.read_text()) == (0, before)
    assert ended.out == f"kept     {FAILING}: old\nmcp-assay.toml: 0 added, 0 changed, 1 kept, 0 removed\n"


def test_a_report_says_as_much_as_a_run(report: Report) -> None:
    entries = f'"{PASSING}" = "old"\n"{ABSENT}" = "old"\n"as/gone" = "old"\n"as/discovery" = "all"\n"mcp" = "old"\n'
    target(expected=entries)
    ended = update("--from", report({OTHER: "failed"}))
    assert ended.code == 1, "an entry is left that turns the next run red"
    assert list(baseline()) == ["as/discovery", "mcp"]
    assert f"removed  {PASSING} passed now; its reason was: old" in ended.out
    assert f"removed  {ABSENT} is not applicable now; its reason was: old" in ended.out
    assert "removed  as/gone fits no scenario; its reason was: old" in ended.out
    assert "kept     as/discovery: all" in ended.out
    assert "LEFT RED mcp was not asked, since nothing in its role was judged" in ended.out


def test_a_verdict_that_eased_is_told_in_the_file(report: Report) -> None:
    target(expected=f'"{FAILING}" = {{ verdict = "failed", reason = "old" }}\n')
    ended = update("--from", report({FAILING: "warning"}))
    assert (ended.code, baseline()) == (0, {FAILING: {"verdict": "warning", "reason": "old"}})
    assert f"changed  failed → warning {FAILING}: old" in ended.out


def test_warnings_are_added_with_strict(report: Report) -> None:
    target()
    path = report({FAILING: "warning", OTHER: "blocked", PASSING: "error"})
    ended = update("--from", path, "--reason", "new")
    assert (ended.code, baseline()) == (0, {})
    assert "warnings that are not in the baseline: 1; --strict adds them\n" in ended.out
    assert "scenarios that could not be judged, and may fail: 2\n" in ended.out
    assert update("--from", path, "--reason", "new", "--strict").code == 0
    assert baseline() == {FAILING: {"verdict": "warning", "reason": "new"}}


def test_what_is_blocked_or_has_expired_is_kept_and_told(report: Report) -> None:
    before = target(expected=f'"{OTHER}" = "old"\n"{FAILING}" = {{ reason = "old", expires = 2020-02-29 }}\n')
    ended = update("--from", report({OTHER: "blocked"}), "--reason", "new")
    assert (ended.code, FILE.read_text()) == (1, before)
    assert f"LEFT RED {OTHER} {BLIND}" in ended.out
    assert f"LEFT RED {FAILING} expired on 2020-02-29: mend what fails, or renew it" in ended.out


def test_what_is_blocked_is_no_problem_where_the_run_allowed_it(judged: dict[str, Any], report: Report) -> None:
    before = target(expected=f'"{OTHER}" = "old"\n"{FAILING}" = "old"\n')
    ended = update("--from", report({OTHER: "blocked"}, settings={**judged["settings"], "allow_blocked": True}))
    assert (ended.code, FILE.read_text()) == (0, before)


def test_a_run_of_a_part_removes_nothing_that_it_did_not_judge(judged: dict[str, Any], report: Report) -> None:
    target(expected=f'"{PASSING}" = "old"\n"{OTHER}" = "old"\n"{ABSENT}" = "old"\n"as/gone" = "old"\n')
    kept = [item for item in judged["results"] if item["scenario"] in (PASSING, FAILING)]
    for settings in ({"selectors": ["as/x"]}, {"role": "authorization-server"}):
        path = report(results=kept, settings={**judged["settings"], **settings})
        assert update("--from", path, "--reason", "new").code == 1, "as/gone is left"
        assert list(baseline()) == [OTHER, ABSENT, "as/gone", FAILING]


def test_a_run_that_was_ended_early_writes_nothing(report: Report) -> None:
    before = target(expected=f'"{PASSING}" = "old"\n')
    for early in ({"interrupted": True}, {"unfinished": 3}):
        ended = update("--from", report(**early), "--reason", "new")
        assert (ended.code, FILE.read_text()) == (3, before)
        assert "report.json: not all scenarios had their turn, so that nothing is written" in ended.err


def test_a_run_that_the_user_ends_writes_nothing(server: Hostile, tmp_path: Path) -> None:
    before = target(server.url)
    server.behaviours["/.well-known/"] = hang
    file = tmp_path / FILE
    with running_assay("baseline", "update", "--target", file, "--reason", "new") as process:
        assert server.await_visit("/", 20)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) in (3, 130)
    assert file.read_text() == before


def test_a_report_of_another_target_is_refused(report: Report) -> None:
    before = target(expected=f'"{PASSING}" = "old"\n')
    ended = update("--from", report(target="theirs"), "--reason", "new")
    assert (ended.code, FILE.read_text()) == (2, before)
    assert "report.json is of 'theirs', and mcp-assay.toml is of 'ours': a baseline is of one target" in ended.err


def test_a_scenario_that_is_none_here_is_not_added(judged: dict[str, Any], report: Report) -> None:
    target()
    results = [{**judged["results"][0], "scenario": "as/new/x", "verdict": "failed", "red": True}]
    ended = update("--from", report(results=results), "--reason", "new")
    assert (ended.code, baseline()) == (0, {})
    assert "as/new/x failed, and is not added: no scenario is called so here\n" in ended.out


def test_scenarios_of_the_users_own_are_known(server: Hostile) -> None:
    FILE.write_text(f'{target(server.url)}[plan]\nscenarios = "own"\n\n[expected]\n"as/house/gone" = "old"\n')
    Path("own").mkdir()
    Path("own/house.py").write_text(OWN)
    ended = update("--reason", "new")
    assert ended.code == 0, ended.err
    assert list(baseline()) == [FAILING, "as/house/it-is-tidy"]
    assert "removed  as/house/gone fits no scenario" in ended.out
    assert assay("run").code == 0


def test_a_target_that_cannot_be_judged_loses_nothing() -> None:
    before = target(expected=f'"{PASSING}" = "old"\n')
    ended = update("--reason", "new")
    assert (ended.code, FILE.read_text()) == (3, before)
    assert ended.err.startswith("Error: the target cannot be judged: ")


def test_what_the_user_edits_during_the_run_is_kept(server: Hostile) -> None:
    before = target(server.url)

    def edit(visit: Visit) -> None:
        FILE.write_text(f"# meanwhile\n{before}")
        document(METADATA)(visit)

    server.behaviours["/.well-known/"] = edit
    assert update("--reason", "new").code == 0
    assert FILE.read_text().startswith(f"# meanwhile\n{before}")
    assert list(baseline()) == [FAILING]


def test_secrets_that_are_not_at_hand_do_not_matter_to_a_report(report: Report) -> None:
    client = '\n[clients.machine]\nclient_id = "a"\nauth_method = "client_secret_post"\nsecret_env = "ASSAY_NOT_SET"\n'
    FILE.write_text(target() + client)
    assert "ASSAY_NOT_SET is not set" in update("--reason", "new").err
    assert update("--from", report(), "--reason", "new").code == 0
    assert list(baseline()) == [FAILING]


def test_a_file_keeps_its_mode_and_a_link_to_it_stays_one(report: Report, tmp_path: Path) -> None:
    real = tmp_path / "real.toml"
    target(path=real)
    real.chmod(0o600)
    FILE.symlink_to(real)
    assert update("--from", report(), "--reason", "new").code == 0
    assert FILE.is_symlink()
    assert (real.stat().st_mode & 0o777, list(baseline())) == (0o600, [FAILING])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--reason", " "), "Invalid value for '--reason': a reason in words is wanted"),
        (("--reason", "\udcff"), "Invalid value for '--reason': it is no UTF-8 text"),
        (("--expires", "31.1.2999"), "Invalid value for '--expires': a date such as 2027-01-31 is wanted"),
        (("--expires", "2020-02-29"), "--expires 2020-02-29: that day is over"),
        (("--link", "tracker/1"), "Invalid value for '--link': an http or https URL with a host is wanted"),
        (("--link", "https://a:b@c.example"), "Invalid value for '--link': a URL without credentials is wanted"),
        (("--from", "none.json"), "none.json: cannot be read: No such file or directory"),
        (("--from", "mcp-assay.toml"), "mcp-assay.toml: is no JSON"),
        (("--target", "none.toml"), "none.toml: cannot be read: No such file or directory"),
    ],
)
def test_wrong_usage_is_one_sentence_and_changes_nothing(words: tuple[str, ...], sentence: str) -> None:
    before = target()
    ended = update(*words)
    assert (ended.code, ended.out, FILE.read_text()) == (2, "", before)
    assert sentence in ended.err


LIST = """
server:
  - authorization-server-metadata-endpoint
  - as/pkce/a-wrong-verifier-is-refused
client:
  - "auth/basic\\e"
"""


def take_over(text: str, *words: str) -> Ended:
    Path("failures.yml").write_text(text)
    return assay("baseline", "import", "failures.yml", *words)


def test_what_the_official_suite_expects_to_fail_is_taken_over() -> None:
    before = target(expected=f'"{OTHER}" = "old"\n')
    ended = take_over(LIST, "--reason", "as they have it")
    assert ended.code == 0, ended.err
    assert FILE.read_text().startswith(before)
    found = baseline()
    assert found.pop(OTHER) == "old"
    assert {PASSING, "as/pkce/a-wrong-verifier-is-refused"} <= found.keys()
    assert set(found.values()) == {"as they have it"}
    assert f"added    {PASSING} (from authorization-server-metadata-endpoint)" in ended.out
    assert f"listed   {OTHER}: by {OTHER} already (from authorization-server-metadata-endpoint)" in ended.out
    assert r"left out auth/basic\x1b: " in ended.out
    assert f"mcp-assay.toml: {len(found)} added, 1 listed already, 1 left out" in ended.out
    again = take_over(LIST, "--reason", "once more")
    assert (again.code, baseline()) == (0, {OTHER: "old", **found})


def test_a_list_without_counterparts_is_told_by_the_exit_code() -> None:
    before = target()
    assert take_over("client:\n  - auth/basic\n", "--reason", "x").code == 1
    assert take_over("", "--reason", "x").code == 0
    assert FILE.read_text() == before


@pytest.mark.parametrize(
    ("text", "words", "sentence"),
    [
        (LIST, (), "Missing option '--reason'"),
        (LIST, ("--reason", ""), "Invalid value for '--reason': a reason in words is wanted"),
        ("server: 5", ("--reason", "x"), "failures.yml: line 1: server is to be a list of scenarios"),
        (LIST, ("--reason", "x", "--target", "none.toml"), "none.toml: cannot be read: No such file or directory"),
    ],
)
def test_a_list_that_cannot_be_taken_over_changes_nothing(text: str, words: tuple[str, ...], sentence: str) -> None:
    before = target()
    ended = take_over(text, *words)
    assert (ended.code, FILE.read_text()) == (2, before)
    assert sentence in ended.err
