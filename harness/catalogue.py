"""All that there is to be asked: our scenarios and requirements, and with a target file those of the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.requirement import Requirement, load_requirements
from harness.scenario import Scenario, load_scenarios


@dataclass(frozen=True)
class Catalogue:
    """Scenarios by id, in order of id, and the requirements that they cite, ours first."""

    scenarios: Mapping[str, Scenario]
    requirements: Mapping[str, Requirement]


def catalogue(own: Path | None = None) -> Catalogue:
    """Return all scenarios and requirements, with those of a folder of the user's own where one is named.

    Raises:
        OwnScenariosError: the folder, or something in it, cannot be used.
    """
    scenarios, requirements = load_scenarios(), load_requirements()
    if own is None:
        return Catalogue(scenarios, requirements)
    from harness.own_scenarios import load_own

    more, cited = load_own(own)
    return Catalogue(dict(sorted({**scenarios, **more}.items())), {**requirements, **cited})
