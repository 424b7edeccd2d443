"""The SARIF 2.1.0 report, for code scanning: one rule for each scenario, and one result for each violation.

What readers do decides what is written:

- GitHub takes every result for an alert, whatever its kind. So what passed and what is not applicable is no result; the
  rules say what was asked, and the run's properties how much was judged. What is blocked, and what went wrong with us
  or with the baseline, is a notification, which says that the analysis is not whole.
- GitHub refuses a file with a result that has no place in the repository. That place is the target file, or the one
  that there would be. Where it really happened, an endpoint, is the logical location.
- GitHub's uploader computes `primaryLocationLineHash` from that file, and warns at each result that says otherwise. So
  it is only written where there is no target file.
- A category of our own (`automationDetails`) would override the one that the user gives to the uploader.
- Nobody measured how severe a violation is, so there is no `security-severity`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from harness.request import TARGET_FILE
from harness.verdict import MEANING, Verdict
from reports.commonmark import link, on_the_web, prose, shortened, visible
from reports.document import Document, accepted_by

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {Verdict.FAILED.value: "error", Verdict.WARNING.value: "warning"}
NOTICES = {Verdict.BLOCKED.value: "warning", Verdict.ERROR.value: "error"}
BASELINE, UNFINISHED, INCIDENT = "baseline", "unfinished", "incident"
MEANINGS = {
    Verdict.BLOCKED.value: MEANING[Verdict.BLOCKED],
    Verdict.ERROR.value: MEANING[Verdict.ERROR],
    BASELINE: "An accepted failure of the target file has to be corrected there. The run exits with 1.",
    UNFINISHED: "The run was ended before every scenario had its turn. It exits with 3.",
    INCIDENT: "Something that the run needs ended meanwhile. It exits with 3, unless it shows a violation.",
}
EXIT_CODES = {
    0: "All judged requirements hold.",
    1: "A requirement does not hold, or the baseline has to be corrected.",
    3: "Incomplete: not everything could be judged.",
    4: "A scenario went wrong: a fault of mcp-assay, or of the user's where it is theirs.",
}
DESCRIBED = 1024
"""How many characters of a description GitHub takes."""
TOLD = 2000
_LINK = re.compile(r"\](?=\()")
_SEMANTIC = re.compile(r"\d+\.\d+\.\d+([-+].*)?")

Json = dict[str, Any]


def render(document: Document) -> str:
    """Return a run as a SARIF log of one run."""
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(document)]}
    return json.dumps(log, indent=1, ensure_ascii=False) + "\n"


def _run(document: Document) -> Json:
    results = document["results"]
    violations = [(place, result) for place, result in enumerate(results) if result["verdict"] in LEVELS]
    told = ("spec", "settings", "versions", "summary", "requirements", "unfinished")
    return {
        "tool": {"driver": _driver(document)},
        "language": "en",
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(document)],
        "results": [_result(document, place, result) for place, result in violations],
        "properties": {"target": visible(document["target"]), **{name: document[name] for name in told}},
    }


def _driver(document: Document) -> Json:
    name, _, version = document["tool"].partition(" ")
    semantic = {"semanticVersion": version} if _SEMANTIC.fullmatch(version) else {}
    notices = [_descriptor(name, text) for name, text in MEANINGS.items()]
    rules = [_rule(result) for result in document["results"]]
    return {"name": name, "version": version, **semantic, "rules": rules, "notifications": notices}


def _descriptor(name: str, text: str) -> Json:
    return {"id": name, **{part: {"text": text} for part in ("shortDescription", "fullDescription", "help")}}


def _rule(result: Document) -> Json:
    must = result["level"] == "MUST"
    tags = dict.fromkeys(["security", result["role"], result["area"], *(_documents(result))])
    return {
        "id": result["scenario"],
        "name": "".join(word.title() for word in re.split(r"[^A-Za-z0-9]+", result["scenario"]))[:255],
        "shortDescription": {"text": _described(result["title"])},
        "fullDescription": {"text": _described(" ".join(filter(None, (result["title"], _sentence(result["why"])))))},
        "help": {"text": _help_text(result), "markdown": _help_markdown(result)},
        **_help_uri(result),
        "defaultConfiguration": {"level": "error" if must else "warning"},
        "properties": {
            "tags": list(tags)[:10],
            "precision": "high",
            "problem.severity": "error" if must else "warning",
        },
    }


def _documents(result: Document) -> Iterable[str]:
    return (requirement["id"].partition("-")[0] for requirement in result["requirements"])


def _help_text(result: Document) -> str:
    lines = [
        f"{item['level']} ({item['id']}) {item['text']} {item['document']}, section {item['section']}: {item['url']}"
        for item in result["requirements"]
    ]
    lines += [f"Why: {result['why']}"] * bool(result["why"]) + [f"Remedy: {result['remedy']}"] * bool(result["remedy"])
    return visible("\n".join(lines), "\n")


def _help_markdown(result: Document) -> str:
    parts = [f"**Demanded.** {item['level']}: {prose(item['text'])} {_source(item)}" for item in result["requirements"]]
    parts += [f"**{name.title()}.** {prose(_sentence(result[name]))}" for name in ("why", "remedy") if result[name]]
    return "\n\n".join(parts)


def _help_uri(result: Document) -> Json:
    """Return where the requirement stands; one of our own documents is no place that a reader could go to."""
    urls = (requirement["url"] for requirement in result["requirements"])
    return {"helpUri": url} if (url := next(filter(on_the_web, urls), "")) else {}


def _source(requirement: Document) -> str:
    return f"({link(requirement['id'], requirement['url'])}: {prose(requirement['document'])})"


def _result(document: Document, place: int, result: Document) -> Json:
    culprit = None if result["culprit"] is None else result["exchanges"][result["culprit"]]
    exchange = {"webRequest": _request(culprit), "webResponse": _response(culprit)} if culprit else {}
    return {
        "ruleId": result["scenario"],
        "ruleIndex": place,
        "kind": "fail",
        "level": LEVELS[result["verdict"]],
        "message": {"text": _message(result)},
        "locations": [_location(document, culprit)],
        "partialFingerprints": _fingerprints(document, result),
        "suppressions": [_suppression(document, result)] if result["accepted"] else [],
        **exchange,
        "properties": {
            "verdict": result["verdict"],
            "role": result["role"],
            "area": result["area"],
            "control": result["control"],
            **({"curl": visible(culprit["curl"], "\n")} if culprit else {}),
        },
    }


def _message(result: Document) -> str:
    """Return what the reader of an alert needs; its first sentence is what lists show."""
    demanded = ", ".join(f"{item['level']} {item['id']}" for item in result["requirements"])
    remedy = f" Remedy: {_sentence(result['remedy'])}" if result["remedy"] else ""
    expected = f"Expected {result['expected']}; " if result["expected"] else ""
    return _plain(f"{_sentence(expected + result['actual'])}{remedy} Demanded by {demanded}.")


def _plain(text: str) -> str:
    """Return a text in which the target's words neither make an embedded link nor a placeholder (section 3.11)."""
    shown = " ".join(visible(shortened(text, TOLD), "\n").split())
    return _LINK.sub("] ", shown).replace("{", "{{").replace("}", "}}")


