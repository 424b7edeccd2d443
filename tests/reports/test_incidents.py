"""What befell a run besides is told in every report that people read, in the JSON and in SARIF."""

from __future__ import annotations

import io
import json

import pytest

from harness.events import Settings, Summary
from harness.verdict import Verdict
from reports.formats import FORMATS
from reports.runs import judged
from reports.terminal import TerminalReport
from tests.reports.conftest import document_of, result

INCIDENT = "The mcp-server of the sandbox ended during the run."
DOCUMENT = document_of(incidents=(INCIDENT,))


@pytest.mark.parametrize("name", ["json", "markdown", "html", "sarif"])
def test_a_report_tells_it(name: str) -> None:
    (form,) = (item for item in FORMATS if item.name == name)
    assert INCIDENT in form.render(DOCUMENT)


def test_the_terminal_tells_it() -> None:
    out = io.StringIO()
    TerminalReport(out).show(DOCUMENT)
    assert INCIDENT in " ".join(out.getvalue().split())


def test_a_comparison_of_runs_tells_it() -> None:
    assert judged(DOCUMENT).endswith(INCIDENT)


def test_a_run_with_an_incident_is_incomplete_however_green_its_results_are() -> None:
    passed = (result("as/pkce/passed", 1, Verdict.PASSED),)
    assert Summary(passed, {}, 1.0).exit_code(Settings()) == 0
    assert Summary(passed, {}, 1.0, incidents=(INCIDENT,)).exit_code(Settings(allow_blocked=True)) == 3


def test_a_report_from_before_there_were_incidents_is_still_read() -> None:
    old = {name: value for name, value in json.loads(json.dumps(DOCUMENT)).items() if name != "incidents"}
    for form in FORMATS:
        assert INCIDENT not in form.render(old)
