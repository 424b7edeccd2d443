"""Scenarios of the user's own: the Python files of a folder, imported as a package whose name nobody else has.

No absolute import finds them, so that they shadow nothing; they import each other relatively.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import MappingProxyType

from pydantic import BaseModel, Field, ValidationError

from harness.declaration import mistake_in
from harness.mistakes import mistakes
from harness.request import TargetFileError
from harness.requirement import Requirement, load_requirements, read_requirements
from harness.scenario import DeclarationError, Registry, Scenario, declaring, load_scenarios
from harness.target_file import TargetFile, read_toml
from harness.target_tables import PlanTable

REQUIREMENTS = "requirements"
"""The folder below with requirements of the user's own, as TOML."""
_NOT_LOADED = ("_", "test_", "conftest.")
"""How the names of files begin that hold no scenarios: helpers, and what is pytest's."""


class OwnScenariosError(TargetFileError):
    """The user's own scenarios cannot be had: one sentence with the file, the line where there is one, and why."""


def load_own(folder: Path) -> tuple[Mapping[str, Scenario], Mapping[str, Requirement]]:
    """Import a folder's files and return its scenarios by id, and its requirements by id.

    It can be loaded again, as its files are then.

    Raises:
        OwnScenariosError: there is no such folder, a file cannot be imported, or something is declared that cannot be.
    """
    files = _files(folder)
    requirements = _own_requirements(folder)
    everything = MappingProxyType({**load_requirements(), **requirements})
    registry = Registry(lambda: everything, taken=load_scenarios().keys())
    with _package(folder) as package, declaring(package, registry):
        for file in files:
            with _told(folder, package, file):
                importlib.import_module(f"{package}.{file.stem}")
        _check(folder, registry.scenarios)
    return registry.scenarios, requirements


def own_folder(file: Path) -> Path | None:
    """Return the folder that a target file's plan names, whatever else the file says: no variable has to be set.

    Raises:
        TargetFileError: the file is missing, no TOML, or its plan has mistakes.
    """
    try:
        return _PlanAlone.model_validate(read_toml(file)).plan.folder(file)
    except ValidationError as fault:
        raise TargetFileError("\n".join(f"{file}: {line}" for line in mistakes(fault, TargetFile))) from fault


class _PlanAlone(BaseModel):
    plan: PlanTable = Field(default_factory=PlanTable)


def _files(folder: Path) -> list[Path]:
    """Return the files that hold scenarios, in the order of their names."""
    if not folder.is_dir():
        raise OwnScenariosError(f"{folder}: {'is no folder' if folder.exists() else 'there is no such folder'}")
    files = sorted(path for path in folder.glob("*.py") if not path.name.startswith(_NOT_LOADED))
    if not files:
        raise OwnScenariosError(
            f"{folder}: holds no scenarios; they are in its files *.py, but for names that begin with _ or test_"
        )
    for file in files:
        if not file.stem.isidentifier():
            raise OwnScenariosError(f"{file}: {file.stem!r} is no name of a module; letters, digits and _ are allowed")
    return files


def _own_requirements(folder: Path) -> dict[str, Requirement]:
    place = folder / REQUIREMENTS
    ours = load_requirements()
    documents = {requirement.document.id for requirement in ours.values()}
    try:
        found = read_requirements(place)
    except ValueError as fault:
        raise OwnScenariosError(f"{place}/{fault}") from fault
    for requirement in found.values():
        name = requirement.document.id
        if name in documents or requirement.id in ours:
            what = name if name in documents else requirement.id
            raise OwnScenariosError(f"{place}/{name}.toml: {what!r} is an id of ours; choose another one")
    return found


def _check(folder: Path, scenarios: Mapping[str, Scenario]) -> None:
    if not scenarios:
        raise OwnScenariosError(f"{folder}: its files declare no scenario; @scenario does")
    for scenario in scenarios.values():
        if mistake := mistake_in(scenario):
            raise OwnScenariosError(f"{_shown(folder, mistake.file)}:{mistake.line}: {mistake.sentence}")


@contextmanager
def _package(folder: Path) -> Iterator[str]:
    """Make a package of a folder, and yield its name; its modules stay, unless there is a fault."""
    home = folder.resolve()
    name = f"_mcp_assay_own_{hashlib.sha256(str(home).encode(errors='surrogatepass')).hexdigest()[:12]}"
    _forget(name)
    importlib.invalidate_caches()
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [str(home)]
    sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        yield name
    except BaseException:
        _forget(name)
        raise


def _forget(package: str) -> None:
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        del sys.modules[name]


@contextmanager
def _told(folder: Path, package: str, file: Path) -> Iterator[None]:
    """Tell whatever keeps a file from being imported in one sentence."""
    try:
        yield
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as fault:  # also sys.exit(), and the ways in which pytest ends a test
        said = fault.msg if isinstance(fault, SyntaxError) else str(fault)
        sentence = " ".join(said.split()).replace(package, folder.name)
        if not isinstance(fault, DeclarationError):
            sentence = f"{type(fault).__name__}: {sentence}".rstrip(": ")
        raise OwnScenariosError(f"{_place(folder, fault) or file}: {sentence}") from fault


def _place(folder: Path, fault: BaseException) -> str:
    """Return file and line of the innermost place in the folder that a fault came through."""
    home = folder.resolve()
    places = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(fault.__traceback__)]
    if isinstance(fault, SyntaxError) and fault.filename:
        places.append((fault.filename, fault.lineno or 0))
    inside = [(name, line) for name, line in places if Path(name).is_relative_to(home)]
    return f"{_shown(folder, inside[-1][0])}:{inside[-1][1] or 1}" if inside else ""


def _shown(folder: Path, file: str) -> Path:
    """Return a file as the user would name it."""
    home = folder.resolve()
    return folder / Path(file).relative_to(home) if Path(file).is_relative_to(home) else Path(file)
