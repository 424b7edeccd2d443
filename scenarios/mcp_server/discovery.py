"""Protected resource metadata: where it is, and what it says (RFC 9728)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from harness import Context, expect, expect_media_type, scenario
from harness.discovery import authorization_server_metadata, challenge, well_known
from harness.exchange import Answer
from harness.http import NotAllowed, is_loopback, origin_of
from harness.mcp_capability import MCP_SERVER
from harness.verdict import Blocked

SUFFIX = "oauth-protected-resource"


@scenario("mcp-discovery.prm-1", needs={MCP_SERVER})
def metadata_is_published(ctx: Context) -> None:
    """Protected resource metadata is found through the challenge, or at one of the two well-known places.

    Why: without it a client cannot know which authorization server to ask for a token.
    Remedy: serve the metadata of RFC 9728 below /.well-known/oauth-protected-resource, and name its URL as
    resource_metadata in the 401 challenge.
    """
    asked = _without_token(ctx)
    expect(_found(ctx, asked), "metadata named by the challenge or at a well-known place", "there is none", asked)


@scenario("rfc9728-3-1", "rfc9728-3.1-1", needs={MCP_SERVER})
def metadata_is_at_the_well_known_place(ctx: Context) -> None:
    """The metadata is found by whoever knows the resource identifier only.

    Why: a client that was told the URL of the server, and has seen no challenge yet, looks there.
    Remedy: insert /.well-known/oauth-protected-resource between the host and the path of the resource identifier.
    """
    asked = _without_token(ctx)
    documents = _found(ctx, asked)
    if documents.keys() & {well_known(_url(ctx), SUFFIX), _root(ctx)}:
        return
    ctx.require(not documents, "the challenge names the metadata, which is enough for MCP")
    expect(False, "metadata at a well-known place", "it is at none, and no challenge names it", asked)


@scenario("rfc9728-3.2-1", needs={MCP_SERVER})
def metadata_is_served_as_json(ctx: Context) -> None:
    """The metadata comes with status 200 and the content type application/json.

    Remedy: send Content-Type: application/json with the document.
    """
    for answer in _documents(ctx).values():
        expect_media_type(answer, "application/json")


@scenario("rfc9728-3.2-1", needs={MCP_SERVER})
def empty_members_are_left_out(ctx: Context) -> None:
    """A member with no values is not in the metadata.

    Why: clients take an empty list for a statement, such as that no scope can be asked for.
    Remedy: leave members out whose list is empty.
    """
    for answer in _documents(ctx).values():
        empty = [name for name, value in answer.json.items() if value == []]
        expect(not empty, "no member with an empty list", f"empty: {', '.join(empty)}", answer)


@scenario("rfc9728-3.3-1", "rfc9728-2-1", needs={MCP_SERVER})
def the_resource_is_the_url_it_was_found_for(ctx: Context) -> None:
    """The metadata's resource is exactly the URL that the client asked, or from which it built the well-known URL.

    Why: a client drops metadata of another resource, since it could be an attacker's invitation to send tokens there.
    Remedy: publish the URL under which clients reach the MCP endpoint, character for character, as resource.
    """
    for url, answer in _documents(ctx).items():
        _expect_resource(answer, {_url(ctx), _origin(ctx)} if url == _root(ctx) else {_url(ctx)})


@scenario("rfc9728-1.2-1", needs={MCP_SERVER})
def the_resource_is_a_url_without_fragment(ctx: Context) -> None:
    """The resource is an https URL, or one of http on loopback, and has no fragment.

    Remedy: publish the https URL of the MCP endpoint, without anything behind a number sign.
    """
    for answer in _documents(ctx).values():
        resource = str(answer.json.get("resource"))
        secure = resource.startswith("https://") or is_loopback(resource)
        expect(origin_of(resource) and secure, "an https URL as resource", f"it is {resource!r}", answer)
        expect("#" not in resource, "a resource without fragment", f"it is {resource!r}", answer)


@scenario("mcp-discovery.location-1", needs={MCP_SERVER})
def an_authorization_server_is_named(ctx: Context) -> None:
    """The metadata names at least one authorization server, by URL.

    Remedy: list the issuer of your authorization server in authorization_servers.
    """
    for answer in _documents(ctx).values():
        listed = answer.json.get("authorization_servers")
        named = isinstance(listed, list) and bool(listed) and all(origin_of(str(entry)) for entry in listed)
        expect(named, "a list of URLs in authorization_servers", f"it is {listed!r}", answer)


@scenario("rfc9728-2-6", needs={MCP_SERVER})
def each_authorization_server_goes_by_the_name_it_is_given(ctx: Context) -> None:
    """Each entry of authorization_servers is the issuer that this authorization server's own metadata names.

    Why: clients compare the two character by character, and stop at a slash too many.
    Remedy: copy issuer from the metadata of the authorization server.
    """
    answer = _document(ctx)
    entries = _strings(answer.json.get("authorization_servers"))
    ctx.require(entries, "the metadata names no authorization server")
    for listed in entries:
        try:
            issuer = authorization_server_metadata(ctx.http, listed).get("issuer")
        except NotAllowed:
            continue
        expect(issuer == listed, "the issuer of that authorization server", f"{listed} calls itself {issuer}", answer)


@scenario("rfc9728-2-2", needs={MCP_SERVER})
def the_keys_of_the_resource_are_at_an_https_url(ctx: Context) -> None:
    """Where the metadata has a jwks_uri, it is an https URL, or one of http on loopback.

    Remedy: publish the https URL of the resource's own keys, or leave jwks_uri out: it is not the one of the
    authorization server.
    """
    for answer in _documents(ctx).values():
        place = answer.json.get("jwks_uri")
        secure = place is None or str(place).startswith("https://") or is_loopback(str(place))
        expect(secure, "an https URL as jwks_uri", f"it is {place!r}", answer)


@scenario("rfc9728-2-3", needs={MCP_SERVER})
def none_is_no_algorithm_of_the_resource(ctx: Context) -> None:
    """The algorithms with which the resource signs its answers do not hold none.

    Remedy: list the algorithms that are used in resource_signing_alg_values_supported, and never none.
    """
    for answer in _documents(ctx).values():
        listed = _strings(answer.json.get("resource_signing_alg_values_supported"))
        expect("none" not in listed, "no none in resource_signing_alg_values_supported", "it is there", answer)


@scenario("rfc9728-2-5", needs={MCP_SERVER})
def tokens_are_taken_by_methods_that_exist(ctx: Context) -> None:
    """Where the metadata says how a token may come, it names nothing but header, body and query.

    Remedy: list header in bearer_methods_supported, which is all that MCP allows.
    """
    for answer in _documents(ctx).values():
        listed = answer.json.get("bearer_methods_supported", [])
        known = isinstance(listed, list) and {str(method) for method in listed} <= {"header", "body", "query"}
        expect(known, "header, body or query in bearer_methods_supported", f"it is {listed!r}", answer)


@scenario("rfc9728-2-4", needs={MCP_SERVER})
def the_scopes_are_published(ctx: Context) -> None:
    """The metadata lists the scopes that a client can ask for.

    Why: a client that was told no scope in a challenge asks for these.
    Remedy: list in scopes_supported what basic use of the server needs.
    """
    answer = _document(ctx)
    scopes = answer.json.get("scopes_supported")
    ctx.require(scopes is not None or ctx.world.tool_scopes, "nothing is known of scopes that the MCP server needs")
    expect(_strings(scopes), "scopes in scopes_supported", f"it is {scopes!r}", answer)


@scenario("mcp-refresh-2", needs={MCP_SERVER})
def offline_access_is_not_asked_for(ctx: Context) -> None:
    """Neither the challenge nor scopes_supported holds offline_access.

    Why: whether a client gets a refresh token is between it and the authorization server.
    Remedy: leave offline_access out of both.
    """
    asked = _without_token(ctx)
    for answer in _documents(ctx).values():
        listed = _strings(answer.json.get("scopes_supported"))
        expect("offline_access" not in listed, "no offline_access in scopes_supported", "it is there", answer)
    challenged = challenge(asked).get("scope", "").split()
    expect("offline_access" not in challenged, "no offline_access in the challenge", "it is there", asked)


def _url(ctx: Context) -> str:
    return ctx.home.tenant.mcp_server


def _without_token(ctx: Context) -> Answer:
    return ctx.call_tool(token=None) if ctx.world.scoped_tools else ctx.mcp_request(token=None)


def _found(ctx: Context, asked: Answer) -> dict[str, Answer]:
    """Return the documents that there are by their URLs; the one at the root counts where there is no other."""
    named = challenge(asked).get("resource_metadata", "")
    places = [url for url in (named, well_known(_url(ctx), SUFFIX)) if origin_of(url)]
    return _fetched(ctx, *places) or _fetched(ctx, _root(ctx))


def _fetched(ctx: Context, *urls: str) -> dict[str, Answer]:
    found = {}
    for url in dict.fromkeys(urls):
        try:
            answer = ctx.http.send("GET", url, headers={"accept": "application/json"})
        except NotAllowed:
            continue
        if answer.status == 200 and answer.json:
            found[url] = answer
    return found


def _documents(ctx: Context) -> dict[str, Answer]:
    found = _found(ctx, _without_token(ctx))
    if not found:
        raise Blocked(f"{_url(ctx)} publishes no protected resource metadata")
    return found


def _document(ctx: Context) -> Answer:
    return next(iter(_documents(ctx).values()))


def _origin(ctx: Context) -> str:
    parts = urlsplit(_url(ctx))
    return f"{parts.scheme}://{parts.netloc}"


def _root(ctx: Context) -> str:
    return f"{_origin(ctx)}/.well-known/{SUFFIX}"


def _expect_resource(answer: Answer, identifiers: set[str]) -> None:
    resource = answer.json.get("resource")
    wanted, actual = f"resource {' or '.join(sorted(identifiers))}", f"it is {resource!r}"
    if str(resource).rstrip("/") in {identifier.rstrip("/") for identifier in identifiers}:
        if resource not in identifiers:
            answer.warn(wanted, actual)
        return
    expect(False, wanted, actual, answer)


def _strings(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
