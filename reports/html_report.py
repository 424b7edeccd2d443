"""The HTML report: one page to attach to a release or to read in a workshop, which requests nothing from anywhere.

It is whole without its script, which only filters, and stays under 1 MB by leaving out exchanges where there are
very many failures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from harness.verdict import MEANING, Verdict
from reports.document import Document, area_of
from reports.evidence import Clip, clip, fitting, size
from reports.html_page import environment, page
from reports.overview import NAMES, ROLES, WORST_FIRST, areas, counts, facts, outcome, plural

BUDGET = 980_000
"""The most bytes that a page has; but for thousands of scenarios, whose names alone take more."""
BUDGET_OF_TEXTS = 800_000
"""The most bytes of a page without its exchanges, where that can be had by cutting texts."""
TEXTS = (1500, 400, 120, 40)
"""How much of each text of a result is shown, in characters: less where the texts alone would fill the page."""
OPEN_AT_FIRST = 5
"""Failures are open in the beginning where there are no more than so many."""
_TEXTS = ("expected", "actual", "unlock", "why", "accepted", "trace")
_ACCEPTED = "Accepted by the baseline"
_NEED = (Verdict.FAILED, Verdict.ERROR, Verdict.WARNING, Verdict.BLOCKED, Verdict.NOT_APPLICABLE, Verdict.PASSED)


@dataclass(frozen=True)
class Group:
    """Results that stand together; `told` says that one reason, told once, is that of all."""

    results: tuple[Document, ...]
    area: str = ""
    told: bool = False


@dataclass(frozen=True)
class Section:
    """The results of one verdict."""

    verdict: str
    title: str
    meaning: str
    groups: tuple[Group, ...]

    @property
    def number(self) -> int:
        """How many results it has."""
        return sum(len(group.results) for group in self.groups)


def render(document: Document) -> str:
    """Return the page; whatever the run said is escaped, and what cannot be seen is spelt."""
    sections = tuple(_sections(document["results"]))
    signs, taken = _without_evidence(document, sections)
    evidence, note = _evidence(sections, BUDGET - taken)
    return _page(document, sections, signs, evidence, note)


def _without_evidence(document: Document, sections: tuple[Section, ...]) -> tuple[int, int]:
    """Return how much of each text is shown, and the size of the page that has nothing but these."""
    sizes: dict[int, int] = {}
    for signs in TEXTS:
        sizes[signs] = size(_page(document, sections, signs, {}, ""))
        if sizes[signs] <= BUDGET_OF_TEXTS:
            return signs, sizes[signs]
    return min(sizes.items(), key=lambda item: item[1])


def _page(
    document: Document, sections: tuple[Section, ...], signs: int, evidence: Mapping[str, Markup], note: str
) -> str:
    results = document["results"]
    red = [result["scenario"] for result in results if result["red"] and result["verdict"] != Verdict.BLOCKED]
    return page(
        "report.html",
        styles=("base.css", "report.css", "sequence.css"),
        scripts=("report.js",),
        document=document,
        outcome=outcome(document),
        facts=facts(document),
        counts=counts(results),
        areas=areas(results),
        roles=sorted({result["role"] for result in results}),
        role_names=ROLES,
        names=NAMES,
        sections=sections,
        texts=_clips(signs),
        opened=frozenset(red if len(red) <= OPEN_AT_FIRST else ()),
        evidence=evidence,
        note=note,
    )


def _sections(results: Iterable[Document]) -> Iterable[Section]:
    """Put results together by verdict, the worst first; those that the baseline accepts stand before the green ones."""
    kept = list(results)
    for verdict in WORST_FIRST:
        if verdict is Verdict.PASSED and (accepted := tuple(item for item in kept if item["accepted"])):
            yield Section("accepted", _ACCEPTED, "", (Group(accepted),))
        found = [item for item in kept if item["verdict"] == verdict and not item["accepted"]]
        if found:
            meaning = "" if verdict is Verdict.PASSED else MEANING[verdict]
            title = NAMES.get(verdict.value, verdict.value).capitalize()
            yield Section(verdict.value, title, meaning, tuple(_groups(verdict, found)))


def _groups(verdict: Verdict, results: list[Document]) -> Iterable[Group]:
    if verdict is Verdict.PASSED:
        return (Group(tuple(group), area=area) for area, group in groupby(results, key=area_of))
    if verdict not in (Verdict.BLOCKED, Verdict.NOT_APPLICABLE):
        return (Group(tuple(results)),)
    alike: dict[tuple[str, str], list[Document]] = {}
    for result in results:
        alike.setdefault((result["actual"], result["unlock"]), []).append(result)
    return (Group(tuple(group), told=len(group) > 1) for group in alike.values())


def _evidence(sections: Iterable[Section], room: int) -> tuple[dict[str, Markup], str]:
    """Return the drawn exchanges by scenario, and what is to be said of those that had no room."""
    groups = [group for section in sections for group in section.groups if section.verdict != Verdict.PASSED]
    shown = [result for group in groups for result in (group.results[:1] if group.told else group.results)]
    needed = sorted((result for result in shown if result["exchanges"]), key=_need)
    drawn, shortened = fitting(needed, environment().get_template("parts.html").module.proof, room)  # type: ignore[attr-defined]
    if not shortened and len(drawn) == len(needed):
        return drawn, ""
    cut = [f"only some of the exchanges of {plural(shortened, 'result')}"] if shortened else []
    cut += [f"no exchanges of {plural(len(needed) - len(drawn), 'result')}"] if len(drawn) < len(needed) else []
    return drawn, f"To stay under 1 MB this page shows {' and '.join(cut)}. The JSON report has them all."


def _need(result: Document) -> tuple[bool, bool, int]:
    return not result["red"], bool(result["accepted"]), _NEED.index(Verdict(result["verdict"]))


def _clips(signs: int) -> Callable[[Document], dict[str, Clip | None]]:
    """Return what gives the texts of a result, each cut where it is too long, and None for those that are empty."""

    def texts(result: Document) -> dict[str, Clip | None]:
        control = f"the unmodified flow worked: {', '.join(result['control'])}" if result["control"] else ""
        remedy = result["remedy"] if result["verdict"] in (Verdict.FAILED, Verdict.WARNING) else ""
        found = {"control": control, "remedy": remedy} | {name: result[name] for name in _TEXTS}
        return {name: clip(text, signs) if text else None for name, text in found.items()}

    return texts
