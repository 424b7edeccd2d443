"""What is said of a whole run: when it was, what it asked, how much it judged, and in what two runs differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from reports.document import Document
from reports.overview import plural


@dataclass(frozen=True)
class Difference:
    """Something in which the runs themselves differ, such as the target."""

    name: str
    was: str
    now: str


def started(document: Document) -> str:
    """Return when a run began, in UTC to the minute; what is no time is given back as it is."""
    time = moment(document)
    return time.strftime("%Y-%m-%d %H:%M UTC") if time else str(document["started"])


def moment(document: Document) -> datetime | None:
    """Return when a run began, or None where the report does not hold a time."""
    try:
        return datetime.fromisoformat(document["started"]).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def judged(document: Document) -> str:
    """Return how much was judged, and by how many scenarios; a run that was ended early says so."""
    counted, scenarios = document["requirements"], plural(len(document["results"]), "scenario")
    text = f"judged {counted['judged']} of {counted['applicable']} applicable requirements with {scenarios}"
    unfinished = plural(document["unfinished"], "scenario")
    told = [f"ended early: {unfinished} had no turn"] * ended_early(document)
    return "; ".join([text, *told, *document.get("incidents", ())])


def ended_early(document: Document) -> bool:
    """Tell whether scenarios are missing because the run was ended."""
    return bool(document["interrupted"] or document["unfinished"])


def asked(document: Document) -> str:
    """Return which scenarios a run was asked for; empty where it was all of them."""
    settings = document["settings"]
    role = [f"role {settings['role']}"] if settings["role"] else []
    return ", ".join([*settings["selectors"], *role])


def shortened(text: str, length: int) -> str:
    """Return a text of at most so many characters; an ellipsis says that there was more."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def not_asked(result: Document, source: Document, run: Document) -> str:
    """Return why a run lacks a result that another one has; empty where it should have it."""
    settings, role = run["settings"], result["role"]
    if settings["role"] not in (None, role) or (settings["selectors"] and not _selected(result, settings["selectors"])):
        return f"it asked for {asked(run)} only"
    if ended_early(run):
        return "it was ended early"
    if run["spec"] != source["spec"]:
        return f"it judged by MCP {run['spec']}"
    if role not in {other["role"] for other in run["results"]}:
        return f"it judged no {role}"
    return ""


def _selected(result: Document, selectors: list[str]) -> bool:
    """Tell whether one of the selectors fits: the beginning of the id, or a section, as `run` takes them."""
    names = [(result["scenario"], "/")]
    for requirement in result["requirements"]:
        parts = requirement["id"].split("-")
        documents = ("-".join(parts[:end]) for end in range(1, len(parts)))
        names += [(f"{document}/{requirement['section']}", "/.") for document in documents]
    return any(_begins(name, selector.rstrip("/"), ends) for selector in selectors for name, ends in names)


def _begins(name: str, beginning: str, ends: str) -> bool:
    return name == beginning or (name.startswith(beginning) and name[len(beginning)] in ends)


def differences(old: Document, new: Document) -> Iterator[Difference]:
    """Yield in what two runs themselves differ, which is where a change of verdicts may come from."""
    facts = zip(_facts(old), _facts(new), strict=True)
    yield from (Difference(name, was, now) for (name, was), (_, now) in facts if was != now)
    names = {**old["versions"], **new["versions"]}
    for name in names:
        was, now = (document["versions"].get(name, "none") for document in (old, new))
        if was != now:
            yield Difference(name, was, now)


def _facts(document: Document) -> Iterator[tuple[str, str]]:
    """Yield what a verdict can depend on besides the target itself. How many jobs there were is no such thing."""
    yield "target", document["target"]
    yield "MCP revision", document["spec"]
    yield "tool", document["tool"]
    yield "scenarios", asked(document) or "all"
    settings = document["settings"]
    yield "seed", str(settings["seed"])
    yield "examples", f"{settings.get('examples', 1)} times as many as usual"
    yield "waits", f"of up to {wait:g} s" if (wait := settings.get("max_wait", 0)) else "none"
    yield "warnings", "turn the run red" if settings["strict"] else "leave the run green"
    yield "blocked", "is allowed" if settings["allow_blocked"] else "turns the run red"
    yield "ended", "early" if ended_early(document) else "as a whole"
