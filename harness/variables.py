"""The names of environment variables in a target file, which stand there in the place of secrets."""

from __future__ import annotations

import os
import re
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo

from harness.mistakes import SECRETIVE

_UNLIKE_A_SECRET = re.compile(r"_*[A-Z]+(_+[A-Z0-9]+)*")

WITHOUT_SECRETS = object()
"""The context of a validation that needs no secrets: their variables need not be set."""


def _set_variable(value: str, info: ValidationInfo) -> str:
    if not value.isidentifier():  # it may be the secret itself, which is not repeated
        raise ValueError(f"{SECRETIVE}, in the place of its value")
    if value not in os.environ and info.context is not WITHOUT_SECRETS:
        told = value if _UNLIKE_A_SECRET.fullmatch(value) else "that it names"
        raise ValueError(f"the environment variable {told} is not set")
    return value


Variable = Annotated[str, AfterValidator(_set_variable)]
