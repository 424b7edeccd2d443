"""The JUnit XML report, in the common schema that CI servers read."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree as ET

from harness.events import Event, Result, RunFinished, RunStarted
from harness.verdict import Verdict
from reports.document import result_document
from reports.files import write_whole

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class JUnitReport:
    """Writes one test suite for each area of each role when the run is finished.

    A violation is a failure; an accepted one, a warning and what is not applicable are skipped with the reason, unless
    `strict` makes warnings failures; what is blocked or our fault is an error.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, path: Path, *, strict: bool = False) -> None:
        self._path, self._strict = path, strict
        self._started: RunStarted | None = None

    def __call__(self, event: Event) -> None:
        """Consume one event."""
        if isinstance(event, RunStarted):
            self._started = event
        elif isinstance(event, RunFinished) and self._started:
            root = self._root(self._started, event)
            ET.indent(root)
            write_whole(self._path, ET.tostring(root, encoding="utf-8", xml_declaration=True).decode() + "\n")

    def _root(self, started: RunStarted, finished: RunFinished) -> ET.Element:
        results = finished.summary.results
        root = ET.Element("testsuites", name=_legal(f"mcp-assay {started.target.name}"))
        for name, group in groupby(results, key=lambda result: result.scenario.id.rsplit("/", 1)[0]):
            root.append(self._suite(name, list(group), started.started))
        _count(root, [case for suite in root for case in suite], finished.summary.duration_ms)
        return root

    def _suite(self, name: str, results: list[Result], started: str) -> ET.Element:
        suite = ET.Element("testsuite", name=name, timestamp=started.split("+")[0], hostname="localhost")
        for result in results:
            suite.append(self._case(name, result))
        _count(suite, list(suite), sum(result.duration_ms for result in results))
        suite.set("skipped", str(sum(case.find("skipped") is not None for case in suite)))
        return suite

    def _case(self, suite: str, result: Result) -> ET.Element:
        identifier = result.scenario.id
        case = ET.Element(
            "testcase", name=identifier.rsplit("/", 1)[1], classname=suite, time=f"{result.duration_ms / 1000:.3f}"
        )
        outcome = self._outcome(result)
        if outcome:
            document = result_document(result)
            message = (
                f"expected {document['expected']}; {document['actual']}" if result.expected else document["actual"]
            )
            child = ET.SubElement(case, outcome, message=_legal(result.accepted or message), type=result.verdict.value)
            child.text = _legal(_details(document))
        return case

    def _outcome(self, result: Result) -> str:
        red = result.verdict is Verdict.FAILED or (self._strict and result.verdict is Verdict.WARNING)
        if red and not result.accepted:
            return "failure"
        if result.verdict in (Verdict.BLOCKED, Verdict.ERROR):
            return "error"
        return "" if result.verdict is Verdict.PASSED else "skipped"


def _count(element: ET.Element, cases: list[ET.Element], milliseconds: float) -> None:
    element.set("tests", str(len(cases)))
    element.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    element.set("errors", str(sum(case.find("error") is not None for case in cases)))
    element.set("time", f"{milliseconds / 1000:.3f}")


def _details(document: dict[str, object]) -> str:
    exchanges = document["exchanges"]
    assert isinstance(exchanges, list)
    requirements = document["requirements"]
    assert isinstance(requirements, list)
    lines = [f"{item['level']} {item['id']} {item['url']}" for item in requirements]
    lines += [f"remedy: {document['remedy']}"] if document["remedy"] else []
    return "\n".join([*lines, *(exchange["curl"] for exchange in exchanges[-3:])])


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)
