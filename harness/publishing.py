"""What scenarios do with client ID metadata documents: they publish one that is good but for a deviation."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from harness import clients, keys
from harness.expect import expect_no_code
from harness.listener import Reply
from harness.target import OAuthClient
from harness.verdict import Blocked, NotApplicable

if TYPE_CHECKING:
    from harness.browser import Landing
    from harness.client_documents import ClientDocuments
    from harness.context import Context
    from harness.run import Site

METHOD = "token_endpoint_auth_method"
PRIVATE_KEY_JWT = "private_key_jwt"
JSON = {"content-type": "application/json"}
PLAIN = "https://{host}/{name}.json"
"""What the URL of a good document looks like."""


@dataclass(frozen=True)
class Published:
    """A document that is served, and the client that it describes.

    Attributes:
        client: what is sent in its name; its client_id is the document's URL.
        document: the document's members.
        path: where it is served.
    """

    client: OAuthClient
    document: dict[str, Any]
    path: str
    place: ClientDocuments = field(repr=False)

    @property
    def body(self) -> bytes:
        """The document as it is sent."""
        return json.dumps(self.document).encode()

    @property
    def fetches(self) -> int:
        """How often it was asked for so far."""
        return self.place.fetches(self.path)

    def serve(self, reply: Reply | None = None) -> None:
        """Answer requests for it so from now on; without a reply, with the document as JSON."""
        self.place.publish(self.path, reply or Reply(body=self.body, headers=JSON))


def place_of(ctx: Context) -> ClientDocuments:
    """Return where documents are served that the target can fetch.

    Raises:
        NotApplicable: there is no such place.
    """
    place = ctx.target.client_documents
    if place is None:
        raise NotApplicable("no [client_documents] say where documents can be served that the target trusts")
    return place()


def publish(
    ctx: Context,
    *,
    url: str = PLAIN,
    reply: Callable[[Published], Reply] | None = None,
    without: tuple[str, ...] = (),
    members: Mapping[str, Any] = MappingProxyType({}),
) -> Published:
    """Publish a document that is good but for the deviations, under a URL that was never used before.

    Args:
        ctx: the scenario's context.
        url: the URL, with `{host}` and `{name}` in the place of what differs.
        reply: makes what is answered in the place of the document.
        without: members that are left out.
        members: members that differ.

    Raises:
        NotApplicable: there is no place for it.
    """
    published = _made(ctx.home, place_of(ctx), url, members, without)
    published.serve(reply(published) if reply else None)
    return published


def documented_client(site: Site) -> OAuthClient | None:
    """Return a client with a good document; None where the target looks up none, or there is no place for it."""
    place = site.run.target.client_documents
    if place is None or site.metadata.get("client_id_metadata_document_supported") is not True:
        return None
    published = _made(site, place())
    published.serve()
    return published.client


def expect_document_refused(landing: Landing, published: Published) -> None:
    """A request of a client whose document is bad was refused, and because of the document.

    Raises:
        Violation: a code was issued.
        Blocked: it was refused before anybody looked at the document, as by a limit of fetches, or not refused at all.
    """
    expect_no_code(landing)
    if not published.fetches:
        reason = f"the request was refused before its document was fetched: {landing.summary()}"
        raise Blocked(reason, "let the target fetch as many documents as it is asked to", landing.answer.exchange)


def _made(
    site: Site,
    place: ClientDocuments,
    url: str = PLAIN,
    members: Mapping[str, Any] = MappingProxyType({}),
    without: tuple[str, ...] = (),
) -> Published:
    client_id = url.format(host=place.host, name=f"assay-{secrets.token_urlsafe(12)}")
    keyed = members.get(METHOD, _usual_method(site)) == PRIVATE_KEY_JWT
    private_key = keys.new_private_key(clients.assertion_algorithm(site)) if keyed else None
    document = {**_good(site, place, client_id, private_key), **members}
    for name in without:
        document.pop(name, None)
    path = place.resolved(urlsplit(client_id).path)
    return Published(_client(client_id, place, document, private_key), document, path, place)


def _usual_method(site: Site) -> str:
    """Return how good clients authenticate: not at all, unless the target lists only what takes a key."""
    listed = site.metadata.get("token_endpoint_auth_methods_supported")
    by_key = isinstance(listed, list) and "none" not in listed and PRIVATE_KEY_JWT in listed
    return PRIVATE_KEY_JWT if by_key else "none"


def _good(site: Site, place: ClientDocuments, client_id: str, private_key: dict[str, Any] | None) -> dict[str, Any]:
    return {
        **clients.registration_metadata(site, "first", private_key),
        "client_id": client_id,
        "client_name": "mcp-assay document",
        "redirect_uris": [place.redirect_uri],
        METHOD: PRIVATE_KEY_JWT if private_key else "none",
    }


def _client(
    client_id: str, place: ClientDocuments, document: dict[str, Any], private_key: dict[str, Any] | None
) -> OAuthClient:
    """Return the client as it behaves: with its key, or without any credential."""
    uris = document.get("redirect_uris")
    named = uris[0] if isinstance(uris, list) and uris and isinstance(uris[0], str) else place.redirect_uri
    method = PRIVATE_KEY_JWT if private_key else "none"
    return OAuthClient(client_id, method, private_key=private_key, redirect_uri=named)
