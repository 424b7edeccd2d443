"""Mistakes in declared scenarios that would otherwise show when they are run, or not at all."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

from harness.scenario import Scenario
from harness.support import Capability

NAME = re.compile(r"[\w.-]+")


@dataclass(frozen=True)
class Mistake:
    """What is wrong with a scenario, and where its function stands."""

    file: str
    line: int
    sentence: str


def mistake_in(scenario: Scenario) -> Mistake | None:
    """Return what is wrong with a scenario; None where nothing is.

    A function that yields or waits would do nothing when it is called, and seem to pass; so would one that returns
    what it found, in the place of judging it.
    """
    check = getattr(scenario.run, "family", scenario.run)
    innermost: Any = inspect.unwrap(check)
    sentence = _wrong_function(check, innermost, 1 if scenario.row is None else 2) or _wrong_words(scenario)
    code = innermost.__code__
    return Mistake(code.co_filename, code.co_firstlineno, f"{scenario.id} {sentence}") if sentence else None


def _wrong_function(check: Any, innermost: Any, arguments: int) -> str:
    kinds = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    if any(is_kind(innermost) for is_kind in kinds):
        return "is async or yields; a scenario is a plain function"
    try:
        inspect.signature(check, follow_wrapped=False).bind(*[None] * arguments)
    except TypeError:
        wanted = "the context" if arguments == 1 else "the context and the row"
        return f"takes other arguments than {wanted}; @for_all stands below @scenario"
    returned = next(_returned(innermost.__code__), None)
    return f"returns `{returned}`, which judges nothing; expect() does" if returned else ""


def _returned(code: CodeType) -> Iterator[str]:
    """Yield what a function of a file returns, but for None."""
    for node in ast.walk(ast.parse(Path(code.co_filename).read_bytes())):
        if isinstance(node, ast.FunctionDef) and _first_line(node) == code.co_firstlineno:
            yield from (ast.unparse(value) for value in _values(node.body) if ast.unparse(value) != "None")


def _first_line(function: ast.FunctionDef) -> int:
    return min([function.lineno, *(item.lineno for item in function.decorator_list)])


def _values(nodes: Iterable[ast.AST]) -> Iterator[ast.expr]:
    """Yield what is returned somewhere below, but not by functions that are defined there."""
    for node in nodes:
        if isinstance(node, ast.Return) and node.value:
            yield node.value
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield from _values(ast.iter_child_nodes(node))


def _wrong_words(scenario: Scenario) -> str:
    for need in scenario.needs:
        if not isinstance(need, Capability):
            return f"needs {need!r}, which is no capability; harness.capability has them, such as AUTHORIZATION_CODE"
    if scenario.row and not NAME.fullmatch(scenario.row.name):
        return f"has a row called {scenario.row.name!r}; letters, digits, hyphens and periods are allowed"
    return ""