def _location(document: Document, culprit: Document | None) -> Json:
    region = {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 2}
    path = quote(document.get("file") or TARGET_FILE)
    physical = {"physicalLocation": {"artifactLocation": {"uri": path}, "region": region}}
    return {**physical, "logicalLocations": [_endpoint(culprit)]} if culprit else physical


def _endpoint(exchange: Document) -> Json:
    """Return the endpoint that was asked, without the query, which differs from run to run."""
    url = visible(exchange["request"]["url"].partition("#")[0].partition("?")[0])
    try:
        path = urlsplit(url).path
    except ValueError:
        path = ""
    return {"name": path or url, "fullyQualifiedName": url, "kind": "resource"}


def _fingerprints(document: Document, result: Document) -> Json:
    known = f"{result['scenario']} {document['target']}".encode(errors="backslashreplace")
    digest = hashlib.sha256(known).hexdigest()[:16]
    return {"mcpAssay/v1": digest, **({} if document.get("file") else {"primaryLocationLineHash": f"{digest}:1"})}


def _suppression(document: Document, result: Document) -> Json:
    entry = accepted_by(document, result) or {}
    told = {name: visible(entry[name]) for name in ("entry", "expires", "link") if entry.get(name)}
    reason = visible(result["accepted"], "\n")
    return {"kind": "external", "status": "accepted", "justification": reason, "properties": told}


