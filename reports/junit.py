"""The JUnit XML report, in the common schema that CI servers read."""

from __future__ import annotations

import re
from itertools import groupby
from xml.etree import ElementTree as ET

from harness.verdict import Verdict
from reports.document import Document, area_of, telling

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
BASELINE = "baseline"


def render(document: Document) -> str:
    """Return one test suite for each area of each role, and one for the baseline where it turns the run red.

    What turns the run red is a failure where it is a violation and an error otherwise; what is accepted, a warning, and
    what is not applicable or allowed to be blocked are skipped, with the reason.
    """
    root = ET.Element("testsuites")
    for area, group in groupby(document["results"], key=area_of):
        results = list(group)
        suite = _suite(root, document, area, results[0]["role"], [_outcome(result) for result in results])
        suite.set("time", _seconds(sum(result["duration_ms"] for result in results)))
        _end(suite, [_case(area, result) for result in results])
    if problems := [entry for entry in document["baseline"] if entry["problem"]]:
        suite = _suite(root, document, BASELINE, BASELINE, ["failure"] * len(problems))
        suite.set("time", _seconds(0))
        _end(suite, [_problem(entry) for entry in problems])
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return f"{text.decode()}\n"


def _suite(root: ET.Element, document: Document, name: str, package: str, outcomes: list[str]) -> ET.Element:
    suite = ET.SubElement(root, "testsuite", name=name, package=package, id=str(len(root)))
    kinds = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    suite.set("tests", str(len(outcomes)))
    suite.attrib.update({name: str(outcomes.count(kind)) for name, kind in kinds.items()})
    suite.attrib.update(timestamp=document["started"].split("+")[0], hostname="localhost")
    properties = ET.SubElement(suite, "properties")
    ET.SubElement(properties, "property", name="target", value=_legal(document["target"]))
    return suite


def _end(suite: ET.Element, cases: list[ET.Element]) -> None:
    suite.extend(cases)
    ET.SubElement(suite, "system-out")
    ET.SubElement(suite, "system-err")


def _outcome(result: Document) -> str:
    if result["red"]:
        return "failure" if result["verdict"] in (Verdict.FAILED, Verdict.WARNING) else "error"
    return "" if result["verdict"] == Verdict.PASSED else "skipped"


def _case(area: str, result: Document) -> ET.Element:
    name = result["scenario"].removeprefix(f"{area}/")
    case = ET.Element("testcase", name=name, classname=area, time=_seconds(result["duration_ms"]))
    if outcome := _outcome(result):
        _child(case, outcome, result["verdict"], result["accepted"] or _message(result), _details(result))
    return case


def _problem(entry: dict[str, str]) -> ET.Element:
    case = ET.Element("testcase", name=_legal(entry["entry"]), classname=BASELINE, time=_seconds(0))
    _child(case, "failure", BASELINE, f"{entry['entry']} {entry['problem']}", f"reason: {entry['reason']}")
    return case


def _child(case: ET.Element, outcome: str, kind: str, message: str, text: str) -> None:
    child = ET.SubElement(case, outcome, message=_legal(f"{kind}: {message}"))
    if outcome != "skipped":
        child.set("type", kind)
    child.text = _legal(text)


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.3f}"


def _message(result: Document) -> str:
    expected, actual = result["expected"], str(result["actual"])
    return f"expected {expected}; {actual}" if expected else actual


def _details(result: Document) -> str:
    lines = [f"{item['level']} {item['id']} {item['url']}" for item in result["requirements"]]
    lines += [f"remedy: {result['remedy']}"] if result["remedy"] else []
    return "\n".join([*lines, *(exchange["curl"] for exchange in result["exchanges"][telling(result)])])


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)
