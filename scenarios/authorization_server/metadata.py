"""What the metadata says: endpoints that can be called, and algorithms that can be relied on (RFC 8414 section 2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness import Context, expect, scenario
from harness.capability import METADATA
from harness.discovery import published_documents
from harness.exchange import Answer
from harness.support import grant

BROKEN = {"RS1", "HS1", "PS1"}
"""JWS algorithms with SHA-1, which the registry of RFC 7518 section 7.1 prohibits."""


@scenario("rfc8414-2-2", needs={METADATA})
def the_authorization_endpoint_is_named(ctx: Context) -> None:
    """Where a grant needs the authorization endpoint, the metadata names it.

    Why: without grant_types_supported, clients take the authorization code grant to be there.
    Remedy: publish authorization_endpoint, or a grant_types_supported without the grants that need it.
    """
    for document in _documents(ctx):
        needed = any(grant(name)(document.json) for name in ("authorization_code", "implicit"))
        named = _is_text(document.json.get("authorization_endpoint"))
        expect(named or not needed, "authorization_endpoint in the metadata", "there was none", document)


@scenario("rfc8414-2-3", needs={METADATA})
def the_token_endpoint_is_named(ctx: Context) -> None:
    """The metadata names the token endpoint, unless the implicit grant is the only one.

    Remedy: publish token_endpoint.
    """
    for document in _documents(ctx):
        alone = document.json.get("grant_types_supported") == ["implicit"]
        named = _is_text(document.json.get("token_endpoint"))
        expect(named or alone, "token_endpoint in the metadata", "there was none", document)


@scenario("oauth21-3.1-2", "oauth21-3.2-2", needs={METADATA})
def endpoints_have_no_fragment(ctx: Context) -> None:
    """The URLs of the authorization endpoint and of the token endpoint have no fragment.

    Why: what comes after # is never sent, and parameters that are appended to it are lost.
    Remedy: leave the fragment out; a page that needs one can be redirected to.
    """
    for document in _documents(ctx):
        for name in ("authorization_endpoint", "token_endpoint"):
            url = document.json.get(name)
            expect("#" not in str(url), f"no fragment in {name}", f"it was {url!r}", document)


@scenario("rfc8414-2-7", needs={METADATA})
def none_is_no_way_to_authenticate(ctx: Context) -> None:
    """The algorithm none is not among those by which clients may sign what they authenticate with.

    Why: anybody can write a JWT with this algorithm.
    Remedy: take none out of <endpoint>_endpoint_auth_signing_alg_values_supported, and refuse such assertions.
    """
    for document in _documents(ctx):
        for name in document.json:
            if name.endswith("_endpoint_auth_signing_alg_values_supported"):
                listed = document.strings(name)
                expect("none" not in listed, f"no algorithm none in {name}", f"it was {listed!r}", document)


@scenario("rfc8725-3.2-1", needs={METADATA})
def no_broken_algorithm_is_offered(ctx: Context) -> None:
    """The metadata lists no signature algorithm that has been broken.

    Why: what one party offers, another one may choose.
    Remedy: offer algorithms with SHA-2, or those of RFC 8032 and later.
    """
    for document in _documents(ctx):
        for name in _algorithm_lists(document.json):
            broken = sorted(BROKEN.intersection(document.strings(name)))
            expect(not broken, f"no broken algorithm in {name}", f"there were {', '.join(broken)}", document)


@scenario("rfc8414-2-8", needs={METADATA})
def scopes_are_listed(ctx: Context) -> None:
    """The metadata lists scopes, of which some may be left out.

    Why: where the MCP server does not say which scope it needs, clients look here.
    Remedy: publish scopes_supported.
    """
    for document in _documents(ctx):
        listed = document.json.get("scopes_supported")
        expect(document.strings("scopes_supported"), "a list in scopes_supported", f"it was {listed!r}", document)


def _documents(ctx: Context) -> list[Answer]:
    """Return every metadata document that the issuer publishes; METADATA says that there is one."""
    return published_documents(ctx.http, ctx.home.tenant.authorization_server)


def _algorithm_lists(metadata: dict[str, Any]) -> Iterator[str]:
    return (name for name in metadata if name.endswith(("_alg_values_supported", "_algs_supported")))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)
