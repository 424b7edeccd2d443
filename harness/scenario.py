"""Scenarios: plain functions that exercise requirements, and the registry that knows them all."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.requirement import Level, Requirement, Role, load_requirements

if TYPE_CHECKING:
    from harness.support import Capability

AREA_PREFIX = {"authorization_server": "as", "mcp_server": "mcp", "mcp_client": "client"}


@dataclass(frozen=True)
class Fault:
    """One row of a family: a name, the requirements it exercises, its remedy, and what it changes.

    Args:
        name: the last part of the scenario's id.
        requirements: ids of requirements.
        remedy: what an implementer should change.
        forge: builds the whole token where changing claims or headers is not enough.
        header: members of the JOSE header that differ; None removes one.
        needs: capabilities that this row needs beyond those of its family.
        claims: claims that differ; None removes one; `exp`, `nbf` and `iat` are seconds from now.
    """

    name: str
    requirements: tuple[str, ...]
    remedy: str
    forge: Callable[..., str] | None = None
    header: Mapping[str, Any] = field(default_factory=dict)
    needs: frozenset[Capability] = frozenset()
    claims: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Scenario:
    """One executable check.

    Attributes:
        id: `<role>/<area>/<function>`, with `/<row>` where it belongs to a family.
        run: takes the context; returns when the requirement holds, raises a violation otherwise.
        cost: a rough weight; the heavy ones are started first.
    """

    id: str
    role: Role
    area: str
    title: str
    why: str
    remedy: str
    requirements: tuple[Requirement, ...]
    needs: frozenset[Capability]
    run: Callable[[Any], None] = field(repr=False, compare=False)
    cost: int = 1

    @property
    def must(self) -> bool:
        """Whether a violation of it is a failure rather than a warning."""
        return any(item.level in (Level.MUST, Level.MUST_NOT) for item in self.requirements)

    @property
    def source(self) -> str:
        """The source code of the check: what is sent, and how it is judged."""
        return inspect.getsource(inspect.unwrap(getattr(self.run, "family", self.run)))

    @property
    def row(self) -> Fault | None:
        """The row that it is, where it belongs to a family."""
        return getattr(self.run, "row", None)


_registry: dict[str, Scenario] = {}


class _Declare:
    """The `@scenario` decorator, and `@scenario.each` for a family of rows."""

    def __call__(
        self, *requirements: str, needs: Iterable[Capability] = (), cost: int = 1
    ) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """Declare a scenario that exercises the requirements with these ids."""

        def declare(check: Callable[..., None]) -> Callable[..., None]:
            doc = _sections(check)
            _add(check, "", requirements, needs, doc["remedy"], check, max(cost, getattr(check, "cost", 1)))
            return check

        return declare

    def each(
        self, faults: Iterable[Fault], *, needs: Iterable[Capability] = ()
    ) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """Declare one scenario for each row; the check is handed the row as its second argument."""
        rows, common = tuple(faults), frozenset(needs)

        def declare(check: Callable[..., None]) -> Callable[..., None]:
            for row in rows:
                _add(check, row.name, row.requirements, common | row.needs, row.remedy, _bound(check, row), 1)
            return check

        return declare


scenario = _Declare()


def fault(
    name: str,
    *requirements: str,
    remedy: str,
    forge: Callable[..., str] | None = None,
    header: Mapping[str, Any] | None = None,
    needs: Iterable[Capability] = (),
    **claims: Any,
) -> Fault:
    """Write one row of a family; see `Fault`."""
    return Fault(name, requirements, remedy, forge, header or {}, frozenset(needs), claims)


def load_scenarios(package: str = "scenarios") -> dict[str, Scenario]:
    """Import every module below a package and return all scenarios by id, in order of id."""
    root = importlib.import_module(package)
    for module in pkgutil.walk_packages(root.__path__, f"{package}."):
        importlib.import_module(module.name)
    return dict(sorted(_registry.items()))


def _add(
    check: Callable[..., None],
    row: str,
    requirement_ids: tuple[str, ...],
    needs: Iterable[Capability],
    remedy: str,
    run: Callable[[Any], None],
    cost: int,
) -> None:
    role_package, _, area = check.__module__.rpartition(".")
    area = area.replace("_", "-")
    prefix = AREA_PREFIX[role_package.rpartition(".")[2]]
    parts = [prefix, area, check.__name__.replace("_", "-"), row]
    identifier = "/".join(part for part in parts if part)
    doc = _sections(check)
    title = doc["title"] if not row else f"{doc['title'].rstrip('.')}: {row.replace('-', ' ')}."
    requirements = tuple(_cited(identifier, requirement_ids))
    if identifier in _registry:
        raise ValueError(f"two scenarios are called {identifier}")
    role = requirements[0].role
    _registry[identifier] = Scenario(
        identifier, role, area, title, doc["why"], remedy, requirements, frozenset(needs), run, cost
    )


def _cited(identifier: str, requirement_ids: tuple[str, ...]) -> Iterator[Requirement]:
    if not requirement_ids:
        raise ValueError(f"{identifier} cites no requirement")
    known = load_requirements()
    for requirement_id in requirement_ids:
        if requirement_id not in known:
            raise ValueError(f"{identifier} cites {requirement_id!r}, which is in no file of scenarios/requirements")
        yield known[requirement_id]


def _bound(check: Callable[..., None], row: Fault) -> Callable[[Any], None]:
    def run(ctx: Any) -> None:
        check(ctx, row)

    run.family = check  # type: ignore[attr-defined]
    run.row = row  # type: ignore[attr-defined]
    return run


def _sections(check: Callable[..., None]) -> dict[str, str]:
    """Split a docstring into its title and its `Why:` and `Remedy:` paragraphs."""
    found = {"title": "", "why": "", "remedy": ""}
    current = "title"
    for line in (inspect.getdoc(check) or "").splitlines():
        for name in ("why", "remedy"):
            if line.lower().startswith(f"{name}:"):
                current, line = name, line.partition(":")[2]  # noqa: PLW2901
        found[current] += f" {line.strip()}"
    return {name: " ".join(text.split()) for name, text in found.items()}
