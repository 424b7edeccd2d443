"""Client ID metadata documents and credentials: keys count, and secrets do not (the draft, sections 4.1 and 6.2)."""

from __future__ import annotations

from dataclasses import replace

from harness import Context, Fault, expect_no_token, fault, keys, scenario
from harness.capability import CLIENT_ID_METADATA
from harness.flows import Grant
from harness.publishing import METHOD, Published, expect_document_refused, publish
from harness.target import OAuthClient

SECRETS = (
    fault(
        "sent-in-the-form",
        "cimd-4.1-3",
        remedy="Refuse a document with token_endpoint_auth_method client_secret_post: no secret was agreed on.",
        method="client_secret_post",
    ),
    fault(
        "sent-in-the-header",
        "cimd-4.1-3",
        remedy="Refuse a document with token_endpoint_auth_method client_secret_basic: no secret was agreed on.",
        method="client_secret_basic",
    ),
    fault(
        "that-signs",
        "cimd-4.1-3",
        remedy="Refuse a document with token_endpoint_auth_method client_secret_jwt: no secret was agreed on.",
        method="client_secret_jwt",
    ),
    fault(
        "that-everybody-can-read",
        "cimd-4.1-3",
        "cimd-4.1-4",
        remedy="Never take a client secret from a document.",
        secret="assay-" + "published" * 4,
        method="client_secret_post",
    ),
)

MEMBERS = (
    fault(
        "client-secret",
        "cimd-4.1-4",
        remedy="Refuse a document that holds client_secret.",
        client_secret="assay-" + "published" * 4,
    ),
    fault(
        "client-secret-expires-at",
        "cimd-4.1-4",
        remedy="Refuse a document that holds client_secret_expires_at.",
        client_secret_expires_at=0,
    ),
)

PROOFS = (
    fault(
        "without-a-proof",
        "cimd-6.2-1",
        remedy="Ask for the method that the document names, as for any confidential client.",
        auth_method="none",
    ),
    fault(
        "with-another-key",
        "cimd-6.2-1",
        remedy="Verify the client's assertion with the keys of its document.",
        auth_method="private_key_jwt",
    ),
)


@scenario.each(SECRETS, needs={CLIENT_ID_METADATA})
def a_document_with_a_method_that_needs_a_secret_is_refused(ctx: Context, fault: Fault) -> None:
    """A document that names a client secret as proof makes no client: neither with a secret nor without one.

    Why: no secret can be agreed on by a document that everybody can read.
    """
    method, secret = str(fault.claims["method"]), fault.claims.get("secret")
    published = publish(ctx, members={METHOD: method, **({"client_secret": secret} if secret else {})})
    landing = ctx.send_authorization(client=published.client)
    if not landing.get("code"):
        expect_document_refused(landing, published)
        return
    public = ctx.metadata.get("token_endpoint_auth_methods_supported") == ["none"]
    if not public:  # where all clients are public, secrets count for nothing
        client = replace(published.client, auth_method=method, secret=secret) if secret else published.client
        expect_no_token(ctx.redeem(_granted(ctx, published, client)), what="a client whose document needs a secret")
    landing.answer.warn("the document to be refused", landing.summary())


@scenario.each(MEMBERS, needs={CLIENT_ID_METADATA})
def a_document_with_a_member_for_secrets_is_refused(ctx: Context, fault: Fault) -> None:
    """A document that is good but for a member that only clients with a secret have makes no client.

    Why: somebody published what was to be kept, and the server should not act as if nothing had happened.
    """
    published = publish(ctx, members=fault.claims)
    landing = ctx.send_authorization(client=published.client)
    if landing.get("code"):  # a server that reads no such member uses it no more than one that refuses it
        landing.answer.warn("the document to be refused", landing.summary())
    else:
        expect_document_refused(landing, published)


@scenario.each(PROOFS, needs={CLIENT_ID_METADATA})
def a_client_with_keys_has_to_authenticate(ctx: Context, fault: Fault) -> None:
    """A client whose document names keys gets no token unless it authenticates with one of them.

    Why: everybody knows its client_id; the key is what tells it from others.
    """
    listed = ctx.metadata.get("token_endpoint_auth_methods_supported")
    ctx.require(isinstance(listed, list) and "private_key_jwt" in listed, "private_key_jwt is not supported")
    published = publish(ctx, members={METHOD: "private_key_jwt"})
    landing = ctx.send_authorization(client=published.client)
    ctx.require(landing.get("code"), "documents with keys are not accepted")
    ctx.grant(client=published.client)
    own = dict(published.client.private_key or {})
    other = {**keys.new_private_key(own["alg"]), **{name: own[name] for name in ("kid",) if name in own}}
    thief = replace(published.client, auth_method=str(fault.claims["auth_method"]), private_key=other)
    expect_no_token(ctx.redeem(_granted(ctx, published, thief)), what="a client that did not prove who it is")


def _granted(ctx: Context, published: Published, client: OAuthClient) -> Grant:
    """Return a code of the document's client for somebody who says that they are this client."""
    return replace(ctx.authorize(client=published.client), client=client)
