"""The capabilities of authorization servers: what is optional, and for each the control that shows that it works."""

from __future__ import annotations

from harness import delegation, id_jag
from harness.publishing import publish
from harness.support import Capability, Support, advertised, configured, grant, has, lists

METADATA = Capability(
    "metadata",
    "The authorization server publishes RFC 8414 or OpenID Connect discovery metadata.",
    lambda run: Support.ADVERTISED if run.target.home.authorization_server else Support.ABSENT,
    lambda ctx: ctx.metadata,
    unlock="name authorization_server in the target file",
)
AUTHORIZATION_CODE = Capability(
    "authorization-code",
    "The authorization code flow with PKCE, with a client and a login that work.",
    advertised(lambda metadata: has("authorization_endpoint")(metadata) and grant("authorization_code")(metadata)),
    lambda ctx: ctx.grant(),
    unlock="describe the login under [login], and a client under [clients.first] where there is no registration",
    requires=(METADATA,),
)
SECOND_CLIENT = Capability(
    "second-client",
    "A second client that can use the authorization code flow.",
    configured(lambda run: run.home.can_have("second")),
    lambda ctx: ctx.grant(client=ctx.clients.second),
    unlock="offer registration, or add [clients.second]",
    requires=(AUTHORIZATION_CODE,),
)
PUBLIC_CLIENT = Capability(
    "public-client",
    "Clients without credentials can use the authorization code flow.",
    advertised(lambda _metadata: True),
    lambda ctx: ctx.require(ctx.clients.first.public, "the target registers no public clients"),
    requires=(AUTHORIZATION_CODE,),
)
CONFIDENTIAL_CLIENT = Capability(
    "confidential-client",
    "Clients with a secret can use the authorization code flow.",
    configured(lambda run: run.home.can_have("confidential")),
    lambda ctx: ctx.require(
        ctx.clients.confidential.secret
        and not ctx.clients.confidential.public
        and ctx.grant(client=ctx.clients.confidential),
        "no client is given a secret that it has to use",
    ),
    unlock="offer registration, or add [clients.confidential]",
    requires=(AUTHORIZATION_CODE,),
)
REFRESH_TOKENS = Capability(
    "refresh-tokens",
    "The authorization code flow gives refresh tokens.",
    advertised(grant("refresh_token")),
    lambda ctx: ctx.refreshed(ctx.refreshable()),
    requires=(AUTHORIZATION_CODE,),
)
WEB_CLIENT = Capability(
    "web-client",
    "Clients can register a redirect URI on a host of their own.",
    advertised(has("registration_endpoint")),
    lambda ctx: ctx.grant(client=ctx.clients.web),
    requires=(AUTHORIZATION_CODE,),
)
CLIENT_CREDENTIALS = Capability(
    "client-credentials",
    "The client credentials grant, with a client that has a secret.",
    advertised(grant("client_credentials"), client="machine"),
    lambda ctx: ctx.machine_token(),
    unlock="offer registration for this grant, or add [clients.machine]",
    requires=(METADATA,),
)
OWN_SECRET = Capability(
    "own-secret",
    "Clients that register are given a secret, so that one can be had that nobody else uses.",
    advertised(has("registration_endpoint")),
    lambda ctx: ctx.require(
        ctx.registered(kind="confidential").json.get("client_secret"), "clients that register are given no secret"
    ),
    unlock="offer registration of clients with a secret",
    requires=(METADATA,),
    alone=True,
)
PRIVATE_KEY_JWT = Capability(
    "private-key-jwt",
    "Clients authenticate with a signed assertion (RFC 7523).",
    advertised(
        lambda metadata: (
            lists("token_endpoint_auth_methods_supported", "private_key_jwt")(metadata)
            and grant("client_credentials")(metadata)  # by which they are judged
        ),
        client="keyed",
    ),
    lambda ctx: ctx.machine_token(client=ctx.clients.keyed),
    unlock=(
        "offer private_key_jwt for client credentials, and registration; "
        "or add [clients.keyed], with its assertion_audience and assertion_type"
    ),
    requires=(METADATA,),
)
SINGLE_USE_ASSERTIONS = Capability(
    "single-use-assertions",
    "The authorization server promises to take each client assertion once (RFC 7523 section 3, jti).",
    configured(lambda run: run.target.capabilities.get("single-use-assertions")),
    lambda ctx: ctx.machine_token(client=ctx.clients.keyed),
    unlock="promise it under [capabilities]",
    requires=(PRIVATE_KEY_JWT,),
)
TOKEN_EXCHANGE = Capability(
    "token-exchange",
    "Token exchange (RFC 8693) of a user's access token by an agent.",
    advertised(grant("urn:ietf:params:oauth:grant-type:token-exchange"), client="exchanger"),
    lambda ctx: ctx.exchanged(ctx.subject_token()),
    unlock="add [clients.exchanger]",
    requires=(AUTHORIZATION_CODE,),
)
ID_JAG = Capability(
    "id-jag",
    "Enterprise-managed authorization: the ID-JAG of an OpenID provider that is trusted is a grant.",
    id_jag.support,
    id_jag.redeemed,
    unlock=id_jag.UNLOCK,
    requires=(METADATA,),
)
SINGLE_USE_ID_JAG = Capability(
    "single-use-id-jag",
    "The authorization server promises to take each ID-JAG once; by the draft it need not.",
    configured(lambda run: run.target.capabilities.get("single-use-id-jag")),
    id_jag.redeemed,
    unlock="promise it under [capabilities]",
    requires=(ID_JAG,),
)
ACTOR_TOKENS = Capability(
    delegation.ACTOR_TOKENS,
    "Token exchange takes account of the token by which an agent shows who it is (RFC 8693 section 2.1).",
    advertised(grant("urn:ietf:params:oauth:grant-type:token-exchange"), client="exchanger"),
    delegation.check_actor_tokens,
    unlock="promise it under [capabilities] if it cannot be seen",
    requires=(TOKEN_EXCHANGE, CLIENT_CREDENTIALS),
)
DELEGATION_ONLY = Capability(
    "delegation-only",
    "Token exchange grants delegation, and never impersonation: the new token names the agent beside the user.",
    configured(lambda run: run.target.capabilities.get("delegation-only")),
    lambda ctx: ctx.exchanged(ctx.subject_token()),
    unlock="promise it under [capabilities]",
    requires=(TOKEN_EXCHANGE,),
)
EXCHANGE_KEEPS_AUDIENCE = Capability(
    "exchange-keeps-audience",
    "The client that exchanges may reach the primary resource only: no exchange gives it a token for the other one.",
    configured(lambda run: run.target.capabilities.get("exchange-keeps-audience")),
    lambda ctx: ctx.exchanged(ctx.subject_token()),
    unlock="promise it under [capabilities]",
    requires=(TOKEN_EXCHANGE,),
)
REVOCATION = Capability(
    "revocation",
    "A revocation endpoint (RFC 7009).",
    advertised(has("revocation_endpoint")),
    lambda ctx: ctx.revoked(ctx.grant(client=ctx.clients.revoking)),
    requires=(AUTHORIZATION_CODE,),
)
INTROSPECTION = Capability(
    "introspection",
    "An introspection endpoint (RFC 7662), with a caller that may ask.",
    advertised(has("introspection_endpoint")),
    lambda ctx: ctx.active(ctx.grant()),
    unlock="add [clients.resource_server]",
    requires=(AUTHORIZATION_CODE,),
)
REGISTRATION = Capability(
    "registration",
    "Dynamic client registration (RFC 7591) that is open to us.",
    advertised(has("registration_endpoint")),
    lambda ctx: ctx.registered(),
    requires=(METADATA,),
)
CLIENT_ID_METADATA = Capability(
    "client-id-metadata",
    "Clients can be known by the URL of a metadata document, which the authorization server fetches.",
    advertised(has("client_id_metadata_document_supported")),
    lambda ctx: ctx.grant(client=publish(ctx).client),
    unlock="add [client_documents], and let the target trust its certificate and fetch from its place",
    requires=(METADATA,),
)
REGISTRATION_MANAGEMENT = Capability(
    "registration-management",
    "Registered clients can be read, updated and deleted (RFC 7592).",
    advertised(has("registration_endpoint")),
    lambda ctx: ctx.require(
        ctx.registered().json.get("registration_client_uri"), "registration answers hold no registration_client_uri"
    ),
    requires=(REGISTRATION,),
)
RESOURCE_INDICATORS = Capability(
    "resource-indicators",
    "Tokens are bound to the resource that was asked for (RFC 8707).",
    configured(lambda run: run.target.resource),
    lambda ctx: ctx.bound_to_resource(),
    unlock="name two resources under [resources]",
    requires=(AUTHORIZATION_CODE,),
)
OTHER_RESOURCE = Capability(
    "other-resource",
    "A second resource that the authorization server issues tokens for.",
    configured(lambda run: run.target.other_resource),
    lambda ctx: ctx.grant(resource=ctx.world.other_resource, scope=ctx.world.other_scope),
    unlock="name it as other under [resources]",
    requires=(RESOURCE_INDICATORS,),
)
JWT_ACCESS_TOKENS = Capability(
    "jwt-access-tokens",
    "Access tokens are JWTs (RFC 9068).",
    advertised(has("jwks_uri")),
    lambda ctx: ctx.require(ctx.grant().claims, "access tokens are opaque"),
    requires=(AUTHORIZATION_CODE,),
)
ISSUER_PARAMETER = Capability(
    "issuer-parameter",
    "Authorization responses carry iss (RFC 9207).",
    advertised(has("authorization_response_iss_parameter_supported")),
    lambda ctx: ctx.grant(),
    requires=(AUTHORIZATION_CODE,),
)
SCOPES = Capability(
    "scopes",
    "Two scope sets, one wider than the other, that clients and the user may have.",
    configured(lambda run: run.narrow_scope and run.wide_scope != run.narrow_scope),
    lambda ctx: ctx.grant(scope=ctx.world.wide_scope),
    unlock="name narrow and wide under [scopes]",
    requires=(AUTHORIZATION_CODE,),
)
REFUSABLE = Capability(
    "refusable",
    "The login or consent page can be refused.",
    configured(lambda run: run.target.home.login.refusal),
    lambda ctx: ctx.grant(),
    unlock="describe the refusal under [login.refusal]",
    requires=(AUTHORIZATION_CODE,),
    alone=True,  # a server that knows of a consent given in the same moment, by another scenario, does not ask again
)
LIMITED_USER = Capability(
    "limited-user",
    "A second user who lacks some of the rights that the first one has.",
    configured(lambda run: run.target.limited_login and run.target.forbidden_scope),
    lambda ctx: ctx.grant(login=ctx.target.limited_login, scope=ctx.world.narrow_scope),
    unlock="add [limited_login] and forbidden under [scopes]",
    requires=(AUTHORIZATION_CODE,),
)
CLOCK = Capability(
    "clock",
    "The target's clock can be moved.",
    configured(lambda run: run.target.clock),
    lambda ctx: ctx.clock,
    unlock="only the sandbox offers it today",
    alone=True,
)
USER_RIGHTS = Capability(
    "user-rights",
    "What a user may do can be changed while their grants last.",
    configured(lambda run: run.target.rights),
    lambda ctx: ctx.rights,
    unlock="only the sandbox offers it today",
    alone=True,
)
TIME = Capability(
    "time",
    "What ends does so within the time of a run: the clock is moved, or the end is waited for.",
    configured(lambda _run: True),
    lambda _ctx: None,
    unlock="[capabilities] says so",
    requires=(METADATA,),
    alone=lambda target: target.clock,
)
KEY_ROTATION = Capability(
    "key-rotation",
    "The authorization server can be told to change the keys that it signs with.",
    configured(lambda run: run.target.home.issuer_control),
    lambda ctx: ctx.grant(),
    unlock="only the sandbox offers it today",
    requires=(AUTHORIZATION_CODE,),
    alone=True,
)
UNDISTURBED = Capability(
    "undisturbed",
    "Answers can be timed: what is measured is asked alone, after all others.",
    configured(lambda _run: True),
    lambda _ctx: None,
    unlock="[capabilities] says so",
    alone=True,
)
TENANTS = Capability(
    "tenants",
    "A second tenant with an issuer of its own.",
    configured(lambda run: run.other and run.other.tenant.authorization_server),
    lambda ctx: ctx.grant(at=ctx.other),
    unlock="add [other_tenant]",
    requires=(AUTHORIZATION_CODE,),
)
