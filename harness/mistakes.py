"""Mistakes in a file that pydantic found, in our words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, time
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

SECRETIVE = "the name of an environment variable is wanted"
CREDENTIALS = re.compile(r"//[^/?#]*@")


def mistakes(fault: ValidationError, model: type[BaseModel]) -> list[str]:
    """Return one line for each mistake: its key, what is wanted, and what was found. No secret is repeated."""
    lines = []
    for error in fault.errors(include_url=False):
        key = ".".join(str(part) for part in error["loc"] if part != "[key]") or "the file"
        lines.append(f"{key}: {_sentence(error, model)}")
    return lines


def _sentence(error: Mapping[str, Any], model: type[BaseModel]) -> str:
    if error["type"] == "extra_forbidden":
        return f"is no key that is known here; there are: {', '.join(_keys(error['loc'], model))}"
    if error["type"] == "missing":
        return "is missing"
    if error["type"] in ("model_type", "dict_type"):
        told = f"; found {error['input']}" if isinstance(error["input"], int) else ""  # a text may be a secret
        return f"a table is wanted{told}"
    message = str(error["msg"]).removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    found = error.get("input")
    if isinstance(found, dict) or any(str(part).endswith("_env") for part in error["loc"]):
        return message
    return f"{message}; found {CREDENTIALS.sub('//', _shown(found))}"


def _shown(found: object) -> str:
    return found.isoformat() if isinstance(found, date | time) else repr(found)


def _keys(place: Iterable[str | int], table: type[BaseModel]) -> list[str]:
    """Return the keys that the table around a place may have."""
    for part in place:
        field = table.model_fields.get(str(part))
        table = (_table_in(field.annotation) if field else None) or table
    return list(table.model_fields)


def _table_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((table for part in get_args(annotation) if (table := _table_in(part))), None)
