"""`mcp-assay baseline`: keep the accepted failures of a target file up to date."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.documents import REPORT, read_reports
from harness.cli.endings import IncompleteError, WrongTargetError
from harness.cli.own import known_with
from harness.request import TARGET_FILE

if TYPE_CHECKING:
    from harness.baseline import Accepted, Expected, Judged
    from harness.baseline_update import Terms, Update
    from harness.official_suite import ImportedBaseline
    from reports.document import Document

PATH = click.Path(dir_okay=True, path_type=Path)
LEFT_RED = NOTHING_MAPPED = 1


@click.group("baseline")
def command() -> None:
    """Keep the accepted failures of a target file up to date: what stands under [expected]."""


def _reason(_ctx: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    try:
        (text or "").encode()
    except UnicodeEncodeError as fault:
        raise click.BadParameter("it is no UTF-8 text") from fault
    if text is not None and not text.strip():
        raise click.BadParameter("a reason in words is wanted")
    return text


def _day(_ctx: click.Context, _option: click.Parameter, text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as fault:
        raise click.BadParameter(f"a date such as 2027-01-31 is wanted; found {text!r}") from fault


def _link(_ctx: click.Context, _option: click.Parameter, text: str | None) -> str:
    from harness.target_tables import url

    try:
        return url(text) if text else ""
    except ValueError as fault:
        raise click.BadParameter(str(fault)) from fault


def _target_option(function: Callable[..., Any]) -> Callable[..., Any]:
    about = "The target file; mcp-assay.toml where nothing is said."
    return click.option("--target", "file", type=PATH, default=TARGET_FILE, metavar="FILE", help=about)(function)


@command.command("update")
@_target_option
@click.option("--from", "report", type=REPORT, metavar="REPORT.json", help="Go by this JSON report instead of a run.")
@click.option("--reason", metavar="TEXT", callback=_reason, help="Why what is added is accepted.")
@click.option("--expires", metavar="DATE", callback=_day, help="The last day on which that counts, such as 2027-01-31.")
@click.option("--link", metavar="URL", callback=_link, help="Where its mending is tracked.")
@click.option("--strict", is_flag=True, help="Add warnings too.")
@click.pass_context
def update(
    ctx: click.Context,
    file: Path,
    report: Path | None,
    reason: str | None,
    expires: date | None,
    link: str,
    *,
    strict: bool,
) -> None:
    """Judge a target, and write what fails into its baseline.

    A failure that is not accepted yet is added; without --reason that is refused, and nothing is written. What still
    fails stays as it is. What passed, does not apply or no longer exists is removed. What could not be judged stays,
    and so does what has expired.

    Exits with 0 when the baseline agrees with what was judged, with 1 when an entry is left that turns the next run
    red, with 2 when a reason is missing, and with 3 when the target cannot be judged.
    """
    from harness.baseline_update import Terms
    from harness.events import Settings

    if expires and expires < Settings().today:
        raise click.UsageError(f"--expires {expires}: that day is over")
    target = _read(file)
    document = read_reports([report])[0] if report else _judged(file, strict=strict)
    _check_report(document, report, target)
    known = known_with(file).scenarios
    target = _read(file)  # again: a run takes its time, and somebody may have edited the file
    made = _updated(target, document, known, Terms(reason or "", expires, link, strict))
    _write(target, made.entries)
    _tell(target, made)
    _tell_left_out(document, made, known, strict=strict)
    ctx.exit(LEFT_RED if made.left else 0)


@command.command("import")
@click.argument("listed", metavar="FILE.yml", type=PATH)
@_target_option
@click.option("--reason", metavar="TEXT", required=True, callback=_reason, help="Why the failures are accepted.")
@click.pass_context
def import_(ctx: click.Context, listed: Path, file: Path, reason: str) -> None:
    """Take over the failures that the official conformance suite is told to expect.

    FILE.yml is what that suite takes with --expected-failures. What it lists is added where a scenario here judges the
    same, and the rest is named. An official check holds several statements, so an entry may turn out to pass:
    `mcp-assay baseline update` removes it then.

    Exits with 0, or with 1 when the list is not empty and nothing of it has a counterpart here.
    """
    from harness.expected_failures import ExpectedFailuresError
    from harness.official_suite import read_expected_failures

    target = _read(file)
    try:
        found = read_expected_failures(listed, known_with(file).scenarios)
    except ExpectedFailuresError as fault:
        raise WrongTargetError(str(fault)) from fault
    _import(target, found, reason)
    ctx.exit(NOTHING_MAPPED if found.unmapped and not found.entries else 0)


@dataclass(frozen=True)
class _Target:
    """A target file: where it is, what reports call the target, its baseline and its text."""

    path: Path
    name: str
    expected: Expected
    text: str


def _read(file: Path) -> _Target:
    """Read a target file that can be written; no variable with a secret has to be set, since nothing is sent by it."""
    from harness.request import TargetFileError
    from harness.target_file import checked_target_file, read_toml
    from reports.files import check_writable

    try:
        found = checked_target_file(read_toml(file), str(file), secrets=False)
    except TargetFileError as fault:
        raise WrongTargetError(str(fault)) from fault
    try:
        check_writable(file)
    except OSError as fault:
        raise WrongTargetError(f"{file}: cannot be written: {fault.strerror}") from fault
    expected = {name: table.resolve(name) for name, table in found.expected.items()}
    return _Target(file, found.name, expected, file.read_bytes().decode())


def _write(target: _Target, wanted: Expected) -> None:
    from harness.baseline_file import UneditableError, with_baseline
    from reports.files import write_whole

    if wanted == target.expected:
        return
    try:
        write_whole(target.path, with_baseline(target.text, wanted))
    except UneditableError as fault:
        advice = "write it as one table [expected] with an entry on each line"
        raise WrongTargetError(f"{target.path}: its baseline cannot be edited ({fault}): {advice}") from fault
    except OSError as fault:
        raise WrongTargetError(f"{target.path}: cannot be written: {fault.strerror}") from fault


def _judged(file: Path, *, strict: bool) -> Document:
    """Judge the target as `mcp-assay run` does, with all that it shows, and return the report."""
    from harness.cli.run import command as run

    with tempfile.TemporaryDirectory(prefix="mcp-assay-") as folder:
        path = Path(folder) / "report.json"
        words = [f"--target={file}", f"--json={path}", *(["--strict"] if strict else [])]
        try:
            run.invoke(run.make_context("run", words, parent=click.get_current_context()))
        except click.exceptions.Exit:
            click.echo()
        return read_reports([path])[0]


def _check_report(document: Document, report: Path | None, target: _Target) -> None:
    if document["interrupted"] or document["unfinished"]:
        raise IncompleteError(f"{report or 'the run'}: not all scenarios had their turn, so that nothing is written")
    if document["target"] != target.name:
        which = f"{report} is of {document['target']!r}, and {target.path} is of {target.name!r}"
        raise WrongTargetError(f"{which}: a baseline is of one target; [target] name says what reports call it")


def _said(document: Document, known: Mapping[str, object]) -> Judged:
    from harness.baseline import Judged
    from harness.events import Settings
    from harness.verdict import Verdict

    settings = document["settings"]
    verdicts = {item["scenario"]: Verdict(item["verdict"]) for item in document["results"] if item["scenario"] in known}
    whole = not settings["selectors"] and settings["role"] is None
    return Judged(verdicts, known.keys(), whole, Settings().today)


def _updated(target: _Target, document: Document, known: Mapping[str, object], terms: Terms) -> Update:
    from harness.baseline_update import NoReasonError, updated

    allow_blocked = document["settings"]["allow_blocked"]
    try:
        return updated(target.expected, _said(document, known), terms, allow_blocked=allow_blocked)
    except NoReasonError as fault:
        lines = [f"  {verdict} {name}" for name, verdict in fault.violations.items()]
        head = f"{target.path}: nothing is written; to accept these, say why with --reason:"
        raise WrongTargetError("\n".join([head, *lines])) from fault


def _tell(target: _Target, made: Update) -> None:
    for entry in made.added:
        click.echo(f"added    {entry.verdict} {entry.entry}: {_line(entry.reason)}")
    for before, after in made.changed:
        click.echo(f"changed  {before.verdict} → {after.verdict} {after.entry}: {_line(after.reason)}")
    for entry in made.kept:
        if entry.entry not in made.left:
            click.echo(f"kept     {entry.entry}: {_line(entry.reason)}")
    for name, why in made.removed.items():
        click.echo(f"removed  {name} {why}; its reason was: {_line(target.expected[name].reason)}")
    for name, why in made.left.items():
        click.echo(f"LEFT RED {name} {why}")
    counts = f"{len(made.added)} added, {len(made.changed)} changed, {len(made.kept)} kept, {len(made.removed)} removed"
    click.echo(f"{target.path}: {counts}")


def _tell_left_out(document: Document, made: Update, known: Mapping[str, object], *, strict: bool) -> None:
    """Name what the update did not look at."""
    from harness.baseline import entry_of

    def named(*verdicts: str) -> list[str]:
        found = (item["scenario"] for item in document["results"] if item["verdict"] in verdicts)
        return [name for name in found if entry_of(made.entries, name) is None]

    for name in named("failed"):
        click.echo(f"{name} failed, and is not added: no scenario is called so here")
    warnings, unjudged = [name for name in named("warning") if name in known], named("blocked", "error")
    if warnings and not strict:
        click.echo(f"warnings that are not in the baseline: {len(warnings)}; --strict adds them")
    if unjudged:
        click.echo(f"scenarios that could not be judged, and may fail: {len(unjudged)}")


def _import(target: _Target, found: ImportedBaseline, reason: str) -> None:
    from harness.baseline import Accepted

    added: dict[str, Accepted] = {}
    listed = {}
    for entry in found.entries:
        above = _listed(target.expected, entry.scenario)
        if above:
            listed[entry.scenario] = above
        else:
            added[entry.scenario] = Accepted(entry.scenario, reason)
    _write(target, {**target.expected, **added})
    for entry in found.entries:
        by = listed.get(entry.scenario)
        said = f"listed   {entry.scenario}: by {by} already" if by else f"added    {entry.scenario}"
        click.echo(f"{said} (from {_line(', '.join(entry.official))})")
    for item in found.unmapped:
        near = f" Nearest: {', '.join(item.near)}" if item.near else ""
        click.echo(f"left out {_line(item.entry)}: {item.reason}{near}")
    click.echo(f"{target.path}: {len(added)} added, {len(listed)} listed already, {len(found.unmapped)} left out")
    if added:
        where = "" if target.path == Path(TARGET_FILE) else f" --target {target.path}"
        click.echo(f"next: mcp-assay baseline update{where}, which removes what passes")


def _listed(expected: Expected, scenario: str) -> str:
    from harness.baseline import entry_of

    found = entry_of(expected, scenario)
    return found.entry if found else ""


def _line(text: str) -> str:
    """Return a text on one line, with what would move the cursor shown rather than done."""
    from reports.commonmark import visible

    return visible(" ".join(text.split()))
