"""The results as the official conformance suite of MCP writes its own: folders with a `checks.json` each.

The shape is the suite's `ConformanceCheck` (src/types.ts), the folders are those of its `createResultDir`
(src/runner/utils.ts): one for each scenario, named for the side that is judged, the scenario and the time, as in
`server-ping-2026-11-22T01-02-03-000Z`. Its readers look for `**/checks.json` and take the scenario's name from the
folder.

An area here is a scenario there, since a scenario there holds many checks; a scenario here is a check. The id of a
check is ours, also where the official suite judges the same: an official id stands for several of our scenarios, of
which readers would keep one, and it would say that the official suite has judged. `details.officialSuite` has its ids.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.official_suite import official_suite
from harness.requirement import Role
from harness.verdict import Verdict
from reports.document import Document, area_of, telling
from reports.files import write_whole

SIDES = {Role.AUTHORIZATION_SERVER.value: "authorization-server", Role.MCP_SERVER.value: "server"}
"""What the suite calls a side in the names of its folders."""

_STATUS = {Verdict.PASSED: "SUCCESS", Verdict.NOT_APPLICABLE: "SKIPPED"}
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


def render_checks(document: Document) -> dict[str, str]:
    """Return the text of each file by its path, which is relative and has slashes."""
    areas: dict[str, list[Document]] = {}
    for result in document["results"]:
        areas.setdefault(_folder(result, document), []).append(_check(result, document))
    return {f"{folder}/checks.json": json.dumps(checks, indent=2) + "\n" for folder, checks in areas.items()}


def write_checks(document: Document, directory: Path) -> None:
    """Write the files below a folder, which is made where it is not there. Those of earlier runs stay.

    Raises:
        OSError: a file cannot be written; each is there wholly or not at all.
    """
    for name, text in render_checks(document).items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)


def _folder(result: Document, document: Document) -> str:
    side = SIDES.get(result["role"], result["role"])
    name = f"{side}-{area_of(result)}-{_moment(document['started'])}"
    return "/".join(_UNSAFE.sub("-", part) for part in name.split("/"))


def _check(result: Document, document: Document) -> dict[str, Any]:
    message = _message(result)
    return {
        "id": result["scenario"],
        "name": _name(result["scenario"]),
        "description": _plain(result["title"]),
        "status": _status(result, allow_blocked=document["settings"]["allow_blocked"]),
        "timestamp": _moment(result["exchanges"][-1]["started"] if result["exchanges"] else document["started"]),
        **({"errorMessage": message} if message else {}),
        "specReferences": [_reference(item) for item in result["requirements"]],
        "details": _details(result),
    }


def _status(result: Document, *, allow_blocked: bool) -> str:
    """Return the suite's word for a verdict.

    There a check that could not be made fails, because what is skipped reads as green (src/scenarios/untestable.ts): so
    does what is blocked here, unless the user allows it, and what our own fault kept from being judged. An accepted
    failure is one in a `checks.json`, whose readers have their own list of expected ones.
    """
    verdict = Verdict(result["verdict"])
    if verdict is Verdict.BLOCKED and allow_blocked:
        return "SKIPPED"
    if verdict in _STATUS:
        return _STATUS[verdict]
    return "WARNING" if verdict is Verdict.WARNING or result["level"] == "SHOULD" else "FAILURE"


def _message(result: Document) -> str:
    beginnings = {Verdict.BLOCKED: "Not testable: ", Verdict.ERROR: "Not testable, the scenario went wrong: "}
    expected = f"expected {result['expected']}; " if result["expected"] else ""
    return _plain(beginnings.get(Verdict(result["verdict"]), "") + expected + result["actual"])


def _reference(requirement: Document) -> dict[str, str]:
    url = requirement["url"]
    return {"id": requirement["id"], **({"url": url} if url.startswith("https://") else {})}


def _details(result: Document) -> dict[str, Any]:
    """Return the evidence; what is empty is left out."""
    members = ("verdict", "level", "why", "expected", "actual", "unlock", "remedy", "accepted", "trace")
    details: dict[str, Any] = {name: result[name] for name in members}
    unjudged = result["verdict"] in (Verdict.BLOCKED, Verdict.ERROR)
    details["untestable"] = unjudged  # the suite's own mark
    details["requirements"] = [
        {name: item[name] for name in ("id", "level", "text", "document", "section")} for item in result["requirements"]
    ]
    details["officialSuite"] = [
        {
            "scenario": item.scenario,
            "check": item.check,
            "says": item.says,
            **({"note": item.note} if item.note else {}),
        }
        for item in official_suite().of(result["scenario"])
    ]
    passed = result["verdict"] == Verdict.PASSED
    details["exchanges"] = [] if passed else [_exchange(item) for item in result["exchanges"][telling(result)]]
    return {name: value for name, value in details.items() if value}


def _exchange(exchange: Document) -> dict[str, Any]:
    response = exchange["response"]
    answer = {"fault": response["fault"]} if response["status"] is None else {"status": response["status"]}
    return {"sender": exchange["sender"], "recipient": exchange["recipient"], "curl": exchange["curl"], **answer}


def _name(scenario: str) -> str:
    """Return a scenario's id, without the side that it judges, as one word in the suite's manner."""
    words = re.split(r"[^A-Za-z0-9]+", scenario.partition("/")[2] or scenario)
    return "".join(word[:1].upper() + word[1:] for word in words)


def _moment(time: str) -> str:
    """Return a time as JavaScript writes it: UTC, with milliseconds, Z at the end."""
    return datetime.fromisoformat(time).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(text: str) -> str:
    """Return a text that can be printed, since the suite's readers send descriptions and messages to the terminal."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)
