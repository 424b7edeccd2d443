"""A target file as it can be shown to anyone: it says the same, and holds no secret.

Secrets belong into the environment, and the file names the variables only. What the user wrote into it all the same is
left out: what is filled into fields that are not known to hold a name, whatever is called like a secret among the
free values (parameters, arguments, queries of URLs), and what the named variables hold, wherever it stands. Comments
are left out too, since they can hold anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from harness.client_tables import LoginTable
from harness.container_table import STARTS, ContainerTable
from harness.known_secrets import KnownSecrets
from harness.redaction import SHORTEST, secretive
from harness.target_file import TargetFile

LEFT_OUT = "<left-out>"
"""What stands in the place of a value that may be a secret."""

_NAMES_OF_PEOPLE = frozenset(
    (
        *("account", "accountname", "email", "emailaddress", "identifier", "loginname", "mail", "name"),
        *("user", "userid", "username", "domain", "organisation", "organization", "realm", "tenant"),
        *("country", "language", "locale"),
    )
)
_HEADER = """\
# The target file of a run of mcp-assay, without comments and secrets.
# Secrets are in environment variables, which have to be set again; what reads "{left_out}" has to be filled in again.
"""
_OWN = "# The scenarios that [plan] named are not part of it.\n"


def shareable_text(file: TargetFile) -> str:
    """Return a target file, with what the command line said, as TOML without secrets.

    Raises:
        TargetFileError: it holds a private key that is none.
    """
    import tomlkit  # the commands that write no TOML do without it

    clean = file.model_copy(deep=True)
    _clear(clean)
    data = clean.model_dump(exclude_unset=True, exclude_none=True)
    own = data.pop("plan", None)
    data["target"]["spec"] = file.target.spec  # what the file leaves open may be another one some day
    secrets = KnownSecrets({value: LEFT_OUT for value in file.resolve().secrets if len(value) >= SHORTEST})
    header = _HEADER.format(left_out=LEFT_OUT) + (_OWN if own else "")
    return f"{header}\n{tomlkit.dumps(_cleared(data, secrets))}"


def left_out(data: Any, place: str = "") -> Iterator[str]:
    """Yield the places in the data of a target file that something was left out of."""
    if isinstance(data, dict):
        for name, item in data.items():
            yield from left_out(item, f"{place}.{name}" if place else name)
    elif isinstance(data, list):
        for number, item in enumerate(data):
            yield from left_out(item, f"{place}.{number}")
    elif isinstance(data, str) and LEFT_OUT in data:
        yield place


def _clear(file: TargetFile) -> None:
    """Leave out of a target file what is written where a secret could be."""
    logins = [file.login, *([file.limited_login] if file.limited_login else [])]
    for login in [*logins, *([file.other_tenant.login] if file.other_tenant else [])]:
        _clear_login(login)
    for tool in file.tools.values():
        _clear_values(tool.arguments)
    for answer in _answers(file):
        _clear_values(answer)
    if container := file.target.container:
        _clear_container(container)
    if file.effect:
        _clear_values(file.effect.write_arguments)
        _clear_values(file.effect.read_arguments)


def _clear_container(container: ContainerTable) -> None:
    """Leave out what is called like a secret in the environment and in the command; what the sandbox tells is none."""
    told = {name: text for name, text in container.environment.items() if not text.startswith(STARTS)}
    container.environment.update({name: _cleared_value(name, text) for name, text in told.items()})
    words = container.command
    for place, word in enumerate(words):
        name, equals, _ = word.partition("=")
        if equals and secretive(name):
            words[place] = f"{name}={LEFT_OUT}"
        elif not equals and word.startswith("-") and secretive(word) and words[place + 1 :]:
            words[place + 1] = LEFT_OUT


def _answers(file: TargetFile) -> Iterator[dict[str, Any]]:
    """Yield what the played API answers with, where that is a table."""
    played = file.downstream
    yield from (each for each in (played.answer, *played.answers.values()) if isinstance(each, dict)) if played else ()


def _clear_login(login: LoginTable) -> None:
    _clear_values(login.parameters)
    for page in (*login.pages, *login.refusal):
        page.fill.update({name: LEFT_OUT for name in page.fill if not _names_somebody(name)})


def _names_somebody(field: str) -> bool:
    return re.sub(r"[^a-z]", "", field.lower()) in _NAMES_OF_PEOPLE


def _clear_values(values: dict[str, Any]) -> None:
    values.update({name: _cleared_value(name, value) for name, value in values.items()})


def _cleared_value(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _cleared_value(key, item) for key, item in value.items()}
    if isinstance(value, list):
        return [_cleared_value(name, item) for item in value]
    return LEFT_OUT if isinstance(value, str) and value and secretive(name) else value


def _cleared(value: Any, secrets: KnownSecrets) -> Any:
    """Return data without what is a secret by its value, and without secrets in the queries of URLs."""
    if isinstance(value, dict):
        return {name: _cleared(item, secrets) for name, item in value.items()}
    if isinstance(value, list):
        return [_cleared(item, secrets) for item in value]
    return secrets.hidden(_cleared_url(value)) if isinstance(value, str) else value


def _cleared_url(text: str) -> str:
    if "://" not in text or "=" not in text:
        return text
    try:
        parts = urlsplit(text)
    except ValueError:
        return text
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    if not any(secretive(name) for name, _ in pairs):
        return text
    query = urlencode([(name, LEFT_OUT if secretive(name) else value) for name, value in pairs], safe="<>")
    return urlunsplit(parts._replace(query=query))
