"""Enterprise-managed authorization: the ID-JAG of an OpenID provider is a grant.

ID-JAG is the Identity Assertion JWT Authorization Grant, draft-ietf-oauth-identity-assertion-authz-grant.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from harness import (
    Context,
    Fault,
    expect,
    expect_no_wider_scope,
    expect_oauth_error,
    expect_refused,
    expect_token,
    scenario,
)
from harness.at_once import together
from harness.capability import ID_JAG, METADATA, PUBLIC_CLIENT, SINGLE_USE_ID_JAG, TENANTS
from harness.clients import JWT_BEARER_GRANT
from harness.exchange import Answer
from harness.expect import granted_audience, granted_scope
from harness.flows import known_of
from harness.id_jag import PROFILE, PROFILES, IdentityProvider, dpop_proof, id_jag, provider_of, redeem, redeemed
from harness.keys import stranger_key
from scenarios.authorization_server.faulty_id_jags import FAULTS, SOMEBODYS_KEY, STRANGER
from scenarios.authorization_server.races import ROUNDS, WIDTH, at_most_one_wins

UNKNOWN_SCOPE = "urn:mcp-assay:unknown"


@scenario.each(FAULTS, needs={ID_JAG})
def a_faulty_id_jag_is_refused(ctx: Context, row: Fault) -> None:
    """An ID-JAG with exactly one fault is refused with invalid_grant."""
    expect_oauth_error(redeem(ctx, id_jag(ctx, row)), "invalid_grant", what="the ID-JAG")


@scenario("idjag-8.6.1.2.1-1", needs={ID_JAG})
def the_proof_of_another_key_is_refused(ctx: Context) -> None:
    """An ID-JAG that is bound to one key is refused with the proof that another key is at hand.

    Why: the binding is there so that a stolen ID-JAG is worth nothing without the key.
    Remedy: compare the thumbprint of the proof's key with cnf.jkt, or refuse every ID-JAG with cnf.
    """
    proof = dpop_proof(ctx, stranger_key("ES256"))
    answer = redeem(ctx, id_jag(ctx, cnf={"jkt": SOMEBODYS_KEY}), proof=proof)
    ctx.require(answer.error != "use_dpop_nonce", "the server takes proofs with a nonce of its own only")
    expect_oauth_error(answer, "invalid_grant", what="the proof of another key")


@scenario("oauth21-3.2.2-1", needs={ID_JAG})
def the_client_must_prove_who_it_is(ctx: Context) -> None:
    """A client that only names itself cannot redeem its ID-JAG.

    Why: whoever finds an ID-JAG in a log could otherwise redeem it.
    Remedy: authenticate the client before the assertion is looked at.
    """
    client = ctx.clients.id_jag
    ctx.require(not client.public, "the client for ID-JAGs is a public one")
    answer = redeem(ctx, id_jag(ctx), client=replace(client, auth_method="none"))
    expect_oauth_error(answer, "invalid_client", "invalid_request")


@scenario("rfc7523-3.1-2", needs={ID_JAG})
def a_wrong_secret_is_refused(ctx: Context) -> None:
    """A client that sends a wrong secret with a good ID-JAG is refused.

    Remedy: check the credentials that come with an assertion: it proves who the user is, not who the client is.
    """
    client = ctx.clients.id_jag
    ctx.require(client.secret and not client.public, "the client for ID-JAGs has no secret")
    answer = redeem(ctx, id_jag(ctx), client=replace(client, secret="assay-is-not-the-secret"))  # noqa: S106
    expect_oauth_error(answer, "invalid_client", what="the wrong secret")


@scenario("idjag-8.1-1", needs={ID_JAG, PUBLIC_CLIENT})
def a_public_client_is_refused(ctx: Context) -> None:
    """An ID-JAG for a client that cannot authenticate is refused.

    Why: a provider that names a public client delegates to everybody who knows the client_id.
    Remedy: leave public clients to the authorization code flow, where the user is asked.
    """
    client = ctx.clients.first
    expect_refused(redeem(ctx, id_jag(ctx, client=client), client=client), what="the public client")


@scenario("idjag-4.4.3-1", needs={ID_JAG})
def no_refresh_token_is_given(ctx: Context) -> None:
    """The answer to an ID-JAG holds no refresh token.

    Why: the provider decides each time anew; a refresh token would outlive its decision.
    Remedy: leave out refresh_token; the client comes again with an ID-JAG.
    """
    answer = redeem(ctx, id_jag(ctx))
    given = "refresh_token" in expect_token(answer)
    expect(not given, "no refresh_token", "there was one", answer)


@scenario("idjag-4.4.1-6", needs={ID_JAG})
def the_scope_is_no_wider_than_that_of_the_id_jag(ctx: Context) -> None:
    """A client gets no more scope than its ID-JAG has, whatever it asks for.

    Why: the provider's administrators have decided how far this user may go with this client.
    Remedy: intersect what is asked for, what the client may have and what the user may with scope of the ID-JAG.
    """
    narrow, wide = ctx.world.narrow_scope, ctx.world.wide_scope
    ctx.require(narrow and wide != narrow, "no two scopes are known")
    expect_no_wider_scope(redeemed(ctx, scope=narrow).answer, than=narrow)
    expect_no_wider_scope(redeem(ctx, id_jag(ctx, scope=narrow), scope=wide), than=narrow)


@scenario("idjag-4.4.1-5", needs={ID_JAG})
def the_granted_scope_is_told(ctx: Context) -> None:
    """Where less scope is granted than the ID-JAG has, the answer says what was.

    Remedy: return scope whenever it is not that of the ID-JAG (RFC 6749 section 5.1).
    """
    ctx.require(ctx.world.narrow_scope, "no scope is known")
    asked = f"{ctx.world.narrow_scope} {UNKNOWN_SCOPE}"
    answer = redeem(ctx, id_jag(ctx, scope=asked))
    ctx.require(answer.status == 200, "an ID-JAG with a scope that is unknown is refused as a whole")
    granted = granted_scope(answer)
    ctx.require("scope" in answer.json or granted is not None, "what was granted cannot be seen")
    told = "scope" in answer.json or granted == set(asked.split())
    expect(told, "scope in the answer, as less was granted", "there was none", answer)


@scenario("idjag-4.4.1-6", "idjag-4.4.1-5", needs={ID_JAG})
def the_resource_is_that_of_the_id_jag(ctx: Context) -> None:
    """An ID-JAG for another resource gives no token for this one, be it asked for or not.

    Why: the provider has decided where the client may go; another server behind the same issuer is elsewhere.
    Remedy: take the audience of the token from resource of the ID-JAG; what you do not serve is an invalid_target.
    """
    own = ctx.world.resource
    ctx.require(own, "no resource is known")
    elsewhere = f"{STRANGER}/mcp"
    _expect_not_for(ctx, own, redeem(ctx, id_jag(ctx, resource=elsewhere)))
    _expect_not_for(ctx, own, redeem(ctx, id_jag(ctx, resource=elsewhere), resource=own))


@scenario("rfc7523-3-7", needs={SINGLE_USE_ID_JAG})
def an_id_jag_works_once(ctx: Context) -> None:
    """An ID-JAG that was redeemed is refused the next time, where the server promises that.

    Why: what is found in a log or in a proxy is worth nothing then.
    Remedy: keep iss and jti of an ID-JAG until its exp, and refuse them in the meantime.
    """
    assertion = id_jag(ctx)
    expect_token(redeem(ctx, assertion))
    expect_oauth_error(redeem(ctx, assertion), "invalid_grant", what="the second use")


@scenario("rfc7523-3-7", needs={SINGLE_USE_ID_JAG}, cost=ROUNDS * WIDTH)
def an_id_jag_used_at_once_works_once(ctx: Context) -> None:
    """Of several uses of one ID-JAG at the same instant one works at most, where the server promises that.

    Remedy: let looking up and noting down the jti be one step, such as an insert under a unique index.
    """

    def round_of_uses() -> list[Answer]:
        assertion = id_jag(ctx)
        return together(ctx, [partial(redeem, ctx, assertion)] * WIDTH)

    at_most_one_wins(round_of_uses)


@scenario("tenant-10-1", "idjag-6.3-1", needs={ID_JAG, TENANTS})
def the_same_sub_of_another_tenant_is_another_user(ctx: Context) -> None:
    """An ID-JAG in which only the tenant is another one does not give a token of the same user.

    Why: where one issuer serves several tenants, sub is unique within each of them only.
    Remedy: find users by iss, tenant and sub together.
    """
    home, other = provider_of(ctx.home), _other_provider(ctx)
    ctx.require(home.tenant and other.tenant, "the provider's ID-JAGs name no tenants")
    _expect_another_user(ctx, redeem(ctx, id_jag(ctx, tenant=other.tenant)))


@scenario("idjag-6.3-1", needs={ID_JAG, TENANTS})
def another_provider_says_nothing_about_our_users(ctx: Context) -> None:
    """An ID-JAG that another tenant's provider issues under a user's sub does not give a token of that user.

    Why: every provider chooses its own sub; whoever runs one could be any user of any tenant.
    Remedy: trust each provider for its own tenant only, and find users by iss and sub together.
    """
    other = _other_provider(ctx)
    ctx.require(other.issuer != provider_of(ctx.home).issuer, "the tenants have one provider")
    _expect_another_user(ctx, redeem(ctx, id_jag(ctx, signed_by=other)))


@scenario("idjag-7.2-1", needs={METADATA})
def the_listed_profiles_are_strings(ctx: Context) -> None:
    """authorization_grant_profiles_supported is an array of strings.

    Remedy: publish a JSON array, with one string for each profile.
    """
    ctx.require(PROFILES in ctx.metadata, f"the metadata has no {PROFILES}")
    listed = ctx.metadata[PROFILES]
    right = isinstance(listed, list) and all(isinstance(profile, str) for profile in listed)
    expect(right, f"{PROFILES} to be an array of strings", f"it was {listed!r}")


@scenario("idjag-7.2-2", needs={METADATA})
def the_listed_profile_has_its_grant(ctx: Context) -> None:
    """A server that lists the ID-JAG profile lists the jwt-bearer grant, too.

    Remedy: add urn:ietf:params:oauth:grant-type:jwt-bearer to grant_types_supported.
    """
    listed, grants = ctx.metadata.get(PROFILES), ctx.metadata.get("grant_types_supported")
    ctx.require(isinstance(listed, list) and PROFILE in listed, "the metadata do not list the ID-JAG profile")
    both = isinstance(grants, list) and JWT_BEARER_GRANT in grants
    expect(both, f"grant_types_supported to have {JWT_BEARER_GRANT}", f"it was {grants!r}")


@scenario("idjag-8.4-1", needs={ID_JAG})
def the_listed_profiles_name_no_issuer(ctx: Context) -> None:
    """authorization_grant_profiles_supported does not say which providers are trusted.

    Why: who has an account with whom is the customers' business, and tells an attacker where to begin.
    Remedy: list profiles only; tell clients about issuers when they have authenticated.
    """
    ctx.require(PROFILES in ctx.metadata, f"the metadata has no {PROFILES}")
    issuer = provider_of(ctx.home).issuer
    named = issuer.rstrip("/") in str(ctx.metadata[PROFILES])
    expect(not named, f"no issuer in {PROFILES}", f"{issuer} is in it")


def _other_provider(ctx: Context) -> IdentityProvider:
    provider = ctx.other.tenant.identity_provider
    ctx.require(provider, "no [other_tenant.id_jag] is described")
    assert provider
    return provider


def _expect_another_user(ctx: Context, answer: Answer) -> None:
    """The answer is a refusal, or a token about somebody else than the home's user."""
    if answer.status != 200:
        expect_refused(answer, what="the ID-JAG")
        return
    usual, found = (known_of(given).get("sub") for given in (redeemed(ctx).answer, answer))
    ctx.require(usual and found, "whom an access token is about cannot be seen")
    expect(found != usual, "a refusal or another user", f"the token is about {usual}", answer)


def _expect_not_for(ctx: Context, resource: str, answer: Answer) -> None:
    """The answer is a refusal, or a token that is not for the resource."""
    if answer.status != 200:
        expect_refused(answer, what="the ID-JAG for another resource")
        return
    audience = granted_audience(answer)
    ctx.require(audience is not None, "what an access token is for cannot be seen")
    expect(resource not in (audience or ()), f"no token for {resource}", "the token is for it", answer)