def _request(exchange: Document) -> Json:
    request = exchange["request"]
    said = {"target": visible(request["url"]), "method": visible(request["method"])}
    return {"protocol": "HTTP", "version": "1.1", **said, **_content(request)}


def _response(exchange: Document) -> Json:
    response = exchange["response"]
    if response["status"] is None:
        return {"noResponseReceived": True, "reasonPhrase": visible(response["fault"])}
    return {"protocol": "HTTP", "version": "1.1", "statusCode": response["status"], **_content(response)}


def _content(side: Document) -> Json:
    """Return headers, those of one name as a list (RFC 9110 section 5.3), and the body."""
    headers: dict[str, str] = {}
    for name, value in ((visible(name), visible(value)) for name, value in side["headers"]):
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    body = {"body": {"text": visible(side["body"], "\r\n\t")}} if side["body"] else {}
    return {"headers": headers, **body}


def _invocation(document: Document) -> Json:
    code, results = document["exit_code"], document["results"]
    unjudged = [(place, result) for place, result in enumerate(results) if result["verdict"] in NOTICES]
    told = [_unjudged(place, result) for place, result in unjudged]
    unfinished = f"{document['unfinished']} scenarios had no turn, since the run was ended."
    early = [_notice(UNFINISHED, "warning", unfinished)] if document["interrupted"] or document["unfinished"] else []
    early += [_notice(INCIDENT, "warning", sentence) for sentence in document.get("incidents", ())]
    return {
        "executionSuccessful": not early and code in (0, 1) and not any(result["red"] for _, result in unjudged),
        "exitCode": code,
        "exitCodeDescription": EXIT_CODES[code],
        **_times(document),
        "toolExecutionNotifications": [*told, *early],
        "toolConfigurationNotifications": [_problem(entry) for entry in document["baseline"] if entry["problem"]],
    }


def _times(document: Document) -> Json:
    started = datetime.fromisoformat(document["started"])
    ended = started + timedelta(milliseconds=document["duration_ms"])
    moments = {"startTimeUtc": started, "endTimeUtc": ended}
    return {name: time.isoformat(timespec="milliseconds").replace("+00:00", "Z") for name, time in moments.items()}


def _unjudged(place: int, result: Document) -> Json:
    unlock = f" To judge it: {_sentence(result['unlock'])}" if result["unlock"] else ""
    text = f"{result['scenario']} is {result['verdict']}: {_sentence(result['actual'])}{unlock}"
    notice = _notice(result["verdict"], NOTICES[result["verdict"]], text)
    exception = {"exception": {"message": visible(result["trace"], "\n")}} if result["trace"] else {}
    return {**notice, "associatedRule": {"id": result["scenario"], "index": place}, **exception}


def _problem(entry: Document) -> Json:
    text = f"{entry['entry']} is in the baseline, and {_sentence(entry['problem'])} Its reason: {entry['reason']}"
    return _notice(BASELINE, "warning", text)


def _notice(kind: str, level: str, text: str) -> Json:
    descriptor = {"id": kind, "index": list(MEANINGS).index(kind)}
    return {"descriptor": descriptor, "level": level, "message": {"text": _plain(text)}}


def _described(text: str) -> str:
    shown = " ".join(visible(text, "\n").split())
    return shown if len(shown) <= DESCRIBED else f"{shown[: DESCRIBED - 1]}…"


def _sentence(text: str) -> str:
    return text if not text or text.rstrip()[-1:] in (".", "?", "!") else f"{text}."
