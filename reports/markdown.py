"""The Markdown report, for the summary page of a CI job."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from harness.verdict import Verdict
from reports.commonmark import block, code, html_code, html_prose, link, prose, shortened
from reports.document import Document, accepted_by, area_of, telling
from reports.overview import outcome, plural

LIMIT = 500_000
"""Bytes, of which GitHub takes 1,048,576 from a step. What does not fit is named, and is in the other reports."""
NAMED = 100
"""How many of those that are left out are named."""
OUTCOMES = {0: "passed", 1: "failed", 3: "incomplete", 4: "error"}
TOLD = 1000
BODY = 1500
TELLING_HEADERS = ("content-type", "location", "www-authenticate")

Item = tuple[str, str]
"""What is shown, after what it is called where it does not fit."""


def render(document: Document) -> str:
    """Return a run as Markdown: how it ended, what has to be mended, what was not judged, and the areas."""
    head, areas = _head(document), _areas(document)
    room = _Room(LIMIT - _size(head) - _size(areas))
    sections = [_section(heading, items, room) for heading, items in _sections(document) if items]
    return "\n\n".join([head, *sections, areas]) + "\n"


class _Room:
    """The bytes that are left; who asks first gets them."""

    def __init__(self, size: int) -> None:
        self._left = size

    def take(self, text: str) -> bool:
        fits = _size(text) <= self._left
        self._left -= _size(text) if fits else 0
        return fits


def _size(text: str) -> int:
    return len(text.encode()) + len("\n\n")


def _head(document: Document) -> str:
    found, counted = outcome(document), document["requirements"]
    counts = ", ".join(f"{number} {verdict}" for verdict, number in document["summary"].items() if number)
    judged = (
        f"Judged **{counted['judged']} of {counted['applicable']}** applicable requirements of "
        f"{code(document['target'], 200)} by MCP {document['spec']} in {document['duration_ms'] / 1000:.1f} s, "
        f"with {plural(len(document['results']), 'scenario')}: {counts or 'none'}."
    )
    ended = OUTCOMES.get(document["exit_code"], "error")
    meaning = f"**{prose(found.headline)}** (exit code {document['exit_code']})."
    return "\n\n".join([f"## mcp-assay: {ended}", " ".join([meaning, *map(prose, found.sentences)]), judged])


def _sections(document: Document) -> list[tuple[str, list[Item]]]:
    results = [result for result in document["results"] if not result["accepted"]]
    problems = [entry for entry in document["baseline"] if entry["problem"]]
    accepted = [result for result in document["results"] if result["accepted"]]
    return [
        ("Scenarios that went wrong", [_result(item) for item in results if item["verdict"] == Verdict.ERROR]),
        ("Violations", [_result(item) for item in results if item["verdict"] == Verdict.FAILED]),
        ("The baseline is wrong", [_problem(entry) for entry in problems]),
        ("Not judged", [_alike(group) for group in _by_reason(results)]),
        (_warnings(document), [_result(item) for item in results if item["verdict"] == Verdict.WARNING]),
        ("Accepted by the baseline", [_accepted(document, result) for result in accepted]),
    ]


def _warnings(document: Document) -> str:
    return "Warnings, which fail this run" if document["settings"]["strict"] else "Warnings"


def _section(heading: str, items: Sequence[Item], room: _Room) -> str:
    """Return a section with the items that there is room for, and the names of the others."""
    shown: list[str] = []
    left_out: list[str] = []
    for name, text in items:
        if room.take(text):
            shown.append(text)
        else:
            left_out.append(name)
    gap = "\n" if items[0][1].startswith("- ") else "\n\n"
    parts = [f"### {heading}", *([gap.join(shown)] if shown else [])]
    if left_out:
        names = ", ".join(code(name, 200) for name in left_out[:NAMED])
        rest = f" and {len(left_out) - NAMED} more" if len(left_out) > NAMED else ""
        parts.append(f"**{len(left_out)} left out here**, since the page would be too long: {names}{rest}.")
    return "\n\n".join(parts)


def _result(result: Document) -> Item:
    """Return a result, folded: what was demanded, what came, what to change, and the exchanges that tell most."""
    summary = f"<b>{result['verdict']}</b> {html_code(result['scenario'])} {html_prose(result['title'])}"
    demanded = [
        f"- **Demanded:** {item['level']} {link(item['id'], item['url'])}: {prose(item['text'])}"
        for item in result["requirements"]
    ]
    said = _said(result, {"expected": "Expected", "actual": "Actual", "unlock": "To judge it"})
    control = [f"- **Control:** the unmodified flow worked: {', '.join(map(code, result['control']))}"]
    words = [f"- **{name.title()}:** {prose(result[name])}" for name in ("why", "remedy") if result[name]]
    trace = [block(result["trace"])] if result["trace"] else []
    facts = "\n".join([*demanded, *said, *(control if result["control"] else []), *words])
    return result["scenario"], _folded(summary, [facts, *trace, *_exchanges(result)])


def _said(result: Document, names: Mapping[str, str]) -> list[str]:
    return [f"- **{title}:** {code(result[name], TOLD)}" for name, title in names.items() if result[name]]


def _exchanges(result: Document) -> Iterable[str]:
    place, everything = telling(result), result["exchanges"]
    for number, exchange in list(enumerate(everything, 1))[place]:
        to = f"the {exchange['sender']} asks the {exchange['recipient']}"
        yield f"Exchange {number} of {len(everything)}: {to}."
        yield block(exchange["curl"], "sh")
        yield block(_response(exchange["response"]), length=BODY)


def _response(response: Document) -> str:
    if response["status"] is None:
        return f"no response: {response['fault']}"
    headers = [f"{name}: {value}" for name, value in response["headers"] if name.lower() in TELLING_HEADERS]
    return "\n".join([str(response["status"]), *headers, *(["", response["body"]] if response["body"] else [])])


def _problem(entry: Document) -> Item:
    problem, reason = (prose(shortened(entry[name], TOLD)) for name in ("problem", "reason"))
    return entry["entry"], f"- {code(entry['entry'], 200)} {problem} (its reason: {reason})"


def _by_reason(results: Iterable[Document]) -> Iterable[list[Document]]:
    """Put together what the same thing blocks."""
    groups: dict[tuple[str, str], list[Document]] = {}
    for result in results:
        if result["verdict"] == Verdict.BLOCKED:
            groups.setdefault((result["actual"], result["unlock"]), []).append(result)
    return groups.values()


def _alike(group: list[Document]) -> Item:
    """Return what one thing blocks, folded: the reason, what would unlock it, and the scenarios of each area."""
    first = group[0]
    summary = f"<b>{plural(len(group), 'scenario')}</b> {html_code(shortened(first['actual'], 300))}"
    lines = _said(first, {"actual": "Reason", "unlock": "To judge more"})
    for area, results in groupby(group, key=area_of):
        names = [code(result["scenario"].removeprefix(f"{area}/")) for result in results]
        lines.append(f"- {code(area)}: {', '.join(names)}")
    exchanges = _exchanges(first) if first["culprit"] is not None else ()
    return first["scenario"], _folded(summary, ["\n".join(lines), *exchanges])


def _accepted(document: Document, result: Document) -> Item:
    entry = accepted_by(document, result) or {}
    until = f", until {prose(entry['expires'])}" if entry.get("expires") else ""
    tracked = f", {link('tracked', entry['link'])}" if entry.get("link") else ""
    reason = prose(shortened(result["accepted"], TOLD))
    return result["scenario"], f"- {result['verdict']} {code(result['scenario'])}: {reason}{until}{tracked}"


def _folded(summary: str, parts: Iterable[str]) -> str:
    return "\n\n".join([f"<details>\n<summary>{summary}</summary>", *parts, "</details>"])


def _areas(document: Document) -> str:
    """Return how many scenarios of each area have which verdict, as a table."""
    rows = ["| area | " + " | ".join(Verdict) + " |", "| :--- |" + " ---: |" * len(Verdict)]
    by_area = sorted(document["results"], key=area_of)
    for area, group in groupby(by_area, key=area_of):
        rows.append(_row(code(area), [result["verdict"] for result in group]))
    rows.append(_row("**all**", [result["verdict"] for result in by_area]))
    foot = f"{prose(document['tool'])}, {prose(document['started'])}"
    return "\n\n".join(["### Areas", "\n".join(rows), f"Judged by {foot}."])


def _row(name: str, verdicts: Sequence[str]) -> str:
    counts = (verdicts.count(verdict) for verdict in Verdict)
    return f"| {name} | " + " | ".join(str(number or "·") for number in counts) + " |"
