"""Metadata: where it is, that it is whole, and that it is true (RFC 8414, OpenID Connect Discovery)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from harness import Context, expect, expect_media_type, scenario
from harness.capability import METADATA
from harness.discovery import candidates, published_documents, well_known
from harness.exchange import Answer
from harness.http import is_loopback
from harness.verdict import Blocked, Violation

OAUTH = "oauth-authorization-server"
JWT_METHODS = {"private_key_jwt", "client_secret_jwt"}


@scenario("mcp-overview-1")
def metadata_is_published(ctx: Context) -> None:
    """A metadata document is found at one of the three places where MCP clients look.

    Why: a client that finds no metadata knows neither the endpoints nor whether PKCE is supported, and gives up.
    Remedy: serve RFC 8414 metadata or an OpenID Connect discovery document at the well-known place of the issuer.
    """
    answers = [_fetch(ctx, url) for url in candidates(_issuer(ctx))]
    _expect_one(answers, "a metadata document at a well-known place of the issuer")


@scenario("mcp-overview-3", "rfc9700-2.6-4")
def oauth_metadata_is_published(ctx: Context) -> None:
    """RFC 8414 metadata is published; the revision 2025-06-18 knows no other.

    Remedy: serve the metadata below /.well-known/oauth-authorization-server as well.
    """
    answers = [_fetch(ctx, well_known(_issuer(ctx), OAUTH))]
    _expect_one(answers, "RFC 8414 metadata at its well-known place")


@scenario("rfc8414-3-1", "rfc8414-3.1-1")
def oauth_metadata_is_between_host_and_path(ctx: Context) -> None:
    """RFC 8414 metadata is found where the well-known part stands between the host and the path of the issuer.

    Why: for an issuer with a path, clients do not look behind the path, where OpenID Connect puts its document.
    Remedy: serve it at https://host/.well-known/oauth-authorization-server/path.
    """
    issuer = _issuer(ctx)
    inserted = _fetch(ctx, well_known(issuer, OAUTH))
    if _is_document(inserted):
        return
    appended = _fetch(ctx, f"{issuer.rstrip('/')}/.well-known/{OAUTH}")
    ctx.require(_is_document(appended), "the target publishes no RFC 8414 metadata")
    actual = f"it is at {appended.exchange.url} only"
    raise Violation("metadata between host and path", actual, inserted.exchange)


@scenario("rfc8414-3.3-2", needs={METADATA})
def the_issuer_is_the_one_asked_for(ctx: Context) -> None:
    """Every document names the issuer whose well-known place it was fetched from.

    Why: clients drop metadata with another issuer, since it could be an attacker's copy.
    Remedy: publish the issuer exactly as the protected resource metadata names it, character by character.
    """
    asked = _issuer(ctx)
    for document in _documents(ctx):
        named = document.json.get("issuer")
        actual = f"issuer was {named!r}"
        if isinstance(named, str) and named != asked and named.rstrip("/") == asked.rstrip("/"):
            document.warn(f"issuer {asked}", actual)
            continue
        expect(named == asked, f"issuer {asked}", actual, document)


@scenario("rfc8414-2-1", needs={METADATA})
def the_issuer_is_a_bare_https_url(ctx: Context) -> None:
    """The issuer is an https URL without query and fragment; http will do on loopback.

    Remedy: choose an issuer identifier with scheme, host and at most a path.
    """
    for document in _documents(ctx):
        issuer = document.json.get("issuer")
        bare = isinstance(issuer, str) and "?" not in issuer and "#" not in issuer and _is_secure(issuer)
        expect(bare, "an https URL without query and fragment", f"issuer was {issuer!r}", document)


@scenario(
    "mcp-security.communication-1", "oauth21-1.5-1", "rfc7009-2-2", "rfc7662-2-1", "rfc7591-3-1", needs={METADATA}
)
def all_endpoints_are_https(ctx: Context) -> None:
    """Every endpoint in the metadata is an https URL; http will do on loopback.

    Why: codes, tokens and passwords pass through these endpoints.
    Remedy: serve them over TLS, and derive their URLs from the configured issuer instead of the proxied request.
    """
    for document in _documents(ctx):
        urls = {name: url for name, url in document.json.items() if name.endswith("_endpoint") or name == "jwks_uri"}
        open_ones = sorted(name for name, url in urls.items() if url is not None and not _is_secure(url))
        expect(not open_ones, "https URLs only", f"not https: {', '.join(open_ones)}", document)


@scenario("rfc8414-3.2-1", needs={METADATA})
def metadata_is_json(ctx: Context) -> None:
    """The metadata comes as application/json.

    Remedy: set Content-Type: application/json on the metadata.
    """
    for document in _documents(ctx):
        expect_media_type(document, "application/json")


@scenario("rfc8414-3.2-1", needs={METADATA})
def empty_members_are_left_out(ctx: Context) -> None:
    """The metadata holds no empty lists.

    Why: an empty list would say that nothing is supported, where an absent one means the default.
    Remedy: leave a member out when there is nothing to list.
    """
    for document in _documents(ctx):
        empty = sorted(name for name, value in document.json.items() if value == [])
        expect(not empty, "no empty lists", f"empty: {', '.join(empty)}", document)


@scenario("rfc8414-2-4", needs={METADATA})
def response_types_are_listed(ctx: Context) -> None:
    """The metadata lists the response types.

    Remedy: publish response_types_supported, for OAuth 2.1 with code.
    """
    document = _document(ctx)
    ctx.require(document.json.get("authorization_endpoint"), "there is no authorization endpoint")
    listed = document.json.get("response_types_supported")
    named = isinstance(listed, list) and len(listed) > 0
    expect(named, "a list in response_types_supported", f"it was {listed!r}", document)


@scenario("rfc8414-2-5", needs={METADATA})
def the_keys_tell_their_use(ctx: Context) -> None:
    """jwks_uri leads to a key set, in which every key says its use where some are for encryption.

    Remedy: publish the key set at jwks_uri, with use=sig and use=enc where both kinds are there.
    """
    document = _document(ctx)
    url = document.json.get("jwks_uri")
    ctx.require(url, "no jwks_uri is published")
    expect(_is_secure(url), "an https URL in jwks_uri", f"it was {url!r}", document)
    answer = ctx.http.send("GET", str(url), headers={"accept": "application/json"})
    if answer.status >= 500:
        raise Blocked(f"the keys could not be fetched: {answer.summary()}", exchange=answer.exchange)
    keys = answer.json.get("keys")
    ctx.require(keys != [], "the key set is empty: nothing is signed here")
    expect(answer.status == 200 and isinstance(keys, list) and keys, "a JWK Set", answer.summary(), answer)
    uses = [key.get("use") for key in keys or () if isinstance(key, dict)]
    told = "enc" not in uses or None not in uses
    expect(told, "use in every key, as some are for encryption", "some keys have no use", answer)


@scenario("rfc8414-2-6", needs={METADATA})
def assertion_algorithms_are_listed(ctx: Context) -> None:
    """Where clients authenticate with a JWT, the metadata lists the algorithms for it.

    Remedy: publish <endpoint>_endpoint_auth_signing_alg_values_supported beside each list of methods with a JWT.
    """
    document = _document(ctx)
    endpoints = [name for name in ("token", "revocation", "introspection") if _takes_jwts(document.json, name)]
    ctx.require(endpoints, "no endpoint authenticates clients with a JWT")
    for name in endpoints:
        member = f"{name}_endpoint_auth_signing_alg_values_supported"
        listed = document.json.get(member)
        expect(isinstance(listed, list) and listed, f"algorithms in {member}", f"it was {listed!r}", document)


@scenario("oauth21-7.10-1", "oauth21-4.1.1-2", "rfc7636-4.2-2", "rfc9700-2.1.1-3", "rfc9700-2.1.1-6", needs={METADATA})
def s256_is_advertised(ctx: Context) -> None:
    """The metadata says that the code challenge method S256 is supported.

    Why: MCP clients refuse to go on where they cannot see this.
    Remedy: publish code_challenge_methods_supported with S256.
    """
    document = _document(ctx)
    ctx.require(document.json.get("authorization_endpoint"), "there is no authorization endpoint")
    listed = document.json.get("code_challenge_methods_supported")
    named = isinstance(listed, list) and "S256" in listed
    expect(named, "S256 in code_challenge_methods_supported", f"it was {listed!r}", document)


@scenario("mcp-security.pkce-2", needs={METADATA})
def the_openid_document_lists_challenge_methods(ctx: Context) -> None:
    """An OpenID Connect discovery document lists the code challenge methods too.

    Why: OpenID Connect Discovery does not know this member, so many servers leave it out, and MCP clients give up.
    Remedy: add code_challenge_methods_supported to the OpenID Connect document.
    """
    documents = [document for document in _documents(ctx) if not _is_oauth(document)]
    ctx.require(documents, "no OpenID Connect discovery document is published")
    for document in documents:
        listed = document.json.get("code_challenge_methods_supported")
        named = isinstance(listed, list) and len(listed) > 0
        expect(named, "a list in code_challenge_methods_supported", f"it was {listed!r}", document)


@scenario("rfc9068-4-8", needs={METADATA})
def the_documents_agree(ctx: Context) -> None:
    """RFC 8414 metadata and the OpenID Connect document give the same issuer, endpoints and keys.

    Why: clients may read either, and resource servers trust the keys that they find.
    Remedy: build both documents from the same data.
    """
    documents = _documents(ctx)
    oauth = next((document for document in documents if _is_oauth(document)), None)
    others = [document for document in documents if document is not oauth]
    ctx.require(oauth and others, "only one kind of metadata is published")
    assert oauth
    for other in others:
        shared = sorted(name for name in oauth.json.keys() & other.json.keys() if _is_address(name))
        different = [name for name in shared if oauth.json[name] != other.json[name]]
        expect(not different, "documents that agree", f"they differ in {', '.join(different)}", other)


def _issuer(ctx: Context) -> str:
    issuer = ctx.home.tenant.authorization_server
    ctx.require(issuer, "no authorization server is named")
    return issuer


def _fetch(ctx: Context, url: str) -> Answer:
    return ctx.http.send("GET", url, headers={"accept": "application/json"})


def _is_document(answer: Answer) -> bool:
    return answer.status == 200 and bool(answer.json)


def _documents(ctx: Context) -> list[Answer]:
    """Return every metadata document that the issuer publishes; METADATA says that there is one."""
    return published_documents(ctx.http, _issuer(ctx))


def _document(ctx: Context) -> Answer:
    """Return the document that a client would use."""
    documents = _documents(ctx)
    if not documents:
        raise Blocked("the metadata, which was there before, is gone")
    return documents[0]


def _expect_one(answers: list[Answer], expected: str) -> None:
    if any(_is_document(answer) for answer in answers):
        return
    if any(answer.status >= 500 for answer in answers):
        raise Blocked("a well-known place is out of order", exchange=answers[0].exchange)
    seen = "; ".join(f"{urlsplit(answer.exchange.url).path}: {answer.status}" for answer in answers)
    raise Violation(expected, f"there was none ({seen})", answers[0].exchange)


def _is_oauth(document: Answer) -> bool:
    return f"/.well-known/{OAUTH}" in document.exchange.url


def _is_address(member: str) -> bool:
    return member in ("issuer", "jwks_uri") or member.endswith("_endpoint")


def _is_secure(url: Any) -> bool:
    return isinstance(url, str) and (url.startswith("https://") or (url.startswith("http://") and is_loopback(url)))


def _takes_jwts(metadata: dict[str, Any], endpoint: str) -> bool:
    methods = metadata.get(f"{endpoint}_endpoint_auth_methods_supported")
    return isinstance(methods, list) and bool(JWT_METHODS & {item for item in methods if isinstance(item, str)})
