"""Names that were mistyped."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, names: Iterable[str]) -> str:
    """Return a clause that offers the names most like a word; empty when nothing is like it."""
    close = difflib.get_close_matches(word, list(names), n=3, cutoff=0.4)
    return f"; did you mean {' or '.join(close)}?" if close else ""
