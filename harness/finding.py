"""What `mcp-assay doctor` finds, one thing at a time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

USAGE, INCOMPLETE = 2, 3
"""The exit codes of runs that a finding stops: by this machine or the target file, by a target that does not answer."""


class State(StrEnum):
    """How a finding is to be read."""

    FINE = "ok"
    LACKING = "lacking"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """One finding; `code` is the exit code of a run that it stops, 0 where it stops none."""

    state: State
    subject: str
    text: str
    code: int = 0
