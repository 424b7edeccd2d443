"""What a client or a browser sent: the parameters of a query or of a form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from authlib.oauth2.rfc6749.errors import InvalidRequestError
from starlette.requests import Request

FORM = "application/x-www-form-urlencoded"
LARGEST_FORM = 64 * 1024
MOST_FIELDS = 100


@dataclass(frozen=True)
class Parameters:
    """Parameters by name. One without a value counts as omitted (RFC 6749 section 3.1).

    Attributes:
        values: the first value of each name.
        repeated: the names that came more than once, which no request may do (RFC 6749 sections 3.1 and 3.2).
    """

    values: Mapping[str, str]
    repeated: frozenset[str]

    def get(self, name: str) -> str | None:
        """Return the value of a parameter, or None where it was omitted."""
        return self.values.get(name)


async def read_parameters(request: Request) -> Parameters:
    """Return the query of a GET, or the form of a POST.

    Raises:
        InvalidRequestError: the form cannot be read.
    """
    return await read_form(request) if request.method == "POST" else _parse(request.url.query)


async def read_form(request: Request) -> Parameters:
    """Return the form in a request's body.

    Raises:
        InvalidRequestError: it is no form, or a larger one than anybody needs.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise InvalidRequestError(f"The body must be {FORM}.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM:
            raise InvalidRequestError("The body is too large.")
    try:
        return _parse(body.decode())
    except UnicodeDecodeError:
        raise InvalidRequestError("The body is not UTF-8.") from None


def _parse(text: str) -> Parameters:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise InvalidRequestError("There are too many parameters.") from None
    counts = Counter(name for name, _ in pairs)
    values = {name: value for name, value in reversed(pairs) if value}
    return Parameters(values, frozenset(name for name, count in counts.items() if count > 1))
