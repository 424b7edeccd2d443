"""The target file of an evidence bundle. A stranger may have written it, so that it decides less than one of ours."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

from harness.http import is_loopback
from harness.request import TargetFileError
from harness.shareable import left_out
from harness.target_file import TargetFile, checked_target_file


class NotAuthorizedError(ValueError):
    """The target is off loopback, and nobody here said that it may be tested."""


def bundled_target(text: str, place: str, *, authorized: bool) -> TargetFile:
    """Return the target file of a bundle, ready to be judged by.

    Its own `authorized` counts for nothing. Of `[plan]` and `[target.container]`, which would have code run, nothing is
    read, and neither of `[audit]` and `[client_documents]`, which would have files of this machine read.

    Args:
        text: TOML.
        place: what mistakes call it.
        authorized: whether the user says that the target may be tested off loopback.

    Raises:
        TargetFileError: it has mistakes, values are left out, or an environment variable is not set.
        NotAuthorizedError: it needs the user's word.
    """
    data = _data(text, place)
    if missing := list(left_out(data)):
        why = "left out, since it may be a secret: fill it in, and name the file with --target"
        raise TargetFileError(f"{place}: {', '.join(missing)}: {why}")
    if authorized and isinstance(table := data.get("target"), dict):
        data["target"] = {**table, "authorized": True}
    _check(checked_target_file(data, place, secrets=False), place, authorized=authorized)
    file = checked_target_file(data, place)
    file.target.authorized = authorized
    return file


def _data(text: str, place: str) -> dict[str, Any]:
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as fault:
        raise TargetFileError(f"{place}: is no TOML: {fault}") from fault
    for table in ("plan", "audit", "client_documents"):
        data.pop(table, None)
    if isinstance(target := data.get("target"), dict):
        target.pop("container", None)
    return data


def _check(file: TargetFile, place: str, *, authorized: bool) -> None:
    far = [url for url in _urls(file) if not is_loopback(url)]
    if not far or authorized:
        return
    variables = sorted(set(_variables(file.model_dump(exclude_unset=True))))
    values = f", with what is in {', '.join(variables)}" if variables else ""
    raise NotAuthorizedError(
        f"{place}: requests would go to {', '.join(far)}{values}; say --authorized if the owner lets you test it"
    )


def _urls(file: TargetFile) -> list[str]:
    named = [file.target.mcp_server, file.target.authorization_server, *file.target.origins]
    if other := file.other_tenant:
        named += [other.mcp_server, other.authorization_server]
    return [url for url in named if url]


def _variables(data: Any, key: str = "") -> Iterator[str]:
    """Yield the names of the environment variables whose values are sent, or sign what is sent."""
    if isinstance(data, dict):
        for name, item in data.items():
            yield from _variables(item, "_env" if key.endswith("_env") else name)
    elif isinstance(data, list):
        for item in data:
            yield from _variables(item)
    elif isinstance(data, str) and key.endswith("_env"):
        yield data
