"""Which distributions the services in the image need, and at which versions: those that run here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from importlib.resources import files
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

Find = Callable[[NormalizedName], Distribution | None]
"""Finds an installed distribution by its normalized name."""


@dataclass
class Closure:
    """What some requirements come to, with everything that they require in turn.

    Attributes:
        found: the distributions, by normalized name.
        lacking: the requirements whose distribution was not found.
    """

    found: dict[NormalizedName, Distribution] = field(default_factory=dict)
    lacking: list[Requirement] = field(default_factory=list)

    @property
    def pins(self) -> list[str]:
        """The distributions with their versions, `name==version`, sorted."""
        return sorted(f"{name}=={distribution.version}" for name, distribution in self.found.items())


def roots() -> list[Requirement]:
    """Return what the services import themselves, as listed in `fixtures/images/requirements.txt`."""
    lines = (files("fixtures") / "images" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def installed_here(name: NormalizedName) -> Distribution | None:
    """Find a distribution in the running environment."""
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def installed_in(folder: Path) -> Find:
    """Return what finds distributions in a folder, as `pip install --target` fills it."""
    there = {canonicalize_name(each.name): each for each in distributions(path=[str(folder)])}
    return there.get


def closure(find: Find, environment: Mapping[str, str] | None) -> Closure:
    """Return the distributions that the services need.

    Args:
        find: finds the distributions; what they require is read from their metadata.
        environment: the values of environment markers (Dependency specifiers, "Environment Markers") where the
            services will run; None takes what is needed anywhere.
    """
    result, waiting, seen = Closure(), roots(), set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if (key := (name, frozenset(requirement.extras))) in seen:
            continue
        seen.add(key)
        if (there := find(name)) is None:
            result.lacking.append(requirement)
            continue
        result.found[name] = there
        needed = map(Requirement, there.requires or ())
        waiting += [each for each in needed if _applies(each.marker, requirement.extras, environment)]
    return result


def _applies(marker: Marker | None, extras: Iterable[str], environment: Mapping[str, str] | None) -> bool:
    if marker is None or (environment is None and "extra" not in str(marker)):
        return True
    return any(marker.evaluate({**(environment or {}), "extra": extra}) for extra in ("", *extras))
