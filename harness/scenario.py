"""Scenarios: plain functions that exercise requirements, and the registry that knows them all."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.names import nearest
from harness.requirement import Level, Requirement, Role, load_requirements

if TYPE_CHECKING:
    from harness.support import Capability

PREFIX = {Role.AUTHORIZATION_SERVER: "as", Role.MCP_SERVER: "mcp", Role.MCP_CLIENT: "client"}
"""What ids of scenarios begin with, by the role that is judged."""


class DeclarationError(ValueError):
    """A scenario is declared in a way that cannot be; the message says which and why."""


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
        own: whether it is the user's own rather than ours.
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
    own: bool = False

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


@dataclass
class Registry:
    """What the modules of one package declare.

    Attributes:
        requirements: returns what its scenarios may cite.
        taken: the ids that others have already.
        flat: whether scenarios are declared in the modules of the package itself only, not in those below.
        scenarios: by id, in the order in which they were declared.
    """

    requirements: Callable[[], Mapping[str, Requirement]]
    taken: Collection[str] = ()
    flat: bool = True
    scenarios: dict[str, Scenario] = field(default_factory=dict)


_OURS = Registry(load_requirements, flat=False)
_registries = {"scenarios": _OURS}
"""By the name of the package."""


class _Declare:
    """The `@scenario` decorator, and `@scenario.each` for a family of rows."""

    def __call__(
        self, *requirements: str, needs: Iterable[Capability] = (), cost: int = 1
    ) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """Declare a scenario that exercises the requirements with these ids."""
        if not all(isinstance(item, str) for item in requirements):
            raise DeclarationError('@scenario is given ids of requirements, such as @scenario("rfc7636-4.6-1")')

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


def load_scenarios() -> dict[str, Scenario]:
    """Import every module of ours and return all scenarios by id, in order of id."""
    root = importlib.import_module("scenarios")
    for module in pkgutil.walk_packages(root.__path__, "scenarios."):
        importlib.import_module(module.name)
    return dict(sorted(_OURS.scenarios.items()))


@contextmanager
def declaring(package: str, registry: Registry) -> Iterator[None]:
    """Let the modules of another package declare scenarios while they are imported."""
    _registries[package] = registry
    try:
        yield
    finally:
        del _registries[package]


def _add(
    check: Callable[..., None],
    row: str,
    requirement_ids: tuple[str, ...],
    needs: Iterable[Capability],
    remedy: str,
    run: Callable[[Any], None],
    cost: int,
) -> None:
    registry, area = _home(check)
    requirements = tuple(_cited(check.__name__, requirement_ids, registry.requirements()))
    role = requirements[0].role
    if role not in PREFIX:
        raise DeclarationError(f"{check.__name__} cites {requirements[0].id}, and nothing judges the role {role}")
    parts = [PREFIX[role], area, check.__name__.replace("_", "-"), row]
    identifier = "/".join(part for part in parts if part)
    if identifier in registry.scenarios or identifier in registry.taken:
        raise DeclarationError(f"a scenario is called {identifier} already")
    doc = _sections(check)
    title = doc["title"] or f"{check.__name__.replace('_', ' ').capitalize()}."
    title = title if not row else f"{title.rstrip('.')}: {row.replace('-', ' ')}."
    own = registry is not _OURS
    registry.scenarios[identifier] = Scenario(
        identifier, role, area, title, doc["why"], remedy, requirements, frozenset(needs), run, cost, own
    )


def _home(check: Callable[..., None]) -> tuple[Registry, str]:
    """Return the registry that a check belongs to, and its area, which is the name of its file."""
    package, _, file = check.__module__.rpartition(".")
    top = package.partition(".")[0]
    registry = _registries.get(top)
    if registry is None or (registry.flat and package != top):
        raise DeclarationError(f"{check.__name__} stands in {check.__module__}, which is no file of a scenarios folder")
    return registry, file.replace("_", "-")


def _cited(name: str, requirement_ids: tuple[str, ...], known: Mapping[str, Requirement]) -> Iterator[Requirement]:
    if not requirement_ids:
        raise DeclarationError(f"{name} cites no requirement")
    for requirement_id in requirement_ids:
        if requirement_id not in known:
            offer = nearest(requirement_id, known)
            raise DeclarationError(f"{name} cites {requirement_id!r}, which no file of requirements holds{offer}")
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
