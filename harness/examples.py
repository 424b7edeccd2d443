"""Hypothesis as it is needed here: the same examples wherever it runs, and nothing left where the user stands."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import configuration
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

HOME = "__hypothesis_home_directory"
CONSTANTS = "_get_local_constants"


@contextmanager
def undisturbed() -> Iterator[None]:
    """Until the end of the block, let Hypothesis write no folder, and take no constants from the code that is loaded.

    It mixes constants of the modules that it finds in memory into its examples, so that these would differ from one
    installation to the next, and from one moment to the next. Neither can be asked for: both names are Hypothesis' own,
    and where a later version has other ones, examples are mixed again.
    """
    home = getattr(configuration, HOME, None)
    constants = getattr(providers, CONSTANTS, None)
    configuration.set_hypothesis_home_dir(Path(os.devnull) / "hypothesis")
    _replace(_no_constants)
    try:
        yield
    finally:
        configuration.set_hypothesis_home_dir(home)
        _replace(constants)


def _replace(constants: Any) -> None:
    if hasattr(providers, CONSTANTS):
        setattr(providers, CONSTANTS, constants)
        providers.CONSTANTS_CACHE.cache.clear()


def _no_constants() -> Any:
    return Constants()
