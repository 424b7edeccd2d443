"""Audiences that are not this server's, however like it they look (MCP token handling, RFC 8707, RFC 8725 section 3.9).

A server may have several identifiers of its own; so only those are judged that nobody gives to a server.
"""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit, urlunsplit

from harness import Fault, fault
from harness.forging import instead, repeating
from harness.http import origin_of
from harness.minting import Exactly
from harness.verdict import NotApplicable
from scenarios.mcp_server.faulty_tokens.rows import with_claim

OTHER = "https://other.example/mcp"
AS_A_WHOLE = (
    "Compare aud as a whole with your own resource identifier, sign by sign: an address that is like it is another."
)


def _url(own: str) -> SplitResult:
    if not origin_of(own):
        raise NotApplicable("the server's own audience is no http or https URL")
    return urlsplit(own)


def _path(own: str) -> str:
    path = _url(own).path.rstrip("/")
    if not path:
        raise NotApplicable("the server's own audience has no path")
    return path


def _with_path(own: str, path: str) -> str:
    return urlunsplit(_url(own)._replace(path=path))


def _with_host(own: str, host: str, port: int | None) -> str:
    return urlunsplit(_url(own)._replace(netloc=f"{host}:{port}" if port else host))


def _host(own: str) -> str:
    return _url(own).netloc.rpartition("@")[2].removesuffix(f":{_url(own).port}")


def at_another_port(own: str) -> str:
    """Return an audience like a server's own, at the next port."""
    port = _url(own).port or (443 if _url(own).scheme == "https" else 80)
    return _with_host(own, _host(own), port + 1 if port < 65535 else port - 1)


def at_a_longer_host(own: str) -> str:
    """Return an audience whose host begins like a server's own."""
    return _with_host(own, f"{_host(own)}.other.example", _url(own).port)


def as_a_user_elsewhere(own: str) -> str:
    """Return an audience at another host, with the server's own origin as the name of a user."""
    return urlunsplit(_url(own)._replace(netloc=f"{_url(own).netloc}@other.example"))


def beside(own: str) -> str:
    """Return the audience of a neighbour, whose path differs in its last part."""
    return _with_path(own, f"{_path(own).rpartition('/')[0]}/assay-neighbour")


def in_another_case(own: str) -> str:
    """Return an audience whose path is in capitals where a server's own is not, and the other way round."""
    if _path(own).swapcase() == _path(own):
        raise NotApplicable("the path of the server's own audience has no letters")
    return _with_path(own, _path(own).swapcase())


def above(own: str) -> str:
    """Return the audience of the path above, which is not yet the whole host."""
    upper = _path(own).rpartition("/")[0]
    if not upper:
        raise NotApplicable("there is nothing but the host above the server's own audience")
    return _with_path(own, upper)


def shortened(own: str) -> str:
    """Return a beginning of an audience, which is not the path above it."""
    beginning = own.rstrip("/")[:-1]
    if beginning.endswith("/"):
        raise NotApplicable("the last part of the server's own audience is one sign")
    return beginning


AUDIENCES: tuple[Fault, ...] = (
    fault(
        "for-another-audience",
        "mcp-token-handling-2",
        "rfc6750-5.2-3",
        aud=OTHER,
        remedy="Compare aud with your own resource identifier, as your metadata publishes it.",
    ),
    fault(
        "for-an-audience-that-begins-alike",
        "mcp-token-handling-2",
        aud=lambda own: f"{own.rstrip('/')}-staging",
        remedy="Compare aud as a whole: a resource whose identifier begins like yours is another one.",
    ),
    *with_claim(
        "aud",
        {
            "for-the-beginning-of-our-audience": shortened,
            "for-an-audience-that-holds-ours": lambda own: f"https://other.example/?for={own}",
            "for-another-port": at_another_port,
            "for-a-host-that-begins-alike": at_a_longer_host,
            "for-another-host-with-ours-as-user": as_a_user_elsewhere,
            "for-a-neighbouring-path": beside,
            "for-a-path-in-another-case": in_another_case,
            "for-another-scheme": lambda own: urlunsplit(_url(own)._replace(scheme="assay")),
            "for-everybody": "*",
        },
        "mcp-token-handling-2",
        remedy=AS_A_WHOLE,
    ),
    fault(
        "for-its-issuer",
        "mcp-token-handling-2",
        forge=instead(aud=lambda forge: forge.claims.get("iss")),
        remedy="Refuse a token for the authorization server itself: its userinfo endpoint may take such ones.",
    ),
    fault(
        "for-others-in-a-list",
        "mcp-token-handling-2",
        aud=[OTHER, "https://third.example/mcp"],
        remedy="Look for your own identifier among those of a list; a list alone is no good sign.",
    ),
    fault(
        "without-audience",
        "rfc8725-3.9-2",
        aud=None,
        remedy="Refuse a token without aud: it was not issued for you.",
    ),
    *with_claim(
        "aud",
        {
            "with-an-empty-audience": "",
            "with-an-empty-list-of-audiences": [],
            "with-null-as-audience": Exactly(None),
            "with-a-truth-value-as-audience": True,
            "with-an-object-as-audience": lambda own: {own: True},
        },
        "rfc8725-3.9-2",
        remedy="Take aud for what it is, a text or a list of texts; refuse anything else, as if there were no aud.",
    ),
    fault(
        "with-another-audience-behind-ours",
        "rfc7519-4-1",
        "mcp-token-handling-2",
        forge=repeating(aud=lambda _: OTHER),
        remedy="Read claims with a parser that keeps the last of those that repeat, or that refuses them.",
    ),
    # SDKs of MCP let a server take tokens for paths below its own, and leave a query aside when they compare: the
    # specification says only that the most specific identifier should be used.
    *with_claim(
        "aud",
        {
            "for-the-whole-host": lambda own: _path(own) and _with_path(own, ""),
            "for-the-path-above": above,
            "for-a-path-below": lambda own: f"{own.rstrip('/')}/assay-below",
            "for-our-audience-with-a-query": lambda own: f"{own}?tenant=other",
        },
        "rfc8707-3-2",
        remedy="Go by your whole identifier: what else is at your host may belong to somebody else.",
    ),
)
