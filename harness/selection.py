"""Selectors: which scenarios a run asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.names import nearest
from harness.requirement import Requirement
from harness.scenario import Scenario


class NoMatchError(ValueError):
    """A selector that fits nothing; the message offers the nearest."""


def select(
    scenarios: Mapping[str, Scenario], selectors: Iterable[str], *, roles: Iterable[str], spec: str
) -> tuple[Scenario, ...]:
    """Return the scenarios that any selector fits, of the given roles and revision, in order of id.

    A selector is a scenario id or its beginning (`as/pkce`), or a section (`rfc7636/4.6`). None selects all.

    Raises:
        NoMatchError: a selector fits no scenario at all.
    """
    wanted = tuple(selectors)
    check_selectors(scenarios, wanted)
    return tuple(
        scenario
        for scenario in scenarios.values()
        if scenario.role in set(roles)
        and all(spec in requirement.revisions for requirement in scenario.requirements)
        and (not wanted or any(_fits(selector, scenario) for selector in wanted))
    )


def check_selectors(scenarios: Mapping[str, Scenario], selectors: Iterable[str]) -> None:
    """Make sure that each selector fits a scenario, of whatever role and revision.

    Raises:
        NoMatchError: one does not; the message offers the nearest.
    """
    for selector in selectors:
        if not any(_fits(selector, scenario) for scenario in scenarios.values()):
            raise NoMatchError(f"no scenario fits {selector!r}{nearest(selector, _names(scenarios.values()))}")


def section(requirement: Requirement) -> str:
    """Return a requirement's section as a selector names it."""
    return f"{requirement.document.id}/{requirement.section}"


def _fits(selector: str, scenario: Scenario) -> bool:
    sections = (section(requirement) for requirement in scenario.requirements)
    return _begins(scenario.id, selector) or any(_begins(name, selector, ".") for name in sections)


def _begins(name: str, selector: str, separators: str = "") -> bool:
    rest = name.removeprefix(selector.rstrip("/"))
    return rest != name and (not rest or rest[0] in f"/{separators}")


def _names(scenarios: Iterable[Scenario]) -> list[str]:
    names: dict[str, None] = {}
    for scenario in scenarios:
        parts = scenario.id.split("/")
        names.update(dict.fromkeys("/".join(parts[: end + 1]) for end in range(1, len(parts))))
        names.update(dict.fromkeys(section(requirement) for requirement in scenario.requirements))
    return list(names)
