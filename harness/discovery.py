"""Finding metadata: RFC 9728 for MCP servers, RFC 8414 and OpenID Connect Discovery for authorization servers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from harness.exchange import Answer
from harness.http import Client, origin_of
from harness.verdict import Blocked

_NAME = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_AUTH_PARAM = re.compile(rf'({_NAME})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))', re.DOTALL)
_AUTH_SCHEME = re.compile(rf"({_NAME})(?=[\s,]|$)")
_SEPARATORS = re.compile(r"[\s,]*")
_NEXT_ITEM = re.compile(r"[^,]*")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,200}")


def well_known(url: str, name: str) -> str:
    """Insert `/.well-known/<name>` between host and path, a trailing slash removed (RFC 8414 section 3.1)."""
    parts = urlsplit(url)
    path = f"/.well-known/{name}{parts.path.rstrip('/')}"
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def openid_appended(issuer: str) -> str:
    """Append `/.well-known/openid-configuration` to an issuer (OpenID Connect Discovery section 4)."""
    return f"{issuer.rstrip('/')}/.well-known/openid-configuration"


def candidates(issuer: str) -> tuple[str, ...]:
    """Return the places of an issuer's metadata in the order in which MCP clients try them."""
    places = (
        well_known(issuer, "oauth-authorization-server"),
        well_known(issuer, "openid-configuration"),
        openid_appended(issuer),
    )
    return tuple(dict.fromkeys(places))


def published_documents(client: Client, issuer: str) -> list[Answer]:
    """Return every metadata document that an issuer publishes, in the order in which MCP clients look for them."""
    answers = [client.send("GET", url, headers={"accept": "application/json"}) for url in candidates(issuer)]
    return [answer for answer in answers if answer.status == 200 and answer.json]


def authorization_server_metadata(client: Client, issuer: str) -> dict[str, Any]:
    """Fetch an authorization server's metadata: the first candidate that answers 200 with a JSON object.

    Raises:
        Blocked: no candidate does; the reason says what each of them answered.
    """
    seen = []
    for url in candidates(issuer):
        answer = client.send("GET", url, headers={"accept": "application/json"})
        if answer.status == 200 and answer.json:
            return answer.json
        seen.append(f"{urlsplit(url).path}: {describe(answer)}")
    raise Blocked(f"{issuer} publishes no authorization server metadata ({'; '.join(seen)})")


def resource_metadata(client: Client, mcp_server: str) -> dict[str, Any]:
    """Fetch an MCP server's protected resource metadata: from its challenge, else from the well-known places.

    Raises:
        Blocked: it is in none of them.
    """
    challenged = client.send("GET", mcp_server, headers={"accept": "application/json, text/event-stream"})
    named = challenge(challenged).get("resource_metadata", "")
    root = f"{origin_of(mcp_server)}/.well-known/oauth-protected-resource"
    places = (named, well_known(mcp_server, "oauth-protected-resource"), root)
    for url in dict.fromkeys(place for place in places if origin_of(place)):
        answer = client.send("GET", url, headers={"accept": "application/json"})
        if answer.status == 200 and answer.json:
            return answer.json
    raise Blocked(
        f"{mcp_server} publishes no protected resource metadata (asked without a token, {challenged.summary()})",
        "name authorization_server in the target file",
    )


def authorization_server_of(metadata: dict[str, Any]) -> str:
    """Return the first authorization server that protected resource metadata names, or an empty string."""
    listed = metadata.get("authorization_servers")
    first = listed[0] if isinstance(listed, list) and listed else ""
    return first if isinstance(first, str) and origin_of(first) else ""


def scopes_of(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the scopes that protected resource metadata names (RFC 9728 section 2), as far as they are scopes."""
    listed = metadata.get("scopes_supported")
    names = listed if isinstance(listed, list) else []
    return tuple(filter(is_scope, names))


def is_scope(name: object) -> bool:
    """Whether something is a scope's name (RFC 6749 section 3.3) of no more than 200 characters."""
    return isinstance(name, str) and _SCOPE.fullmatch(name) is not None


def challenge(answer: Answer) -> dict[str, str]:
    """Return the parameters of a response's Bearer challenge; empty when there is none (RFC 9110 section 11.6.1)."""
    return {name: re.sub(r"\\(.)", r"\1", value) for name, value in challenge_parameters(answer)}


def challenge_parameters(answer: Answer) -> list[tuple[str, str]]:
    """Return the parameters of the first Bearer challenge as they were sent: repeated ones too, backslashes kept."""
    return next((parameters for scheme, parameters in _challenges(answer) if scheme == "bearer"), [])


def has_bearer_challenge(answer: Answer) -> bool:
    """Tell whether a response carries a challenge of the Bearer scheme, with parameters or without."""
    return any(scheme == "bearer" for scheme, _ in _challenges(answer))


def _challenges(answer: Answer) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield each challenge's scheme in lower case and its parameters, in the order of the headers."""
    for value in answer.headers.get_list("www-authenticate"):
        scheme, parameters = "", list[tuple[str, str]]()
        for name, content in _items(value):
            if content is not None:
                parameters.append((name.lower(), content))
                continue
            if scheme:
                yield scheme, parameters
            scheme, parameters = name.lower(), []
        if scheme:
            yield scheme, parameters


def _items(value: str) -> Iterator[tuple[str, str | None]]:
    """Yield schemes, without content, and parameters; what is neither is passed over up to the next comma."""
    position = 0
    while (position := _end(_SEPARATORS, value, position)) < len(value):
        if found := _AUTH_PARAM.match(value, position):
            yield found[1], found[3] if found[2] is None else found[2]
        elif found := _AUTH_SCHEME.match(value, position):
            yield found[1], None
        position = found.end() if found else _end(_NEXT_ITEM, value, position)


def _end(pattern: re.Pattern[str], value: str, position: int) -> int:
    found = pattern.match(value, position)
    return found.end() if found else position


def describe(answer: Answer) -> str:
    """Say in a few words why an answer is no metadata document."""
    if answer.status != 200:
        return str(answer.status)
    return "200, but the body is no JSON object" if not answer.json else "200"
