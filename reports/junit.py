"""The JUnit XML report, in the common schema that CI servers read."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from harness.events import Event, Result, RunFinished, RunStarted, Summary
from harness.verdict import Verdict
from reports.document import result_document, telling
from reports.files import write_whole

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class JUnitReport:
    """Writes one test suite for each area of each role when the run is finished.

    A violation is a failure; an accepted one, a warning and what is not applicable are skipped with the reason, unless
    `strict` makes warnings failures; what is blocked or our fault is an error, unless `allow_blocked` has the blocked
    skipped. A baseline entry that no longer fails is a failure too.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, path: Path, *, strict: bool = False, allow_blocked: bool = False) -> None:
        self._path, self._strict = path, strict
        self._errors = (Verdict.ERROR,) if allow_blocked else (Verdict.BLOCKED, Verdict.ERROR)
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
        root = ET.Element("testsuites")
        for number, (area, group) in enumerate(groupby(finished.summary.results, key=_area)):
            results = list(group)
            suite = ET.SubElement(root, "testsuite", name=area, package=results[0].scenario.role, id=str(number))
            suite.attrib.update(_counts(outcomes := [self._outcome(result, finished.summary) for result in results]))
            suite.attrib.update(timestamp=started.started.split("+")[0], hostname="localhost")
            suite.set("time", _seconds(sum(result.duration_ms for result in results)))
            properties = ET.SubElement(suite, "properties")
            ET.SubElement(properties, "property", name="target", value=_legal(started.target.name))
            for result, outcome in zip(results, outcomes, strict=True):
                suite.append(_case(area, result, outcome, finished.summary))
            ET.SubElement(suite, "system-out")
            ET.SubElement(suite, "system-err")
        return root

    def _outcome(self, result: Result, summary: Summary) -> str:
        red = result.verdict is Verdict.FAILED or (self._strict and result.verdict is Verdict.WARNING)
        if (red and not result.accepted) or result.scenario.id in summary.stale:
            return "failure"
        if result.verdict in self._errors:
            return "error"
        return "" if result.verdict is Verdict.PASSED else "skipped"


def _case(area: str, result: Result, outcome: str, summary: Summary) -> ET.Element:
    name = result.scenario.id.removeprefix(f"{area}/")
    case = ET.Element("testcase", name=name, classname=area, time=_seconds(result.duration_ms))
    if outcome:
        document = result_document(result)
        message = result.accepted or _message(document)
        if result.scenario.id in summary.stale:
            message = "the baseline lists it as a failure that no longer comes: remove it there"
        child = ET.SubElement(case, outcome, message=_legal(f"{result.verdict}: {message}"))
        if outcome != "skipped":
            child.set("type", result.verdict.value)
        child.text = _legal(_details(document, telling(result)))
    return case


def _area(result: Result) -> str:
    return "/".join(result.scenario.id.split("/")[:2])


def _counts(outcomes: list[str]) -> dict[str, str]:
    kinds = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    return {"tests": str(len(outcomes)), **{name: str(outcomes.count(kind)) for name, kind in kinds.items()}}


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.3f}"


def _message(document: dict[str, Any]) -> str:
    expected, actual = document["expected"], str(document["actual"])
    return f"expected {expected}; {actual}" if expected else actual


def _details(document: dict[str, Any], shown: slice) -> str:
    lines = [f"{item['level']} {item['id']} {item['url']}" for item in document["requirements"]]
    lines += [f"remedy: {document['remedy']}"] if document["remedy"] else []
    return "\n".join([*lines, *(exchange["curl"] for exchange in document["exchanges"][shown])])


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)
